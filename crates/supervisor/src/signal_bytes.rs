//! Signals as bytes to read, for as long as somebody does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::net::RecvFlags;
use signal_hook::SigId;
use signal_hook::low_level::{pipe, unregister};

/// A byte for each signal that has come.
///
/// Dropping it removes the handlers: one that stayed would write to a socket that nobody has, and the
/// program, which may have gone on to something else, would get a SIGPIPE.
#[derive(Debug)]
pub(crate) struct SignalBytes {
    bytes: UnixStream,
    handlers: Vec<SigId>,
}

impl SignalBytes {
    pub(crate) fn of(signals: &[i32]) -> io::Result<SignalBytes> {
        let (bytes, wake) = UnixStream::pair()?;
        let mut all = SignalBytes { bytes, handlers: Vec::new() };
        for signal in signals {
            all.handlers.push(pipe::register(*signal, wake.try_clone()?)?);
        }
        Ok(all)
    }

    /// How many signals have come since the last look, up to 4096; what is beyond is there the next time.
    pub(crate) fn take(&self) -> usize {
        let mut buffer = [0u8; 4096];
        rustix::net::recv(&self.bytes, &mut buffer, RecvFlags::DONTWAIT).map_or(0, |(read, _)| read)
    }
}

/// Readable when there is something to take.
impl AsFd for SignalBytes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bytes.as_fd()
    }
}

impl Drop for SignalBytes {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            unregister(handler);
        }
    }
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::SIGURG;
    use signal_hook::low_level::raise;

    use super::*;

    /// A program that has had a daemon goes on to something else.
    ///
    /// Case: FLT-G2
    #[test]
    fn nothing_is_written_for_who_has_gone() {
        let signals = SignalBytes::of(&[SIGURG]).unwrap();
        raise(SIGURG).unwrap();
        assert_eq!(signals.take(), 1);
        let left = signals.bytes.try_clone().unwrap();
        drop(signals);
        raise(SIGURG).unwrap();
        let mut buffer = [0; 1];
        let heard = rustix::net::recv(&left, &mut buffer, RecvFlags::DONTWAIT);
        // The other end went with its handler.
        assert!(matches!(heard, Ok((0, _))), "{heard:?}");
    }
}
