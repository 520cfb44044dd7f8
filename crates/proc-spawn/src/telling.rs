//! What a child says to its parent, wherever in the program it is.

use std::io;
use std::sync::{OnceLock, Weak};
use std::time::Duration;

use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::link::Link;
use crate::wire::{Up, to_bytes};
use crate::words::LONGEST_STATUS;
use exit::cut;

/// How this process reaches its parent, if it is a child.
pub(crate) static LINK: OnceLock<Weak<Link>> = OnceLock::new();

fn say(word: &Up) -> io::Result<()> {
    match LINK.get().and_then(Weak::upgrade) {
        Some(link) => link.send(word),
        // Nobody waits for us, so there is nobody to tell.
        None => Ok(()),
    }
}

/// Tells the parent that this process is ready, where it waits for that, or is so again after
/// [`tell_not_ready`]; otherwise it changes nothing. In a process that is no child nothing happens.
///
/// # Errors
///
/// The parent is gone.
pub fn tell_ready() -> io::Result<()> {
    say(&Up::Ready)
}

/// Tells the parent that this process, which was ready, cannot do its work just now: where it is one of several, nobody
/// else is taken away meanwhile. It lives on, and says [`tell_ready`] when it can again. In a process that is no child, or
/// is not ready, nothing happens.
///
/// # Errors
///
/// The parent is gone.
pub fn tell_not_ready() -> io::Result<()> {
    say(&Up::NotReady)
}

/// Asks the parent for more time, for a start or a stop that takes long: `time` from now. What is
/// granted has an end, which the parent's policy sets. In a process that is no child nothing
/// happens.
///
/// # Errors
///
/// The parent is gone.
pub fn extend_timeout(time: Duration) -> io::Result<()> {
    say(&Up::Extend(time))
}

/// Tells the parent what this process is doing, for the status: a line of at most 1,000
/// characters, cut if it is longer. In a process that is no child nothing happens.
///
/// # Errors
///
/// The parent is gone.
pub fn tell_status(text: &str) -> io::Result<()> {
    let mut text = text.to_owned();
    cut(&mut text, LONGEST_STATUS);
    say(&Up::Status(text))
}

/// Tells the parent a word of one's own, a variant of an enumeration: it gets a [`Told`](crate::Told). In a process
/// that is no child nothing happens. Parent and child may be different builds of a program: a variant that the parent
/// does not know is skipped.
///
/// # Errors
///
/// The parent is gone, or the word cannot be encoded, or is longer than a mebibyte.
pub fn tell(word: &impl Serialize) -> io::Result<()> {
    say(&encoded(word)?)
}

/// The same without waiting.
///
/// # Errors
///
/// As there; and there is no room for the word now, or another thread is telling something (`WouldBlock`).
pub fn tell_now(word: &impl Serialize) -> io::Result<()> {
    match LINK.get().and_then(Weak::upgrade) {
        Some(link) => link.send_now(&encoded(word)?),
        None => Ok(()),
    }
}

pub(crate) fn encoded(word: &impl Serialize) -> io::Result<Up> {
    Ok(Up::Told(ByteBuf::from(to_bytes(word)?)))
}
