//! What `tests/fuzz/` reaches and nobody else: all that is made of bytes from the other end. Only in a
//! build for fuzzing.

use serde::Deserialize;

use crate::args;
use crate::link::{Link, Received};
use crate::sys::socket::send_packet_now;
use crate::wire::{Down, Payload, Up, Verdict, from_bytes, to_bytes};
use crate::words::{Message, Words};
use exit::{ErrorText, Failure, Panic, SetupError};

#[derive(Deserialize)]
#[expect(dead_code, reason = "arguments of an entry: read, and no more")]
struct Arguments {
    number: u64,
    list: Vec<Option<String>>,
    nested: Option<Box<Arguments>>,
}

/// Takes the bytes for a payload, a word of either side, and the arguments of an entry.
///
/// # Panics
///
/// If what was read, written and read again is not the same.
pub fn decode(bytes: &[u8]) {
    let body = Payload::decode(bytes).ok();
    // As if the head were right, which no chance would find.
    for payload in body.into_iter().chain(from_bytes::<Payload>(bytes).ok()) {
        let written = payload.encode().expect("what was read can be written");
        let again = Payload::decode(&written).expect("what was written can be read");
        assert_eq!(payload, again);
    }
    if let Ok(word) = from_bytes::<Up>(bytes) {
        let written = to_bytes(&word).expect("what was read can be written");
        assert_eq!(from_bytes::<Up>(&written).ok(), Some(word));
    }
    if let Ok(word) = from_bytes::<Down>(bytes) {
        let written = to_bytes(&word).expect("what was read can be written");
        assert_eq!(from_bytes::<Down>(&written).ok(), Some(word));
    }
    let _ = args::decode::<Arguments>(bytes);
}

/// Sends the bytes as packets of 16, whatever they say of themselves, and receives what there is.
///
/// # Panics
///
/// If the socket fails, or a look at it does not come to an end.
pub fn receive(bytes: &[u8]) {
    let (link, other) = Link::pair().expect("a socket can be made");
    for packet in bytes.chunks(16).take(64) {
        send_packet_now(&other, packet).expect("64 packets find room");
    }
    drop(other);
    for _ in 0..=64 {
        // What is no packet of ours is an error, and the next one is looked at.
        if let Ok(Received::Closed) = link.receive::<Up>() {
            return;
        }
    }
    panic!("a closed socket does not look closed");
}

/// Plays a child that says anything, in any order and of any size, to the parent's own code, and looks at
/// it in any order: a byte says what is done next, the one after it how large it is.
///
/// # Panics
///
/// If a turn does not end, a text comes longer than it may, or more is kept than can be asked for.
pub fn exchange(bytes: &[u8]) {
    const MOST_KEPT: usize = 1 << 20;
    let (link, theirs) = Link::pair().expect("a socket can be made");
    let child = Link::new(theirs).expect("a socket has a timeout");
    let mut words = Words::with_value(link, 10_000, std::process::id());
    let (steps, _) = bytes.as_chunks::<2>();
    // No more steps than fit a socket of the usual size: no other thread reads from it.
    for [what, size] in steps.iter().take(200) {
        let size = usize::from(*size) * 64;
        let text = |letter: &str| letter.repeat(size);
        let panic = || Panic { message: text("p"), place: text("q") };
        let error = || ErrorText::new(&std::io::Error::other(text("e")));
        let word = match what % 13 {
            0 => Up::Ready,
            1 => Up::SetupFailed(SetupError { step: text("s"), error: error(), permanent: false }),
            2 => Up::PanicSeen(panic()),
            3 => Up::Extend(std::time::Duration::from_secs(size as u64)),
            4 => Up::Status(text("t")),
            5 => Up::Verdict(Verdict::Panic(panic())),
            6 => Up::Verdict(Verdict::Error(Failure { error: error(), permanent: true, code: 1 })),
            7 => Up::Told(vec![*what; size].into()),
            8 => {
                let _ = send_packet_now(&child, &[*what; 9][..size.min(9)]);
                continue;
            }
            9 => Up::Value { bytes: vec![*what; size].into(), more: false },
            10 => {
                words.take_up();
                assert!(words.size() <= MOST_KEPT, "it keeps {} bytes", words.size());
                continue;
            }
            10 => Up::NotReady,
            _ => {
                hear(&mut words);
                continue;
            }
        };
        if child.has_room() {
            let _ = child.send(&word);
        }
    }
    drop(child);
    words.end();
    assert!(words.are_over(), "the end of a closed socket is seen");
}

/// A turn of a loop that takes all there is.
fn hear(words: &mut Words) {
    let mut heard = 0;
    while let Some(message) = words.next() {
        heard += 1;
        assert!(heard <= 600, "a turn does not end");
        match message {
            Message::Status(text) => assert!(text.chars().count() <= 1000),
            Message::SetupFailed(error) => assert!(error.chain().chars().count() <= 18_000),
            Message::Closed | Message::Descriptors => return,
            Message::Ready | Message::NotReady | Message::Extend(_) | Message::Told(_) => (),
        }
    }
}
