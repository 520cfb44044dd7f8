//! Who waits for the launch, as the guardian sees it.

use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Who wants to know how the launch goes.
pub(crate) trait Starter {
    /// The daemon is ready. False if nobody wants it any more.
    fn launched(&mut self) -> bool;
    /// It will take longer, but no longer than this from now.
    fn extended(&mut self, remaining: Duration);
    /// Readable when the starter has something to say, or has gone.
    fn descriptor(&self) -> Option<BorrowedFd<'_>>;
    /// Whether it has given up.
    fn gave_up(&mut self) -> bool;
}
