//! Sets of workers: they are scaled and rolled, and waited for until that is done.

use std::time::{Duration, Instant};

use control::service::{Roll, RollAsked, Set};
use serde_json::json;

use crate::act::Outcome;
use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::output::print;
use crate::progress::Progress;
use crate::render::json;
use crate::render::text::safe;
use crate::words::{self, Count};

/// What is asked of a set.
pub(crate) enum Asked<'a> {
    Scale(&'a words::Scale),
    Roll(&'a words::Roll),
}

/// Does it, waits for its end if that is wanted, and tells it.
pub(crate) fn act(daemon: &Daemon, set: &str, asked: &Asked<'_>) -> Result<u8, Complaint> {
    let (form, outcome) = match asked {
        Asked::Scale(words) => (&words.form, scale(daemon, set, words)),
        Asked::Roll(words) => (&words.form, roll(daemon, set, words)),
    };
    let outcome = outcome?;
    let name = format!("{}/{set}", daemon.name);
    match form.json {
        true => {
            let row = json!({ "name": name, "code": code::OK, "text": outcome.text, "pid": null });
            print(&json::text(&json!({ "results": [row] })))?;
        }
        false => drop(print(&format!("{}: {}\n", safe(&name), safe(&outcome.text)))?),
    }
    Ok(code::OK)
}

fn said(text: impl Into<String>) -> Result<Outcome, Complaint> {
    Ok(Outcome { text: text.into(), pid: None })
}

fn scale(daemon: &Daemon, name: &str, words: &words::Scale) -> Result<Outcome, Complaint> {
    let before = daemon.set(name)?;
    let wanted = match words.count {
        Count::To(count) => count,
        Count::By(by) => before.wanted.checked_add_signed(by).ok_or_else(|| {
            let text = format!("{by} of {} would be fewer than none", before.wanted);
            Complaint::new(code::USAGE, text)
        })?,
    };
    daemon.scale(name, wanted)?;
    if words.waiting.no_wait {
        return said(format!("is to have {wanted}, and had {}", before.wanted));
    }
    let reached = |set: &Set| {
        let all = set.there == wanted && set.ready + set.over == wanted;
        let failed = |text| Some(Err(Complaint::new(code::FAILED, text)));
        match set.over {
            _ if set.wanted != wanted => failed(format!("somebody wants {} meanwhile", set.wanted)),
            0 => all.then_some(Ok(())),
            over if all => failed(format!("{} of {wanted} ready, {over} are over", set.ready)),
            _ => None,
        }
    };
    let shown = |set: &Set| format!("{} of {} ready", set.ready, set.wanted);
    watch(daemon, name, words.waiting.timeout, reached, shown)?
        .ok_or_else(|| late("not all are ready; it goes on"))??;
    said(format!("{wanted} ready, before {}", before.wanted))
}

fn roll(daemon: &Daemon, name: &str, words: &words::Roll) -> Result<Outcome, Complaint> {
    if words.cancel {
        let Roll { done, total } = daemon.cancel_roll(name)?;
        return said(format!("no other is replaced; {done} of {total} were"));
    }
    let us = |span: Option<Duration>| {
        span.map(|span| u64::try_from(span.as_micros()).unwrap_or(i64::MAX as u64))
    };
    let before = daemon.set(name)?;
    daemon.roll(&RollAsked {
        set: name.to_owned(),
        surge: words.surge,
        pause_us: us(words.pause),
        settle_us: us(words.settle),
        tries: words.tries,
        stall_us: us(words.stall),
    })?;
    if words.waiting.no_wait {
        return said(format!("{} are replaced one after another", before.wanted));
    }
    let ended = |set: &Set| match (&set.roll, &set.rolled) {
        (None, Some(how)) if how == ALL => Some(Ok(())),
        (None, Some(how)) => Some(Err(Complaint::new(code::FAILED, how.clone()))),
        (None, None) => {
            Some(Err(Complaint::new(code::FAILED, "the executor was started anew meanwhile")))
        }
        (Some(_), _) => None,
    };
    let shown = |set: &Set| match &set.roll {
        Some(Roll { done, total }) => format!("{done} of {total} replaced"),
        None => "replaced".to_owned(),
    };
    watch(daemon, name, words.waiting.timeout, ended, shown)?
        .ok_or_else(|| late("not all have been replaced; it goes on"))??;
    said(ALL)
}

/// As a pool tells it.
const ALL: &str = "all have been replaced";

fn late(text: &str) -> Complaint {
    Complaint::new(code::TIMED_OUT, text)
}

/// Looks at a set now, and whenever something has happened, until that is enough. `None`: the time is over.
fn watch<T>(
    daemon: &Daemon,
    name: &str,
    limit: Option<Duration>,
    enough: impl Fn(&Set) -> Option<T>,
    shown: impl Fn(&Set) -> String,
) -> Result<Option<T>, Complaint> {
    let began = Instant::now();
    let deadline = limit.and_then(|limit| began.checked_add(limit));
    let mut progress = Progress::new(&format!("{}/{name}", daemon.name));
    // Who looks before he listens misses what happens in between.
    let mut happenings = daemon.happenings()?;
    loop {
        let set = daemon.set(name)?;
        if let Some(found) = enough(&set) {
            return Ok(Some(found));
        }
        if deadline.is_some_and(|at| at <= Instant::now()) {
            return Ok(None);
        }
        let waited = began.elapsed();
        if 0 < waited.as_secs() {
            progress.show(|| Some(shown(&set)), waited);
        }
        happenings.wait_of_set(name, deadline)?;
    }
}
