//! From signals to quit: which ones, and what a second one does.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{SigSet, SigmaskHow};
use signal_hook::consts::{FORBIDDEN, SIGINT, SIGTERM};
use signal_hook::low_level::{pipe, unregister};
use signal_hook::{SigId, flag};

use crate::Error;
use crate::scope::PROCESS;

/// What a second signal does, when the first one has requested quit already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecondSignal {
    /// It ends the process at once, with exit code 128 + its number and without any clean-up: what
    /// a person who presses Ctrl-C again expects of a program that hangs.
    #[default]
    EndsProcess,
    /// Nothing. For a process that must finish its stop whatever happens, and may be told twice.
    Ignored,
}

/// Which signals request quit. Default: `SIGTERM` and `SIGINT`, a second one ends the process.
///
/// ```no_run
/// use quit::{SecondSignal, Signals};
///
/// const SIGHUP: i32 = 1;
/// quit::install_with(Signals::default().and(SIGHUP).second_signal(SecondSignal::Ignored))?;
/// # Ok::<(), quit::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "signals do nothing until they are given to `quit::install_with`"]
pub struct Signals {
    numbers: Vec<i32>,
    second: SecondSignal,
}

impl Default for Signals {
    fn default() -> Signals {
        Signals::only([SIGTERM, SIGINT])
    }
}

impl Signals {
    /// These signals and no others. None at all is legal, for a process that is asked by other means.
    pub fn only(numbers: impl IntoIterator<Item = i32>) -> Signals {
        Signals { numbers: numbers.into_iter().collect(), second: SecondSignal::default() }
    }

    /// This signal, too.
    pub fn and(mut self, number: i32) -> Signals {
        self.numbers.push(number);
        self
    }

    /// What a second signal does. Default: [`SecondSignal::EndsProcess`].
    pub const fn second_signal(mut self, second: SecondSignal) -> Signals {
        self.second = second;
        self
    }

    /// Finds all numbers that are wrong, before anything is done: a disposition that a handler has
    /// replaced cannot be put back.
    fn check(&self) -> Result<(), Error> {
        let wrong = |number: &i32| {
            // 32 and 33 belong to the C library's threads.
            !matches!(number, 1..=31 | 34..=64) || FORBIDDEN.contains(number)
        };
        let signals: Vec<i32> = self.numbers.iter().copied().filter(wrong).collect();
        if signals.is_empty() { Ok(()) } else { Err(Error::Signals { signals }) }
    }
}

/// Makes `SIGTERM` and `SIGINT` request quit from here on.
///
/// A second one of them ends the process at once, with exit code 128 + its number (143 for
/// `SIGTERM`, 130 for `SIGINT`). Only signals count: a quit requested otherwise, followed by one
/// `SIGTERM`, goes on as it was.
///
/// Call it as often and from as many threads as you like. Signals that are installed already keep
/// the rule that they have.
///
/// Call it first thing in `main`. Before, these signals end the process; after, they request quit; a
/// signal in the microseconds in between waits until the handlers are in place, because this thread
/// blocks it meanwhile. If there are other threads already, one of them may get the signal, and then it
/// can be lost.
///
/// The signal mask is afterwards what it was: a signal that is blocked in every thread is seen when
/// it is unblocked. Blocking calls of the program are not interrupted (`SA_RESTART`). Handlers
/// installed before stay in force and run first; a disposition of "ignore" is replaced.
///
/// # Errors
///
/// [`Error::Pipe`] if the process has too many open files (it needs four descriptors: the two ends
/// of a pipe, and one per signal); [`Error::Handler`] if the system refuses. What was done until
/// then stays; call again to do the rest.
pub fn install() -> Result<(), Error> {
    set_up(&Signals::default(), Installed::Keep)
}

/// Makes these signals request quit from here on. See [`install`].
///
/// Signals that are installed already get the given rule about a second signal.
///
/// # Errors
///
/// As [`install`]; and [`Error::Signals`], before anything is done, with all the numbers that cannot
/// be used.
pub fn install_with(signals: Signals) -> Result<(), Error> {
    signals.check()?;
    set_up(&signals, Installed::Change)
}

/// Whether a rule that is in force already is to be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Installed {
    Keep,
    Change,
}

/// Whether a first signal has come. Set by signals alone, so that no other request counts as a first
/// signal.
static ARMED: AtomicBool = AtomicBool::new(false);

/// The installed signals, with the actions that end the process if a second one is to do that.
static INSTALLED: Mutex<BTreeMap<i32, Option<[SigId; 2]>>> = Mutex::new(BTreeMap::new());

fn set_up(signals: &Signals, rule: Installed) -> Result<(), Error> {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    // signal-hook has the system call its handler before the handler knows what to do: a signal in
    // between would be swallowed.
    let _later = Blocked::all()?;
    for &signal in &signals.numbers {
        let fresh = !installed.contains_key(&signal);
        if fresh {
            let done = request_quit_on(signal);
            // Another thread may have got the signal when not all actions were in place. Then the signal
            // has left its number, but has perhaps set no flag or rung no bell.
            if PROCESS.signal.load(Ordering::SeqCst) != 0 {
                PROCESS.wake();
            }
            done?;
            installed.insert(signal, None);
        }
        if fresh || rule == Installed::Change {
            let ends = installed.entry(signal).or_default();
            match (signals.second, ends.take()) {
                (SecondSignal::EndsProcess, None) => *ends = Some(end_on_second(signal)?),
                (SecondSignal::EndsProcess, kept) => *ends = kept,
                (SecondSignal::Ignored, actions) => {
                    for action in actions.into_iter().flatten() {
                        unregister(action);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Blocks all signals for this thread until it is dropped: they wait.
struct Blocked {
    before: SigSet,
}

impl Blocked {
    fn all() -> Result<Blocked, Error> {
        SigSet::all()
            .thread_swap_mask(SigmaskHow::SIG_BLOCK)
            .map(|before| Blocked { before })
            .map_err(|refused| Error::Mask { source: refused.into() })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // Cannot fail: the only error is an unknown "how" (pthread_sigmask(3)).
        let _ = self.before.thread_set_mask();
    }
}

/// Actions run in the order of their registration: the reason, then the flag, then the bell, so that
/// whoever sees the effect of one also finds the effects of those before it.
fn request_quit_on(signal: i32) -> Result<(), Error> {
    let ringer = PROCESS.bell()?.ringer().map_err(|source| Error::Pipe { source })?;
    let refused = |source| Error::Handler { signal, source };
    let number = usize::try_from(signal).map_err(io::Error::other).map_err(refused)?;
    flag::register_usize(signal, &PROCESS.signal, number).map_err(refused)?;
    flag::register(signal, &PROCESS.flag).map_err(refused)?;
    pipe::register(signal, ringer).map_err(refused)?;
    Ok(())
}

/// The action that ends the process is registered before the one that arms it: the other way round the
/// first signal would arm, and then end us.
fn end_on_second(signal: i32) -> Result<[SigId; 2], Error> {
    let refused = |source| Error::Handler { signal, source };
    let end = flag::register_conditional_shutdown(signal, 128 + signal, &ARMED).map_err(refused)?;
    let arm = flag::register(signal, &ARMED).map_err(refused)?;
    Ok([end, arm])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wrong_numbers_are_named_before_anything_is_done() {
        let signals = Signals::only([15, 9, 0, -1, 19, 11, 33, 65, i32::MAX, 1, 34, 64]);
        let Err(Error::Signals { signals }) = install_with(signals) else {
            panic!("it was accepted")
        };
        assert_eq!(signals, [9, 0, -1, 19, 11, 33, 65, i32::MAX]);
        assert!(INSTALLED.lock().unwrap().is_empty());
    }
}
