//! Something that blocks, in a thread of its own: a test that waits for it fails instead of hanging.

use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::program::LIMIT;

/// What the thread will have returned.
pub(crate) struct Background<T>(Receiver<T>);

pub(crate) fn background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Background<T> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let _ = sender.send(work());
    });
    Background(receiver)
}

impl<T> Background<T> {
    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(self) -> T {
        self.0.recv_timeout(LIMIT).expect("it ends, and does not panic")
    }
}
