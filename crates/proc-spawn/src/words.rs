//! What a child says, as its parent takes it: cut, counted, and kept only as far as somebody may ask.
//!
//! A child runs the user's code, which may write to the socket whatever it likes, as often as it likes.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::link::{Link, Received};
use crate::speaker::Speaker;
use crate::value::{Collected, Value};
use crate::wire::{self, Up, Verdict};
use exit::{Panic, SetupError, cut};

/// The most characters of a status: a line for people.
pub(crate) const LONGEST_STATUS: usize = 1000;

/// How many of the words for a role's handler are kept for a caller who asks later.
const MOST_TOLD: usize = 4;

/// How many turns are heard from a child that has ended: a process that it has forked may have the
/// socket, too, and still talk.
const LAST_TURNS: usize = 8;

/// Something that a child said.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// Its entry is about to be called, or it can do its work again.
    Ready,
    /// It was ready, and cannot do its work just now.
    NotReady,
    /// Its entry is not going to be called.
    SetupFailed(SetupError),
    /// It needs this much more time, from now, for its start or its stop.
    Extend(Duration),
    /// What it is doing, in its own words.
    Status(String),
    /// A word of whoever is built on this: see [`tell`](crate::tell).
    Told(Told),
    /// It has sent descriptors, which no child may do: nothing that it says is heard any more, and it had
    /// best be killed. Told once.
    Descriptors,
    /// It has closed its end, as it does when it ends, or has said what cannot be understood: nothing
    /// more comes.
    Closed,
}

/// A word that was [told](crate::tell), by a program that may be of another build.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub(crate) by: Option<Speaker>,
    pub(crate) bytes: Vec<u8>,
}

impl Told {
    /// Who has told it; `None` if the kernel does not say.
    pub fn by(&self) -> Option<Speaker> {
        self.by
    }

    /// What it says. `None`: it is a variant that this build does not know, and to be skipped.
    ///
    /// # Errors
    ///
    /// It is no such word, or one whose content cannot be read (`InvalidData`).
    pub fn read<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        wire::read(&self.bytes)
    }
}

/// What a child said of its end, before it.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) panic: Option<Panic>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) setup_failed: Option<SetupError>,
    /// What the entry has returned, if that was asked for and all of it has come.
    pub(crate) value: Option<Value>,
    pub(crate) is_asked_for_value: bool,
}

/// The parent's end of a link.
#[derive(Debug)]
pub(crate) struct Words {
    link: Link,
    /// The child has closed its end, or said what cannot be understood, which is as good as silence
    /// for good.
    over: bool,
    /// In a box: most children have none, and there may be thousands of them.
    kept: Option<Box<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    said: Said,
    /// `None`: nobody has asked for it.
    value: Option<Collected>,
    /// What was taken from the socket before anybody has asked for it.
    waiting: VecDeque<Message>,
}

/// What a look at the socket found.
enum Taken {
    Message(Message),
    Nothing,
    Enough,
}

impl Words {
    pub(crate) fn new(link: Link) -> Words {
        Words { link, over: false, kept: None }
    }

    /// The words of a child that is asked for what its entry returns: at most so many bytes, from this process.
    pub(crate) fn with_value(link: Link, most: u32, pid: u32) -> Words {
        let value = Some(Collected::new(most, pid));
        Words { kept: Some(Box::new(Kept { value, ..Kept::default() })), ..Words::new(link) }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether nothing more is going to be said.
    pub(crate) fn are_over(&self) -> bool {
        self.over
    }

    /// The next word; `None`: there is none, or others have their turn.
    pub(crate) fn next(&mut self) -> Option<Message> {
        let waiting = self.kept.as_mut().and_then(|kept| kept.waiting.pop_front());
        if waiting.is_some() {
            return waiting;
        }
        match self.hear() {
            Taken::Message(message) => Some(message),
            Taken::Nothing | Taken::Enough => None,
        }
    }

    /// Makes room in the socket; what it takes is kept for [`next`](Words::next).
    pub(crate) fn take_up(&mut self) {
        while !self.over {
            match self.hear() {
                // Whoever asks sees the end again.
                Taken::Message(Message::Closed) | Taken::Nothing | Taken::Enough => return,
                Taken::Message(message) => keep(&mut self.kept().waiting, message),
            }
        }
    }

    /// What was said of the end. The child has ended, so that all it said is in the socket.
    pub(crate) fn end(&mut self) -> Said {
        let mut turns = 0;
        while turns < LAST_TURNS && !self.over {
            match self.hear() {
                Taken::Message(_) => (),
                Taken::Enough => turns += 1,
                Taken::Nothing => break,
            }
        }
        let Some(kept) = self.kept.take() else { return Said::default() };
        let Kept { said, value, .. } = *kept;
        let is_asked_for_value = value.is_some();
        Said { value: value.and_then(Collected::whole), is_asked_for_value, ..said }
    }

    /// How much of what a child has said is kept.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn size(&self) -> usize {
        let Some(kept) = &self.kept else { return 0 };
        let waiting = kept.waiting.iter().map(|message| match message {
            Message::Status(text) => text.len(),
            Message::SetupFailed(error) => error.chain().len(),
            Message::Told(told) => told.bytes.len(),
            Message::Ready
            | Message::NotReady
            | Message::Extend(_)
            | Message::Descriptors
            | Message::Closed => 0,
        });
        let verdict = kept.said.verdict.as_ref().map_or(0, |verdict| match verdict {
            Verdict::Error(failure) => failure.error.chain().len(),
            Verdict::Panic(panic) => panic.to_string().len(),
            Verdict::NoValue(why) => why.to_string().len(),
        });
        let panic = kept.said.panic.as_ref().map_or(0, |panic| panic.to_string().len());
        let failed = kept.said.setup_failed.as_ref().map_or(0, |error| error.chain().len());
        let value = kept.value.as_ref().map_or(0, Collected::size);
        waiting.sum::<usize>() + panic + verdict + failed + value
    }

    fn kept(&mut self) -> &mut Kept {
        self.kept.get_or_insert_default()
    }

    fn hear(&mut self) -> Taken {
        if self.over {
            return Taken::Message(Message::Closed);
        }
        loop {
            let message = match self.link.receive() {
                Ok(Received::Message(Up::Ready)) => Message::Ready,
                Ok(Received::Message(Up::NotReady)) => Message::NotReady,
                Ok(Received::Message(Up::Told(bytes))) => {
                    Message::Told(Told { by: self.link.speaker(), bytes: bytes.into_vec() })
                }
                Ok(Received::Message(Up::Extend(by))) => Message::Extend(by),
                Ok(Received::Message(Up::Status(mut text))) => {
                    cut(&mut text, LONGEST_STATUS);
                    Message::Status(text)
                }
                Ok(Received::Message(Up::SetupFailed(error))) => {
                    let error = error.bounded();
                    self.kept().said.setup_failed = Some(error.clone());
                    Message::SetupFailed(error)
                }
                Ok(Received::Message(Up::PanicSeen(panic))) => {
                    self.kept().said.panic = Some(panic.bounded());
                    continue;
                }
                Ok(Received::Message(Up::Verdict(verdict))) => {
                    self.kept().said.verdict = Some(match verdict {
                        Verdict::Error(failure) => Verdict::Error(failure.bounded()),
                        Verdict::Panic(panic) => Verdict::Panic(panic.bounded()),
                        Verdict::NoValue(why) => Verdict::NoValue(why.bounded()),
                    });
                    continue;
                }
                Ok(Received::Message(Up::Value { bytes, more })) => {
                    let by = self.link.speaker();
                    let collected = self.kept.as_mut().and_then(|kept| kept.value.as_mut());
                    if collected.is_some_and(|collected| collected.take(&bytes, more, by)) {
                        continue;
                    }
                    self.over = true;
                    Message::Closed
                }
                Ok(Received::Nothing) => return Taken::Nothing,
                Ok(Received::Enough) => return Taken::Enough,
                Ok(Received::Descriptors) => {
                    self.over = true;
                    Message::Descriptors
                }
                Ok(Received::Closed) | Err(_) => {
                    self.over = true;
                    Message::Closed
                }
            };
            return Taken::Message(message);
        }
    }
}

/// Keeps the last message of each kind, and the last few words for a handler.
fn keep(waiting: &mut VecDeque<Message>, message: Message) {
    let is_told = matches!(message, Message::Told(_));
    let same = |other: &Message| std::mem::discriminant(other) == std::mem::discriminant(&message);
    let most = if is_told { MOST_TOLD } else { 1 };
    if waiting.iter().filter(|other| same(other)).count() >= most
        && let Some(oldest) = waiting.iter().position(same)
    {
        waiting.remove(oldest);
    }
    waiting.push_back(message);
}

#[cfg(test)]
mod tests;
