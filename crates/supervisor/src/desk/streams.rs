//! Calls that are answered again and again: events, and where the executor stands.

use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use control::{Call, Frames, Refusal, Reply, Room, Server, Ticket, service};
use lifecycle::Phase;
use record::Events;
use serde::de::IgnoredAny;
use slot::Slot;

use super::relay::ask;

/// So many events go into one reply.
const MOST: usize = 32;

/// After a failure to ask the executor, or where it had no place for who asks, it is tried again after this time.
const PAUSE: Duration = Duration::from_secs(1);

/// More than is kept anywhere, and a number that every client knows (varlink.org: 64 bits with a sign).
const ALL: i64 = i64::MAX;

/// How many messages of an executor that has ended are passed on at the end.
const MOST_LAST: usize = 64;

/// Somebody who is told of events.
pub(super) struct EventReader {
    to: Ticket,
    call: Call,
    /// The number of the last event of ours that he was told.
    told: u64,
    line: Option<Line>,
    /// What has come from the executor, and found no room yet.
    held: Option<Vec<u8>>,
    /// How often somebody had begun to answer in an executor when he came.
    answered: u64,
    /// The same when the executor was asked for the last time.
    asked: u64,
    /// Whether it is asked once more though nobody has begun since: the loop that had answered has ended, and there may
    /// be another one that had begun before.
    asks_again: bool,
    /// When the executor is asked again, since that has failed.
    again_at: Option<Instant>,
}

impl EventReader {
    pub(super) fn new(to: Ticket, call: &Call, told: u64, slot: &Slot) -> EventReader {
        let (call, answered) = (call.clone(), slot.answers());
        EventReader {
            to,
            call,
            told,
            line: None,
            held: None,
            answered,
            asked: answered.saturating_sub(1),
            asks_again: false,
            again_at: None,
        }
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.line.as_ref().filter(|_| self.held.is_none()).map(Line::descriptor)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        // What was read already wakes nobody.
        let has_message = self.held.is_none() && self.line.as_ref().is_some_and(Line::has_message);
        if has_message { Some(Instant::now()) } else { self.again_at }
    }

    /// Tells what has happened since; `false`: he is gone.
    pub(super) fn goes_on(
        &mut self,
        server: &mut Server,
        events: &Events,
        now: Instant,
        slot: &Slot,
    ) -> bool {
        while self.told < events.last() {
            let new = events.since(self.told, MOST);
            let last = new.events.last().map_or(events.last(), |event| event.number);
            match server.reply_continues(&self.to, new) {
                Room::Taken | Room::TooLong => self.told = last,
                // What he has not read by the time there is room may not be kept any more, and he is told that.
                Room::Full => break,
                Room::Gone | Room::NotAsked => return false,
            }
        }
        // In this order: nothing but an end that is found now wakes us to ask the next one.
        self.pass_on(server, &events.epoch(), now);
        self.ask_executor(now, slot);
        server.is_open(&self.to)
    }

    /// Passes on what an executor that has ended has said before.
    pub(super) fn finish(&mut self, server: &mut Server, events: &Events) {
        for _ in 0..MOST_LAST {
            if self.line.is_none() || self.held.is_some() {
                return;
            }
            self.pass_on(server, &events.epoch(), Instant::now());
        }
    }

    fn ask_executor(&mut self, now: Instant, slot: &Slot) {
        if slot.child().is_none() {
            (self.asks_again, self.again_at) = (false, None);
            return;
        }
        let waits = self.again_at.is_some_and(|at| now < at);
        let wants = self.asks_again || self.asked != slot.answers();
        if self.line.is_some() || !wants || waits {
            return;
        }
        // Of one that has begun to answer since he came he wants to know all.
        if slot.answers() != self.answered {
            self.ask_for_all();
        }
        match ask(&self.call, slot) {
            Ok(socket) => {
                self.line = Some(Line::new(socket));
                self.asked = slot.answers();
                (self.asks_again, self.again_at) = (false, None);
            }
            Err(_) => self.again_at = Some(now + PAUSE),
        }
    }

    fn ask_for_all(&mut self) {
        self.call.parameters.insert("last".to_owned(), ALL.into());
    }

    /// Passes on one message; those that came with it have their turn next.
    fn pass_on(&mut self, server: &mut Server, ours: &str, now: Instant) {
        let Some(line) = &mut self.line else { return };
        let message = match self.held.take() {
            Some(message) => message,
            None => match line.next() {
                Ok(Heard::Nothing) => return,
                Ok(Heard::Message(message)) if is_of_workers(&message, ours) => message,
                heard => return self.end_line(heard.ok(), now),
            },
        };
        line.has_told = true;
        if server.forward(&self.to, &message) == Room::Full {
            self.held = Some(message);
        }
    }

    fn end_line(&mut self, heard: Option<Heard>, now: Instant) {
        let has_told = self.line.take().is_some_and(|line| line.has_told);
        match heard {
            Some(Heard::Message(message)) if is_full(&message) => {
                (self.asks_again, self.again_at) = (true, Some(now + PAUSE));
            }
            Some(Heard::End) if has_told => {
                self.asks_again = true;
                self.ask_for_all();
            }
            // Nobody answers there now, and who does later says that he begins; or it is what is not understood later,
            // either.
            Some(_) | None => (),
        }
    }
}

/// The longest reply of events: one is some hundred bytes, but for what a worker says and how it ended.
const LONGEST: usize = 256 << 10;

/// How much is read in a turn.
const TURN: usize = 64 << 10;

/// A connection to the executor, whose messages are taken one by one.
struct Line {
    socket: UnixStream,
    frames: Frames,
    has_message: bool,
    /// Whether events have come over it.
    has_told: bool,
    is_over: bool,
}

/// What a look at a line found.
enum Heard {
    /// A message, without its end.
    Message(Vec<u8>),
    Nothing,
    End,
}

impl Line {
    fn new(socket: UnixStream) -> Line {
        let frames = Frames::new(LONGEST);
        Line { socket, frames, has_message: false, has_told: false, is_over: false }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether a message was read that was not taken.
    fn has_message(&self) -> bool {
        self.has_message
    }

    /// The next message that is there; reads no more than is good for the others' turn.
    fn next(&mut self) -> io::Result<Heard> {
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

/// Whether it says that there is no place for one more who asks.
fn is_full(message: &[u8]) -> bool {
    matches!(
        Reply::<IgnoredAny>::parse(message),
        Ok(Reply { outcome: Err(refusal), .. }) if refusal.name().ends_with(".TooManyConnections")
    )
}

/// Whether it is what a pool says of its workers, and more will follow: that the executor has ended is no end of this. An
/// executor runs the application's code, which could say anything: so it does not count for a guardian, nor with its
/// numbers.
fn is_of_workers(message: &[u8], ours: &str) -> bool {
    let Ok(Reply::<service::Events> { outcome: Ok(told), continues: true }) = Reply::parse(message)
    else {
        return false;
    };
    let of_workers = told.events.iter().all(|event| {
        matches!(event.role.as_str(), "worker" | "set")
            || event.kind == "lost" && event.role.is_empty()
    });
    told.epoch != ours && of_workers
}

/// Somebody who waits until the executor is in one of these phases.
pub(super) struct PhaseReader {
    to: Ticket,
    phases: Vec<String>,
    told: Option<Phase>,
}

/// There are fewer phases.
const MOST_PHASES: usize = 32;

impl PhaseReader {
    pub(super) fn new(to: Ticket, phases: Vec<String>) -> Result<PhaseReader, Refusal> {
        let is_known =
            |name: &String| serde_json::from_value::<Phase>(name.as_str().into()).is_ok();
        if phases.is_empty() || phases.len() > MOST_PHASES || !phases.iter().all(is_known) {
            return Err(Refusal::invalid("phases"));
        }
        Ok(PhaseReader { to, phases, told: None })
    }

    /// Tells where it stands; `false`: he knows what he wanted to, or is gone.
    pub(super) fn goes_on(&mut self, server: &mut Server, phase: Phase) -> bool {
        if self.told == Some(phase) {
            return server.is_open(&self.to);
        }
        let name = phase.to_string();
        let reply = serde_json::json!({ "phase": name });
        if self.phases.contains(&name) {
            server.reply(&self.to, reply);
            return false;
        }
        if server.reply_continues(&self.to, reply) == Room::Taken {
            self.told = Some(phase);
        }
        server.is_open(&self.to)
    }
}
