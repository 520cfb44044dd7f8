//! A call that is passed on to the executor, and its answer back, in pieces: the guardian keeps at most one.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use control::service::refusal;
use control::{Call, LONGEST_ANSWER, Refusal, Room, Server, Ticket};
use slot::Slot;

/// How long an executor may take to begin with its answer, or to go on with it. One that is busy or stopped is told
/// as such after it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long all of an answer may take, where its client reads it.
const LONGEST: Duration = Duration::from_secs(10);

/// How much is taken of an answer at once.
const PIECE: usize = 16 << 10;

/// How many pieces are passed on in a turn.
const TURN: usize = 8;

/// One call to the executor.
pub(super) struct Relay {
    to: Ticket,
    socket: UnixStream,
    /// What found no room yet.
    held: Option<Piece>,
    /// How many bytes of the answer were passed on.
    passed: usize,
    /// How long its executor has been waited for in all.
    waited: Duration,
    /// When the executor was asked, has gone on, or was waited for again after its client.
    moved_at: Instant,
}

struct Piece {
    bytes: Vec<u8>,
    is_last: bool,
}

/// What a look at the executor's end found.
enum Heard {
    Piece(Piece),
    Nothing,
    End,
}

impl Relay {
    /// Asks the executor.
    pub(super) fn begin(
        to: Ticket,
        call: &Call,
        now: Instant,
        slot: &Slot,
    ) -> Result<Relay, Refusal> {
        let gone = [ErrorKind::NotConnected, ErrorKind::BrokenPipe];
        let socket = ask(call, slot).map_err(|error| match gone.contains(&error.kind()) {
            true => no_workers(),
            // It has so much unread that there is no room for a word, or there is no descriptor.
            false => refusal("NoAnswer", serde_json::json!({ "waited_us": 0 })),
        })?;
        Ok(Relay { to, socket, held: None, passed: 0, waited: Duration::ZERO, moved_at: now })
    }

    /// Readable when there is more of the answer; `None`: it is the client whom we wait for.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd()).filter(|_| self.held.is_none())
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.moved_at + PATIENCE).filter(|_| self.held.is_none())
    }

    /// Passes on what has come; `false`: nothing more is to be done.
    pub(super) fn goes_on(&mut self, server: &mut Server, now: Instant) -> bool {
        if self.passed > LONGEST_ANSWER || self.waited > LONGEST {
            server.abort(&self.to);
            return false;
        }
        for _ in 0..TURN {
            let piece = match self.held.take() {
                Some(piece) => {
                    self.moved_at = now;
                    piece
                }
                None => match self.next() {
                    Heard::Piece(piece) => {
                        self.waited += now.saturating_duration_since(self.moved_at);
                        self.moved_at = now;
                        piece
                    }
                    Heard::Nothing if now < self.moved_at + PATIENCE => {
                        return server.is_open(&self.to);
                    }
                    Heard::Nothing => {
                        let waited = PATIENCE.as_micros() as u64;
                        let waited = serde_json::json!({ "waited_us": waited });
                        return self.fails(server, &refusal("NoAnswer", waited));
                    }
                    // It keeps no workers, or has ended.
                    Heard::End => return self.fails(server, &no_workers()),
                },
            };
            match server.forward_part(&self.to, &piece.bytes, piece.is_last) {
                Room::Taken if piece.is_last => return false,
                Room::Taken => self.passed += piece.bytes.len(),
                Room::Full => {
                    self.held = Some(piece);
                    return true;
                }
                Room::Gone | Room::NotAsked | Room::TooLong => return false,
            }
        }
        true
    }

    fn next(&mut self) -> Heard {
        let mut bytes = vec![0; PIECE];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return Heard::End,
                Ok(count) => {
                    bytes.truncate(count);
                    // What comes after the answer is none.
                    let end = bytes.iter().position(|byte| *byte == 0);
                    if let Some(end) = end {
                        bytes.truncate(end + 1);
                    }
                    return Heard::Piece(Piece { bytes, is_last: end.is_some() });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Heard::Nothing,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(_) => return Heard::End,
            }
        }
    }

    /// There is no answer, or no end to it: then the connection ends in its middle.
    fn fails(&self, server: &mut Server, why: &Refusal) -> bool {
        match self.passed {
            0 => server.refuse(&self.to, why),
            _ => server.abort(&self.to),
        }
        false
    }
}

fn no_workers() -> Refusal {
    refusal("NoWorkers", serde_json::json!({}))
}

/// Hands the executor one end of a new connection, with the call in it, and gives the other.
pub(super) fn ask(call: &Call, slot: &Slot) -> io::Result<UnixStream> {
    let child = slot.child().ok_or(ErrorKind::NotConnected)?;
    let (mut ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    // A call fits into a socket's buffer, which is empty, unless somebody has made that smaller: then it fails.
    ours.write_all(&call.to_bytes())?;
    child.hand_down(theirs.as_fd())?;
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use control::service;

    use super::*;

    /// A server, the client of a call to it, and a relay of that call with the executor's end.
    fn relay(now: Instant) -> (Server, UnixStream, Relay, UnixStream) {
        let mut server = service::server("jobd", "1.0").unwrap();
        let (mut client, theirs) = UnixStream::pair().unwrap();
        server.adopt(theirs.into()).unwrap();
        client.write_all(b"{\"method\":\"io.appkit.Service.Workers\"}\0").unwrap();
        let to = server.turn(now).pop().unwrap().ticket;
        let (socket, executor) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        executor.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        let waited = Duration::ZERO;
        let relay = Relay { to, socket, held: None, passed: 0, waited, moved_at: now };
        (server, client, relay, executor)
    }

    /// Reads all that is there; what is not there yet comes when the server has had a turn.
    fn read_all(client: &mut UnixStream) -> usize {
        let mut bytes = vec![0; 64 << 10];
        let mut all = 0;
        while let Ok(count @ 1..) = client.read(&mut bytes) {
            all += count;
        }
        all
    }

    /// It was cut off after ten seconds in all.
    #[test]
    fn a_client_that_reads_slowly_is_not_taken_for_an_executor_that_is_slow() {
        let mut now = Instant::now(); // An origin only.
        let (mut server, mut client, mut relay, mut executor) = relay(now);
        let mut read = 0;
        for _ in 0..10 {
            // As much as makes the client's socket full, and one piece be held.
            while relay.held.is_none() {
                let _ = executor.write(&[b'x'; PIECE]);
                assert!(relay.goes_on(&mut server, now), "cut off after {read} bytes");
            }
            assert_eq!(relay.deadline(), None);
            now += 2 * PATIENCE;
            read += read_all(&mut client);
            server.turn(now);
            read += read_all(&mut client);
            assert!(relay.goes_on(&mut server, now), "cut off after {read} bytes");
        }
        // The executor has all of its time after that.
        read_all(&mut client);
        assert!(relay.waited < PATIENCE && relay.deadline().is_none_or(|at| at > now));
    }

    #[test]
    fn an_executor_that_is_slow_again_and_again_is_not_waited_for() {
        let mut now = Instant::now(); // An origin only.
        let (mut server, mut client, mut relay, mut executor) = relay(now);
        let almost = PATIENCE - Duration::from_millis(1);
        let mut turns = 0;
        while relay.goes_on(&mut server, now) {
            executor.write_all(b"x").unwrap();
            now += almost;
            turns += 1;
            assert!(turns < 10);
            read_all(&mut client);
        }
        assert!(almost * turns > LONGEST);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}
