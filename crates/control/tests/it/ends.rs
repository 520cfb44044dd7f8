//! Clients that end, in whatever they are.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use control::{LONGEST_ANSWER, PENDING, Room, Ticket};
use serde_json::{Value, json};

use crate::bed::{Bed, echo, hear, hears_nothing, hold, is_closed, many, message, say};

/// A client of whom a call is in work, and its ticket.
fn held(bed: &mut Bed, call: &[u8]) -> (UnixStream, Ticket) {
    let client = bed.connect();
    say(&client, call);
    let ticket = bed.request().ticket;
    (client, ticket)
}

/// A text that long.
fn long(length: usize) -> Value {
    json!({ "text": "x".repeat(length) })
}

/// Case: CC-16
#[test]
fn who_shuts_his_writing_side_gets_his_answers() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &[echo("1"), echo("2")].concat());
    client.shutdown(Shutdown::Write).unwrap();
    for number in ["1", "2"] {
        let request = bed.request();
        bed.run();
        assert!(bed.server.is_open(&request.ticket));
        bed.server.reply(&request.ticket, &request.call.parameters);
        assert_eq!(hear(&client)["parameters"]["text"], number);
    }
    bed.run();
    assert_eq!(bed.server.connections(), 0);
    assert!(is_closed(&client));
}

/// Case: CC-17
#[test]
fn who_hangs_up_while_his_call_is_in_work_is_gone_at_once() {
    let mut bed = Bed::new();
    for call in [hold(), many()] {
        let (client, ticket) = held(&mut bed, &call);
        bed.run();
        assert!(bed.server.is_open(&ticket));
        drop(client);
        bed.run();
        assert!(!bed.server.is_open(&ticket));
        assert_eq!(bed.server.pending(&ticket), None);
        assert_eq!(bed.server.connections(), 0);
        assert_eq!(bed.server.reply_continues(&ticket, ()), Room::Gone);
        bed.server.reply(&ticket, ());
    }
}

/// Case: CC-17
#[test]
fn what_wants_no_answer_is_done_though_the_client_has_gone() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let oneway = message(&json!({"method": "org.example.trial.Hold", "oneway": true}));
    say(&client, &oneway.repeat(3));
    drop(client);
    for _ in 0..3 {
        let request = bed.request();
        bed.run();
        bed.server.reply(&request.ticket, ());
    }
    bed.run();
    assert_eq!(bed.requests.len(), 0);
    assert_eq!(bed.server.connections(), 0);
}

/// Case: CC-18
#[test]
fn a_reply_to_nobody_is_no_signal() {
    let was_signalled = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::clone(&was_signalled)).unwrap();
    let mut bed = Bed::new();
    let (client, ticket) = held(&mut bed, &hold());
    drop(client);
    bed.server.reply(&ticket, ());
    assert_eq!(bed.server.connections(), 0);
    let (client, ticket) = held(&mut bed, &many());
    assert_eq!(bed.server.reply_continues(&ticket, long(900_000)), Room::Taken);
    drop(client);
    assert_eq!(bed.server.reply_continues(&ticket, ()), Room::Gone);
    assert!(!was_signalled.load(Ordering::SeqCst));
}

/// Case: CC-16
#[test]
fn who_hangs_up_with_output_pending_is_forgotten() {
    let mut bed = Bed::new();
    // In the middle of several replies, and after the last one.
    let (client, ticket) = held(&mut bed, &many());
    assert_eq!(bed.server.reply_continues(&ticket, long(PENDING)), Room::Taken);
    bed.run();
    drop(client);
    bed.run();
    assert!(!bed.server.is_open(&ticket));
    let (client, ticket) = held(&mut bed, &hold());
    bed.server.reply(&ticket, long(PENDING));
    bed.run();
    assert_eq!(bed.server.connections(), 1);
    drop(client);
    bed.run();
    assert_eq!(bed.server.connections(), 0);
}

/// Case: CC-35
#[test]
fn a_slow_reader_is_told_less_and_then_goes_on() {
    let mut bed = Bed::new();
    let (mut client, ticket) = held(&mut bed, &many());
    let mut taken = 0;
    loop {
        match bed.server.reply_continues(&ticket, long(10_000)) {
            Room::Taken => taken += 1,
            Room::Full => break,
            room @ (Room::Gone | Room::NotAsked | Room::TooLong) => panic!("{room:?}"),
        }
        bed.run();
    }
    let pending = bed.server.pending(&ticket).unwrap();
    assert!((PENDING - 20_000..=PENDING).contains(&pending), "{pending}");
    // What is on its way comes whole, and then there is room.
    let mut seen = 0;
    let mut chunk = vec![0; 64 << 10];
    while seen < taken {
        let count = client.read(&mut chunk).unwrap();
        seen += chunk[..count].iter().filter(|byte| **byte == 0).count();
        bed.run();
    }
    assert_eq!(bed.server.pending(&ticket), Some(0));
    assert_eq!(bed.server.reply_continues(&ticket, json!({"number": 7})), Room::Taken);
    assert_eq!(hear(&client)["parameters"]["number"], 7);
}

/// Case: CC-35
#[test]
fn who_does_not_read_is_closed_when_his_last_reply_does_not_fit() {
    let mut bed = Bed::new();
    let (client, ticket) = held(&mut bed, &many());
    while bed.server.reply_continues(&ticket, long(10_000)) == Room::Taken {}
    bed.server.reply(&ticket, long(PENDING));
    assert_eq!(bed.server.connections(), 0);
    drop(client);
    // A short one finds its place beside what waits.
    let (_client, ticket) = held(&mut bed, &many());
    assert_eq!(bed.server.reply_continues(&ticket, long(600_000)), Room::Taken);
    bed.server.reply(&ticket, ());
    assert_eq!(bed.server.connections(), 1);
}

#[test]
fn one_reply_alone_may_be_long() {
    let mut bed = Bed::new();
    let (mut client, ticket) = held(&mut bed, &hold());
    let length = LONGEST_ANSWER - 100;
    bed.server.reply(&ticket, long(length));
    let mut bytes = vec![0; length];
    let mut rest = bytes.as_mut_slice();
    while !rest.is_empty() {
        bed.run();
        let count = client.read(rest).unwrap();
        rest = &mut rest[count..];
    }
    bed.run();
    // The next call is looked at when this is read.
    let mut rest = Vec::new();
    client.set_nonblocking(true).unwrap();
    client.read_to_end(&mut rest).unwrap_err();
    client.set_nonblocking(false).unwrap();
    assert_eq!(rest.last(), Some(&0));
    say(&client, &hold());
    let ticket = bed.request().ticket;
    bed.server.reply(&ticket, long(LONGEST_ANSWER));
    let reply = hear(&client);
    assert_eq!(reply["error"], "io.appkit.Service.ReplyTooLong");
    assert!(reply["parameters"]["bytes"].as_u64().unwrap() > 4 << 20);
    say(&client, &many());
    let ticket = bed.request().ticket;
    assert_eq!(bed.server.reply_continues(&ticket, long(LONGEST_ANSWER)), Room::TooLong);
    assert_eq!(bed.server.reply_continues(&ticket, long(1)), Room::Taken);
}

#[test]
fn the_next_call_waits_until_the_last_reply_is_read() {
    let mut bed = Bed::new();
    let (mut client, ticket) = held(&mut bed, &hold());
    bed.server.reply(&ticket, long(PENDING));
    say(&client, &echo("next"));
    bed.run();
    assert_eq!(bed.requests.len(), 0);
    let mut seen = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    while seen.last() != Some(&0) {
        let count = client.read(&mut chunk).unwrap();
        seen.extend_from_slice(&chunk[..count]);
        bed.run();
    }
    assert_eq!(bed.request().call.parameters["text"], "next");
}

/// Who has not read what came before ends his connection in another way, which counted as waiting.
#[test]
fn whether_somebody_still_waits_is_known_before_the_next_turn() {
    let mut bed = Bed::new();
    for reads in [true, false] {
        let (client, first) = held(&mut bed, &hold());
        bed.server.reply(&first, ());
        if reads {
            hear(&client);
        }
        say(&client, &hold());
        let ticket = bed.request().ticket;
        assert!(!bed.server.is_given_up(&ticket));
        drop(client);
        assert!(bed.server.is_given_up(&ticket), "{reads}");
        bed.run();
    }
}

/// The owner may be asked, and the client go, at any time: numbers of tickets mean nothing to others.
#[test]
fn a_ticket_answers_its_own_call_only() {
    let mut bed = Bed::new();
    let (client, old) = held(&mut bed, &hold());
    bed.server.reply(&old, ());
    hear(&client);
    say(&client, &hold());
    let new = bed.request().ticket;
    bed.server.reply(&old, json!({"text": "wrong"}));
    assert!(hears_nothing(&client));
    bed.server.reply(&new, json!({"text": "right"}));
    assert_eq!(hear(&client)["parameters"]["text"], "right");
    drop(client);
    bed.run();
    let (client, _new) = held(&mut bed, &hold());
    bed.server.reply(&old, ());
    bed.server.reply(&new, ());
    assert!(hears_nothing(&client));
}
