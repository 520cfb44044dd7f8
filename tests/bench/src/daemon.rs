//! The daemon that is measured, and the caller that starts it as often as one likes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::Signal;
use testbed::{Failure, Outcome, Process};

use super::ground::{Ground, LIMIT, Line, now};

/// A program that starts daemons in a ground of its own, with which both go.
pub(crate) struct Caller {
    pub(crate) ground: Ground,
    child: Child,
    answers: BufReader<ChildStdout>,
}

/// A daemon whose workers have all written their lines.
pub(crate) struct Daemon {
    pub(crate) guardian: u32,
    pub(crate) executor: u32,
    /// What this start has written: the call first, then each process in its order.
    pub(crate) lines: Vec<Line>,
    pub(crate) called: u64,
    pub(crate) entered: u64,
    pub(crate) launched: u64,
}

impl Caller {
    /// One that holds so many MiB and threads.
    pub(crate) fn new(workload: &Path, mebibytes: usize, threads: usize) -> Outcome<Caller> {
        let ground = Ground::new()?;
        let mut command = ground.command(workload);
        command.args(["caller", &mebibytes.to_string(), &threads.to_string()]);
        Caller::run(ground, command)
    }

    /// A small one below strace, which writes down each system call of everybody: a line each, out
    /// as soon as it is made.
    pub(crate) fn traced(workload: &Path, trace: &Path) -> Outcome<Caller> {
        let ground = Ground::new()?;
        let mut command = ground.command("strace");
        // Cargo sets it, and the linker would look in each of its folders first.
        command.env_remove("LD_LIBRARY_PATH");
        command.args(["-f", "-qq", "-o"]).args([trace, workload]).args(["caller", "0", "0"]);
        Caller::run(ground, command)
    }

    fn run(ground: Ground, mut command: Command) -> Outcome<Caller> {
        let program = command.get_program().to_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::at("run", program.as_ref()))?;
        let answers = child.stdout.take().expect("it is piped");
        Ok(Caller { ground, child, answers: BufReader::new(answers) })
    }

    pub(crate) fn ask(&mut self, question: &str) -> Outcome<u32> {
        let input = self.child.stdin.as_mut().expect("it is piped");
        writeln!(input, "{question}").map_err(Failure::step("talk to the caller"))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(Failure::step("hear the caller"))?;
        let answer = answer.trim();
        answer.parse().map_err(|_| Failure::new(format!("`{question}`: {answer}")))
    }

    /// Starts a daemon, and waits until its workers have entered.
    pub(crate) fn start(&mut self, workers: usize) -> Outcome<Daemon> {
        let before = self.ground.count();
        let guardian = self.ask(&format!("start {workers}"))?;
        // The start, the entry, that it is launched; the call of the workers, and each of them.
        let count = 3 + if workers == 0 { 0 } else { 1 + workers };
        let lines = self.ground.lines(before + count)?.split_off(before);
        let find = |who: &str| {
            let found = lines.iter().find(|line| line.who == who);
            found.ok_or_else(|| Failure::new(format!("nobody wrote `{who}` into the journal")))
        };
        let entry = find("entry")?;
        Ok(Daemon {
            guardian,
            executor: entry.pid,
            called: find("start")?.at,
            entered: entry.at,
            launched: find("launched")?.at,
            lines: lines.clone(),
        })
    }

    /// Stops it as any program does, without looking at the time.
    pub(crate) fn stop(&mut self) -> Outcome {
        self.ask("stop").map(drop)
    }

    /// Every process of the daemon.
    pub(crate) fn everybody(&self) -> Vec<Process> {
        let mut all = self.ground.processes();
        all.retain(|process| process.pid() != self.child.id());
        all
    }

    /// Sends the guardian a signal; when that was, and when the last process had gone.
    pub(crate) fn until_gone(&self, daemon: &Daemon, signal: Signal) -> Outcome<(u64, u64)> {
        let all = self.everybody();
        let guardian = self.ground.process(daemon.guardian)?;
        let asked = now();
        guardian.try_signal(signal).map_err(Failure::step("signal the guardian"))?;
        // The one that goes last first: then nearly all others have gone, and are not waited for.
        for process in std::iter::once(&guardian).chain(&all) {
            if !process.wait(LIMIT) {
                return Err(Failure::new(format!("process {} does not go", process.pid())));
            }
        }
        let gone = now();
        match self.everybody().len() {
            0 => Ok((asked, gone)),
            left => Err(Failure::new(format!("{left} processes are left"))),
        }
    }
}

impl Daemon {
    /// From the call of the workers to the last one's first instruction.
    pub(crate) fn workers_started(&self) -> Option<(u64, u64)> {
        let call = self.lines.iter().find(|line| line.who == "call")?;
        Some((call.at, self.workers().map(|line| line.at).max()?))
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| is_worker(line))
    }
}

/// `w` and a number.
pub(crate) fn is_worker(line: &Line) -> bool {
    line.who.strip_prefix('w').is_some_and(|number| number.parse::<u32>().is_ok())
}
