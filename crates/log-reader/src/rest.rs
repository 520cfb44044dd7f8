//! What is there at a moment, without waiting for more.

use std::time::Instant;

use crate::follower::Follower;
use crate::line::Line;
use crate::trail::Mode;

/// The lines that were there when it was made, held back for nobody; then the unfinished last ones. What somebody adds
/// meanwhile is none of them.
///
/// Dropping it goes on following, with what was not taken first.
#[derive(Debug)]
pub struct Rest<'a> {
    follower: &'a mut Follower,
    is_flushed: bool,
}

impl<'a> Rest<'a> {
    pub(crate) fn new(follower: &'a mut Follower) -> Rest<'a> {
        follower.reading.trails.iter_mut().for_each(|trail| trail.set_goal());
        Rest { follower, is_flushed: false }
    }
}

impl Iterator for Rest<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            let (now, reading) = (Instant::now(), &mut self.follower.reading);
            reading.fill(Mode::Follow, now);
            if let Some(entry) = reading.merger.pop_present() {
                if reading.older.are_over(&entry) {
                    return Some(entry.line);
                }
            } else if self.is_flushed {
                return None;
            } else {
                (0..reading.trails.len()).for_each(|source| reading.flush(source, now));
                self.is_flushed = true;
            }
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.follower.reading.trails.iter_mut().for_each(|trail| trail.lift_goal());
    }
}
