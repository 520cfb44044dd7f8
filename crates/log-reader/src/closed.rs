//! Files that are opened when their turn comes: of many that were put aside few are open at a time.

use std::io;

use trusted_path::{Identity, Place};

use crate::aside::{self, Aside, Key};
use crate::discover::{OpenedAside, is_shortage, open_aside};
use crate::open;
use crate::tail::Tail;
use crate::trail::Trail;

/// What was counted of a file that was put aside, and closed again.
#[derive(Clone, Debug)]
pub(crate) struct Closed {
    /// Where it was then.
    pub(crate) key: Key,
    pub(crate) is_packed: bool,
    /// So much is left out at its beginning: lines if it was compressed, else bytes.
    pub(crate) from: u64,
    /// How long it was, unless it was compressed.
    pub(crate) to: u64,
}

impl Trail {
    /// Opens the first file if it was closed. One that is gone is left out, and its lines are missing.
    ///
    /// # Errors
    ///
    /// Descriptors are short: another time it may go well.
    pub(crate) fn open_front(&mut self) -> io::Result<()> {
        while let Some((identity, closed)) = self.files.front().and_then(Tail::closed) {
            let opened = match self.find_closed(identity, closed) {
                Err(error) if is_shortage(&error) => return Err(error),
                opened => opened,
            };
            let reopened = opened.and_then(|opened| match (self.files.front_mut(), opened) {
                (Some(front), Some(opened)) => {
                    front.reopen(opened)?;
                    if self.left.is_some() { front.set_goal() } else { Ok(()) }
                }
                _ => Err(io::ErrorKind::NotFound.into()),
            });
            if let Err(error) = reopened {
                let front = self.files.pop_front();
                let counted = front.map_or(0, |mut front| front.pieces.end_counted());
                self.missing = self.missing.saturating_add(counted);
                self.complain(&error);
            }
        }
        Ok(())
    }

    /// It may have been compressed since, or have another number.
    fn find_closed(&self, identity: Identity, closed: Closed) -> io::Result<Option<OpenedAside>> {
        let place = open::find(&self.source.path)?;
        let Closed { key, is_packed, .. } = closed;
        let identity = Some(identity);
        let aside = match is_packed {
            true => Aside { packed: identity, ..Aside::default() },
            false => Aside { plain: identity, ..Aside::default() },
        };
        if let Some(opened) = open_aside(&place, &key, &aside, self.source.of)? {
            return Ok(Some(opened));
        }
        self.find_numbered(&place, aside)
    }

    fn find_numbered(&self, place: &Place, aside: Aside) -> io::Result<Option<OpenedAside>> {
        let is_it = |(_, other): &(Key, Aside)| {
            let ours = aside.plain.or(aside.packed);
            ours.is_some_and(|identity| other.is(identity))
        };
        let all = aside::list(place, self.source.rotated)?;
        let found = all.into_iter().find(is_it);
        found.map_or(Ok(None), |(key, aside)| open_aside(place, &key, &aside, self.source.of))
    }
}
