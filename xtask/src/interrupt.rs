//! Ctrl-C while scenarios run: they are cleaned up first, then we end.
//!
//! A handler only writes a byte to a socket. It is never read, so that every wait, in every thread,
//! sees it from then on.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use crate::failure::{Failure, Outcome};

static ASKED: OnceLock<UnixStream> = OnceLock::new();

/// From here on SIGINT and SIGTERM end waits instead of the process.
pub(crate) fn install() -> Outcome {
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
pub(crate) fn descriptor() -> Option<BorrowedFd<'static>> {
    ASKED.get().map(AsFd::as_fd)
}

/// Did somebody ask us to stop?
pub(crate) fn asked() -> bool {
    descriptor().is_some_and(|asked| {
        let mut waiting = [PollFd::new(&asked, PollFlags::IN)];
        poll(&mut waiting, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    })
}
