//! What the loop makes of an event, without a loop.

use exit::ErrorText;
use policy::RunEnd;

use super::*;

/// A process that could not be watched was killed after it had begun, and what it had started lived
/// on.
///
/// Case: FLT-F1
#[test]
fn what_a_failed_start_has_left_is_ended_as_that_of_any_run() {
    let at = Instant::now();
    let refused = io::Error::from(io::ErrorKind::OutOfMemory);
    let end = RunEnd::NotStarted(ErrorText::new(&refused));
    let failed = Event::Ended { end: end.clone(), at };
    assert_eq!(after_start(failed), KeeperEvent::Reaped { end, at });
    assert_eq!(after_start(Event::Ready), KeeperEvent::Child(Event::Ready));
}
