//! One connection: what has come of it, the call in work, and what is to be written.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use waiter::Interest;

use crate::frame::{Frames, LONGEST_CALL};
use crate::message::Call;
use crate::peer::Peer;
use crate::sys;

/// So many bytes of replies wait for a client to read them, at most. Where none wait, one reply alone may be longer,
/// up to [`LONGEST_ANSWER`].
pub const PENDING: usize = 1 << 20;

/// The longest reply that a server gives, in bytes.
pub const LONGEST_ANSWER: usize = 4 << 20;

/// How much is read of a connection in a turn.
const CHUNK: usize = 16 << 10;

/// The call in work.
#[derive(Clone, Copy, Debug)]
struct Work {
    call: u64,
    oneway: bool,
    more: bool,
}

/// What has come.
pub(super) enum Received {
    Nothing,
    Message(Vec<u8>),
    /// The client has ended it, or what comes cannot be told apart any more.
    End,
}

#[derive(Debug)]
pub(super) struct Connection {
    fd: OwnedFd,
    pub(super) peer: Peer,
    /// Whether it is here since the owner wants it to be: then nobody gets its place.
    is_adopted: bool,
    frames: Frames,
    work: Option<Work>,
    /// How many calls it has made.
    calls: u64,
    /// What is to be written, from `written` on.
    output: Vec<u8>,
    written: usize,
    /// Nothing is read any more: it ends when the output is written.
    closes: bool,
    interest: Interest,
    /// When something came or went last.
    moved: Instant,
}

impl Connection {
    /// It is watched for what there is to read.
    pub(super) fn new(fd: OwnedFd, peer: Peer, now: Instant) -> Connection {
        Connection {
            fd,
            peer,
            is_adopted: false,
            frames: Frames::new(LONGEST_CALL),
            work: None,
            calls: 0,
            output: Vec::new(),
            written: 0,
            closes: false,
            interest: Interest::Readable,
            moved: now,
        }
    }

    /// The same for one that stays until it ends.
    pub(super) fn adopted(fd: OwnedFd, peer: Peer, now: Instant) -> Connection {
        Connection { is_adopted: true, ..Connection::new(fd, peer, now) }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Whether its next message is wanted.
    pub(super) fn is_to_be_read(&self) -> bool {
        self.work.is_none() && self.pending() == 0 && !self.closes
    }

    /// Whether there is nothing to do with it but to wait for the owner's reply.
    pub(super) fn is_only_watched_for_its_end(&self) -> bool {
        self.interest == Interest::End
    }

    /// Since when nothing has come or gone of one whose place somebody else may have, if it is not us whom it waits for: it
    /// has no call in work, or does not read what we have said.
    pub(super) fn silent_since(&self) -> Option<Instant> {
        let is_silent = !self.is_adopted && (self.work.is_none() || self.pending() > 0);
        is_silent.then_some(self.moved)
    }

    /// Whether the client has ended it, as far as can be told.
    pub(super) fn is_at_end(&self) -> bool {
        sys::is_at_end(&self.fd)
    }

    /// What has to be told of it from now on, if that is something else than before.
    pub(super) fn changed_interest(&mut self) -> Option<Interest> {
        let interest = if self.pending() > 0 {
            Interest::Writable
        } else if self.work.is_some() {
            Interest::End
        } else if self.frames.has_news() {
            // Nothing has to come for the next message, which is read when it can be answered.
            Interest::Writable
        } else {
            Interest::Readable
        };
        let changed = interest != self.interest;
        self.interest = interest;
        changed.then_some(interest)
    }

    pub(super) fn receive(&mut self, now: Instant) -> Received {
        if !self.frames.has_news() {
            let mut chunk = [0; CHUNK];
            match sys::receive(&self.fd, &mut chunk) {
                Ok(Some(0)) | Err(_) => return Received::End,
                Ok(None) => (),
                Ok(Some(count)) => {
                    self.moved = now;
                    self.frames.push(&chunk[..count]);
                }
            }
        }
        match self.frames.next_message() {
            Ok(Some(message)) => Received::Message(message),
            Ok(None) => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    pub(super) fn begin(&mut self, call: &Call) {
        self.calls += 1;
        self.work = Some(Work { call: self.calls, oneway: call.oneway, more: call.more });
    }

    pub(super) fn end_work(&mut self) {
        self.work = None;
    }

    /// The number of the call that it has made last.
    pub(super) fn call(&self) -> u64 {
        self.calls
    }

    pub(super) fn works_at(&self, call: u64) -> bool {
        self.work.is_some_and(|work| work.call == call)
    }

    pub(super) fn wants_no_reply(&self) -> bool {
        self.work.is_some_and(|work| work.oneway)
    }

    pub(super) fn wants_more(&self) -> bool {
        self.work.is_some_and(|work| work.more)
    }

    pub(super) fn close_when_sent(&mut self) {
        self.closes = true;
    }

    /// Whether nothing more will come of it.
    pub(super) fn is_done(&self) -> bool {
        self.closes && self.pending() == 0
    }

    pub(super) fn pending(&self) -> usize {
        self.output.len() - self.written
    }

    /// Whether one that is not longer than [`LONGEST_ANSWER`] may wait for the client.
    pub(super) fn has_room_for(&self, reply: &[u8]) -> bool {
        let pending = self.pending();
        pending == 0 || pending + reply.len() <= PENDING
    }

    /// Has this written after what waits. `false`: there is nobody to read it.
    pub(super) fn write(&mut self, mut reply: Vec<u8>, now: Instant) -> bool {
        if self.pending() == 0 {
            (self.output, self.written) = (reply, 0);
        } else {
            self.output.drain(..self.written);
            self.written = 0;
            self.output.append(&mut reply);
        }
        self.send(now)
    }

    /// Writes what there is room for, once. `false`: there is nobody to read it.
    pub(super) fn send(&mut self, now: Instant) -> bool {
        if self.pending() == 0 {
            return true;
        }
        match sys::send(&self.fd, &self.output[self.written..]) {
            Ok(Some(count)) => {
                self.written += count;
                self.moved = now;
            }
            Ok(None) => (),
            Err(_) => return false,
        }
        if self.pending() == 0 {
            (self.output, self.written) = (Vec::new(), 0);
        }
        true
    }
}
