//! What happens to a child, as log lines.

use std::time::{Duration, Instant};

use log::Level;

use crate::slot::Report;
use capture::LastLines;
use lifecycle::Outcome;
use policy::StopBy;
use policy::duration::rounded;

/// Writes to the log what happens to one child. Words of the child's own are written no more often than
/// anybody can read: a child that talks in a loop must not fill the log.
#[derive(Debug, Default)]
pub struct Teller {
    /// When the present span began.
    since: Option<Instant>,
    /// How many of its words were told in it.
    told: u32,
    /// How many were not, since the log was told last how many.
    untold: u64,
}

/// So many of a child's own words are told within a span.
const MOST_WORDS: u32 = 20;
/// A span.
const SPAN: Duration = Duration::from_secs(10);

impl Teller {
    /// Writes a report about the child called `name` to the log. Of its own words, twenty in ten
    /// seconds; how many more there were is told with the next one, or at the run's end.
    pub fn log(&mut self, name: &str, report: &Report) {
        let words = matches!(report, Report::Status { .. } | Report::Readiness { .. });
        if words && !self.may_tell(Instant::now()) {
            self.untold += 1;
            return;
        }
        if self.untold > 0 && (words || matches!(report, Report::Ended { .. })) {
            let untold = std::mem::take(&mut self.untold);
            log::info!("{name} has said {untold} more things, too many to tell");
        }
        log(name, report);
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| SPAN <= now.saturating_duration_since(since)) {
            (self.since, self.told) = (Some(now), 0);
        }
        self.told += 1;
        self.told <= MOST_WORDS
    }
}

/// Writes a report about the child called `name` to the log: crashes as errors, the rest as
/// information.
fn log(name: &str, report: &Report) {
    log::log!(level(report), "{}", text(name, report));
}

fn level(report: &Report) -> Level {
    match report {
        Report::Ended { end, .. } if !end.is_success() => Level::Error,
        Report::Killing | Report::Silent(_) => Level::Warn,
        Report::Finished(Outcome::NotLaunched(_) | Outcome::GaveUp(..)) => Level::Error,
        Report::Started { .. }
        | Report::Ready { .. }
        | Report::Readiness { .. }
        | Report::Ended { .. }
        | Report::Status { .. }
        | Report::Terminating { .. }
        | Report::Finished(Outcome::Quit(_) | Outcome::Stopped | Outcome::Ended(_)) => Level::Info,
    }
}

fn text(name: &str, report: &Report) -> String {
    match report {
        Report::Started { pid, run: 1 } => format!("{name} started, pid {pid}"),
        Report::Started { pid, run } => format!("{name} started, pid {pid}, run {run}"),
        Report::Ready { pid, .. } => format!("{name} is ready, pid {pid}"),
        Report::Readiness { pid, ready: true } => format!("{name} is ready again, pid {pid}"),
        Report::Readiness { pid, ready: false } => {
            format!("{name} says that it is not ready, pid {pid}")
        }
        Report::Silent(silent) => format!("{name} {silent}"),
        Report::Ended { pid, end, restart_in, last_lines, value_bytes: _ } => {
            let pid = pid.map(|pid| format!(", pid {pid},")).unwrap_or_default();
            let next = match restart_in {
                Some(Duration::ZERO) => "; starting it again".to_owned(),
                Some(after) => format!("; starting it again in {:?}", rounded(*after)),
                None => String::new(),
            };
            let words = if end.is_success() { String::new() } else { last_words(last_lines) };
            format!("{name}{pid} {end}{next}{words}")
        }
        Report::Status { text } => format!("{name} says: {}", safe_text::escaped(text)),
        Report::Terminating { by, remaining } => {
            let how = match by {
                StopBy::Quit => format!("asking {name} to quit"),
                StopBy::Signal(signal) => format!("sending signal {signal} to {name}"),
            };
            match remaining {
                Some(remaining) => format!("{how}; it has {:?}", rounded(*remaining)),
                None => how,
            }
        }
        Report::Killing => format!("killing {name}: its time is over"),
        Report::Finished(outcome) => format!("{name} is over: {outcome}"),
    }
}

/// The last lines on standard error, each on a line of its own.
fn last_words(last_lines: &LastLines) -> String {
    let lines = last_lines.stderr.iter().map(|line| format!("\n| {}", safe_text::escaped(line)));
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("; its last words:{lines}") }
}

#[cfg(test)]
mod tests {
    use exit::Exit;

    use super::*;
    use policy::RunEnd;

    /// With a logger of the application's own, which writes what it gets.
    ///
    /// Case: FLT-B5
    #[test]
    fn a_child_writes_no_record_of_its_parents() {
        let forged = "fine\nERROR worker blue was ended by SIGKILL\x1b[2J";
        let panic = exit::Panic { message: forged.to_owned(), place: String::new() };
        let end = || RunEnd::Exited(Exit::Panic(panic.clone()));
        let last_lines = LastLines::default();
        for report in [
            Report::Status { text: forged.to_owned() },
            Report::Ended {
                pid: Some(7),
                end: end(),
                restart_in: None,
                last_lines,
                value_bytes: None,
            },
            Report::Finished(Outcome::Ended(end())),
            Report::Finished(Outcome::Quit(Some(end()))),
            Report::Finished(Outcome::NotLaunched(end())),
        ] {
            let text = text("red", &report);
            assert!(text.contains("fine\\nERROR"), "{text:?}");
            assert!(!text.contains(['\n', '\x1b']), "{text:?}");
        }
    }

    /// Case: FLT-H11
    #[test]
    fn only_what_went_wrong_is_an_error() {
        let ended = |end| {
            let last_lines = LastLines { stderr: vec!["bye".into()], ..LastLines::default() };
            let report = Report::Ended {
                pid: Some(7),
                end,
                restart_in: None,
                last_lines,
                value_bytes: None,
            };
            (level(&report), text("red", &report))
        };
        let exit = || Exit::Code(3);
        assert_eq!(
            ended(RunEnd::Succeeded(exit())),
            (Level::Info, "red, pid 7, exited with code 3, which counts as success".to_owned())
        );
        assert_eq!(ended(RunEnd::Exited(exit())).0, Level::Error);
        let stopped = Outcome::Quit(Some(RunEnd::Succeeded(exit())));
        assert_eq!(text("red", &Report::Finished(stopped)), "red is over: stopped");
    }

    /// Case: FLT-B5
    #[test]
    fn of_a_flood_of_words_some_are_told_and_the_rest_is_counted() {
        let start = Instant::now(); // An origin only.
        let mut teller = Teller::default();
        let told = |teller: &mut Teller, seconds| {
            let now = start + Duration::from_secs(seconds);
            (0..1000).filter(|_| teller.may_tell(now)).count()
        };
        assert_eq!(told(&mut teller, 0), 20);
        assert_eq!(told(&mut teller, 9), 0);
        assert_eq!(told(&mut teller, 10), 20);
    }

    /// Case: FLT-H10
    #[test]
    fn reports_read_as_sentences() {
        let end = RunEnd::Exited(Exit::Code(3));
        let after = Some(Duration::from_millis(50));
        let ended = |stderr: &[&str]| {
            let stderr = stderr.iter().map(ToString::to_string).collect();
            let last_lines = LastLines { stderr, ..LastLines::default() };
            Report::Ended {
                pid: Some(7),
                end: end.clone(),
                restart_in: after,
                last_lines,
                value_bytes: None,
            }
        };
        let cases = [
            (Report::Started { pid: 7, run: 2 }, "red started, pid 7, run 2"),
            (ended(&[]), "red, pid 7, exited with code 3; starting it again in 50ms"),
            (
                ended(&["oh\x1b", "thread 'main'"]),
                "red, pid 7, exited with code 3; starting it again in 50ms; its last words:\n\
                 | oh\\x1b\n| thread 'main'",
            ),
            (
                Report::Terminating { by: StopBy::Quit, remaining: after },
                "asking red to quit; it has 50ms",
            ),
            (Report::Finished(Outcome::Ended(end)), "red is over: it exited with code 3"),
        ];
        for (report, expected) in cases {
            assert_eq!(text("red", &report), expected);
        }
    }
}
