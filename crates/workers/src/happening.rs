//! What happens to the workers of this process, for the rest of its program.

use std::io;
use std::time::{Duration, Instant};

use control::{ClientError, EventStream, service};
use surroundings::Callers;

/// How long a thread waits that its question finds room in a socket that nobody has used.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// What happens to the workers of this process from now on, and at most the last so many of what has: for any thread
/// beside the one that has called [`start_workers`](crate::start_workers), also before it has.
///
/// Each event is told once, in order and with a number. A reader that is slow is told which numbers it has lost;
/// the pool waits for nobody. Where several pools run in one process it is the eldest that answers. The stream ends
/// with the pool.
///
/// # Errors
///
/// The system refuses a descriptor.
pub fn worker_events(last: u64) -> Result<EventStream, ClientError> {
    let refused = |source: io::Error| ClientError::Io { step: "connect to the workers", source };
    let connection = Callers::connect().map_err(refused)?;
    service::Client::new(connection, Instant::now() + PATIENCE)?.events(last)
}
