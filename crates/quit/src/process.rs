//! The questions and waits that concern the whole process.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use crate::scope::PROCESS;
use crate::sleep::{self, Slept};
use crate::{Error, QuitToken, Reason, Request};

/// Has this process been asked to quit?
///
/// One atomic load of a fixed address: no lock, no system call; call it as often as you like, also
/// in a signal handler. Once true, it stays true. Before [`install`](crate::install) it is false,
/// unless [`request`] was called.
#[inline]
pub fn quit_requested() -> bool {
    PROCESS.flag.load(Ordering::Acquire)
}

/// Requests quit of this process, and wakes all that wait for it.
///
/// Takes a [`Request`], or a [`Reason`] alone. The first reason stays; a later request may only bring the
/// deadline forward. A request is no signal: the first signal after it is not taken for a second one.
/// Works without [`install`](crate::install). Not for signal handlers: it takes a lock.
pub fn request(request: impl Into<Request>) {
    PROCESS.request(request.into());
}

/// [`request`] for [`Reason::Requested`], without a deadline.
pub fn request_quit() {
    request(Reason::Requested);
}

/// Why this process is asked to quit; `None` until it is.
///
/// If several different signals arrive before anybody asks, it is the last of them.
pub fn reason() -> Option<Reason> {
    QuitToken::process().reason()
}

/// By when this process must be over; `None` until it is asked to quit, and if no request named a
/// deadline. Signals name none.
pub fn deadline() -> Option<Instant> {
    QuitToken::process().deadline()
}

/// The time left until the [`deadline`]; zero when it has passed, `None` when there is none.
pub fn remaining() -> Option<Duration> {
    QuitToken::process().remaining()
}

/// Sleeps for `duration`, or until quit is requested.
///
/// Every sleeping thread is woken at once; when quit is requested already, it returns at once. It
/// never ends early for another reason (signals of the program's own included), and only by the
/// system's timer slack later. Zero is legal and does not wait; [`Duration::MAX`] waits for quit
/// alone. While it waits, the thread makes no system call and is never woken for nothing.
///
/// Time is `CLOCK_MONOTONIC`: setting the wall clock changes nothing, and time in which the machine
/// was suspended does not count ([clock_gettime(2)], [ppoll(2)]).
///
/// It never fails. If no pipe can be had (too many open files), or if somebody else has made the pipe
/// readable (see the crate's "What it cannot do"), it looks at the flag every
/// [`DEFAULT_STEP`](crate::DEFAULT_STEP) instead, and still sleeps as long as it should.
///
/// [clock_gettime(2)]: https://man7.org/linux/man-pages/man2/clock_gettime.2.html
/// [ppoll(2)]: https://man7.org/linux/man-pages/man2/poll.2.html
pub fn sleep(duration: Duration) -> Slept {
    sleep::sleep(&PROCESS, duration)
}

/// [`sleep`] that also wakes after every `step` to look at the flag.
///
/// For the rare program in which something sets the flag without waking anybody; it costs a wake-up
/// per step, and [`sleep`] is right everywhere else. [`DEFAULT_STEP`](crate::DEFAULT_STEP) is a good
/// step; one under a millisecond counts as a millisecond. The total stays exact.
pub fn sleep_in_steps(total: Duration, step: Duration) -> Slept {
    sleep::sleep_in_steps(&PROCESS, total, step, || false)
}

/// [`sleep_in_steps`] that asks `asked` too: before the first step, and after each.
///
/// For a sign to stop that wakes nobody: a file that appears, a flag in a library, a word in shared
/// memory. When it says yes, the answer is [`Slept::Quit`], but quit itself is not requested.
///
/// ```
/// use std::path::Path;
/// use std::time::Duration;
///
/// # let here = std::env::current_exe()?;
/// # let stop_file: &Path = &here;
/// let slept = quit::sleep_in_steps_until(Duration::from_secs(60), quit::DEFAULT_STEP, || {
///     stop_file.exists()
/// });
/// assert!(slept.was_cut_short());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep_in_steps_until(total: Duration, step: Duration, asked: impl FnMut() -> bool) -> Slept {
    sleep::sleep_in_steps(&PROCESS, total, step, asked)
}

/// A descriptor that becomes readable when quit is requested, and stays readable for ever.
///
/// Give it to `poll`, `select`, `epoll` or a reactor beside whatever else you wait for. It is
/// close-on-exec, non-blocking, and the same for the life of the process. **Never read from it**: once
/// the byte in it is gone, it wakes nobody any more. [`quit_requested`] is true before it is readable.
///
/// It is the reading end of a pipe, so that tokio takes a copy of it:
///
/// ```ignore
/// let copy = quit::descriptor()?.try_clone_to_owned()?;
/// tokio::net::unix::pipe::Receiver::from_owned_fd(copy)?.readable().await?;
/// ```
///
/// # Errors
///
/// [`Error::Pipe`] if it is the first use and the process has too many open files; a later call
/// tries again. After a successful [`install`](crate::install) it cannot fail.
pub fn descriptor() -> Result<BorrowedFd<'static>, Error> {
    Ok(PROCESS.bell()?.as_fd())
}

/// A channel that becomes ready when quit is requested: disconnected, in every clone, for ever.
///
/// Nothing is ever sent on it. Select it beside the channels that carry work:
///
/// ```
/// use crossbeam_channel::{select, unbounded};
///
/// let (_sender, work) = unbounded::<u32>();
/// let quit = quit::receiver()?;
/// # quit::request_quit();
/// loop {
///     select! {
///         recv(work) -> job => drop(job),
///         recv(quit) -> _ => break,
///     }
/// }
/// # Ok::<(), quit::Error>(())
/// ```
///
/// The first call starts a thread, `quit-watcher`, since a signal handler can wake no channel. It is
/// blocked in `poll` on the [`descriptor`] until quit is requested, and then ends. It has the signal
/// mask of the thread that makes this call.
///
/// # Errors
///
/// [`Error::Pipe`] as for [`descriptor`]; [`Error::Thread`] if the thread cannot be started. A later
/// call tries again.
pub fn receiver() -> Result<Receiver<()>, Error> {
    QuitToken::process().receiver()
}
