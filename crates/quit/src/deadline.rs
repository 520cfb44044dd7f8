//! A watch that tells when the deadline comes forward, for a loop that has promised time to others.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use crate::Error;
use crate::bell::Bell;
use crate::scope::PROCESS;

/// Tells when the [deadline](crate::deadline) of this process is set or comes forward: for a loop that
/// has promised others a part of that time, and must tell them that it is less now. Whoever only wants to
/// know how much is left asks [`remaining`](crate::remaining).
///
/// Dropping it ends the watch, and closes its two descriptors.
#[derive(Debug)]
pub struct DeadlineWatch(Arc<Bell>);

/// Watches the deadline of this process from here on.
///
/// # Errors
///
/// [`Error::Pipe`] if the process has too many open files.
pub fn watch_deadline() -> Result<DeadlineWatch, Error> {
    let bell = Arc::new(Bell::new().map_err(|source| Error::Pipe { source })?);
    PROCESS.watch_deadline(&bell);
    Ok(DeadlineWatch(bell))
}

impl DeadlineWatch {
    /// Readable when the deadline has come forward, until that is [heard](DeadlineWatch::hear).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes note that the deadline has come forward, so that the descriptor is no longer readable. Call
    /// it before you look at the deadline: what comes forward in between makes the descriptor readable
    /// again, and would be missed the other way round.
    pub fn hear(&self) {
        self.0.silence();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bell::Waited;
    use crate::{Reason, Request};

    /// Case: FLT-G5
    #[test]
    fn a_deadline_that_comes_forward_is_heard_once_and_one_that_does_not_is_not() {
        let watch = watch_deadline().unwrap();
        let heard = || {
            let heard = watch.0.listen(Some(Duration::ZERO));
            watch.hear();
            heard
        };
        let within = |seconds| {
            crate::request(Request::new(Reason::Stop).within(Duration::from_secs(seconds)));
        };
        assert_eq!(heard(), Waited::Nothing);
        crate::request(Reason::Stop);
        assert_eq!(heard(), Waited::Nothing, "there is none yet");
        within(60);
        within(50);
        assert_eq!(heard(), Waited::Ring);
        assert_eq!(heard(), Waited::Nothing);
        within(3600);
        assert_eq!(heard(), Waited::Nothing, "it does not go back");
        within(2);
        assert_eq!(heard(), Waited::Ring);
    }
}
