//! A call that is passed on to the executor, and its answer back.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use control::{Call, Frames, LONGEST_ANSWER, Refusal, Server, Ticket};
use slot::Slot;

use super::refusal;

/// How long an executor may take to answer. One that is busy or stopped is told as such after it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much is read in a turn.
const TURN: usize = 64 << 10;

/// One call to the executor.
pub(super) struct Relay {
    to: Ticket,
    line: Line,
    asked_at: Instant,
}

impl Relay {
    /// Asks the executor.
    pub(super) fn begin(
        to: Ticket,
        call: &Call,
        now: Instant,
        slot: &Slot,
    ) -> Result<Relay, Refusal> {
        let line = Line::to_executor(call, slot, false)
            .map_err(|_| refusal("NoWorkers", serde_json::json!({})))?;
        Ok(Relay { to, line, asked_at: now })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.line.descriptor()
    }

    pub(super) fn deadline(&self) -> Instant {
        self.asked_at + PATIENCE
    }

    /// Passes on what has come; `false`: nothing more is to be done.
    pub(super) fn goes_on(&mut self, server: &mut Server, now: Instant) -> bool {
        if !server.is_open(&self.to) {
            return false;
        }
        match self.line.next() {
            Ok(Heard::Message(message)) => drop(server.forward(&self.to, &message)),
            Ok(Heard::Nothing) if now < self.deadline() => return true,
            Ok(Heard::Nothing) => {
                let waited = serde_json::json!({ "waited_us": PATIENCE.as_micros() as u64 });
                server.refuse(&self.to, &refusal("NoAnswer", waited));
            }
            // It keeps no workers, or has ended.
            Ok(Heard::End) | Err(_) => {
                server.refuse(&self.to, &refusal("NoWorkers", serde_json::json!({})));
            }
        }
        server.is_open(&self.to)
    }
}

/// A connection to the executor, whose messages are taken one by one.
pub(super) struct Line {
    socket: UnixStream,
    frames: Frames,
    has_message: bool,
    is_over: bool,
}

/// What a look at a line found.
pub(super) enum Heard {
    /// A message, without its end.
    Message(Vec<u8>),
    Nothing,
    End,
}

impl Line {
    /// Hands the executor the other end, with the call in it. `waits`: until somebody is there who answers.
    pub(super) fn to_executor(call: &Call, slot: &Slot, waits: bool) -> io::Result<Line> {
        let child = slot.child().ok_or(ErrorKind::NotConnected)?;
        let (mut ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        // A call is shorter than a socket's buffer, which is empty.
        ours.write_all(&call.to_bytes())?;
        child.hand_down(theirs.as_fd(), waits)?;
        let frames = Frames::new(LONGEST_ANSWER);
        Ok(Line { socket: ours, frames, has_message: false, is_over: false })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether a message was read that was not taken.
    pub(super) fn has_message(&self) -> bool {
        self.has_message
    }

    /// The next message that is there; reads no more than is good for the others' turn.
    pub(super) fn next(&mut self) -> io::Result<Heard> {
        let mut left = TURN;
        loop {
            let too_long = |_| io::Error::from(ErrorKind::InvalidData);
            let message = self.frames.next_message().map_err(too_long)?;
            self.has_message = self.frames.has_news();
            if let Some(message) = message {
                return Ok(Heard::Message(message));
            }
            if self.is_over {
                return Ok(Heard::End);
            }
            if left == 0 {
                return Ok(Heard::Nothing);
            }
            let mut bytes = [0; 8 << 10];
            match self.socket.read(&mut bytes) {
                Ok(0) => self.is_over = true,
                Ok(count) => {
                    self.frames.push(&bytes[..count]);
                    left = left.saturating_sub(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Heard::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
    }
}
