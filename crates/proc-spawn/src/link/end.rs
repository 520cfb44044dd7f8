//! One end of the socket. A parent's end sees to it that no child makes the parent close a descriptor
//! whose close takes long.
//!
//! A descriptor that comes over a socket is closed by whoever takes the packet without it, or has no room
//! for it, or closes the socket before; and a close may wait for years. So a parent looks at a packet
//! first, and takes none that brings a descriptor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::Shutdown;

use super::{PACKET, TURN};
use crate::closer;
use crate::speaker::Speaker;
use crate::sys::socket::{self, Look};

/// What comes next.
#[derive(Debug)]
pub(super) enum Packet {
    /// A packet. For a parent's end: who has sent it.
    Bytes(Vec<u8>, Option<Speaker>),
    /// A packet to a child, and what its parent has sent with it.
    With(Vec<u8>, OwnedFd),
    /// Something with descriptors, which was not taken.
    Descriptors,
    /// The other end is gone.
    End,
}

#[derive(Debug)]
pub(super) struct End {
    /// `None`: it is being dropped.
    fd: Option<OwnedFd>,
    /// The process that has made it, if that is a parent.
    parent: Option<u32>,
}

impl End {
    /// Makes the end that a parent keeps, to talk with its child.
    pub(super) fn parents(fd: OwnedFd) -> io::Result<End> {
        socket::ask_for_senders(&fd)?;
        Ok(End { fd: Some(fd), parent: Some(std::process::id()) })
    }

    /// Makes a child's end, to talk with its parent, who is trusted.
    pub(super) fn childs(fd: OwnedFd) -> End {
        End { fd: Some(fd), parent: None }
    }

    /// Takes the next packet; does not wait.
    pub(super) fn packet(&self) -> Result<Packet, Errno> {
        if self.parent.is_none() {
            return self.packet_to_child();
        }
        let (room, speaker) = match socket::look(self)? {
            Look { descriptors: true, .. } => return Ok(Packet::Descriptors),
            Look { is_packet: false, .. } => return Ok(Packet::End),
            Look { length, speaker, .. } => (length.clamp(1, PACKET + 1), speaker),
        };
        let (packet, length) = socket::take(self, room)?;
        // No packet of ours is longer.
        if length > PACKET + 1 {
            return Err(Errno::MSGSIZE);
        }
        Ok(Packet::Bytes(packet, speaker))
    }

    fn packet_to_child(&self) -> Result<Packet, Errno> {
        let (packet, descriptors) = socket::take_with(self, PACKET + 1)?;
        // A parent sends one with a packet at most; what is more is closed.
        Ok(match descriptors.into_iter().next() {
            Some(descriptor) => Packet::With(packet, descriptor),
            None if packet.is_empty() => Packet::End,
            None => Packet::Bytes(packet, None),
        })
    }

    /// Takes what can be thrown away, and tells whether nothing else is left in the queue.
    fn empties(&self) -> bool {
        for _ in 0..TURN {
            match self.packet() {
                Ok(Packet::End) | Err(Errno::AGAIN) => return true,
                Ok(Packet::Bytes(..) | Packet::With(..))
                | Err(Errno::INTR | Errno::CONNRESET | Errno::MSGSIZE) => (),
                Ok(Packet::Descriptors) | Err(_) => return false,
            }
        }
        false
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("it is there until it is dropped").as_fd()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // In a copy of our process (fork) nothing ends with it, and the socket is not ours to shut.
        if self.parent != Some(std::process::id()) {
            return;
        }
        // From now on nothing more comes, so what is not there now will not be when it is closed.
        let _ = rustix::net::shutdown(&*self, Shutdown::Both);
        if !self.empties()
            && let Some(fd) = self.fd.take()
        {
            closer::close(fd);
        }
    }
}
