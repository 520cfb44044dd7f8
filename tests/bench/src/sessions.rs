//! What is done to measure, group by group. Within a group everything that is compared takes turns,
//! so that what disturbs the machine disturbs all of it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use testbed::interrupt::pause;
use testbed::{Failure, Outcome};

use super::daemon::{Caller, Daemon, is_worker};
use super::floor::Floor;
use super::ground::{Ground, LIMIT, now};
use super::look;
use super::options::Sizes;
use super::peers::ASKED;
use super::programs::Programs;
use super::samples::Samples;

pub(crate) struct Sessions<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) sizes: Sizes,
    pub(crate) samples: &'a mut Samples,
}

impl Sessions<'_> {
    /// One start of a daemon without workers, by a small and by a big caller, beside one spawn.
    pub(crate) fn launch(&mut self) -> Outcome {
        let Programs { workload, smallest, .. } = self.programs;
        let mut floor = Floor::start(workload, workload, 0)?;
        let mut kernel = smallest.as_ref().map(|it| Floor::start(workload, it, 0)).transpose()?;
        let mut plain = Caller::new(workload, 0, 0)?;
        let mut heavy = Caller::new(workload, self.sizes.memory, self.sizes.threads)?;
        // The first of everything, which comes from a slow disk, and waits for memory, is for free.
        for round in 0..=4 * self.sizes.rounds {
            let mut spans = vec![("spawn", floor.one_more()?)];
            if let Some(kernel) = &mut kernel {
                spans.push(("kernel.spawn", kernel.one_more()?));
            }
            for (who, caller) in [("plain", &mut plain), ("heavy", &mut heavy)] {
                let daemon = caller.start(0)?;
                caller.stop()?;
                let (entry, launched) = match who {
                    "plain" => ("launch.entry", "launch.returned"),
                    _ => ("heavy.entry", "heavy.returned"),
                };
                spans.push((entry, (daemon.called, daemon.entered)));
                spans.push((launched, (daemon.called, daemon.launched)));
            }
            for (name, (from, to)) in spans.into_iter().filter(|_| round > 0) {
                self.samples.add_span(name, from, to);
            }
        }
        Ok(())
    }

    /// Trees of every size: started, looked at, hurt, stopped.
    pub(crate) fn workers(&mut self) -> Outcome {
        let Sizes { rounds, some, many, most, .. } = self.sizes;
        for (workers, rounds) in [(1, 3 * rounds), (some, rounds), (many, rounds), (most, 1)] {
            for round in 0..rounds {
                step(&format!("{workers} workers, round {} of {rounds}", round + 1));
                self.floors(workers, round == 0)?;
                self.tree(workers, round == 0)?;
            }
        }
        let [some, many] = [some, many].map(|workers| format!("descriptors.{workers}"));
        if let (Some(few), Some(all)) = (self.samples.median(&some), self.samples.median(&many)) {
            let more = self.sizes.many - self.sizes.some;
            self.samples.add("descriptors", (all - few) / more as f64);
        }
        Ok(())
    }

    fn floors(&mut self, workers: usize, first: bool) -> Outcome {
        let Programs { workload, smallest, .. } = self.programs;
        let programs = [("floor", Some(workload)), ("kernel", smallest.as_ref())];
        for (kind, program) in programs.into_iter().filter_map(|(kind, it)| Some((kind, it?))) {
            let floor = Floor::start(workload, program, workers)?;
            let lines = floor.lines(workers)?;
            let (call, last) = (lines[0].at, lines.iter().map(|line| line.at).max());
            self.samples.add_span(format!("{kind}.start.{workers}"), call, last.unwrap_or(call));
            if first && kind == "floor" && workers == self.sizes.many {
                let spent = look::ran(floor.pid()) as f64;
                self.samples.add("floor.ran", spent);
                let idle = lines[1..].iter().map(|line| look::memory(line.pid).pss).sum::<u64>();
                self.samples.add("floor.idle", idle as f64 / workers as f64);
            }
            let (asked, gone) = floor.stop()?;
            self.samples.add_span(format!("{kind}.stop.{workers}"), asked, gone);
        }
        Ok(())
    }

    fn tree(&mut self, workers: usize, first: bool) -> Outcome {
        let mut caller = Caller::new(&self.programs.workload, 0, 0)?;
        let daemon = caller.start(workers)?;
        let started = daemon.workers_started();
        let (call, last) = started.ok_or_else(|| Failure::new("no worker has started"))?;
        self.samples.add_span(format!("start.{workers}"), call, last);
        // Until all is said that a start leads to, and for the second crash not to be an instant one.
        pause(Duration::from_millis(300))?;
        if first {
            self.look(&caller, &daemon, workers)?;
            self.ask(&mut caller, workers)?;
            self.ask_by_command(&caller, workers)?;
        }
        if workers != self.sizes.most {
            for _ in 0..3 {
                self.restart(&caller, workers)?;
            }
        }
        let (asked, gone) = caller.until_gone(&daemon, Signal::TERM)?;
        self.samples.add_span(format!("stop.{workers}"), asked, gone);
        Ok(())
    }

    /// Memory, descriptors, and whether anything moves.
    fn look(&mut self, caller: &Caller, daemon: &Daemon, workers: usize) -> Outcome {
        let descriptors = look::descriptors(daemon.executor);
        self.samples.add(format!("descriptors.{workers}"), descriptors as f64);
        if workers != self.sizes.many {
            return Ok(());
        }
        for (who, pid) in [("guardian", daemon.guardian), ("executor", daemon.executor)] {
            let memory = look::memory(pid);
            self.samples.add(format!("{who}.private"), memory.private as f64);
            self.samples.add(format!("{who}.pss"), memory.pss as f64);
        }
        let all: Vec<u32> = caller.everybody().iter().map(testbed::Process::pid).collect();
        let whole: u64 = all.iter().map(|pid| look::memory(*pid).pss).sum();
        self.samples.add("idle", whole as f64 / workers as f64);
        step(&format!("{} processes idle for {} s", all.len(), self.sizes.idle));
        let switches = || all.iter().map(|pid| look::switches(*pid)).sum::<u64>();
        let before = switches();
        pause(Duration::from_secs(self.sizes.idle))?;
        self.samples.add("switches", switches().saturating_sub(before) as f64);
        Ok(())
    }

    /// How long a status takes, of the daemon and of each worker with its memory.
    fn ask(&mut self, caller: &mut Caller, workers: usize) -> Outcome {
        for _ in 0..ASKED {
            // What was told half a second ago is told again without a look at the processes.
            pause(Duration::from_millis(600))?;
            let took = caller.ask(&format!("status {workers}"))?;
            self.samples.add(format!("status.{workers}"), f64::from(took) / 1e3);
        }
        Ok(())
    }

    /// The same by the command that a person types, as those of another make are asked.
    fn ask_by_command(&mut self, caller: &Caller, workers: usize) -> Outcome {
        let program = &self.programs.asker;
        for _ in 0..ASKED {
            // What was told half a second ago is told again without a look at the processes.
            pause(Duration::from_millis(600))?;
            let asked = now();
            let mut command = caller.ground.command(program);
            let status = command.arg("status").stdout(Stdio::null()).status();
            let status = status.map_err(Failure::at("run", program))?;
            if !status.success() {
                return Err(Failure::new(format!("`asker status` ended with {status}")));
            }
            self.samples.add_span(format!("told.{workers}"), asked, now());
        }
        Ok(())
    }

    /// One worker is killed; its successor's first instruction.
    fn restart(&mut self, caller: &Caller, workers: usize) -> Outcome {
        let before = caller.ground.count();
        let lines = caller.ground.lines(before)?;
        let last = last_of_each(&lines);
        // One in the middle that has not been killed a moment ago.
        let oldest = last.values().min_by_key(|line| line.1).copied();
        let (pid, _) = oldest.ok_or_else(|| Failure::new("there is no worker"))?;
        let process = caller.ground.process(pid)?;
        let killed = now();
        process.try_signal(Signal::KILL).map_err(Failure::step("kill a worker"))?;
        let lines = caller.ground.lines(before + 1)?;
        self.samples.add_span(format!("restart.{workers}"), killed, lines[before].at);
        pause(Duration::from_millis(150))
    }

    /// The guardian is killed.
    pub(crate) fn orphans(&mut self) -> Outcome {
        for _ in 0..self.sizes.rounds {
            let mut caller = Caller::new(&self.programs.workload, 0, 0)?;
            let daemon = caller.start(self.sizes.some)?;
            pause(Duration::from_millis(100))?;
            let (killed, gone) = caller.until_gone(&daemon, Signal::KILL)?;
            self.samples.add_span("orphans", killed, gone);
        }
        Ok(())
    }

    /// Much to say to one worker.
    pub(crate) fn arguments(&mut self) -> Outcome {
        for _ in 0..2 * self.sizes.rounds {
            let ground = Ground::new()?;
            let bytes = self.sizes.argument.to_string();
            let status =
                ground.command(&self.programs.workload).args(["arguments", &bytes]).status();
            let status = status.map_err(Failure::at("run", &self.programs.workload))?;
            if !status.success() {
                return Err(Failure::new(format!(
                    "`workload arguments {bytes}` ended with {status}"
                )));
            }
            let lines = ground.lines(2)?;
            self.samples.add_span("arguments", lines[0].at, lines[1].at);
        }
        Ok(())
    }

    /// All workers die at once, every second, or as soon as all are back if that takes longer.
    pub(crate) fn storm(&mut self) -> Outcome {
        let Sizes { many, storms, .. } = self.sizes;
        let floor = Floor::start(&self.programs.workload, &self.programs.workload, many)?;
        floor.lines(many)?;
        let spawning = look::ran(floor.pid());
        floor.stop()?;

        let mut caller = Caller::new(&self.programs.workload, 0, 0)?;
        let daemon = caller.start(many)?;
        pause(Duration::from_millis(300))?;
        let (ran, began, lines) = (look::ran(daemon.executor), now(), caller.ground.count());
        for storm in 1..=storms {
            step(&format!("storm {storm} of {storms}"));
            let written = caller.ground.lines(caller.ground.count())?;
            let all = last_of_each(&written);
            let opened: Outcome<Vec<_>> =
                all.values().map(|(pid, _)| caller.ground.process(*pid)).collect();
            let killed = now();
            for process in opened? {
                process.try_signal(Signal::KILL).map_err(Failure::step("kill a worker"))?;
            }
            // Fails if one does not come back.
            caller.ground.lines(lines + storm * many)?;
            let left = 1_000_000_000u64.saturating_sub(now() - killed);
            pause(Duration::from_nanos(left))?;
        }
        let took = (now() - began) as f64;
        let spent = (look::ran(daemon.executor) - ran) as f64;
        let spawning = (spawning * storms as u64) as f64;
        let missed = lines + storms * many - caller.ground.count().min(lines + storms * many);
        self.samples.add("storm.missed", missed as f64);
        self.samples.add("storm.beyond", 100.0 * (spent - spawning).max(0.0) / took);
        self.samples.add("storm.all", 100.0 * spent / took);
        caller.until_gone(&daemon, Signal::TERM).map(drop)
    }

    /// What one crate does alone is measured by an example of it.
    pub(crate) fn quit(&mut self) -> Outcome {
        let rounds = if self.sizes.many < 1000 { "2" } else { "50" };
        for _ in 0..self.sizes.rounds {
            let text = self.programs.example("flag_bench", &[rounds])?;
            self.samples.add("quit", value(&text, "quit_requested():")?);
            let text = self.programs.example("wake_bench", &[])?;
            self.samples.add("wake", milliseconds(&text, "the last ran after")?);
        }
        Ok(())
    }

    pub(crate) fn pid_file(&mut self) -> Outcome {
        for _ in 0..self.sizes.rounds.min(3) {
            let text = self.programs.example("cost", &[])?;
            self.samples.add("pidfile.hold", value(&text, "acquire and release")?);
            self.samples.add("pidfile.probe", value(&text, "probe")?);
            self.samples.add("pidfile.careful", value(&text, "careful probe")?);
        }
        Ok(())
    }

    pub(crate) fn log(&mut self) -> Outcome {
        let lines = if self.sizes.many < 1000 { "500" } else { "20000" };
        for _ in 0..self.sizes.rounds.min(3) {
            let text = self.programs.example("rate_bench", &[lines])?;
            self.samples.add("log", value(&text, "ratio")?);
        }
        Ok(())
    }
}

/// Number and time of who wrote last under each worker's name.
fn last_of_each(lines: &[super::ground::Line]) -> BTreeMap<&str, (u32, u64)> {
    let workers = lines.iter().filter(|line| is_worker(line));
    workers.map(|line| (line.who.as_str(), (line.pid, line.at))).collect()
}

/// The last number, with or without unit, of the line that begins so.
fn value(text: &str, start: &str) -> Outcome<f64> {
    let line = text.lines().find(|line| line.trim_start().starts_with(start));
    let numbers = line.map(|line| line.split_ascii_whitespace().rev());
    let number = numbers.and_then(|mut words| words.find_map(|word| word.parse().ok()));
    number.ok_or_else(|| Failure::new(format!("an example says nothing about `{start}`:\n{text}")))
}

/// A span as `Duration` shows itself.
fn milliseconds(text: &str, start: &str) -> Outcome<f64> {
    let line = text.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_default();
    let word = line.split_ascii_whitespace().next_back().unwrap_or_default();
    let units = [("ms", 1.0), ("µs", 1e-3), ("ns", 1e-6), ("s", 1e3)];
    let parsed = units.into_iter().find_map(|(unit, factor)| {
        word.strip_suffix(unit)?.parse::<f64>().ok().map(|value| value * factor)
    });
    parsed.ok_or_else(|| Failure::new(format!("`{word}` is no span of time")))
}

/// What goes on, for who waits.
pub(crate) fn step(text: &str) {
    println!("  {}", testbed::paint::faint(text));
}

/// Waits for the end of everything in a ground but those; how many are left.
pub(crate) fn all_gone(processes: &[testbed::Process]) -> bool {
    processes.iter().all(|process| process.wait(LIMIT))
}

#[cfg(test)]
mod tests {
    use super::{milliseconds, value};

    #[test]
    fn numbers_are_found_in_what_examples_print() {
        let text =
            "probe     bare    1.20µs  ours    1.50µs  ratio 1.25\n quit_requested(): 0.31 ns\n";
        assert_eq!(value(text, "probe").unwrap(), 1.25);
        assert_eq!(value(text, "quit_requested():").unwrap(), 0.31);
        assert!(value(text, "log").is_err());
        assert_eq!(milliseconds("  the last ran after   843.5µs", "the last").unwrap(), 0.8435);
        assert_eq!(milliseconds("the last 2.5ms", "the last").unwrap(), 2.5);
    }
}
