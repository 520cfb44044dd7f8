//! What happens to a daemon, as a client takes it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::client::{Client, ClientError};
use crate::service::Events;

/// What happens, as it happens: see [`service::Client::events`](crate::service::Client::events). Dropping it ends that.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
}

impl EventStream {
    /// The replies of a client that has asked for events.
    pub(crate) fn new(client: Client) -> EventStream {
        EventStream { client }
    }

    /// The next events. Those of guardian and executor come as they happen, each with the epoch of its own
    /// numbers. `None`: who told them has ended.
    ///
    /// # Errors
    ///
    /// With [`ClientError::NoAnswer`] nothing has happened by the deadline, and it may be asked again. Others are those
    /// of [`Client::stream`].
    pub fn next(&mut self, deadline: Instant) -> Result<Option<Events>, ClientError> {
        match self.client.next_reply(deadline) {
            Err(ClientError::Gone) => Ok(None),
            said => said,
        }
    }
}

impl AsFd for EventStream {
    /// Readable when something may have happened. What was read before wakes nobody: ask until there is
    /// [no answer](ClientError::NoAnswer).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }
}
