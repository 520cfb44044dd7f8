//! A pid file that somebody has removed while its holder lives: put back, if that can be done.

use rustix::fs::fstat;

use crate::acquire::Options;
use crate::detail::Op;
use crate::error::Error;
use crate::number;
use crate::pidfile::PidFile;
use crate::place::Place;
use crate::sys;

/// What [`PidFile::restore`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// Nothing: the path leads to the file, which says who we are.
    InPlace,
    /// The path led to the file, but somebody had written something else into it, or emptied it. It has our
    /// number again.
    Corrected,
    /// The same file has its name again: it had been renamed, or has another name, which stays. Not in a
    /// folder where others can put names: there a file with two names is nobody's.
    Named,
    /// There is a new file, locked like the first. A [hold](PidFile::take_hold) of the first one is
    /// none of the new one's; if one was asked for, there is a new one to take. A
    /// [`Dependent`](crate::Dependent) of the first one is none of the new one's either.
    Anew,
}

impl PidFile {
    /// Sees to it that the path leads to a file that we hold and that has our number, should somebody have
    /// removed, renamed, replaced or overwritten it. Waits for nobody.
    ///
    /// What has been put there by somebody who holds nothing is dealt with as at a start. Nobody can
    /// start as long as the path leads to a file that is held; in the moment between a removal and this
    /// call somebody can.
    ///
    /// # Errors
    ///
    /// As for [`Options::acquire`]: [`Error::Held`] says that somebody else has started meanwhile, and
    /// there are two now. This value holds what it held before. [`Error::Io`]: what somebody has written
    /// into the file cannot be corrected, as on a full disk; who holds it is still told by its lock.
    pub fn restore(&mut self) -> Result<Restored, Error> {
        if self.is_in_place()? {
            let corrected = self.correct()?;
            return Ok(if corrected { Restored::Corrected } else { Restored::InPlace });
        }
        if self.name_again()? {
            self.correct()?;
            return Ok(Restored::Named);
        }
        let options = Options::new().try_once();
        let options = if self.wants_hold() { options.with_hold() } else { options };
        let anew = options.acquire(self.path());
        if let Some(file) = self.file() {
            // Should the path have led to our own file again, it was opened and closed just now, which
            // drops the proof.
            sys::take_proof(file);
        }
        match anew {
            // Dropping the first one touches no file: the path does not lead to it.
            Ok(anew) => {
                *self = anew;
                Ok(Restored::Anew)
            }
            Err(Error::Held { .. }) if self.is_in_place()? => Ok(Restored::InPlace),
            Err(error) => Err(error),
        }
    }

    /// Writes our number into the file, if something else stands there; true if it did. We hold the file,
    /// so whatever somebody has written into it may go.
    fn correct(&self) -> Result<bool, Error> {
        let Some(file) = self.file() else { return Ok(false) };
        let line = number::line(self.pid());
        if number::is_all(file, &line).map_err(Error::io(Op::Look, self.path()))? {
            return Ok(false);
        }
        number::replace(file, &line).map_err(Error::io(Op::Write, self.path()))?;
        Ok(true)
    }

    /// Gives our file its name again. False if that cannot be done: a file that has lost its last name
    /// may not be able to have another one.
    fn name_again(&self) -> Result<bool, Error> {
        let Some(file) = self.file() else { return Ok(false) };
        let place = Place::open(self.path())?;
        let names = fstat(file).map_or(0, |stat| stat.st_nlink);
        if names > 0 && !place.is_closed() {
            // In a folder where others can put names nobody would believe a file with a second name.
            return Ok(false);
        }
        let linked = sys::give_name(file, place.folder(), place.name());
        Ok(linked.is_ok() && self.is_in_place()?)
    }
}
