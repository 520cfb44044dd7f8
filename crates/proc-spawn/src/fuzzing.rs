//! What `fuzz/` reaches and nobody else: all that is made of bytes from the other end. Only in a
//! build for fuzzing.

use rustix::net::SendFlags;
use serde::Deserialize;

use crate::args;
use crate::link::{Link, Received, from_bytes, to_bytes};
use crate::wire::{Down, Payload, Up};

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
        rustix::net::send(&other, packet, SendFlags::DONTWAIT).expect("64 packets find room");
    }
    drop(other);
    for _ in 0..=64 {
        if let Ok(Received::Closed) = link.receive::<Up>() {
            return;
        }
    }
    panic!("a closed socket does not look closed");
}
