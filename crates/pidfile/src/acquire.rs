//! Becoming the holder: the steps, in the order that keeps two from succeeding.
//!
//! A file is born with its holder's lock and never locked for life again. So whoever finds byte 1
//! free knows that it stays free, and only one thing must be guarded: that two who found the same
//! stale file do not both remove "it", the second one removing the first one's new file. That is
//! a claim on the stale file. Between a removal and a new file anybody may come; the system lets
//! only one of them have the name.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use crate::bytes::Byte;
use crate::create;
use crate::deadline::{Deadline, ENDING, PATIENCE};
use crate::error::Error;
use crate::old_file::{Access, OldFile};
use crate::pidfile::PidFile;
use crate::place::Place;
use crate::stale::take_away;
use crate::sys;
use crate::wait::{Awaited, Waited, are_free, until_free};

/// What to do about a file that nobody holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// Take its place, if it is empty or contains one number, whichever: its holder was killed, or the
    /// power went. The default.
    #[default]
    TakeOverIfStale,
    /// Leave it and fail with [`Error::Exists`]: somebody wants to look first.
    Refuse,
}

/// How to acquire a pid file; the default is what [`PidFile::acquire`] does.
///
/// ```
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.pid");
/// let held = pidfile::Options::new()
///     .wait_for_dependent(Duration::from_secs(10))
///     .acquire(&path)?;
/// held.release()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "options do nothing until `acquire` is called"]
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'fd> {
    existing: Existing,
    wait_for_dependent: Duration,
    wake: Option<BorrowedFd<'fd>>,
    once: bool,
    hold: bool,
}

impl PidFile {
    /// Takes the pid file, or says who has it, without waiting for a process that lives:
    /// [`Options::acquire`] with defaults.
    ///
    /// The lock decides, the content informs: a file left behind by a crash is taken over, and a
    /// file that is locked belongs to a live process, whatever number it contains.
    ///
    /// # Errors
    ///
    /// See [`Options::acquire`].
    pub fn acquire(path: impl AsRef<Path>) -> Result<PidFile, Error> {
        Options::new().acquire(path)
    }
}

impl<'fd> Options<'fd> {
    /// Takes over a stale file, and waits for nobody that lives.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to do about a file that nobody holds. Default: [`Existing::TakeOverIfStale`].
    pub fn existing(self, existing: Existing) -> Self {
        Options { existing, ..self }
    }

    /// How long to wait for a [`Dependent`](crate::Dependent) whose holder was killed, before
    /// failing with [`Error::Orphaned`]. Default: zero, which fails at once.
    ///
    /// A living holder is never waited for. A holder that has just died is, for up to a second, as its
    /// lock may outlive it by a moment. A living holder in a pid namespace that ours does not know seems
    /// dead to us, and is waited for just as long.
    pub fn wait_for_dependent(self, limit: Duration) -> Self {
        Options { wait_for_dependent: limit, ..self }
    }

    /// A descriptor that ends a wait with [`Error::Interrupted`] when it becomes readable: that of
    /// a request to quit. It is polled, never read. Default: none.
    pub fn wake(self, descriptor: BorrowedFd<'fd>) -> Self {
        Options { wake: Some(descriptor), ..self }
    }

    /// Waits for nothing at all, not even for another process to finish a take-over
    /// ([`Error::Busy`]): for a loop that has other things to do.
    pub fn try_once(self) -> Self {
        Options { once: true, wait_for_dependent: Duration::ZERO, ..self }
    }

    /// Makes a [hold](PidFile::take_hold), too, before anybody else can open the file: whoever may read
    /// it could keep a [`Dependent`](crate::Dependent) from joining it afterwards.
    pub fn with_hold(self) -> Self {
        Options { hold: true, ..self }
    }

    /// Takes the pid file, or says who has it.
    ///
    /// A relative path is resolved now; the working directory may change later. On success the
    /// file is there, contains `<our pid>\n`, has mode 0644 whatever the umask, and its lock is
    /// held, all from the same instant on.
    ///
    /// # Errors
    ///
    /// [`Error::Held`], [`Error::Orphaned`] and [`Error::Exists`] say that there is somebody (or
    /// something) else; the file was not touched. [`Error::Busy`] and [`Error::Interrupted`] end a
    /// wait. [`Error::BadPath`], [`Error::NotAFile`], [`Error::NoFolder`], [`Error::NotAFolder`],
    /// [`Error::Insecure`], [`Error::LocksUnsupported`] and [`Error::NotAPidFile`] say what is wrong with
    /// the place. What else the system refuses is [`Error::Io`]: a folder that cannot be written, a full disk.
    pub fn acquire(&self, path: impl AsRef<Path>) -> Result<PidFile, Error> {
        let place = Place::open(path.as_ref())?;
        let dependents_until = Deadline::after(self.wait_for_dependent);
        let within = |span| Deadline::after(if self.once { Duration::ZERO } else { span });
        let mut ending = within(ENDING);
        let mut patience = within(PATIENCE);
        loop {
            match self.attempt(&place, dependents_until, ending, patience)? {
                Attempt::Acquired(pid_file) => return Ok(pid_file),
                Attempt::WaitedForDependent => {
                    patience = within(PATIENCE);
                    ending = within(ENDING);
                }
                Attempt::Changed if patience.has_passed() => {
                    return Err(Error::Busy { path: place.path().to_owned() });
                }
                Attempt::Changed => (),
            }
        }
    }

    fn attempt(
        &self,
        place: &Place,
        dependents_until: Deadline,
        ending: Deadline,
        patience: Deadline,
    ) -> Result<Attempt, Error> {
        let Some(old) = OldFile::open(place, Access::Lock)? else {
            return self.create(place);
        };
        let path = || place.path().to_owned();
        if old.is_locked(Byte::Holder, place)? {
            let pid = sys::proven_holder(old.fd()).or(old.number(place)?);
            if pid.is_some_and(sys::has_ended) && !ending.has_passed() {
                let waited =
                    until_free(&old, Awaited::Byte(Byte::Holder), ending, self.wake, place.path())?;
                if waited == Waited::Interrupted {
                    return Err(Error::Interrupted { path: path() });
                }
                return Ok(Attempt::Changed);
            }
            old.refuse(place, Error::Held { path: path(), pid })?;
            return Ok(Attempt::Changed);
        }
        if self.existing == Existing::Refuse {
            old.refuse(place, Error::Exists { path: path(), number: old.number(place)? })?;
            return Ok(Attempt::Changed);
        }
        // Byte 0 is not locked during this wait: a process that only waits must not keep others from
        // finding out the same.
        if old.has_dependent(place)? {
            let what = &Awaited::DEPENDENTS;
            if are_free(what, &old, dependents_until, self.wake, place.path())? {
                return Ok(Attempt::WaitedForDependent);
            }
            let left = sys::dependents(old.fd(), old.id());
            old.refuse(place, Error::Orphaned { path: path(), left })?;
            return Ok(Attempt::Changed);
        }
        let Some(_claim) = take_away(&old, place, patience, self.wake)? else {
            return Ok(Attempt::Changed);
        };
        // The claim is kept until the new file is there: whoever waits for the claim should then find a
        // holder, not a gap.
        self.create(place)
    }

    fn create(&self, place: &Place) -> Result<Attempt, Error> {
        Ok(match create::create(place, self.hold)? {
            Some(new) => Attempt::Acquired(PidFile::new(new, place.path())),
            None => Attempt::Changed,
        })
    }
}

enum Attempt {
    Acquired(PidFile),
    /// Somebody else did something: what was seen is no longer so.
    Changed,
    WaitedForDependent,
}
