//! One role in one phase of its life, played with or without a fault.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use testbed::{Failure, Outcome};
use victim::{Answer, LIMIT, State, VictimBed, WORKERS};

use super::calls::Fault;
use super::gate::Gate;
use super::trace::{Trace, Tracer};

/// Who is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Caller,
    Launcher,
    Guardian,
    Executor,
    Worker,
}

/// What happens meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The daemon is started.
    Start,
    /// The process itself is the second of its place, after the first was killed.
    Again,
    /// A child of the process is killed, and it starts another.
    Restart,
    /// The daemon is stopped.
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scenario {
    pub(crate) role: Role,
    pub(crate) phase: Phase,
}

impl Role {
    pub(crate) const ALL: [Role; 5] =
        [Role::Caller, Role::Launcher, Role::Guardian, Role::Executor, Role::Worker];
}

impl Phase {
    pub(crate) const ALL: [Phase; 4] = [Phase::Start, Phase::Again, Phase::Restart, Phase::Stop];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Role::Caller => "caller",
            Role::Launcher => "launcher",
            Role::Guardian => "guardian",
            Role::Executor => "executor",
            Role::Worker => "worker",
        })
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Start => "start",
            Phase::Again => "again",
            Phase::Restart => "restart",
            Phase::Stop => "stop",
        })
    }
}

/// All that exist: a launcher is there only during a start, a worker has nothing to restart.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = Vec::new();
    for role in Role::ALL {
        for phase in Phase::ALL {
            let exists = match phase {
                Phase::Start => true,
                Phase::Again => matches!(role, Role::Executor | Role::Worker),
                Phase::Restart => matches!(role, Role::Guardian | Role::Executor),
                Phase::Stop => role != Role::Launcher,
            };
            if exists {
                all.push(Scenario { role, phase });
            }
        }
    }
    all
}

/// How it went.
pub(crate) struct Played {
    pub(crate) trace: Trace,
    /// What should not have happened.
    pub(crate) problems: Vec<String>,
    /// The daemon was running, and an error (not a kill) made all of it end.
    pub(crate) gave_up: bool,
    /// To look at, if there are problems.
    pub(crate) description: String,
}

/// How long a caller may take until it has its answer: see [`LIMIT`].
const ANSWER: Duration = LIMIT;

/// How long the tracer stays after the phase is over, if that has not settled yet.
const LINGER: Duration = Duration::from_secs(1);

impl Scenario {
    pub(crate) fn play(self, program: &Path, fault: Option<&Fault>) -> Outcome<Played> {
        let bed = VictimBed::new(program)?;
        let mut play = Play { scenario: self, bed: &bed, fault, problems: Vec::new() };
        let (trace, gave_up) = match self.phase {
            Phase::Start => play.start()?,
            Phase::Again => play.again()?,
            Phase::Restart => play.restart()?,
            Phase::Stop => play.stop()?,
        };
        play.epilogue()?;
        let problems = play.problems;
        let description = if problems.is_empty() { String::new() } else { bed.describe() };
        Ok(Played { trace, problems, gave_up, description })
    }
}

struct Play<'a> {
    scenario: Scenario,
    bed: &'a VictimBed,
    fault: Option<&'a Fault>,
    problems: Vec<String>,
}

impl Play<'_> {
    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn attach(&self, pid: u32) -> Outcome<Tracer> {
        Tracer::attach(pid, self.fault, &self.bed.records().join("trace"))
    }

    /// The name of the traced process' role, where the gate counts; workers come in any order.
    fn role(&self) -> String {
        self.scenario.role.to_string()
    }

    fn start(&mut self) -> Outcome<(Trace, bool)> {
        let gate = Gate::new(&self.bed.records())?;
        let calling = self.bed.call("start", Some((&self.role(), 1)))?;
        // A worker may come when the caller has its answer already.
        let before = Some(&calling).filter(|_| self.scenario.role != Role::Worker);
        let waiting = gate.wait(before, LIMIT)?;
        let tracer = self.attach(waiting.pid)?;
        waiting.release()?;
        let answer = calling.answer(ANSWER)?;
        let launched = self.judge_start(&answer);
        let (trace, state) = self.settled(tracer, "executor d", 1)?;
        let gave_up = launched && state == State::Gone;
        Ok((trace, self.judge_end(gave_up)))
    }

    /// Whether it was launched, as it says.
    fn judge_start(&mut self, answer: &Answer) -> bool {
        let own = self.scenario.role == Role::Caller;
        if let Answer::Failed(text) = answer {
            self.judge_gone(text);
        } else if !matches!(answer, Answer::Launched(_) | Answer::Died(_))
            // If it died, nobody is there to be told anything.
            || (matches!(answer, Answer::Died(_)) && !own)
        {
            self.problem(format!("the answer to start was {answer:?}"));
        }
        matches!(answer, Answer::Launched(_))
    }

    /// A daemon that was up is gone: right if its guardian was killed.
    fn judge_end(&mut self, gave_up: bool) -> bool {
        gave_up && !self.fault.is_some_and(Fault::kills)
    }

    /// Up or gone, and the tracer too.
    fn settled(&mut self, tracer: Tracer, who: &str, fresh: usize) -> Outcome<(Trace, State)> {
        let mut state = self.bed.settle(LINGER, who, fresh)?;
        let trace = tracer.finish();
        if state == State::Unsettled {
            state = self.bed.settle(LIMIT, who, fresh)?;
        }
        if state == State::Unsettled {
            let left = self.bed.left();
            self.problem(format!("neither up nor gone: {left:?}"));
        }
        Ok((trace, state))
    }

    /// Starts without any fault; up afterwards.
    fn healthy_start(&mut self, gate: Option<(&str, usize)>) -> Outcome<u32> {
        let calling = self.bed.call("start", gate)?;
        let answer = calling.answer(ANSWER)?;
        let Answer::Launched(pid) = answer else {
            return Err(Failure::new(format!("a start without any fault: {answer:?}")));
        };
        let state = self.bed.settle(LIMIT, "executor d", 1)?;
        if state == State::Up {
            Ok(pid)
        } else {
            Err(Failure::new(format!("a start without any fault: {state:?}")))
        }
    }

    fn again(&mut self) -> Outcome<(Trace, bool)> {
        let gate = Gate::new(&self.bed.records())?;
        let worker = self.scenario.role == Role::Worker;
        let (who, which) = if worker { ("worker w1", WORKERS + 1) } else { ("executor d", 2) };
        self.healthy_start(Some((&self.role(), which)))?;
        self.kill(who)?;
        let waiting = gate.wait(None, LIMIT)?;
        let tracer = self.attach(waiting.pid)?;
        waiting.release()?;
        let (trace, state) = self.settled(tracer, who, 2)?;
        Ok((trace, self.judge_end(state == State::Gone)))
    }

    fn restart(&mut self) -> Outcome<(Trace, bool)> {
        let guardian = self.healthy_start(None)?;
        let (pid, who) = if self.scenario.role == Role::Executor {
            (self.bed.process("executor d")?.pid(), "worker w1")
        } else {
            (guardian, "executor d")
        };
        let tracer = self.attach(pid)?;
        // If the fault is in the wait that is going on, it has happened by now, and more with it.
        let _ = self.kill(who);
        let (trace, state) = self.settled(tracer, who, 2)?;
        Ok((trace, self.judge_end(state == State::Gone)))
    }

    fn kill(&self, who: &str) -> Outcome {
        let process = self.bed.process(who)?;
        process.try_signal(Signal::KILL).map_err(Failure::step("kill a process of the victim"))
    }

    fn stop(&mut self) -> Outcome<(Trace, bool)> {
        let guardian = self.healthy_start(None)?;
        let pid = match self.scenario.role {
            Role::Executor => self.bed.process("executor d")?.pid(),
            Role::Worker => self.bed.process("worker w1")?.pid(),
            Role::Caller | Role::Launcher | Role::Guardian => self.bed.open(guardian)?.pid(),
        };
        let own = self.scenario.role == Role::Caller;
        let (calling, tracer) = if own {
            let gate = Gate::new(&self.bed.records())?;
            let calling = self.bed.call("stop", Some(("caller", 1)))?;
            let waiting = gate.wait(Some(&calling), LIMIT)?;
            let tracer = self.attach(waiting.pid)?;
            waiting.release()?;
            (calling, tracer)
        } else {
            let tracer = self.attach(pid)?;
            (self.bed.call("stop", None)?, tracer)
        };
        let answer = calling.answer(ANSWER)?;
        if answer == Answer::Stopped {
            self.judge_gone("stopped");
        // Killed as soon as it was traced, it was gone before anybody asked it to stop.
        } else if self.fault.is_some_and(Fault::kills) && answer == Answer::NotRunning {
            self.judge_gone("not running");
        // A caller that is killed or refused something has no answer, or a true one.
        } else if !(own && matches!(answer, Answer::Failed(_) | Answer::Died(_))) {
            self.problem(format!("the answer to stop was {answer:?}"));
        }
        Ok((tracer.finish(), false))
    }

    fn judge_gone(&mut self, after: &str) {
        let (left, files) = (self.bed.left(), self.bed.pid_files());
        if !left.is_empty() {
            self.problem(format!("{after}, but there is {left:?}"));
        }
        if !files.is_empty() {
            self.problem(format!("{after}, but there is {files:?}"));
        }
    }

    /// Whatever happened: it can be stopped, it can be started, and nothing is left in the end.
    fn epilogue(&mut self) -> Outcome {
        let stop = self.bed.call("stop", None)?.answer(ANSWER)?;
        // A guardian gives up its file last: who asks after that finds nobody to wait for, while it is ending.
        if stop == Answer::NotRunning {
            self.bed.settle(LIMIT, "executor d", usize::MAX)?;
        }
        self.judge_gone(&format!("{stop:?} after the fault"));
        if !matches!(stop, Answer::Stopped | Answer::NotRunning) {
            self.problem(format!("the stop after the fault: {stop:?}"));
        }
        let entered = self.bed.journal().count("executor d");
        let start = self.bed.call("start", None)?.answer(ANSWER)?;
        if matches!(start, Answer::Launched(_)) {
            let state = self.bed.settle(LIMIT, "executor d", entered + 1)?;
            if state != State::Up {
                self.problem(format!("after the next start it is {state:?}"));
            }
        } else {
            self.problem(format!("the next start: {start:?}"));
        }
        let stop = self.bed.call("stop", None)?.answer(ANSWER)?;
        self.judge_gone(&format!("{stop:?} in the end"));
        if stop != Answer::Stopped {
            self.problem(format!("the last stop: {stop:?}"));
        }
        for met in self.bed.journal().met() {
            self.problem(met);
        }
        let litter = self.bed.litter();
        if !litter.is_empty() {
            self.problem(format!("left behind: {litter:?}"));
        }
        for change in self.bed.changed_outside() {
            self.problem(change);
        }
        Ok(())
    }
}
