//! Clients that mean no good, or do not know what they say.

use std::io::{IoSlice, Write};
use std::os::fd::AsFd;

use control::LONGEST_CALL;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::json;

use crate::bed::{Bed, echo, hear, is_closed, message, say};

#[test]
fn who_does_not_speak_the_protocol_is_closed() {
    let mut bed = Bed::new();
    for bytes in [
        b"\0".as_slice(),
        b"\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n\0",
        b"[]\0",
        b"[\"org.example.trial.Hold\"]\0",
        b"{}\0",
        b"null\0",
        b"{\"method\":7}\0",
        b"{\"method\":null}\0",
        b"{\"method\":\"a.b\",\"more\":1}\0",
        b"{\"method\":\"a.b\"}}\0",
        b"{\"method\":\"a.b\"\0",
        b"{\"method\":\"\xff\"}\0",
        b"{\"method\":\"org.example.trial.Many\",\"more\":true,\"oneway\":true}\0",
        b"{\"method\":\"org.example.trial.Hold\",\"upgrade\":true,\"oneway\":true}\0",
        &[b"{\"method\":\"a.b\",\"parameters\":".as_slice(), &b"[".repeat(60_000), b"\0"].concat(),
    ] {
        let client = bed.connect();
        say(&client, bytes);
        bed.run();
        assert_eq!(bed.requests.len(), 0, "{bytes:?}");
        assert_eq!(bed.server.connections(), 0, "{bytes:?}");
        assert!(is_closed(&client), "{bytes:?}");
    }
}

#[test]
fn half_a_call_is_none() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let whole = echo("x");
    say(&client, &whole[..whole.len() / 2]);
    bed.run();
    assert_eq!(bed.server.connections(), 1);
    drop(client);
    bed.run();
    assert_eq!(bed.server.connections(), 0);
    assert_eq!(bed.requests.len(), 0);
}

#[test]
fn a_call_is_64_kib_at_most() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let around = echo("").len() - 1;
    say(&client, &echo(&"x".repeat(LONGEST_CALL - around)));
    let request = bed.request();
    bed.server.reply(&request.ticket, ());
    hear(&client);
    say(&client, &echo(&"x".repeat(LONGEST_CALL - around + 1)));
    bed.run();
    assert_eq!(bed.requests.len(), 0);
    assert!(is_closed(&client));
}

#[test]
fn who_says_64_mib_without_an_end_is_closed_long_before() {
    let mut bed = Bed::new();
    let mut client = bed.connect();
    client.set_nonblocking(true).unwrap();
    let chunk = [b'x'; 4096];
    let mut said = 0;
    while said < 64 << 20 && client.write(&chunk).is_ok() {
        said += chunk.len();
        bed.run();
    }
    assert!((LONGEST_CALL..LONGEST_CALL + (64 << 10)).contains(&said), "{said}");
    assert_eq!(bed.server.connections(), 0);
}

#[test]
fn a_flood_of_calls_is_taken_one_by_one() {
    let mut bed = Bed::new();
    let (mut client, other) = (bed.connect(), bed.connect());
    client.set_nonblocking(true).unwrap();
    let flood = message(&json!({"method": "org.nowhere.X"})).repeat(100);
    while client.write(&flood).is_ok() {}
    say(&other, &echo("x"));
    // Both have their turn in the same one.
    let asked = bed.server.turn(std::time::Instant::now());
    let asked = if asked.is_empty() { bed.server.turn(std::time::Instant::now()) } else { asked };
    assert_eq!(asked.len(), 1);
    bed.run();
    assert_eq!(bed.server.connections(), 2);
}

/// Many who had always said the next thing already kept out one who asked once.
#[test]
fn those_who_say_all_at_once_do_not_keep_out_the_others() {
    let mut bed = Bed::new();
    let clients: Vec<_> = (0..15).map(|_| bed.connect()).collect();
    let other = bed.connect();
    bed.run();
    clients.iter().for_each(|client| say(client, &echo("flood").repeat(50)));
    say(&other, &echo("x"));
    let mut is_heard = |_: u32| {
        let asked = bed.server.turn(std::time::Instant::now());
        let is_others = |request: &control::Request| request.call.parameters["text"] == "x";
        let is_heard = asked.iter().any(is_others);
        asked.into_iter().for_each(|request| {
            bed.server.reply(&request.ticket, json!({ "text": "" }));
        });
        is_heard
    };
    assert!((0..4).any(&mut is_heard));
}

#[test]
fn descriptors_that_are_sent_along_vanish() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); 64];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [writer.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let call = echo("x");
    sendmsg(&client, &[IoSlice::new(&call)], &mut control, SendFlags::empty()).unwrap();
    drop(writer);
    bed.request();
    // The end of the pipe: nobody has its writing end any more.
    let mut reader = reader;
    assert_eq!(std::io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
}
