//! Linux: sockets that are bound and reached through /proc/self/fd, and tell who is at the other end.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, chmodat, chownat, fchmod, fstat, openat};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with,
    recv, socket_with,
};
use rustix::process::{Gid, geteuid};

/// The longest path that an address holds, in bytes: one of 108 is for the NUL behind it (unix(7)).
pub(crate) const LONGEST_PATH: usize = 107;

/// How many connections wait to be accepted before others are told to come again.
const BACKLOG: i32 = 64;

/// Who has connected.
pub(crate) struct Credentials {
    pub(crate) pid: Option<u32>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What came of a try to connect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Connected {
    Yes,
    /// As many as fit wait there to be accepted.
    Full,
}

pub(crate) fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// What the file of this socket gets when it is bound: never more, whatever the umask. (A umask only takes away.)
pub(crate) fn prepare(socket: &OwnedFd, mode: u32) -> io::Result<()> {
    Ok(fchmod(socket, Mode::from_bits_truncate(mode))?)
}

pub(crate) fn bind(socket: &OwnedFd, path: &Path) -> io::Result<()> {
    Ok(rustix::net::bind(socket, &SocketAddrUnix::new(path)?)?)
}

/// Binds a name in an open folder. Too long a name is `ENAMETOOLONG`.
pub(crate) fn bind_in(socket: &OwnedFd, folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    bind(socket, &through(folder).join(name))
}

pub(crate) fn listen(socket: &OwnedFd) -> io::Result<()> {
    Ok(rustix::net::listen(socket, BACKLOG)?)
}

/// Connects to the socket at a path of any length, and to nothing that a link at its name leads to: who can put one there
/// could lead us to another service of ours. It is reached by the descriptor that was looked at, so nobody can put a link
/// there in between.
pub(crate) fn connect(socket: &OwnedFd, path: &Path) -> io::Result<Connected> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let named = openat(CWD, path, flags, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&named)?.st_mode) != FileType::Socket {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "something else is there, and no socket",
        ));
    }
    let connect = |path: &Path| rustix::net::connect(socket, &SocketAddrUnix::new(path)?);
    let connected = match connect(&through(named.as_fd())) {
        // Without /proc the name must do, where an address holds it.
        Err(Errno::NOENT) if path.as_os_str().as_bytes().len() <= LONGEST_PATH => connect(path),
        connected => connected,
    };
    match connected {
        Ok(()) => Ok(Connected::Yes),
        Err(Errno::AGAIN) => Ok(Connected::Full),
        Err(errno) => Err(errno.into()),
    }
}

fn through(fd: BorrowedFd<'_>) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}

/// The next connection; `None`: there is none now.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(connection) => Ok(Some(connection)),
        Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

pub(crate) fn set_nonblocking(connection: &OwnedFd) -> io::Result<()> {
    Ok(ioctl_fionbio(connection, true)?)
}

/// Reads what has come; 0 is the end. There is no room for control messages, so descriptors that were sent along are
/// closed by the kernel.
pub(crate) fn receive(connection: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match recv(connection, buffer, RecvFlags::DONTWAIT) {
        Ok((count, _)) => Ok(Some(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Writes as much as there is room for.
pub(crate) fn send(connection: &OwnedFd, bytes: &[u8]) -> io::Result<Option<usize>> {
    match rustix::net::send(connection, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        Ok(count) => Ok(Some(count)),
        // Short of memory there is no room either, but nothing tells when there is: it is an error like any.
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

pub(crate) fn peer(connection: BorrowedFd<'_>) -> io::Result<Credentials> {
    let peer = getsockopt(&connection, PeerCredentials).map_err(io::Error::from)?;
    // Not connected: no process, and -1 for the others.
    if peer.uid() == u32::MAX {
        return Err(Errno::NOTCONN.into());
    }
    // The kernel says 0 of a process that is not in our pid namespace.
    let pid = u32::try_from(peer.pid()).ok().filter(|pid| *pid != 0);
    Ok(Credentials { pid, uid: peer.uid(), gid: peer.gid() })
}

pub(crate) fn effective_user() -> u32 {
    geteuid().as_raw()
}

/// Gives the socket of this name in an open folder to a group, and sets its permissions whatever the umask was.
///
/// The name may be another's by now, where others can rename: so what is changed is a descriptor that was looked at
/// (`O_PATH`), and neither a link is followed nor a file that is no socket of ours. chmod(2) has no form for such a
/// descriptor but by its name in /proc, which is asked for only where the permissions are not right already: so a socket
/// for its user alone needs no /proc, if the umask takes nothing away from it. (fchmodat2(2) of Linux 6.6 has one, which
/// neither rustix nor nix offers.)
pub(crate) fn set_rights(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    mode: u32,
    group: Option<u32>,
) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, Mode::empty())?;
    let seen = fstat(&file)?;
    if FileType::from_raw_mode(seen.st_mode) != FileType::Socket
        || seen.st_uid != geteuid().as_raw()
    {
        return Err(io::Error::other("somebody has put something else in its place"));
    }
    if let Some(group) = group {
        chownat(&file, "", None, Some(Gid::from_raw(group)), AtFlags::EMPTY_PATH)?;
    }
    let mode = Mode::from_bits_truncate(mode);
    if Mode::from_raw_mode(seen.st_mode) == mode {
        return Ok(());
    }
    match chmodat(CWD, through(file.as_fd()), mode, AtFlags::empty()) {
        Err(Errno::NOENT) => {
            Err(io::Error::new(ErrorKind::NotFound, "that needs /proc, which is not mounted"))
        }
        changed => Ok(changed?),
    }
}

/// Whether the peer has closed its end, or shut its writing side, with nothing left to be read. One that has closed it
/// without having read all of ours is told as an error (`ECONNRESET`).
pub(crate) fn is_at_end(connection: &OwnedFd) -> bool {
    match recv(connection, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Ok((count, _)) => count == 0,
        Err(errno) => !matches!(errno, Errno::AGAIN | Errno::INTR),
    }
}
