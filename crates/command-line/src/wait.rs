//! Waiting until daemons and workers are as somebody wants them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::output::{complain, print};
use crate::render::json;
use crate::target::Target;
use crate::words::{self, Until};
use crate::worker;

/// Waits for all of them; the time is that of all together.
pub(crate) fn wait(
    daemons: &[Daemon],
    targets: &[Target],
    words: &words::Wait,
) -> Result<u8, Complaint> {
    let deadline = words.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let left =
        || -> Option<Duration> { deadline.map(|at| at.saturating_duration_since(Instant::now())) };
    let mut rows = Vec::new();
    let mut first = code::OK;
    for target in targets {
        let daemon = &daemons[target.daemon];
        let name = target.called(&daemon.name);
        let ended = match (&target.worker, words.until) {
            (Some(name), until) => worker::wait(daemon, name, until, left()),
            (None, Until::Ready) => daemon.wait_ready(left()),
            (None, Until::Stopped) => daemon.wait_stopped(left()),
        };
        let (code, text) = match ended {
            Ok(()) => (code::OK, word(words.until).to_owned()),
            Err(complaint) => (complaint.code, complaint.text),
        };
        if first == code::OK {
            first = code;
        }
        if !words.form.json && code != code::OK {
            complain(&name, &text);
        }
        rows.push(json!({ "name": name, "code": code, "text": text }));
    }
    if words.form.json {
        print(&json::text(&json!({ "results": Value::Array(rows) })))?;
    }
    Ok(first)
}

fn word(until: Until) -> &'static str {
    match until {
        Until::Ready => "ready",
        Until::Stopped => "stopped",
    }
}
