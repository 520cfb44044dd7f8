//! Replies that another service has given, passed on.

use std::io::Read;

use control::Room;

use crate::bed::{Bed, echo, hear, hold, many, message, say};
use serde_json::json;

#[test]
fn a_message_is_passed_on_as_it_is_and_ends_the_call_unless_it_goes_on() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &many());
    let to = bed.request().ticket;
    let goes_on = json!({ "parameters": { "number": 1 }, "continues": true });
    let last = json!({ "error": "org.example.trial.Over", "parameters": {} });
    assert_eq!(bed.server.forward(&to, goes_on.to_string().as_bytes()), Room::Taken);
    assert!(bed.server.is_open(&to));
    assert_eq!(bed.server.forward(&to, last.to_string().as_bytes()), Room::Taken);
    assert!(!bed.server.is_open(&to));
    assert_eq!((hear(&client), hear(&client)), (goes_on, last));
    assert_eq!(bed.server.forward(&to, b"{}"), Room::Gone);
    // Several replies are not for who wants one, and what is no reply ends it all.
    say(&client, &hold());
    let to = bed.request().ticket;
    assert_eq!(bed.server.forward(&to, b"{\"continues\":true}"), Room::NotAsked);
    assert_eq!(bed.server.forward(&to, b"garbage"), Room::Gone);
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    assert_eq!(bed.server.connections(), 0);
}

/// Case: CC-35
#[test]
fn a_long_reply_is_passed_on_in_pieces_as_it_is_read() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &echo("x"));
    let to = bed.request().ticket;
    let reply = json!({ "parameters": { "text": "x".repeat(8 << 20) } });
    let bytes = message(&reply);
    let hearing = std::thread::spawn(move || (hear(&client), client));
    let mut pieces = bytes.chunks(16 << 10).peekable();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        while bed.server.forward_part(&to, piece, is_last) == Room::Full {
            assert!(bed.server.pending(&to).unwrap() <= 16 << 10);
            waiter::readable(&[bed.server.descriptor()], None).unwrap();
            bed.run();
        }
    }
    bed.run();
    while bed.server.connections() == 1 && !hearing.is_finished() {
        bed.run();
    }
    let (heard, client) = hearing.join().unwrap();
    assert!(heard == reply);
    // The connection goes on with the next call.
    say(&client, &echo("y"));
    let to = bed.request().ticket;
    assert_eq!(bed.server.forward_part(&to, b"{\"param", false), Room::Taken);
    bed.server.abort(&to);
    let mut rest = Vec::new();
    (&client).read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"{\"param", "it ends in its middle, and is seen to");
    assert_eq!(bed.server.forward_part(&to, b"x", true), Room::Gone);
}
