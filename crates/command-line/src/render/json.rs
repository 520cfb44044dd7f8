//! What machines read: one JSON text, in which every row has every key.

use control::service::{Event, Process};
use serde::Serialize;
use serde_json::{Value, json};
use supervisor::DaemonStatus;

use super::units::Clock;
use crate::seen::{Answer, Seen, State};

/// One text on one line, with its end. The letters that could command a terminal are escaped, which JSON leaves to
/// who writes it.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        let start = out.len();
        out.push(c);
        // What is printable in ASCII is JSON's own, quotes and backslashes included.
        if !matches!(c, ' '..='~') {
            safe_text::escape_json_since(&mut out, start);
        }
    }
    out.push('\n');
    out
}

/// All that is known of these daemons.
pub(crate) fn status(daemons: &[Seen], clock: &Clock) -> Value {
    json!({ "daemons": daemons.iter().map(|seen| daemon(seen, clock)).collect::<Vec<_>>() })
}

/// A worker that was named, with its daemon's name.
pub(crate) fn worker(daemon: &str, worker: &Process, clock: &Clock) -> Value {
    let mut value = process(worker, clock);
    if let Some(keys) = value.as_object_mut() {
        let state = State::of_worker(worker);
        keys.insert("daemon".to_owned(), json!(daemon));
        keys.insert("state".to_owned(), json!(state.word()));
        keys.insert("code".to_owned(), json!(state.code()));
    }
    value
}

/// An event with the epoch of its number.
pub(crate) fn event(epoch: &str, event: &Event) -> Value {
    let mut value = plain(event);
    if let Some(keys) = value.as_object_mut() {
        keys.insert("epoch".to_owned(), json!(epoch));
    }
    value
}

/// What the table shows of them, in units.
pub(crate) fn list(daemons: &[Seen], clock: &Clock) -> Value {
    let row = |seen: &Seen| {
        let executor = seen.given().map(|given| &given.status.executor);
        let ready_since = executor.and_then(|executor| executor.ready_since.as_ref());
        let ready = seen.ready();
        json!({
            "name": seen.name,
            "state": seen.state().word(),
            "pid": seen.pid(),
            "ready_since": ready_since,
            "uptime_us": ready_since.and_then(|at| clock.since(at)),
            "next_start_in_us": executor.and_then(|executor| executor.next_start_in_us),
            "restarts": seen.restarts(),
            "workers_ready": ready.map(|(ready, _)| ready),
            "workers_total": ready.map(|(_, all)| all),
            "memory_bytes": seen.memory(),
        })
    };
    json!({ "daemons": daemons.iter().map(row).collect::<Vec<_>>() })
}

fn daemon(seen: &Seen, clock: &Clock) -> Value {
    let given = seen.given();
    let status = given.map(|given| &given.status);
    let left: &[u32] = match &seen.lock {
        Ok(DaemonStatus::Orphaned { pids }) => pids,
        _ => &[],
    };
    let control_error = match &seen.answer {
        Answer::Failed(why) | Answer::NoSocket(why) => Some(why),
        Answer::NotAsked | Answer::Given(_) => None,
    };
    let workers = given.map(|given| given.workers.as_ref());
    let ready = seen.ready();
    json!({
        "name": seen.name,
        "state": seen.state().word(),
        "code": seen.state().code(),
        "pid_filename": seen.pid_filename.to_string_lossy(),
        "pid": seen.pid(),
        "pids_left": left,
        "pid_file_left": matches!(seen.lock, Ok(DaemonStatus::NotRunning { stale: true })),
        "lock_error": seen.lock.as_ref().err(),
        "control_error": control_error,
        "last_words": seen.last_words.as_ref().map(|words| {
            json!({ "at": words.at, "executor": process(&words.executor, clock) })
        }),
        "version": status.map(|status| &status.version),
        "epoch": status.map(|status| &status.epoch),
        "event": status.map(|status| status.event),
        "guardian": status.map(|status| process(&status.guardian, clock)),
        "executor": status.map(|status| process(&status.executor, clock)),
        "workers_ready": ready.map(|(ready, _)| ready),
        "workers_error": workers.and_then(|workers| workers.err()),
        "workers": workers.and_then(|workers| workers.ok()).map(|workers| {
            workers.iter().map(|worker| process(worker, clock)).collect::<Vec<_>>()
        }),
        "sets": given.map(|given| given.sets.iter().map(plain).collect::<Vec<_>>()),
        "batches": given.map(|given| given.batches.iter().map(plain).collect::<Vec<_>>()),
        "memory_bytes": seen.memory(),
        "cpu_us": seen.cpu(),
    })
}

/// As the daemon says it, and how long it has been ready.
fn process(process: &Process, clock: &Clock) -> Value {
    let mut value = plain(process);
    let uptime = process.ready_since.as_ref().and_then(|at| clock.since(at));
    if let Some(keys) = value.as_object_mut() {
        keys.insert("uptime_us".to_owned(), json!(uptime));
    }
    value
}

/// Nothing of ours fails to become JSON: its keys are text, and its numbers whole.
fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::samples::{clock, jobd, mute};
    use super::*;

    fn keys(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    /// Case: CC-40
    #[test]
    fn every_row_has_every_key_and_null_is_what_is_not_known() {
        let down = mute(DaemonStatus::NotRunning { stale: false }, Answer::NotAsked);
        for make in [status, list] {
            let value = make(&[jobd(), down.clone()], &clock());
            let rows = value["daemons"].as_array().unwrap();
            assert_eq!(keys(&rows[0]), keys(&rows[1]));
            assert_eq!(rows[1]["memory_bytes"], Value::Null);
        }
        let value = status(&[jobd()], &clock());
        let daemon = &value["daemons"][0];
        let workers = daemon["workers"].as_array().unwrap();
        assert!(workers.iter().all(|worker| keys(worker) == keys(&daemon["executor"])));
        assert_eq!(workers[0]["uptime_us"], json!(2 * 86_400_000_000_u64));
        assert_eq!(workers[0]["ready_since"], json!("2026-11-24T09:12:03.000000Z"));
        assert_eq!((&workers[2]["uptime_us"], &workers[2]["pid"]), (&Value::Null, &Value::Null));
        assert_eq!(daemon["memory_bytes"], json!(4 * 22_020_096));
        assert_eq!(daemon["sets"][0]["roll"], json!({ "done": 1, "total": 3 }));
        assert_eq!(daemon["batches"][0]["done"], json!(37));
        let numbers = list(&[jobd()], &clock());
        assert_eq!(numbers["daemons"][0]["workers_ready"], json!(2));
        assert_eq!(numbers["daemons"][0]["workers_total"], json!(4));
    }

    /// Cases: CC-39, CC-47
    #[test]
    fn it_is_one_line_that_commands_nothing_and_reads_back() {
        let mut seen = jobd();
        seen.name = "a\x1b[2J\0\u{9b}\u{202e}\u{fffd}é\"\\".to_owned();
        let written = text(&status(&[seen.clone()], &clock()));
        assert!(written.ends_with('\n') && written.trim_end().lines().count() == 1);
        let harmful = |c: &char| c.is_control() || matches!(c, '\u{202e}');
        assert_eq!(written.trim_end().chars().find(harmful), None);
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["daemons"][0]["name"], json!(seen.name));
        assert_eq!(text(&status(&[], &clock())), "{\"daemons\":[]}\n");
    }
}
