//! A pair of sockets that keep the borders of packets, know who has sent each, and carry descriptors
//! (`SOCK_SEQPACKET`, `SCM_CREDENTIALS` and `SCM_RIGHTS` of unix(7)).

use std::io::{self, IoSliceMut as Room};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, UnixCredentials, getsockopt, recvmsg as nix_recvmsg,
};
use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, send, sendmsg,
    socketpair, sockopt,
};

use crate::speaker::Speaker;

/// As many descriptors as go with a packet at most: the three standard streams.
const MOST_DESCRIPTORS: usize = 3;

/// Two ends, both close-on-exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    Ok(socketpair(AddressFamily::UNIX, kind, flags, None)?)
}

/// Whether it is an end of such a pair, or looks like one.
pub(crate) fn is_one_of_a_pair(socket: BorrowedFd<'_>) -> Result<bool, Errno> {
    let kind = (sockopt::socket_domain(socket)?, sockopt::socket_type(socket)?);
    Ok(kind == (AddressFamily::UNIX, SocketType::SEQPACKET))
}

/// Who has made a pair, whoever has its ends now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maker {
    /// 0: of another pid namespace.
    pub(crate) process: i32,
    pub(crate) user: u32,
}

/// As the socket remembers it (`SO_PEERCRED`).
pub(crate) fn maker(socket: BorrowedFd<'_>) -> Result<Maker, Errno> {
    let peer = getsockopt(&socket, PeerCredentials).map_err(from_nix)?;
    Ok(Maker { process: peer.pid(), user: peer.uid() })
}

/// From now on this end [sees](look) who has sent a packet.
pub(crate) fn ask_for_senders(socket: impl AsFd) -> io::Result<()> {
    Ok(sockopt::set_socket_passcred(socket, true)?)
}

/// Whether the system lacked memory for a moment. Taken for the other end's death it would end a
/// daemon that nobody has killed.
pub(crate) fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::NOMEM | Errno::NOBUFS)
}

/// Sends a packet, for which it waits as long as the socket is told to: then `AGAIN`. `PIPE`: the other end
/// is gone.
pub(crate) fn send_packet(socket: impl AsFd, packet: &[u8]) -> Result<(), Errno> {
    send(socket, packet, SendFlags::NOSIGNAL).map(drop)
}

/// The same without waiting: `AGAIN` where there is no room.
pub(crate) fn send_packet_now(socket: impl AsFd, packet: &[u8]) -> Result<(), Errno> {
    send(socket, packet, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map(drop)
}

/// Sends a packet, and descriptors with it.
pub(crate) fn send_with(
    socket: impl AsFd,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    send_rights(socket, packet, descriptors, SendFlags::NOSIGNAL)
}

/// The same without waiting: `AGAIN` where there is no room.
pub(crate) fn send_with_now(
    socket: impl AsFd,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    send_rights(socket, packet, descriptors, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

fn send_rights(
    socket: impl AsFd,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(socket, &[IoSlice::new(packet)], &mut control, flags).map(drop)
}

/// Waits for a packet; how long it is, and the descriptors that came with it. 0: it is empty, or the other
/// end is gone.
pub(crate) fn receive_with(
    socket: impl AsFd,
    packet: &mut [u8],
) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let into = &mut [IoSliceMut::new(packet)];
    let received = recvmsg(socket, into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    Ok((received.bytes, descriptors))
}

/// Takes a packet that is there, and its descriptors: `AGAIN` if there is none, `MSGSIZE` if it is longer
/// than this.
pub(crate) fn take_with(
    socket: impl AsFd,
    longest: usize,
) -> Result<(Vec<u8>, Vec<OwnedFd>), Errno> {
    // The buffer is only as long as what has come: all bytes of one for the longest packet would be
    // touched, in every child.
    let look = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
    let (_, length) = recv(&socket, &mut [0; 1], look)?;
    if length > longest {
        return Err(Errno::MSGSIZE);
    }
    let mut packet = vec![0; length];
    let (length, descriptors) = receive_with(socket, &mut packet)?;
    packet.truncate(length);
    Ok((packet, descriptors))
}

/// Takes a packet that is there: so much of it, and how long it was. `AGAIN`: there is none.
pub(crate) fn take(socket: impl AsFd, room: usize) -> Result<(Vec<u8>, usize), Errno> {
    // The pages of the buffer that a small packet does not reach are never touched.
    let mut packet: Vec<u8> = Vec::with_capacity(room);
    let into = rustix::buffer::spare_capacity(&mut packet);
    let (_, length) = recv(socket, into, RecvFlags::DONTWAIT | RecvFlags::TRUNC)?;
    Ok((packet, length))
}

/// The first packet, as far as it is seen before it is taken.
#[derive(Debug)]
pub(crate) struct Look {
    /// Whether there is a packet, or the end. The kernel says of each packet who has sent it, and so
    /// tells one without content from the end.
    pub(crate) is_packet: bool,
    /// `None`: it has no number in our pid namespace.
    pub(crate) speaker: Option<Speaker>,
    pub(crate) length: usize,
    pub(crate) descriptors: bool,
}

/// Looks at the next packet of an end that [asks](ask_for_senders). Of its descriptors we get none: there is
/// room for its sender only, and the queue keeps what does not fit.
pub(crate) fn look(socket: impl AsFd) -> Result<Look, Errno> {
    let flags = MsgFlags::MSG_PEEK
        | MsgFlags::MSG_TRUNC
        | MsgFlags::MSG_DONTWAIT
        | MsgFlags::MSG_CMSG_CLOEXEC;
    let mut space = nix::cmsg_space!(UnixCredentials);
    let mut nothing = [Room::new(&mut [])];
    let number = socket.as_fd().as_raw_fd();
    let seen = nix_recvmsg::<()>(number, &mut nothing, Some(&mut space), flags);
    let seen = seen.map_err(from_nix)?;
    // Control data had no room (MSG_CTRUNC). There is room for the sender, so these are descriptors.
    let Ok(mut told) = seen.cmsgs() else {
        let (speaker, length) = (None, seen.bytes);
        return Ok(Look { is_packet: true, speaker, length, descriptors: true });
    };
    let sender = told.find_map(|it| {
        if let ControlMessageOwned::ScmCredentials(sender) = it { Some(sender) } else { None }
    });
    let is_packet = seen.bytes > 0 || sender.is_some();
    let speaker = sender.and_then(speaker);
    Ok(Look { is_packet, speaker, length: seen.bytes, descriptors: false })
}

/// `None`: a process of another pid namespace, which has number 0 here.
fn speaker(sender: UnixCredentials) -> Option<Speaker> {
    let pid = u32::try_from(sender.pid()).ok().filter(|pid| *pid != 0)?;
    Some(Speaker { pid, user: sender.uid(), group: sender.gid() })
}

fn from_nix(errno: nix::errno::Errno) -> Errno {
    Errno::from_raw_os_error(errno as i32)
}
