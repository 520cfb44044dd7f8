//! Who has sent a packet, as the kernel has noted with it.
//!
//! A process may be somebody else by the time that its word is read: a set-user-ID program executed in
//! its place has the same number, and root's rights. So its rights are not asked for, but come with
//! the word (`SCM_CREDENTIALS`, unix(7)), fixed when it was sent: the *real* user and group, which such an
//! execution does not change.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};
use rustix::io::Errno;

/// Who has said something: see [`Spawn::notes_speakers`](crate::Spawn::notes_speakers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Speaker {
    /// The process: the child, or another one that has got its end of the socket.
    pub pid: u32,
    /// Its real user.
    pub user: u32,
    /// Its real group.
    pub group: u32,
}

/// Has the kernel note with each packet that comes from now on who sends it.
pub(crate) fn note(socket: impl AsFd) -> Result<(), Errno> {
    rustix::net::sockopt::set_socket_passcred(socket, true)
}

/// Takes a packet of at most `longest` bytes; does not wait. `None`: it came from who has no number here.
pub(crate) fn packet(
    socket: &OwnedFd,
    longest: usize,
) -> Result<(Vec<u8>, Option<Speaker>), Errno> {
    let errno = |errno: nix::errno::Errno| Errno::from_raw_os_error(errno as i32);
    let mut packet = vec![0; longest];
    // No room for descriptors: those that come along are closed by the kernel.
    let mut space = nix::cmsg_space!(UnixCredentials);
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let into = &mut [IoSliceMut::new(&mut packet)];
    let received =
        recvmsg::<()>(socket.as_raw_fd(), into, Some(&mut space), flags).map_err(errno)?;
    let length = received.bytes;
    // It refuses to look at what came with descriptors, as nothing of ours does.
    let speaker = received.cmsgs().ok().and_then(|mut messages| {
        messages.find_map(|message| {
            if let ControlMessageOwned::ScmCredentials(who) = message { Some(who) } else { None }
        })
    });
    // A process in another pid namespace has number 0.
    let speaker = speaker.and_then(|who| {
        let pid = u32::try_from(who.pid()).ok().filter(|pid| *pid != 0)?;
        Some(Speaker { pid, user: who.uid(), group: who.gid() })
    });
    if length > longest {
        return Err(Errno::MSGSIZE);
    }
    packet.truncate(length);
    Ok((packet, speaker))
}
