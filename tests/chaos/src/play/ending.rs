//! How a round comes to its end, and what must be true of it then.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal as Number;
use testbed::{Failure, Outcome, Process};
use victim::{Answer, LIMIT, State, describe};

use super::shortages::limit_descriptors;
use super::{FOREIGN, Play, SLACK};
use crate::round::{Ending, Signal, Who};
use crate::who::is;

impl Play<'_> {
    /// From here on everything can do what it is for.
    pub(super) fn calm_down(&mut self) -> Outcome {
        self.end_storm();
        self.free_disk();
        for process in self.bed.alive() {
            if self.round.feed {
                limit_descriptors(&process, 1024);
            }
            // Who waits for a stopped guardian learns that it does not answer; below it, somebody
            // who is stopped must not be in the way. Unless that happened in its first millisecond: it has
            // not asked yet to be woken when its parent dies, and nobody can find it.
            if self.round.wake_all
                || is(Who::Caller, &process)
                || is(Who::Guardian, &process)
                || is(Who::Launcher, &process)
                || testbed::threads(process.pid()) < 2
            {
                let _ = process.try_signal(Number::CONT);
            }
        }
        self.look_under_siege();
        self.quieten();
        self.let_go();
        for (word, calling) in std::mem::take(&mut self.calls) {
            if word == "run" {
                // It is a guardian, and ends when it is told to.
                self.calls.push((word, calling));
                continue;
            }
            match calling.answer(LIMIT)? {
                Answer::None => self.problem(format!("no answer to {word}")),
                Answer::Died(how) if !self.callers_hit => {
                    self.problem(format!("{word} died: {how}"));
                }
                Answer::Launched(_) => self.tally.launched += 1,
                Answer::Died(_)
                | Answer::AlreadyRunning
                | Answer::Stopped
                | Answer::NotRunning
                | Answer::Failed(_)
                | Answer::Other(_) => (),
            }
        }
        Ok(())
    }

    /// What was never a pid file is as it was, and nothing was started in spite of it. Then its owner
    /// takes it away.
    pub(super) fn look_at_foreign_file(&mut self) -> Outcome {
        if !self.round.is_foreign() {
            return Ok(());
        }
        let path = self.bed.work().join("d.pid");
        let found = fs::read_to_string(&path).unwrap_or_default();
        if found != FOREIGN {
            self.problem(format!("a file that was no pid file is now {found:?}"));
        }
        if self.bed.journal().all() > 0 {
            self.problem("something was started, with no pid file at the pid file's place");
        }
        fs::remove_file(&path).map_err(Failure::at("remove", &path))
    }

    pub(super) fn end(&mut self) -> Outcome {
        let mut killed = Vec::new();
        let kill: &[Who] = match self.round.ending {
            Ending::Stop => &[],
            Ending::KillGuardian => &[Who::Guardian],
            Ending::KillBoth => &[Who::Guardian, Who::Executor],
        };
        for (_, calling) in &self.calls {
            // A guardian in the foreground.
            let _ = calling.signal(Number::TERM);
        }
        if kill.is_empty() || !self.calls.is_empty() {
            self.stop()?;
        } else {
            self.tally.orphaned += 1;
            killed = self.bed.alive();
            killed.retain(|process| kill.iter().any(|who| is(*who, process)));
            self.hit_these(&killed, Signal::Kill);
        }
        for (word, calling) in std::mem::take(&mut self.calls) {
            if calling.answer(LIMIT)? == Answer::None {
                self.problem(format!("{word} did not end"));
            }
        }
        self.expect_gone(&killed)
    }

    fn stop(&mut self) -> Outcome {
        let mut stop = self.bed.call("stop", None)?.answer(LIMIT)?;
        // One that its parent cannot reap may be said to be left; what is promised is an answer.
        if self.siege.has_tracer() && matches!(stop, Answer::Failed(_)) {
            self.siege.release();
            stop = self.bed.call("stop", None)?.answer(LIMIT)?;
        }
        if !matches!(stop, Answer::Stopped | Answer::NotRunning) {
            self.problem(format!("the stop: {stop:?}"));
        }
        Ok(())
    }

    /// Nobody is left when the grace is over.
    fn expect_gone(&mut self, killed: &[Process]) -> Outcome {
        self.siege.release();
        for process in self.forsaken.drain(..) {
            let _ = process.try_signal(Number::CONT);
        }
        let until = Instant::now() + Duration::from_millis(self.round.grace) + SLACK;
        // One that is dying is found no more, since its environment goes first; its locks go later.
        for process in killed.iter().chain(&self.dying) {
            process.wait(until.saturating_duration_since(Instant::now()));
        }
        loop {
            // A daemon whose starter was killed may have come up since.
            if self.callers_hit && self.bed.pid_files().iter().any(|name| name == "d.pid") {
                self.stop()?;
            }
            let left = self.bed.alive();
            if self.guardian_killed {
                self.clear_leavings(&left);
            }
            let Some(first) = left.first() else { return Ok(()) };
            let limit = until.saturating_duration_since(Instant::now());
            // With a starter killed, the first that is found may be what comes up.
            let look = if self.callers_hit { Duration::from_millis(20) } else { limit };
            if !first.wait(look.min(limit)) && limit.is_zero() {
                let left: Vec<String> = left.iter().map(describe).collect();
                self.problem(format!("in the end there is {left:?}"));
                return Ok(());
            }
        }
    }

    /// Whatever happened: it can be started and stopped.
    pub(super) fn once_more(&mut self) -> Outcome {
        self.guardian_killed = false;
        let entered = self.bed.journal().count("executor d");
        // Whose workers go when they are told to. Those of before may have been killed together with
        // who would have removed their pid files.
        let start =
            self.bed.call_with("start", &["--linger", "0", "--fail", "0"], None)?.answer(LIMIT)?;
        if matches!(start, Answer::Launched(_)) {
            let state = self.bed.settle(LIMIT, "executor d", entered + 1)?;
            if state != State::Up {
                self.problem(format!("after the next start it is {state:?}"));
            }
            self.look_at_rest()?;
        } else {
            self.problem(format!("the next start: {start:?}"));
        }
        let stop = self.bed.call("stop", None)?.answer(LIMIT)?;
        if stop != Answer::Stopped {
            self.problem(format!("the last stop: {stop:?}"));
        }
        let left = self.bed.left();
        if !left.is_empty() {
            self.problem(format!("after the last stop there is {left:?}"));
        }
        Ok(())
    }

    pub(super) fn look_around(&mut self) {
        self.look_at_what_was_written();
        let journal = self.bed.journal();
        self.tally.entered += journal.all() as u64;
        let met: Vec<String> = journal.met().into_iter().map(str::to_owned).collect();
        self.problems.extend(met);
        self.problems.extend(self.world.bystanders.take_hit());
        let mut litter = self.bed.litter();
        // An executor of little time, on a machine that gives it little, ends while its status is written, and says so.
        // What is no file has a reader of its own, or none.
        let log = self.bed.work().join("d.log");
        let log = if log.is_file() { fs::read_to_string(log) } else { Ok(String::new()) };
        let log = log.unwrap_or_default();
        if log.contains("the pool's files are not all written") {
            litter.retain(|name| name != ".status.json.new");
        }
        // Of somebody who came with a newer list nobody knows any more where all were killed at once.
        litter.retain(|name| name != "s-guest.pid");
        if !litter.is_empty() {
            self.problem(format!("left behind: {litter:?}"));
        }
        self.problems.extend(self.bed.changed_outside());
    }
}
