//! The socket between parent and child: messages both ways, and a lifeline.
//!
//! Packets keep their borders, so no reader takes more than it asked for: a launcher reads its own
//! message and leaves the next one to the process that it starts. A word longer than a packet travels in
//! several, each marked with whether more follow. A payload is one packet, so that its sender waits for
//! nobody.

mod end;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{io, mem};

use rustix::io::Errno;
use rustix::net::Shutdown;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use serde::{Serialize, de::DeserializeOwned};

use waiter::breathe;

use crate::mutex::lock;
use crate::payload_file;
use crate::speaker::Speaker;
use crate::sys::socket::{self, is_shortage};
use crate::wire::{self, to_bytes};

use end::{End, Packet};

/// Small enough for a socket buffer that an administrator has made small.
const PACKET: usize = 32 * 1024;
const LAST: u8 = 0;
const MORE: u8 = 1;
/// A payload that is in a file, whose descriptor comes with the packet.
const FILE: u8 = 2;

/// The most that a word to or from a child may be; the longest carry what a role's handler tells. A
/// child runs the user's code, and its parent must not grow by whatever that code does to the socket.
pub(crate) const LONGEST_WORD: usize = 1 << 20;

/// How many packets are taken from a peer before others have their turn: more than a socket's usual
/// buffer holds, so that all that came before an end is heard in one turn.
const TURN: u32 = 512;

/// How long a peer may leave a full socket unread. A peer that is sent so much does nothing but read, so
/// one that takes longer is stopped or stuck.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// One end of the socket. Dropping it lets the other end see that nobody is there any more.
#[derive(Debug)]
pub(crate) struct Link {
    fd: End,
    /// Held while a message goes out, since several threads of a child may have something to say.
    sending: Mutex<()>,
    incoming: Mutex<Incoming>,
}

/// The other end's words, as far as they have come.
#[derive(Debug, Default)]
struct Incoming {
    /// What has come of a message whose last packet has not.
    partial: Vec<u8>,
    /// Who has sent all packets of it, or of the last message that was whole; `None` if they were
    /// several.
    speaker: Option<Speaker>,
    /// Whether `ECONNRESET` has come: the other end has gone, and left unread what we sent (unix(7)). The
    /// kernel tells that once, ahead of what the other end had said.
    reset: bool,
    /// How many packets have been taken in this turn.
    taken: u32,
    /// What a parent has sent with the last packet that brought something.
    descriptor: Option<OwnedFd>,
}

/// What a look at the socket found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<T> {
    /// A message.
    Message(T),
    /// Nothing now.
    Nothing,
    /// There may be more, and others may have their turn before.
    Enough,
    /// A child has sent descriptors, which no child may do. They stay in the socket, and so does all that
    /// comes after them.
    Descriptors,
    /// The other end is gone, and all that it sent has been read.
    Closed,
}

impl Link {
    pub(crate) fn pair() -> io::Result<(Link, OwnedFd)> {
        let (ours, theirs) = socket::pair()?;
        Ok((Link::over(End::parents(ours)?)?, theirs))
    }

    /// The child's end.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Link> {
        Link::over(End::childs(fd))
    }

    fn over(fd: End) -> io::Result<Link> {
        set_socket_timeout(&fd, Timeout::Send, Some(SEND_TIMEOUT))?;
        Ok(Link { fd, sending: Mutex::default(), incoming: Mutex::default() })
    }

    /// Who has said the last message to a parent, if all of it came from one process.
    pub(crate) fn speaker(&self) -> Option<Speaker> {
        lock(&self.incoming).speaker
    }

    /// Sends one message whole.
    ///
    /// # Errors
    ///
    /// The other end is gone (`EPIPE`), or has not read all of it for ten seconds, or twenty at most
    /// (`WouldBlock`); or the message is longer than a word may be (`InvalidInput`).
    pub(crate) fn send<T: Serialize>(&self, message: &T) -> io::Result<()> {
        let bytes = to_bytes(message)?;
        if bytes.len() > LONGEST_WORD {
            let text = format!("a word of {} bytes; {LONGEST_WORD} are allowed", bytes.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        self.send_bytes(&bytes)
    }

    /// Sends a message that fits into one packet, or nothing: for a caller who must not wait for the
    /// other end.
    ///
    /// # Errors
    ///
    /// The other end is gone (`EPIPE`), or has so much unread that there is no room (`WouldBlock`).
    pub(crate) fn send_now<T: Serialize>(&self, message: &T) -> io::Result<()> {
        let mut packet = vec![LAST];
        packet.extend(to_bytes(message)?);
        // Another thread may be sending a long message, which may take long. On the side of a parent none
        // does.
        let Ok(_whole) = self.sending.try_lock() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        Ok(rustix::io::retry_on_intr(|| socket::send_packet_now(&self.fd, &packet))?)
    }

    /// The same with a descriptor.
    pub(crate) fn send_now_with<T: Serialize>(
        &self,
        message: &T,
        descriptor: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let mut packet = vec![LAST];
        packet.extend(to_bytes(message)?);
        let Ok(_whole) = self.sending.try_lock() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let send = || socket::send_with_now(&self.fd, &packet, &[descriptor]);
        Ok(rustix::io::retry_on_intr(send)?)
    }

    /// What came with the last message to a child that brought something, once.
    pub(crate) fn take_descriptor(&self) -> Option<OwnedFd> {
        lock(&self.incoming).descriptor.take()
    }

    fn send_bytes(&self, message: &[u8]) -> io::Result<()> {
        let _whole = lock(&self.sending);
        let until = Instant::now() + SEND_TIMEOUT;
        let mut rest = message;
        loop {
            let (packet, later) = packet_of(rest);
            if Instant::now() >= until {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            until_sent(until, || socket::send_packet(&self.fd, &packet))?;
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }

    /// Sends a payload, for which an empty socket has room though nobody reads yet; and two descriptors
    /// with it, at most. What is longer than a packet goes as a [file](payload_file).
    ///
    /// From now on the packet keeps all of it open until somebody takes it, or nobody has the other end any
    /// more.
    pub(crate) fn send_payload(&self, payload: &[u8], with: &[BorrowedFd<'_>]) -> io::Result<()> {
        let _whole = lock(&self.sending);
        let file = if payload.len() > PACKET { Some(payload_file::write(payload)?) } else { None };
        let packet = match &file {
            Some(_) => [&[FILE], &payload_file::head(payload)[..]].concat(),
            None => [&[LAST], payload].concat(),
        };
        let file = file.as_ref().map(OwnedFd::as_fd);
        let descriptors: Vec<_> = file.into_iter().chain(with.iter().copied()).collect();
        until_sent(Instant::now() + SEND_TIMEOUT, || match &descriptors[..] {
            [] => socket::send_packet(&self.fd, &packet),
            descriptors => socket::send_with(&self.fd, &packet, descriptors),
        })?;
        Ok(())
    }

    /// Takes the next word if it has come; does not wait. Those of a newer build are passed over.
    ///
    /// # Errors
    ///
    /// The socket failed, or the message is too long or no word of the expected side (`InvalidData`).
    pub(crate) fn receive<T: DeserializeOwned>(&self) -> io::Result<Received<T>> {
        loop {
            return Ok(match self.receive_bytes()? {
                Received::Message(bytes) => match wire::read(&bytes)? {
                    Some(word) => Received::Message(word),
                    None => continue,
                },
                Received::Nothing => Received::Nothing,
                Received::Enough => Received::Enough,
                Received::Descriptors => Received::Descriptors,
                Received::Closed => Received::Closed,
            });
        }
    }

    /// Takes a payload, and the descriptors that come with it. It has to be there: nobody is waited for.
    ///
    /// # Errors
    ///
    /// Nothing is there (`WouldBlock`), or no payload (`InvalidData`).
    pub(crate) fn take_payload(&self, with: &mut Vec<OwnedFd>) -> io::Result<Vec<u8>> {
        let mut reset = false;
        let (packet, descriptors) = loop {
            match socket::take_with(&self.fd, PACKET + 1) {
                Ok(taken) => break taken,
                Err(Errno::INTR) => (),
                Err(errno) if is_shortage(errno) => breathe(),
                // What the other end has sent comes after that error.
                Err(Errno::CONNRESET) if !reset => reset = true,
                Err(Errno::CONNRESET) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(errno) => return Err(errno.into()),
            }
        };
        let mut descriptors = descriptors.into_iter();
        match packet.split_first() {
            None => Err(io::ErrorKind::WouldBlock.into()),
            Some((&LAST, payload)) => {
                with.extend(descriptors);
                Ok(payload.to_vec())
            }
            Some((&FILE, head)) => {
                let file = descriptors.next();
                with.extend(descriptors);
                payload_file::read(file, head)
            }
            Some(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "a packet that is no payload"))
            }
        }
    }

    /// Says that nothing more of what the other end sends is taken: from now on its sending fails
    /// (`EPIPE`). What it has sent before can still be read.
    pub(crate) fn close_ears(&self) {
        // It fails only for a descriptor that is no connected socket.
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Read);
    }

    fn receive_bytes(&self) -> io::Result<Received<Vec<u8>>> {
        let mut incoming = lock(&self.incoming);
        loop {
            if incoming.taken >= TURN {
                incoming.taken = 0;
                return Ok(Received::Enough);
            }
            let (packet, speaker) = match self.fd.packet() {
                Ok(Packet::Bytes(packet, speaker)) => (packet, speaker),
                Ok(Packet::With(packet, descriptor)) => {
                    incoming.descriptor = Some(descriptor);
                    (packet, None)
                }
                Ok(Packet::End) => return Ok(Received::Closed),
                Ok(Packet::Descriptors) => return Ok(Received::Descriptors),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    incoming.taken = 0;
                    return Ok(Received::Nothing);
                }
                // What has come is still there, and the other end still alive; others have their turn.
                Err(errno) if is_shortage(errno) => {
                    breathe();
                    return Ok(Received::Enough);
                }
                // The other end closed without having read all that we sent. What it had to say,
                // which may be why, comes after that.
                Err(Errno::CONNRESET) if !incoming.reset => {
                    incoming.reset = true;
                    continue;
                }
                Err(Errno::CONNRESET) => return Ok(Received::Closed),
                Err(error) => return Err(error.into()),
            };
            incoming.taken += 1;
            // A message whose packets come from several processes is nobody's.
            let goes_on = !incoming.partial.is_empty();
            incoming.speaker = speaker.filter(|_| !goes_on || incoming.speaker == speaker);
            let room = LONGEST_WORD.saturating_sub(incoming.partial.len());
            match packet.split_first() {
                Some((_, bytes)) if bytes.len() > room => {
                    *incoming = Incoming::default();
                    let text = format!("a message of more than {LONGEST_WORD} bytes");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                Some((&LAST, bytes)) => {
                    if incoming.partial.is_empty() {
                        return Ok(Received::Message(bytes.to_vec()));
                    }
                    incoming.partial.extend_from_slice(bytes);
                    return Ok(Received::Message(mem::take(&mut incoming.partial)));
                }
                // A sender fills every packet but the last, so no peer can keep us busy with empty ones.
                Some((&MORE, bytes)) if bytes.len() == PACKET => {
                    incoming.partial.extend_from_slice(bytes);
                }
                _ => {
                    *incoming = Incoming::default();
                    let text = "a packet that is no part of a message";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
            }
        }
    }

    /// Whether a sender would not have to wait.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn has_room(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], Some(&now)).is_ok_and(|ready| ready > 0)
    }

    pub(crate) fn try_clone(&self) -> io::Result<OwnedFd> {
        self.fd.as_fd().try_clone_to_owned()
    }
}

/// For waiting: readable when a message is there or the other end is gone.
impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// As much of a message as goes into a packet, and what does not.
fn packet_of(message: &[u8]) -> (Vec<u8>, &[u8]) {
    let (now, later) = message.split_at(message.len().min(PACKET));
    let mut packet = Vec::with_capacity(now.len() + 1);
    packet.push(if later.is_empty() { LAST } else { MORE });
    packet.extend_from_slice(now);
    (packet, later)
}

/// Sends, and does it again if it could not be done just now.
fn until_sent(until: Instant, mut send: impl FnMut() -> Result<(), Errno>) -> Result<(), Errno> {
    loop {
        match send() {
            Ok(()) => return Ok(()),
            // The time that the socket waits begins anew with each interruption, so it is counted here.
            Err(Errno::INTR) if Instant::now() < until => (),
            Err(Errno::INTR) => return Err(Errno::AGAIN),
            Err(errno) if is_shortage(errno) && Instant::now() < until => breathe(),
            Err(errno) => return Err(errno),
        }
    }
}

#[cfg(test)]
mod tests;
