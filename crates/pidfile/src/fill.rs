//! What makes a file that has just been created a pid file: its lock, its number, its hold, its proof, in this
//! order. Nobody else has it open until it is one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fchmod};
use rustix::io::Errno;

use crate::bytes::Byte;
use crate::detail::Op;
use crate::error::Error;
use crate::number;
use crate::place::Place;
use crate::sys;

/// What everybody may know: who runs. Independent of the umask.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::ROTH);

/// A new pid file.
#[derive(Debug)]
pub(crate) struct New {
    pub(crate) file: OwnedFd,
    /// Ours, as it stands in the file.
    pub(crate) pid: u32,
    /// See [`sys::make_hold`]; if it was asked for.
    pub(crate) hold: Option<OwnedFd>,
}

/// A way to open the new file again, with this access: by its descriptor, or by the name that it has.
type Reopen<'a> = &'a dyn Fn(BorrowedFd<'_>, OFlags) -> Result<OwnedFd, Errno>;

/// How it is opened by a name that others may have put something else under.
pub(crate) const AGAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Locks and writes a new file. Never one that was there before. `None`: it has lost the name by which
/// it was to be opened again.
pub(crate) fn fill(
    file: OwnedFd,
    place: &Place,
    hold: Option<Reopen<'_>>,
) -> Result<Option<New>, Error> {
    if !sys::try_lock(file.as_fd(), Byte::Holder).map_err(Error::lock(place.path()))? {
        // A temporary name can be found and locked by others; then it is no use to us.
        return Err(Error::Busy { path: place.path().to_owned() });
    }
    let pid = std::process::id();
    let written = number::write(file.as_fd(), &number::line(pid));
    written.map_err(Error::io(Op::Write, place.path()))?;
    // Before anybody else can open it.
    let hold = match hold {
        None => None,
        Some(reopen) => match sys::make_hold(|access| reopen(file.as_fd(), access)) {
            Ok(Some(hold)) => Some(hold),
            Ok(None) | Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(Error::lock(place.path())(errno)),
        },
    };
    match fchmod(&file, MODE) {
        // Our own new file: refused only where modes are not kept at all.
        Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP) => (),
        Err(errno) => return Err(Error::io(Op::Create, place.path())(errno)),
    }
    // Last: closing another descriptor of the file would drop it.
    sys::take_proof(file.as_fd());
    Ok(Some(New { file, pid, hold }))
}
