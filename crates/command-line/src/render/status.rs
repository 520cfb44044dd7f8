//! A daemon and its workers as a tree.

use control::service::{Batch, Process, RunEnd, Set};
use supervisor::DaemonStatus;

use super::Look;
use super::table::{Column, lines};
use super::text::safe;
use super::units::{Clock, prose, short, size};
use crate::seen::{Answer, Given, Seen, State};

const GREEN: u8 = 32;
const RED: u8 = 31;
const YELLOW: u8 = 33;

/// Of one who ended badly so many lines are shown; there may be more behind `--json`.
const LAST_LINES: usize = 10;

/// Of many who have failed so many are named in the first line.
const MOST_NAMES: usize = 3;

/// In an outcome, between the end of the last run and why there is no other.
const NOT_AGAIN: &str = ", and is not started again: ";

/// What stands before a worker, before the last one, and before the daemon.
struct Signs {
    branch: &'static str,
    last: &'static str,
    daemon: &'static str,
}

const ASCII: Signs = Signs { branch: "|- ", last: "`- ", daemon: "*" };
const FANCY: Signs = Signs { branch: "├─ ", last: "└─ ", daemon: "●" };

/// Columns of workers. Name and state stay the longest.
const WORKER: [Column; 7] = [
    Column::new("", 0),
    Column::new("", 0),
    Column::new("", 1),
    Column::new("", 2),
    Column::new("", 5),
    Column::new("", 4),
    Column { title: "", goes: 3, least: 20 },
];

/// The daemon as lines, each with its line end.
pub(crate) fn status(seen: &Seen, clock: &Clock, look: Look) -> String {
    let mut out = Vec::new();
    match &seen.answer {
        Answer::Given(given) => tree(seen, given, clock, look, &mut out),
        Answer::NotAsked | Answer::NoSocket(_) | Answer::Failed(_) => {
            out.push(look.fitted(&by_the_lock(seen)));
            last_words(seen, clock, look, &mut out);
        }
    }
    out.iter().flat_map(|line| [line, "\n"]).collect()
}

/// All that is known without the daemon's own word, in one line.
pub(crate) fn by_the_lock(seen: &Seen) -> String {
    let (name, path) = (safe(&seen.name), safe(&seen.pid_filename.to_string_lossy()));
    let found = match &seen.lock {
        Err(why) => safe(why),
        Ok(DaemonStatus::Running { pid: Some(pid) }) => format!("running ({pid} holds {path})"),
        Ok(DaemonStatus::NotRunning { stale: false }) if seen.last_words.is_some() => {
            "not running; it has failed".to_owned()
        }
        Ok(DaemonStatus::NotRunning { stale: false }) => "not running".to_owned(),
        Ok(DaemonStatus::NotRunning { stale: true }) => {
            format!("not running; a crash has left {path}")
        }
        Ok(other) => other.to_string(),
    };
    match &seen.answer {
        Answer::Failed(why) | Answer::NoSocket(why) => format!("{name}: {found}; {}", safe(why)),
        Answer::NotAsked | Answer::Given(_) => format!("{name}: {found}"),
    }
}

/// One worker, by the name with which it was asked for.
pub(crate) fn worker(name: &str, worker: &Process, clock: &Clock, look: Look) -> String {
    let mut head = format!("{name}: {}", phase(worker));
    head.extend(worker.pid.map(|pid| format!(", pid {pid}")));
    let since = worker.ready_since.as_ref().unwrap_or(&worker.since);
    head.push_str(&format!(", since {}", clock.date(since)));
    let mut out = vec![look.fitted(&safe(&head))];
    let mut facts: Vec<String> = worker.outcome.as_deref().map(safe).into_iter().collect();
    facts.extend(history(worker, clock));
    facts.extend(worker.replaced.as_deref().map(|why| format!("replaced: {}", safe(why))));
    facts.extend(worker.due.as_deref().map(|why| format!("due to be replaced: {}", safe(why))));
    facts.extend(worker.next_start_in_us.map(|us| format!("next start in {}", short(us))));
    facts.extend(worker.memory_bytes.map(|bytes| format!("memory {}", size(bytes))));
    facts.extend(worker.cpu_us.map(|us| format!("cpu {}", short(us))));
    facts.extend(says(worker));
    out.extend(facts.iter().flat_map(|fact| look.wrapped(2, fact)));
    if worker.pid.is_none() {
        last_lines(worker, look, &mut out);
    }
    out.iter().flat_map(|line| [line, "\n"]).collect()
}

fn tree(seen: &Seen, given: &Given, clock: &Clock, look: Look, out: &mut Vec<String>) {
    let signs = if look.fancy { FANCY } else { ASCII };
    let (guardian, executor) = (&given.status.guardian, &given.status.executor);
    let state = seen.state();
    let color = match state {
        State::Running => GREEN,
        State::Starting | State::NotReady | State::Stopping | State::BackOff | State::Degraded => {
            YELLOW
        }
        State::NotRunning | State::Failed | State::Stale | State::Orphaned | State::Unknown => RED,
    };
    // The line is fitted before it is coloured: what makes a colour takes no column.
    let head =
        format!("{} {} - {}", signs.daemon, safe(&seen.name), headline(given, &state, clock));
    let head = look.fitted(&head);
    let rest = head.strip_prefix(signs.daemon);
    out.push(rest.map_or(head.clone(), |rest| look.colored(color, signs.daemon) + rest));

    let pid = |process: &Process| process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let mut who = vec![format!("guardian {}, executor {}", pid(guardian), pid(executor))];
    who.extend(history(executor, clock));
    let mut facts = Vec::new();
    facts.extend(seen.memory().map(|bytes| format!("memory {}", size(bytes))));
    facts.extend(seen.cpu().map(|us| format!("cpu {}", short(us))));
    facts.push(format!("control {}.sock", safe(&seen.pid_filename.to_string_lossy())));
    let mut say = |text: String| out.push(look.fitted(&format!("  {text}")));
    say(who.join(", "));
    says(executor).into_iter().for_each(&mut say);
    say(facts.join("  "));
    match (&given.workers, seen.ready()) {
        (Err(why), _) => say(format!("workers: {}", safe(why))),
        (Ok(workers), Some((ready, all))) if !workers.is_empty() => {
            say(format!("workers: {ready} of {all} ready"));
        }
        (Ok(_), _) => (),
    }
    given.sets.iter().map(set).for_each(&mut say);
    given.batches.iter().map(batch).for_each(&mut say);

    let workers = seen.workers();
    let row = |(index, worker): (usize, &Process)| {
        let sign = if index + 1 == workers.len() { signs.last } else { signs.branch };
        worker_row(sign, worker, clock)
    };
    let rows: Vec<Vec<String>> = workers.iter().enumerate().map(row).collect();
    // Two columns of the terminal are taken by the indentation.
    let inner = Look { columns: look.columns.map(|columns| columns.saturating_sub(2)), ..look };
    out.extend(lines(&WORKER, &rows, inner).iter().map(|line| look.fitted(&format!("  {line}"))));
    let all = [executor].into_iter().chain(workers);
    for process in all.filter(|process| process.pid.is_none()) {
        last_lines(process, look, out);
    }
}

/// Jobs of which there is an end, in a line.
fn batch(batch: &Batch) -> String {
    let Batch { name, at_most, pending, running, done, failed, cancelled } = batch;
    let all = [pending, running, done, failed, cancelled]
        .into_iter()
        .fold(0, |sum: u32, of| sum.saturating_add(*of));
    let mut text = format!("batch {}: {done} of {all} done", safe(name));
    for (count, what) in [(failed, "failed"), (cancelled, "cancelled"), (pending, "pending")] {
        if 0 < *count {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text.push_str(&format!(", {running} of at most {at_most} running"));
    text
}

/// Workers that are alike, in a line.
fn set(set: &Set) -> String {
    let mut text = format!("set {}: {} of {} ready", safe(&set.name), set.ready, set.wanted);
    if 0 < set.over {
        text.push_str(&format!(", {} over", set.over));
    }
    if 0 < set.due {
        text.push_str(&format!(", {} due to be replaced", set.due));
    }
    match (&set.roll, &set.rolled) {
        (Some(roll), _) => {
            text.push_str(&format!(", rolling: {} of {} replaced", roll.done, roll.total));
        }
        (None, Some(how)) => text.push_str(&format!(", last roll: {}", safe(how))),
        (None, None) => (),
    }
    text
}

/// Why it does not run, if it gave up.
fn last_words(seen: &Seen, clock: &Clock, look: Look, out: &mut Vec<String>) {
    let down = matches!(seen.lock, Ok(DaemonStatus::NotRunning { .. }));
    let Some(words) = seen.last_words.as_ref().filter(|_| down) else { return };
    let ago = clock.since(&words.at).map(|us| format!(" ({} ago)", prose(us))).unwrap_or_default();
    let (executor, mut when) =
        (&words.executor, format!("it ended {}{ago}", clock.date(&words.at)));
    when.extend(restarts(executor).map(|restarts| format!(", after {restarts}")));
    let mut facts = vec![when];
    // Each of the two reasons has a line: the limits of workers and of their executor read alike.
    match executor.outcome.as_deref().map(|why| why.rsplit_once(NOT_AGAIN).ok_or(why)) {
        Some(Ok((end, why))) => {
            facts.extend([safe(end), format!("it is not started again: {}", safe(why))]);
        }
        Some(Err(why)) => facts.push(safe(why)),
        None => (),
    }
    facts.extend(last_end(executor, clock));
    out.extend(facts.iter().flat_map(|fact| look.wrapped(2, fact)));
    last_lines(executor, look, out);
}

/// What a process that has ended said before: on standard error, or else on standard output.
fn last_lines(process: &Process, look: Look, out: &mut Vec<String>) {
    let said = [&process.stderr, &process.stdout].into_iter().find(|lines| !lines.is_empty());
    let Some(said) = said else { return };
    out.push(look.fitted(&format!("  {} last said:", safe(&process.name))));
    let last = said[said.len().saturating_sub(LAST_LINES)..].iter();
    out.extend(last.map(|line| look.fitted(&format!("    {}", safe(line)))));
}

/// What the daemon is doing, and since when.
fn headline(given: &Given, state: &State, clock: &Clock) -> String {
    let executor = &given.status.executor;
    let since = |at: &str| {
        let span = clock.since(at).map(|us| format!(" ({})", prose(us))).unwrap_or_default();
        format!("since {}{span}", clock.date(at))
    };
    match (state, &executor.ready_since) {
        (State::Running, Some(at)) => format!("running, ready {}", since(at)),
        (State::Degraded, at) => {
            let ready = at.as_ref().map(|at| format!("ready {}, but ", since(at)));
            format!("running, {}{} failed", ready.unwrap_or_default(), who_has(&given.failed()))
        }
        (State::BackOff, _) => match executor.next_start_in_us {
            Some(us) => format!("back-off, next start in {}", short(us)),
            None => "back-off".to_owned(),
        },
        // A newer version may know of more phases.
        (State::Unknown, _) => format!("in phase {}", safe(&executor.phase)),
        _ => format!("{} {}", state.word(), since(&executor.since)),
    }
}

/// What a process that runs says of itself.
fn says(process: &Process) -> Option<String> {
    let says = process.says.as_deref().filter(|_| process.pid.is_some())?;
    Some(format!("says: {}", safe(says)))
}

/// As `worker a has`, `workers a, b and 3 more have`.
fn who_has(workers: &[&Process]) -> String {
    let (first, more) = workers.split_at(workers.len().min(MOST_NAMES));
    let names: Vec<String> = first.iter().map(|worker| safe(&worker.name)).collect();
    match (names.as_slice(), more.len()) {
        ([one], _) => format!("worker {one} has"),
        (_, 0) => format!("workers {} have", names.join(", ")),
        (_, more) => format!("workers {} and {more} more have", names.join(", ")),
    }
}

/// How often it was started again, and after what.
fn history(process: &Process, clock: &Clock) -> Option<String> {
    let both: Vec<String> =
        [restarts(process), last_end(process, clock)].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join(", "))
}

fn restarts(process: &Process) -> Option<String> {
    match process.restarts {
        0 => None,
        1 => Some("1 restart".to_owned()),
        many => Some(format!("{many} restarts")),
    }
}

/// How its last run ended. What its outcome says already is not said again.
fn last_end(process: &Process, clock: &Clock) -> Option<String> {
    let said = |end: &&RunEnd| {
        let outcome = process.outcome.as_deref().unwrap_or_default();
        end.text.is_empty() || !outcome.contains(&end.text)
    };
    process.ends.last().filter(said).map(|end| format!("last: {}", told(end, clock)))
}

fn told(end: &RunEnd, clock: &Clock) -> String {
    let place = end.place.as_ref().filter(|place| !end.text.contains(place.as_str()));
    let place = place.map(|place| format!(" at {}", safe(place))).unwrap_or_default();
    let ago = clock.since(&end.at).map(|us| format!(", {} ago", prose(us))).unwrap_or_default();
    format!("{}{place}{ago}", safe(&end.text))
}

fn worker_row(sign: &str, worker: &Process, clock: &Clock) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let ago = |at: &str| clock.since(at).map(short);
    let up = match worker.phase.as_str() {
        "waiting" => worker.next_start_in_us.map(|us| format!("in {}", short(us))),
        "stopped" | "finished" => ago(&worker.since).map(|span| format!("{span} ago")),
        _ => ago(worker.ready_since.as_ref().unwrap_or(&worker.since)),
    };
    let mut note: Vec<String> = worker.outcome.as_deref().map(safe).into_iter().collect();
    note.extend(history(worker, clock));
    if worker.phase == "stopped" && note.is_empty() {
        note.push("by request".to_owned());
    }
    note.extend(says(worker));
    vec![
        format!("{sign}{}", safe(&worker.name)),
        phase(worker),
        or_dash(worker.pid.map(|pid| pid.to_string())),
        or_dash(up),
        worker.memory_bytes.map(size).unwrap_or_default(),
        worker.cpu_us.map(|us| format!("cpu {}", short(us))).unwrap_or_default(),
        note.join(", "),
    ]
}

/// The phase in the words of this page.
fn phase(process: &Process) -> String {
    match process.phase.as_str() {
        "waiting" => "back-off".to_owned(),
        "not_ready" => "not ready".to_owned(),
        "finished" if State::of_worker(process) == State::Failed => "failed".to_owned(),
        other => safe(other),
    }
}

#[cfg(test)]
mod tests;
