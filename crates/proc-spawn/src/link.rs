//! The socket between parent and child: messages both ways, and a lifeline.
//!
//! Packets keep their borders (`SOCK_SEQPACKET`, unix(7)), so no reader takes more than it asked
//! for: a launcher reads its own message and leaves the next one to the process it starts. A
//! message longer than a packet travels in several, each marked with whether more follow.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, mem};

use rustix::io::{Errno, IoSlice, IoSliceMut};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::thread::{Timespec, nanosleep};
use serde::{Serialize, de::DeserializeOwned};

/// Small enough for a socket buffer that an administrator has made small.
const PACKET: usize = 32 * 1024;
const LAST: u8 = 0;
const MORE: u8 = 1;

/// The most that a word to or from a child may be; the longest carry the text of an error. A payload
/// is as large as the arguments that our own parent was given. A child runs the user's code, and
/// its parent must not grow by whatever that code does to the socket.
const LONGEST_WORD: usize = 16 << 20;

/// How long a peer may leave a full socket unread. It does nothing but read when it is sent so
/// much, so one that takes longer is stopped or stuck.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// One end of the socket. Dropping it lets the other end see that nobody is there any more.
#[derive(Debug)]
pub(crate) struct Link {
    fd: OwnedFd,
    /// Held while a message goes out, since several threads of a child may have something to say.
    sending: Mutex<()>,
    /// What has come of a message whose last packet has not.
    partial: Mutex<Vec<u8>>,
}

/// What a look at the socket found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<T> {
    /// A message.
    Message(T),
    /// Nothing now.
    Nothing,
    /// The other end is gone, and all that it sent has been read.
    Closed,
}

impl Link {
    pub(crate) fn pair() -> io::Result<(Link, OwnedFd)> {
        let (ours, theirs) = socket_pair()?;
        Ok((Link::new(ours)?, theirs))
    }

    pub(crate) fn new(fd: OwnedFd) -> io::Result<Link> {
        set_socket_timeout(&fd, Timeout::Send, Some(SEND_TIMEOUT))?;
        Ok(Link { fd, sending: Mutex::default(), partial: Mutex::default() })
    }

    /// Sends one message whole.
    ///
    /// # Errors
    ///
    /// The other end is gone (`EPIPE`), or has not read for ten seconds (`WouldBlock`).
    pub(crate) fn send<T: Serialize>(&self, message: &T) -> io::Result<()> {
        self.send_bytes(&to_bytes(message)?)
    }

    /// Sends a message that fits into one packet, or nothing: for who must not wait for the other end.
    ///
    /// # Errors
    ///
    /// The other end is gone (`EPIPE`), or has so much unread that there is no room (`WouldBlock`).
    pub(crate) fn send_now<T: Serialize>(&self, message: &T) -> io::Result<()> {
        let mut packet = vec![LAST];
        packet.extend(to_bytes(message)?);
        // Whoever sends a longer one may take long; nobody does, on the side of a parent.
        let Ok(_whole) = self.sending.try_lock() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        Ok(rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, &packet, flags)).map(drop)?)
    }

    pub(crate) fn send_bytes(&self, message: &[u8]) -> io::Result<()> {
        let _whole = lock(&self.sending);
        let until = Instant::now() + SEND_TIMEOUT;
        let mut rest = message;
        let mut packet = Vec::with_capacity(rest.len().min(PACKET) + 1);
        loop {
            let (now, later) = rest.split_at(rest.len().min(PACKET));
            packet.clear();
            packet.push(if later.is_empty() { LAST } else { MORE });
            packet.extend_from_slice(now);
            until_sent(until, || rustix::net::send(&self.fd, &packet, SendFlags::NOSIGNAL))?;
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }

    /// Sends a descriptor, as the beginning of the message that comes next: an empty part of it.
    ///
    /// From now on it is open for as long as the other end is, whoever has that.
    pub(crate) fn send_descriptor(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let until = Instant::now() + SEND_TIMEOUT;
        until_sent(until, || send_with(&self.fd, &[MORE], &[fd]))?;
        Ok(())
    }

    /// Takes the next message if it has come; does not wait.
    ///
    /// # Errors
    ///
    /// The socket failed, or the message is too long or not of the expected type (`InvalidData`).
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        match self.receive_bytes(LONGEST_WORD, || self.packet(RecvFlags::DONTWAIT))? {
            Received::Message(bytes) => from_bytes(&bytes).map(Received::Message),
            Received::Nothing => Ok(Received::Nothing),
            Received::Closed => Ok(Received::Closed),
        }
    }

    /// Waits for the next message, and for a descriptor if one comes with it; `None` when the other
    /// end is gone.
    pub(crate) fn wait_bytes(
        &self,
        descriptor: &mut Option<OwnedFd>,
    ) -> io::Result<Option<Vec<u8>>> {
        loop {
            match self.receive_bytes(usize::MAX, || self.packet_with(descriptor))? {
                Received::Message(bytes) => return Ok(Some(bytes)),
                Received::Closed => return Ok(None),
                Received::Nothing => (),
            }
        }
    }

    fn packet(&self, flags: RecvFlags) -> Result<Vec<u8>, Errno> {
        // The pages of the buffer that a small packet does not reach are never touched.
        let mut packet: Vec<u8> = Vec::with_capacity(PACKET + 1);
        rustix::net::recv(&self.fd, rustix::buffer::spare_capacity(&mut packet), flags)?;
        Ok(packet)
    }

    fn packet_with(&self, descriptor: &mut Option<OwnedFd>) -> Result<Vec<u8>, Errno> {
        // As long as what has come: all of a packet's longest would be touched, in every child.
        let look = RecvFlags::PEEK | RecvFlags::TRUNC;
        let (_, length) = rustix::net::recv(&self.fd, &mut [0; 1], look)?;
        let mut packet = vec![0; length];
        let (length, mut descriptors) = receive_with(&self.fd, &mut packet)?;
        if let Some(last) = descriptors.pop() {
            *descriptor = Some(last);
        }
        packet.truncate(length);
        Ok(packet)
    }

    fn receive_bytes(
        &self,
        longest: usize,
        mut next: impl FnMut() -> Result<Vec<u8>, Errno>,
    ) -> io::Result<Received<Vec<u8>>> {
        let mut partial = lock(&self.partial);
        loop {
            let packet = match next() {
                Ok(packet) => packet,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Ok(Received::Nothing),
                // What has come is still there, and the other end still alive.
                Err(errno) if is_shortage(errno) => {
                    breathe();
                    continue;
                }
                // The other end closed without having read all that we sent.
                Err(Errno::CONNRESET) => return Ok(Received::Closed),
                Err(error) => return Err(error.into()),
            };
            if longest.saturating_sub(partial.len()) < packet.len().saturating_sub(1) {
                *partial = Vec::new();
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
            }
            match packet.split_first() {
                None => return Ok(Received::Closed),
                Some((&LAST, bytes)) => {
                    if partial.is_empty() {
                        return Ok(Received::Message(bytes.to_vec()));
                    }
                    partial.extend_from_slice(bytes);
                    return Ok(Received::Message(mem::take(&mut *partial)));
                }
                Some((_, bytes)) => partial.extend_from_slice(bytes),
            }
        }
    }

    pub(crate) fn try_clone(&self) -> io::Result<OwnedFd> {
        self.fd.try_clone()
    }
}

/// For waiting: readable when a message is there or the other end is gone.
impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Packets keep their borders, and nothing of it is inherited.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// As many descriptors as go with a packet at most: the three standard streams.
const MOST_DESCRIPTORS: usize = 3;

/// Sends a packet, and descriptors with it.
pub(crate) fn send_with(
    socket: &OwnedFd,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(packet)], &mut control, SendFlags::NOSIGNAL)
}

/// Waits for a packet; how long it is, and the descriptors that came with it.
pub(crate) fn receive_with(
    socket: &OwnedFd,
    packet: &mut [u8],
) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let into = &mut [IoSliceMut::new(packet)];
    let received = rustix::net::recvmsg(socket, into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    Ok((received.bytes, descriptors))
}

pub(crate) fn to_bytes<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    rmp_serde::to_vec_named(message).map_err(io::Error::other)
}

pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Sends, and does it again if it could not be done just now.
fn until_sent(until: Instant, mut send: impl FnMut() -> Result<usize, Errno>) -> Result<(), Errno> {
    loop {
        match send() {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => (),
            Err(errno) if is_shortage(errno) && Instant::now() < until => breathe(),
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether the system lacked memory for a moment. Taken for the other end's death it would end a
/// daemon that nobody has killed.
pub(crate) fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::NOMEM | Errno::NOBUFS)
}

/// A pause before the same is asked of the system again.
pub(crate) fn breathe() {
    let _ = nanosleep(&Timespec { tv_sec: 0, tv_nsec: 1_000_000 });
}

/// A panic elsewhere leaves nothing half done in here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (Link, Link) {
        let (ours, theirs) = Link::pair().unwrap();
        (ours, Link::new(theirs).unwrap())
    }

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let (a, b) = ends();
        let long = "x".repeat(3 * PACKET);
        let sender = std::thread::spawn(move || {
            for text in ["", "short", &long] {
                a.send(&text).unwrap();
            }
            long
        });
        let next = || from_bytes::<String>(&b.wait_bytes(&mut None).unwrap().unwrap()).unwrap();
        assert_eq!(next(), "");
        assert_eq!(next(), "short");
        let received = next();
        assert_eq!(received, sender.join().unwrap());
        assert_eq!(b.wait_bytes(&mut None).unwrap(), None);
    }

    #[test]
    fn a_descriptor_comes_with_the_message_after_it() {
        let (a, b) = ends();
        let (reader, writer) = io::pipe().unwrap();
        a.send_descriptor(writer.as_fd()).unwrap();
        drop(writer);
        a.send(&7u8).unwrap();
        drop(a);
        let mut descriptor = None;
        let bytes = b.wait_bytes(&mut descriptor).unwrap().unwrap();
        assert_eq!(from_bytes::<u8>(&bytes).unwrap(), 7);
        let flags = rustix::io::fcntl_getfd(descriptor.as_ref().unwrap()).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        drop(descriptor);
        assert_eq!(io::read_to_string(reader).unwrap(), "", "the last copy is closed");
    }

    #[test]
    fn nothing_is_not_the_end() {
        let (a, b) = ends();
        assert_eq!(b.receive::<u8>().unwrap(), Received::Nothing);
        a.send(&7u8).unwrap();
        assert_eq!(b.receive::<u8>().unwrap(), Received::Message(7));
        drop(a);
        assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
        assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
    }

    #[test]
    fn an_end_that_left_data_unread_is_closed_all_the_same() {
        let (a, b) = ends();
        b.send(&1u8).unwrap();
        drop(a);
        assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
        assert!(b.send(&1u8).is_err());
    }

    /// As from a child whose user's code writes to the socket. A payload may be longer: see
    /// `ten_mebibytes_of_arguments_arrive`.
    #[test]
    fn a_word_without_end_is_not_kept() {
        let (a, b) = ends();
        std::thread::spawn(move || {
            let packet = [&[MORE][..], &[b'x'; PACKET]].concat();
            while rustix::net::send(&a.fd, &packet, SendFlags::NOSIGNAL).is_ok() {}
        });
        let error = loop {
            match b.receive::<String>() {
                Ok(Received::Nothing) => std::thread::yield_now(),
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.to_string(), "the message is too long");
        assert_eq!(lock(&b.partial).capacity(), 0);
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        let (a, b) = ends();
        a.send_bytes(&[0xc1, 0xff]).unwrap();
        assert_eq!(b.receive::<String>().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
