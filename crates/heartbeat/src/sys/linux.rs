//! timerfd(2), and the clock of the last tick.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_gettime, timerfd_settime,
};

/// Close-on-exec, and reading it does not wait.
pub(crate) fn create() -> io::Result<OwnedFd> {
    Ok(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?)
}

/// It runs out then, and each `interval` after that; a `first` of zero stops it. Whatever had run out before counts no more.
pub(crate) fn set(timer: BorrowedFd<'_>, first: Duration, interval: Duration) -> io::Result<()> {
    let value = Itimerspec { it_interval: timespec(interval), it_value: timespec(first) };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &value)?;
    Ok(())
}

/// How often it has run out since it was asked last, or set.
pub(crate) fn take(timer: BorrowedFd<'_>) -> u64 {
    let mut count = [0; 8];
    match rustix::io::retry_on_intr(|| rustix::io::read(timer, &mut count)) {
        Ok(8) => u64::from_ne_bytes(count),
        Ok(_) | Err(_) => 0,
    }
}

/// When it runs out next; zero: it does not run.
pub(crate) fn left(timer: BorrowedFd<'_>) -> Option<Duration> {
    let left = timerfd_gettime(timer).ok()?.it_value;
    Some(Duration::new(u64::try_from(left.tv_sec).ok()?, u32::try_from(left.tv_nsec).ok()?))
}

/// Nanoseconds since some instant, as of the last tick: some ms ago at most.
pub(crate) fn ticks() -> u64 {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    // Both are positive, and enough for 500 years.
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: duration.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
