//! The end of a run, from the first sign of it until nothing is left.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Instant;
use std::{io, process};

use exit::{ErrorText, Exit};

use super::hear::{LAST_WORDS, WORDS};
use super::{Leaves, Report, RunOver, Slot};
use crate::burial::{self, Burial, Death};
use lifecycle::{Event, Machine};
use policy::RunEnd;

impl Slot {
    /// The end of the run, if it is over: its process has ended and was reaped, and what it left is gone,
    /// if the slot [sees to that](Slot::ends). Once it is reaped, [`child`](Slot::child) is `None`.
    ///
    /// To be asked when the child's pidfd is readable, and again as [`looks_at`](Slot::looks_at) says.
    /// `said` gets what the child has said before its end, for its `machine`.
    pub fn reap(
        &mut self,
        machine: &Machine,
        said: &mut Vec<Event>,
        now: Instant,
        tell: &mut dyn FnMut(Report),
    ) -> Option<RunOver> {
        let held = match &mut self.burial {
            Some(burial) if !burial.is_held() => {
                let (at, end) = (burial.at(), burial.go_on(machine, now)?);
                self.burial = None;
                return Some(RunOver { end, at });
            }
            burial => burial.take(),
        };
        let death = Death::of(self.child.as_ref()?);
        let later = |mut burial: Box<Burial>| {
            burial.later(now);
            Some(burial)
        };
        // "Ready" may have come together with the end.
        let most = if death == Death::None { WORDS } else { LAST_WORDS };
        said.extend(self.take_words(most, &mut false, tell));
        let mut burial = match (death, held) {
            // The system does not say that the child is dead. Look again if `lose` has killed it, or if
            // `note_death` knows better.
            (Death::None, held) => {
                self.burial = held.and_then(later);
                return None;
            }
            (_, Some(held)) => held,
            (_, None) => Box::new(Burial::held(now)),
        };
        let gives_up = death == Death::Held && burial.is_patience_over(machine, now);
        if death == Death::Held && !gives_up {
            self.burial = later(burial);
            return None;
        }
        let child = self.child.as_mut()?;
        // Before the child is reaped, since until then the number of its group is nobody else's.
        let ends = self.leaves != Leaves::Unseen && death != Death::Reaped;
        let group = if ends { burial::end_group(child) } else { None };
        let exit = match child.try_wait() {
            Ok(Some(exit)) => exit,
            Ok(None) if gives_up => {
                log::warn!("process {} is dead, but its tracer does not let go of it", child.id());
                Exit::Unknown
            }
            Ok(None) => {
                self.burial = later(burial);
                return None;
            }
            Err(error) => {
                log::error!("cannot tell how process {} ended: {error}", child.id());
                Exit::Unknown
            }
        };
        self.value = child.value().cloned().map(Box::new);
        self.child = None;
        let at = burial.at();
        // Where we are quitting ourselves, the guardian sees to what has left the group, with more patience.
        let mark = if quit::quit_requested() { None } else { self.mark() };
        let has_guardian = matches!(self.leaves, Leaves::Marked(_));
        burial.reaped(self.end_of(exit), group, mark, has_guardian);
        match burial.go_on(machine, now) {
            Some(end) => Some(RunOver { end, at }),
            None => {
                self.burial = Some(burial);
                None
            }
        }
    }

    /// Takes note that the child's pidfd was readable, so that the child is dead, also if the system
    /// refuses to say so when it is [reaped](Slot::reap). Nobody needs to wait for its pidfd any more: it
    /// is looked at again as [`looks_at`](Slot::looks_at) says.
    pub fn note_death(&mut self, now: Instant) {
        if self.child.is_some() {
            self.burial.get_or_insert_with(|| Box::new(Burial::held(now)));
        }
    }

    /// Names the end of a run by what is known beside its exit.
    fn end_of(&mut self, exit: Exit) -> RunEnd {
        match (self.lost.take(), self.quits_by.take()) {
            (Some(error), _) => RunEnd::NotStarted(*error),
            (None, Some(signal)) if !self.asked => RunEnd::QuitBySignal { signal, exit },
            _ => RunEnd::Exited(exit),
        }
    }

    pub(super) fn mark(&self) -> Option<String> {
        let Leaves::Marked(slot) = self.leaves else { return None };
        // Two executors in nested namespaces may have the same number.
        static ANY: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(process::id()));
        Some(format!("{}.{:x}.{slot}.{}", process::id(), *ANY, self.run))
    }

    /// The run cannot be kept, since the system has refused something that it needs: the child is
    /// killed, and its run ends as one that could not be started.
    pub fn lose(&mut self, error: &io::Error, now: Instant) {
        let Some(child) = &self.child else { return };
        if let Err(error) = child.kill() {
            log::error!("cannot kill process {}: {error}", child.id());
        }
        self.lost = Some(Box::new(ErrorText::new(error)));
        self.note_death(now);
    }
}
