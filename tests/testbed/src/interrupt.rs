//! Ctrl-C while something runs: it is cleaned up first, then we end.
//!
//! A handler only writes a byte to a socket. It is never read, so that every wait, in every thread,
//! sees it from then on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::failure::{Failure, Outcome};

static ASKED: OnceLock<UnixStream> = OnceLock::new();

/// From here on SIGINT and SIGTERM end waits instead of the process.
pub fn install() -> Outcome {
    let cannot = || Failure::step::<io::Error>("catch Ctrl-C");
    let (asked, bell) = UnixStream::pair().map_err(cannot())?;
    for signal in [SIGINT, SIGTERM] {
        pipe::register(signal, bell.try_clone().map_err(cannot())?).map_err(cannot())?;
    }
    // A second call would be a second `main`; the first one's socket stays.
    let _ = ASKED.set(asked);
    Ok(())
}

/// Readable once somebody asked us to stop; `None` where [`install`] was not called, as in tests.
pub fn descriptor() -> Option<BorrowedFd<'static>> {
    ASKED.get().map(AsFd::as_fd)
}

/// Did somebody ask us to stop?
pub fn asked() -> bool {
    descriptor().is_some_and(|asked| crate::readable(asked, Duration::ZERO))
}

/// What ends because somebody asked.
pub fn failure() -> Failure {
    Failure::new("interrupted")
}

/// Waits until this descriptor is readable; `false` when `limit` came first. Fails when somebody asks us to stop.
pub fn wait(descriptor: BorrowedFd<'_>, limit: Duration) -> Outcome<bool> {
    wait_for(&[descriptor], limit)
}

/// Lets time pass, unless somebody asks us to stop.
pub fn pause(time: Duration) -> Outcome {
    wait_for(&[], time).map(drop)
}

/// Waits for any of these. What is asked for is done, and what else there is does not matter then.
pub(crate) fn wait_for(descriptors: &[BorrowedFd<'_>], limit: Duration) -> Outcome<bool> {
    let until = Instant::now() + limit;
    let asked = descriptor();
    loop {
        let all = asked.iter().chain(descriptors);
        let mut waiting: Vec<_> = all.map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut waiting, Timespec::try_from(left).ok().as_ref()) {
            Ok(_) if asked.is_some() && !waiting[0].revents().is_empty() => return Err(failure()),
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => (),
            Err(cause) => return Err(Failure::step("wait")(cause)),
        }
    }
}
