//! What there is of a source at a moment, however much others add to it.

use std::io;

use crate::discover::{ATTEMPTS, Look};
use crate::open;
use crate::tail::Tail;
use crate::trail::Trail;

impl Trail {
    /// Nothing is read beyond what is there now, until that is lifted.
    pub(crate) fn set_goal(&mut self) {
        self.wake();
        let later = match self.count_later() {
            Ok(later) => later,
            Err(error) => {
                self.complain(&error);
                0
            }
        };
        self.left = Some(later);
        let mut tails = self.held.iter_mut().chain(&mut self.files);
        if let Err(error) = tails.try_for_each(Tail::set_goal) {
            self.complain(&error);
        }
    }

    /// Whatever comes is read again.
    pub(crate) fn lift_goal(&mut self) {
        self.wake();
        self.left = None;
        self.held.iter_mut().chain(&mut self.files).for_each(Tail::lift_goal);
    }

    /// How many files there are that come after those that are known.
    fn count_later(&mut self) -> io::Result<usize> {
        let last = self.files.back().map(|tail| tail.identity);
        if last.is_some() && open::leads_to(&self.source.path)? == last {
            return Ok(0);
        }
        for attempt in 0..ATTEMPTS {
            let scene = match self.look(attempt + 1 == ATTEMPTS)? {
                Look::NoFolder => return Ok(0),
                Look::Moved => continue,
                Look::Scene(scene) => scene,
            };
            let asides = self.between(&scene.place, &scene.asides)?.len();
            let is_another = scene.current.is_some_and(|current| Some(current.identity) != last);
            return Ok(asides + usize::from(is_another));
        }
        Ok(0)
    }
}
