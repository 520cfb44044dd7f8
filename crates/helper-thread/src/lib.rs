//! A thread of a library in somebody else's process.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let sum = helper_thread::spawn("sum", 64 << 10, || (1..=10).sum::<u32>())?;
//! assert_eq!(sum.join().unwrap(), 55);
//! # Ok(())
//! # }
//! ```
//!
//! A signal for a process is taken by any thread that does not block it (signal(7)). Whoever waits for
//! signals, with sigwait(3) or signalfd(2), or for a call to be interrupted by one, must be able to rely on
//! it that no thread which he does not know of takes them. So a library's threads block them all.
//!
//! # What it cannot do
//!
//! Keep the threads that others start from taking signals. Nor does it pool threads, know who waits for
//! one, or end one: each is a thread like any other.

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// By these signals the kernel tells a thread of its own fault. If they were blocked, the fault would end
/// the process without a call of their handler, such as Rust's for a stack that overflows
/// (pthread_sigmask(3)).
const OWN_FAULTS: [Signal; 6] = [
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGSEGV,
    Signal::SIGSYS,
    Signal::SIGTRAP,
];

/// Starts a thread of this name with this much stack, in bytes, which takes no signal from its first
/// moment on: neither those of the process nor its own, except what its own faults raise.
///
/// Whatever the thread starts inherits its mask: a thread, and also a process that
/// [`Command`](std::process::Command) starts, takes no signal until it sets a mask of its own. Dropping
/// the handle lets the thread go on.
///
/// # Errors
///
/// The system refuses a thread.
///
/// # Panics
///
/// If the name contains a zero byte, as a thread's must not.
pub fn spawn<T: Send + 'static>(
    name: &str,
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    // A new thread begins with the mask of the thread that makes it (pthread_create(3)). If the new
    // thread blocked the signals itself, it could have taken one before.
    let before = signals_of_others().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let _restored = Restored(before);
    Builder::new().name(name.to_owned()).stack_size(stack).spawn(work)
}

fn signals_of_others() -> SigSet {
    let mut signals = SigSet::all();
    for fault in OWN_FAULTS {
        signals.remove(fault);
    }
    signals
}

/// The caller's mask, as it was.
struct Restored(SigSet);

impl Drop for Restored {
    fn drop(&mut self) {
        // Cannot fail: the only error is an unknown "how" (pthread_sigmask(3)).
        let _ = self.0.thread_set_mask();
    }
}

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
