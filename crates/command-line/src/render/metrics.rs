//! Numbers for Prometheus, in its text format 0.0.4, as the textfile collector of node_exporter reads them.
//!
//! Only gauges and counters, no times of their own, and the same help in every file and version: the collector
//! refuses a file whose help differs from that of another. No series has a process id in it, so that a restart makes
//! no new one. A counter begins at 0 with its process, and never falls otherwise.

use std::fmt::Write;

use control::service::{Batch, Process};

use crate::seen::{Seen, State};

const PHASES: [&str; 9] = [
    "idle",
    "starting",
    "running",
    "not_ready",
    "stopping",
    "waiting",
    "due",
    "stopped",
    "finished",
];

const CAUSES: [&str; 14] = [
    "success",
    "code",
    "signal",
    "panic",
    "error",
    "setup",
    "no_value",
    "not_started",
    "not_ready",
    "killed",
    "watchdog",
    "outgrown",
    "memory",
    "unknown",
];

/// The whole text for these daemons.
pub(crate) fn metrics(daemons: &[Seen]) -> String {
    let mut out = String::new();
    let mut up = Family::new("appkit_up", "gauge", "Whether the daemon runs.");
    for seen in daemons {
        let state = seen.pid().is_some() || seen.given().is_some();
        up.add(&[("daemon", &seen.name)], u64::from(state));
    }
    up.write(&mut out);
    let help = "Whether the daemon has given up, or could not be launched, and does not run.";
    let mut failed = Family::new("appkit_failed", "gauge", help);
    for seen in daemons {
        failed.add(&[("daemon", &seen.name)], u64::from(seen.state() == State::Failed));
    }
    failed.write(&mut out);

    let mut phase =
        Family::new("appkit_phase", "gauge", "1 for the phase in which the process is.");
    let mut end = Family::new(
        "appkit_last_end",
        "gauge",
        "1 for the cause of the end of the process' last run.",
    );
    let mut ends =
        Family::new("appkit_ends_total", "counter", "How many runs of the process have ended.");
    let mut restarts =
        Family::new("appkit_restarts_total", "counter", "How often the process was started again.");
    let mut memory = Family::new(
        "appkit_memory_bytes",
        "gauge",
        "Resident and swapped memory of the process alone.",
    );
    let mut cpu = Family::new(
        "appkit_cpu_seconds_total",
        "counter",
        "Processor time of the process alone since its start.",
    );
    for (seen, process) in
        daemons.iter().flat_map(|seen| processes(seen).map(move |one| (seen, one)))
    {
        let labels =
            [("daemon", seen.name.as_str()), ("role", &process.role), ("name", &process.name)];
        let with = |label, value| [&labels[..], &[(label, value)]].concat();
        for known in PHASES {
            phase.add(&with("phase", known), u64::from(process.phase == known));
        }
        let last = process.ends.last().map(|end| end.cause.as_str());
        for known in CAUSES {
            end.add(&with("cause", known), u64::from(last == Some(known)));
        }
        // A daemon of an earlier version does not count them, which is not 0.
        if let Some(counts) = &process.end_counts {
            for known in CAUSES {
                let count = counts.iter().find(|of| of.cause == known).map_or(0, |of| of.count);
                ends.add(&with("cause", known), count);
            }
        }
        restarts.add(&labels, process.restarts);
        if let Some(bytes) = process.memory_bytes {
            memory.add(&labels, bytes);
        }
        if let Some(us) = process.cpu_us {
            cpu.add(&labels, format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000));
        }
    }
    let mut wanted =
        Family::new("appkit_set_wanted", "gauge", "How many workers the set is to have.");
    let mut ready = Family::new("appkit_set_ready", "gauge", "How many of its workers are ready.");
    for seen in daemons {
        for set in seen.given().into_iter().flat_map(|given| &given.sets) {
            let labels = [("daemon", seen.name.as_str()), ("set", &set.name)];
            wanted.add(&labels, set.wanted);
            ready.add(&labels, set.ready);
        }
    }
    let mut jobs =
        Family::new("appkit_batch_jobs", "gauge", "How many jobs of the batch are so far.");
    for seen in daemons {
        for batch in seen.given().into_iter().flat_map(|given| &given.batches) {
            let Batch { name, pending, running, done, failed, cancelled, .. } = batch;
            for (state, count) in [
                ("pending", pending),
                ("running", running),
                ("done", done),
                ("failed", failed),
                ("cancelled", cancelled),
            ] {
                let labels = [("daemon", seen.name.as_str()), ("batch", name), ("state", state)];
                jobs.add(&labels, *count);
            }
        }
    }
    for family in [phase, end, ends, restarts, memory, cpu, wanted, ready, jobs] {
        family.write(&mut out);
    }
    out
}

fn processes(seen: &Seen) -> impl Iterator<Item = &Process> {
    let own = seen.given().map(|given| [&given.status.guardian, &given.status.executor]);
    own.into_iter().flatten().chain(seen.workers())
}

/// All samples of one name, which have to stand together.
struct Family {
    head: String,
    name: &'static str,
    samples: String,
}

impl Family {
    fn new(name: &'static str, kind: &str, help: &str) -> Family {
        let head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { head, name, samples: String::new() }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(self.samples, "{}{{{}}} {value}", self.name, labels.join(","));
    }

    /// Nothing for a family without samples.
    fn write(self, out: &mut String) {
        if !self.samples.is_empty() {
            out.push_str(&self.head);
            out.push_str(&self.samples);
        }
    }
}

/// The value of a label: three characters are escaped, by the format.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use supervisor::{DaemonStatus, LastWords};

    use super::super::samples::{jobd, mute};
    use super::*;
    use crate::seen::Answer;

    /// Cases: CC-85, CC-86
    #[test]
    fn each_family_has_its_help_and_type_once_and_its_samples_together() {
        let text = metrics(&[
            jobd(),
            mute(DaemonStatus::NotRunning { stale: false }, Answer::NotAsked),
            given_up(),
        ]);
        let mut family = String::new();
        let mut seen = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap().to_owned();
                assert!(!seen.contains(&family), "{family} twice");
                seen.push(family.clone());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family);
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(["counter", "gauge"].contains(&kind), "{line}");
            } else {
                assert!(line.starts_with(&format!("{family}{{")), "{line}");
                let (labels, value) = line.rsplit_once(' ').unwrap();
                assert!(labels.ends_with('}') && value.parse::<f64>().is_ok(), "{line}");
                assert!(!labels.contains("47"), "a process id: {line}");
            }
        }
        assert!(text.ends_with('\n'));
        for line in [
            r#"appkit_up{daemon="jobd"} 1"#,
            r#"appkit_up{daemon="jobd"} 0"#,
            r#"appkit_failed{daemon="jobd"} 0"#,
            r#"appkit_failed{daemon="given up"} 1"#,
            r#"appkit_phase{daemon="jobd",role="worker",name="web-3",phase="waiting"} 1"#,
            r#"appkit_phase{daemon="jobd",role="worker",name="web-3",phase="running"} 0"#,
            r#"appkit_last_end{daemon="jobd",role="executor",name="jobd",cause="panic"} 1"#,
            r#"appkit_ends_total{daemon="jobd",role="executor",name="jobd",cause="panic"} 1"#,
            r#"appkit_ends_total{daemon="jobd",role="executor",name="jobd",cause="killed"} 0"#,
            r#"appkit_restarts_total{daemon="jobd",role="worker",name="web-3"} 7"#,
            r#"appkit_memory_bytes{daemon="jobd",role="worker",name="web-1"} 22020096"#,
            r#"appkit_cpu_seconds_total{daemon="jobd",role="worker",name="web-1"} 3.500000"#,
            r#"appkit_batch_jobs{daemon="jobd",batch="convert",state="pending"} 57"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        // Of who does not run, and of a count that nobody tells, nothing is known, which is not 0.
        assert!(!text.contains(r#"appkit_ends_total{daemon="jobd",role="worker",name="web-3""#));
        assert!(!text.contains(r#"appkit_memory_bytes{daemon="jobd",role="worker",name="web-3"}"#));
    }

    fn given_up() -> Seen {
        let down = mute(DaemonStatus::NotRunning { stale: false }, Answer::NotAsked);
        Seen { name: "given up".to_owned(), last_words: Some(LastWords::default()), ..down }
    }

    #[test]
    fn a_restart_makes_no_new_series() {
        let series = |seen: Seen| {
            let text = metrics(&[seen]);
            let names = text.lines().filter_map(|line| line.rsplit_once(' ').map(|(left, _)| left));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut again = jobd();
        let Answer::Given(given) = &mut again.answer else { unreachable!() };
        given.status.executor.pid = Some(9999);
        given.status.executor.restarts = 2;
        given.status.executor.ends.clear();
        assert_eq!(series(jobd()), series(again));
    }

    #[test]
    fn labels_are_escaped_as_the_format_has_it() {
        let mut seen = mute(DaemonStatus::Running { pid: None }, Answer::NotAsked);
        seen.name = "a\"b\\c\nd".to_owned();
        assert!(metrics(&[seen]).contains("appkit_up{daemon=\"a\\\"b\\\\c\\nd\"}"));
    }
}
