//! A round with adversaries: when each does what it does, and what is looked at for their sake.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal as Number;
use testbed::{Outcome, Process};
use victim::{LIMIT, State, describe};

use super::{Play, SLACK};
use crate::adversary::{Adversary, LOG_SIZE, Talking};
use crate::idle;
use crate::round::{Act, Who};
use crate::who::{is, is_descendant};

/// The most that may stand in the daemon's log and status after a round, however much was told.
const WRITTEN: u64 = 256 << 10;

/// How long a tracer waits for somebody to trace, and how often it looks.
const ARRIVAL: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(3);

impl Play<'_> {
    /// What adversaries do before this act.
    pub(super) fn besiege(&mut self, act: usize) {
        for adversary in &self.round.adversaries {
            if let Adversary::Tracer { whom, at, .. } = adversary
                && *at == act
            {
                self.trace_and_kill(*whom);
            }
        }
    }

    /// After the last act it is too late to be early.
    pub(super) fn besiege_at_last(&mut self) {
        self.besiege(self.round.acts.len());
    }

    fn trace_and_kill(&mut self, whom: Who) {
        let until = Instant::now() + ARRIVAL;
        let alive = loop {
            let alive = self.bed.alive();
            if alive.iter().any(|process| is(whom, process)) || until < Instant::now() {
                break alive;
            }
            std::thread::park_timeout(LOOK);
        };
        let chosen: Vec<&Process> = alive.iter().filter(|process| is(whom, process)).collect();
        let seized = self.siege.seize(self.world, &chosen);
        self.tally.traced += seized as u64;
        if seized > 0 {
            self.guardian_killed |= whom == Who::Guardian;
            for process in chosen {
                let _ = process.try_signal(Number::KILL);
            }
        }
    }

    pub(super) fn has(&self, wanted: impl Fn(&Adversary) -> bool) -> bool {
        self.round.adversaries.iter().any(wanted)
    }

    fn talks(&self) -> bool {
        self.has(|adversary| matches!(adversary, Adversary::Talker { .. }))
    }

    fn has_bomb(&self) -> bool {
        self.has(|adversary| matches!(adversary, Adversary::Bomb))
    }

    /// With all adversaries still there.
    pub(super) fn look_under_siege(&mut self) {
        // Who may open nothing tries again as often as it is told to.
        let starved = self.round.acts.iter().any(|act| matches!(act, Act::Starve(_)));
        let busy = self.talks() || self.has_bomb() || (starved && !self.round.feed);
        if !self.round.adversaries.is_empty() {
            self.look_at_supervisors(!busy);
        }
    }

    /// Nobody talks any more.
    pub(super) fn quieten(&self) {
        if !self.round.adversaries.is_empty() {
            let _ = fs::write(self.bed.records().join("quiet"), "");
        }
    }

    /// A tracer that leaves before the end.
    pub(super) fn let_go(&mut self) {
        let stays =
            |adversary: &Adversary| matches!(adversary, Adversary::Tracer { stays: true, .. });
        if !self.has(stays) {
            self.siege.release();
        }
    }

    /// When the daemon is up, and nobody asks anything of it.
    pub(super) fn look_at_rest(&mut self) -> Outcome {
        self.look_at_supervisors(!self.has_bomb());
        if self.has(|it| matches!(it, Adversary::Locks { .. })) {
            self.look_at_rotation();
        }
        if !self.has(|adversary| matches!(adversary, Adversary::Leaver(_))) {
            return Ok(());
        }
        let entered = self.bed.journal().count("worker w1");
        for worker in self.bed.alive().iter().filter(|process| is(Who::Worker, process)) {
            let _ = worker.try_signal(Number::KILL);
        }
        let state = self.bed.settle(LIMIT, "worker w1", entered + 1)?;
        if state != State::Up {
            self.problem(format!("after all workers were killed it is {state:?}"));
        }
        self.look_for_leavings();
        Ok(())
    }

    /// Who supervises rests, and keeps no more than it needs.
    fn look_at_supervisors(&mut self, at_rest: bool) {
        let alive = self.bed.alive();
        let supervises = |process: &&Process| {
            is(Who::Guardian, process)
                || is(Who::Executor, process)
                || process.title().contains("victim run ")
        };
        let pids: Vec<u32> = alive.iter().filter(supervises).map(Process::pid).collect();
        let named = |text: String| {
            let pid = text.split(' ').next().and_then(|word| word.parse().ok());
            let process = alive.iter().find(|process| Some(process.pid()) == pid);
            format!("{text}: {}", process.map(Process::title).unwrap_or_default())
        };
        self.problems.extend(idle::swollen(&pids).into_iter().map(named));
        // Who is asked without end has no rest.
        let is_asked = self.has(|it| matches!(it, Adversary::Asker | Adversary::Operator));
        if !at_rest || is_asked || pids.is_empty() {
            return;
        }
        let before: Vec<u32> = alive.iter().map(Process::pid).collect();
        let the_same = || self.bed.alive().iter().map(Process::pid).collect::<Vec<_>>() == before;
        if let Some(restless) = idle::restless(&pids, the_same) {
            self.tally.rested += 1;
            self.problems.extend(restless.into_iter().map(named));
        }
    }

    /// Of what runs of workers leave in their groups, only that of the runs that go on is there.
    fn look_for_leavings(&mut self) {
        let until = Instant::now() + SLACK;
        loop {
            let alive = self.bed.alive();
            let (left, others): (Vec<_>, Vec<_>) =
                alive.iter().partition(|process| is_descendant(&process.title()));
            let of_earlier: Vec<String> = left
                .iter()
                .filter(|left| {
                    let parent = testbed::stat(left.pid()).map_or(0, |stat| stat.parent);
                    let parent = others.iter().find(|process| process.pid() == parent);
                    // It has been a worker's, and is whoever's takes it when that ends.
                    parent.is_none_or(|parent| !is(Who::Worker, parent))
                })
                .map(|left| describe(left))
                .collect();
            if of_earlier.is_empty() {
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.problem(format!("earlier runs of workers have left {of_earlier:?}"));
                return;
            }
            std::thread::park_timeout(LOOK.min(left));
        }
    }

    /// What is not promised when a guardian is killed must not be in the way of what is.
    pub(super) fn clear_leavings(&self, left: &[Process]) {
        if let Some(crowd) = self.world.crowd.as_ref().filter(|_| self.has_bomb()) {
            crowd.disperse(self.bed.marker());
        }
        for process in left {
            if is_descendant(&process.title()) {
                let _ = process.try_signal(Number::KILL);
            }
        }
    }

    /// Whoever locks the log's folder has not kept it from being rotated: whatever patience the writers
    /// have with him, it ends.
    fn look_at_rotation(&mut self) {
        let until = Instant::now() + LIMIT;
        while 8 * LOG_SIZE < self.size("d.log") {
            if until < Instant::now() {
                let log = self.size("d.log");
                self.problem(format!("d.log has {log} bytes, and should be rotated at {LOG_SIZE}"));
                return;
            }
            std::thread::park_timeout(LOOK);
        }
    }

    fn size(&self, name: &str) -> u64 {
        self.bed.work().join(name).symlink_metadata().map_or(0, |it| it.len())
    }

    /// The log and the status have not grown with what was told.
    pub(super) fn look_at_what_was_written(&mut self) {
        let by = |adversary: &Adversary| match adversary {
            Adversary::Talker { who, .. } => Some(*who),
            Adversary::Locks { .. }
            | Adversary::Asker
            | Adversary::Operator
            | Adversary::Deaf(_)
            | Adversary::Tracer { .. }
            | Adversary::Leaver(_)
            | Adversary::Bomb => None,
        };
        let Some(who) = self.round.adversaries.iter().find_map(by) else { return };
        let who = match who {
            Talking::Workers => "workers",
            Talking::Executor => "the executor",
            Talking::Both => "executor and workers",
        };
        for name in ["d.log", "status.json"] {
            let size = self.size(name);
            if WRITTEN < size {
                self.problem(format!("of what {who} told, {} KiB are in {name}", size >> 10));
            }
        }
    }
}
