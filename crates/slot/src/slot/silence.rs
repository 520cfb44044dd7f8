//! Whether a child gets on, as its timer tells; and what may keep it from that, as the system shows.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exit::ErrorText;
use heartbeat::Timer;
use lifecycle::{Event, Found, Machine, Silent, Then};

use super::hear::Talk;
use super::{Report, Slot};
use crate::sys;

/// The timer of one run.
#[derive(Debug)]
pub(super) struct Watch {
    timer: Timer,
    /// The child cannot wind it up any more, by its own account.
    is_lost: bool,
    /// The turns that it has had of late: a child has the timer, too, and may set it as it likes.
    talk: Option<Talk>,
    /// How long the child had waited for the processor in all, when it was looked at last.
    waited: Option<(Instant, Duration)>,
    /// Between the last two looks it wanted to run most of the time, and did not.
    is_starved: bool,
}

impl Slot {
    /// What to wait on for [`hear_silence`](Slot::hear_silence), if its `machine` waits for beats. `None` while the child
    /// [rests](Slot::listens_at), too.
    pub fn silence(&self, machine: &Machine) -> Option<BorrowedFd<'_>> {
        let watch = self.watch.as_ref().filter(|watch| !watch.is_lost)?;
        let waits = machine.beats_within().is_some() && self.burial.is_none();
        let rests = watch.talk.and_then(Talk::rests_until).is_some();
        (waits && !rests).then(|| watch.timer.as_fd())
    }

    /// The timer by which silence is told, whether it is waited on or not: to be forgotten by who has waited for it, before
    /// the next run begins.
    pub fn timer(&self) -> Option<BorrowedFd<'_>> {
        self.watch.as_ref().map(|watch| watch.timer.as_fd())
    }

    /// What its machine is to be told, if nothing was heard of the child for too long. Does not wait.
    pub fn hear_silence(&mut self, now: Instant) -> Option<Event> {
        let pid = self.pid()?;
        let watch = self.watch.as_mut()?;
        watch.talk = Some(Talk::next(watch.talk, now));
        let looks = watch.timer.silences();
        if looks == 0 {
            return None;
        }
        let waited = sys::waited_for_processor(pid).map(|waited| (now, waited));
        watch.is_starved =
            watch.waited.zip(waited).is_some_and(|((then, before), (now, after))| {
                let passed = now.saturating_duration_since(then);
                !passed.is_zero() && passed / 2 <= after.saturating_sub(before)
            });
        watch.waited = waited;
        Some(Event::Silent { looks })
    }

    /// Until when it rests from being asked for silence.
    pub(super) fn silence_rests_until(&self) -> Option<Instant> {
        self.watch.as_ref().and_then(|watch| watch.talk).and_then(Talk::rests_until)
    }

    /// Its rest is over.
    pub(super) fn end_rest_of_silence(&mut self, now: Instant) {
        if let Some(watch) = &mut self.watch
            && watch.talk.and_then(Talk::rests_until).is_some_and(|until| until <= now)
        {
            watch.talk = None;
        }
    }

    /// Makes the timer of the next run, if its machine is going to wait for beats.
    pub(super) fn make_timer(&mut self, machine: &Machine) -> Result<(), ErrorText> {
        self.watch = None;
        if machine.policy().watchdog.is_none() {
            return Ok(());
        }
        let failed = |error: io::Error| ErrorText::new(&error);
        let timer = Timer::new().map_err(failed)?;
        self.spawn.set_given(Some(Arc::new(timer.share().map_err(failed)?)));
        self.watch = Some(Box::new(Watch {
            timer,
            is_lost: false,
            talk: None,
            waited: None,
            is_starved: false,
        }));
        Ok(())
    }

    /// The child says that it cannot wind up its timer.
    pub(super) fn lose_timer(&mut self) {
        let Some(pid) = self.pid() else { return };
        if let Some(watch) = self.watch.as_mut().filter(|watch| !watch.is_lost) {
            watch.is_lost = true;
            log::warn!(
                "process {pid} has closed the descriptor of its watchdog: it is not watched any more"
            );
        }
    }

    /// Why the child is silent.
    pub(super) fn look(&self, machine: &Machine) -> Found {
        let (Some(pid), Some(watch), Some(limit)) =
            (self.pid(), &self.watch, machine.beats_within())
        else {
            return Found::Beats;
        };
        let state = sys::state(pid);
        if watch.timer.is_wound_up(limit) {
            Found::Beats
        } else if matches!(state, Some('T' | 't')) {
            Found::Stopped
        } else if sys::is_frozen(pid) {
            Found::Frozen
        } else if state == Some('D') {
            Found::Uninterruptible
        } else if watch.is_starved {
            Found::Starved
        } else {
            Found::Hangs
        }
    }

    pub(super) fn do_about_silence(&mut self, silent: Silent, tell: &mut dyn FnMut(Report)) {
        if silent.tell {
            tell(Report::Silent(silent));
        }
        let done = match (silent.then, &self.child) {
            (Then::Abort, Some(child)) => child.signal(signal_hook::consts::SIGABRT),
            (Then::Kill, Some(child)) => child.kill(),
            (Then::Anew | Then::Wait | Then::Abort | Then::Kill, _) => Ok(()),
        };
        if let Err(error) = done {
            log::error!("cannot end process {}: {error}", self.pid().unwrap_or_default());
        }
    }
}
