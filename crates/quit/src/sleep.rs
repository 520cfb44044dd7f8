//! A sleep that ends when quit is requested, and exactly on time otherwise.
//!
//! std's own sleep is of no use here: it goes on after a signal, by design, and no descriptor wakes
//! it. So this one waits in `poll` on the bell of its scope.

use std::time::{Duration, Instant};

use rustix::thread::nanosleep;

use crate::bell::{Waited, timespec};
use crate::reason::earliest;
use crate::scope::Scope;

/// How a sleep ended.
///
/// It may be ignored: a loop that asks [`quit_requested`](crate::quit_requested) in its head needs
/// no second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slept {
    /// The whole time passed and nobody asked to quit.
    Elapsed,
    /// Quit is requested: before the sleep, during it, or at the very moment of its end.
    Quit,
}

impl Slept {
    /// Whether quit is requested, so that the time may not be over.
    pub const fn was_cut_short(self) -> bool {
        matches!(self, Slept::Quit)
    }
}

/// The usual step of [`sleep_in_steps`](crate::sleep_in_steps), one second: long enough to cost
/// nothing, short enough for a person who waits.
pub const DEFAULT_STEP: Duration = Duration::from_secs(1);

/// A step of zero would spin.
const SHORTEST_STEP: Duration = Duration::from_millis(1);

pub(crate) fn sleep(scope: &Scope, duration: Duration) -> Slept {
    wait_until(scope, after(duration))
}

pub(crate) fn sleep_in_steps(
    scope: &Scope,
    total: Duration,
    step: Duration,
    mut asked: impl FnMut() -> bool,
) -> Slept {
    let deadline = after(total);
    let step = step.max(SHORTEST_STEP);
    loop {
        if asked() {
            return Slept::Quit;
        }
        // Looked at before the wait, so that the last look at `asked` comes after the last step.
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return wait_until(scope, deadline);
        }
        if wait_until(scope, earliest(deadline, after(step))).was_cut_short() {
            return Slept::Quit;
        }
    }
}

/// Waits for quit, at most until `deadline` (`None`: for ever).
pub(crate) fn wait_until(scope: &Scope, deadline: Option<Instant>) -> Slept {
    // Whether the bell rang although nobody requested quit. Then somebody else has made the pipe
    // readable, as a forked copy of this process whose own quit came, or has closed our descriptor. To
    // believe the bell would report a quit that is none, to listen again would spin: so the flag is
    // looked at in steps.
    let mut false_alarm = false;
    // Where this process is looked after, it owes no beat while it waits.
    let most = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let _rest = heartbeat::rest_up_to(most);
    loop {
        // The flag is set before the bell is rung: a quit that comes after this look is heard below.
        if scope.requested() {
            return Slept::Quit;
        }
        // The rest is computed anew each time: a handler of the user's may have interrupted us.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Slept::Elapsed;
        }
        match scope.bell() {
            Ok(bell) if !false_alarm => false_alarm = bell.listen(left) != Waited::Nothing,
            _ => sleep_a_step(left),
        }
    }
}

/// The way out when there is no bell: look once in a while. A sleep that returned at once would
/// turn the user's rounds into a busy loop, on a system that is short of something already.
fn sleep_a_step(left: Option<Duration>) {
    let step = left.unwrap_or(DEFAULT_STEP).min(DEFAULT_STEP);
    // Interrupted or not, the caller looks at the flag and the clock.
    let _ = nanosleep(&timespec(step));
}

/// `None`: later than the clock can say, which is never.
fn after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}
