//! Words over a socket, and what takes the place of words.

use super::*;
use crate::wait::readable;

fn ends() -> (Link, Link) {
    let (ours, theirs) = Link::pair().unwrap();
    (ours, Link::new(theirs).unwrap())
}

#[test]
fn messages_arrive_whole_and_in_order() {
    let (a, b) = ends();
    let long = "x".repeat(3 * PACKET);
    let sender = std::thread::spawn(move || {
        for text in ["", "short", &long] {
            a.send(&text).unwrap();
        }
        long
    });
    let next = || loop {
        readable(&[b.as_fd()], None).unwrap();
        match b.receive::<String>().unwrap() {
            Received::Message(text) => return Some(text),
            Received::Closed => return None,
            Received::Nothing | Received::Enough => (),
        }
    };
    assert_eq!(next().unwrap(), "");
    assert_eq!(next().unwrap(), "short");
    let received = next().unwrap();
    assert_eq!(received, sender.join().unwrap());
    assert_eq!(next(), None);
}

#[test]
fn a_descriptor_comes_with_its_message() {
    let (a, b) = ends();
    let (reader, writer) = io::pipe().unwrap();
    let payloads = [vec![7], vec![7; PACKET], vec![7; 3 << 20]];
    for payload in &payloads {
        a.send_payload(payload, Some(writer.as_fd())).unwrap();
    }
    a.send_payload(&payloads[2], None).unwrap();
    drop(writer);
    drop(a);
    for payload in &payloads {
        let mut descriptor = None;
        assert!(b.take_payload(&mut descriptor).unwrap() == *payload);
        let flags = rustix::io::fcntl_getfd(descriptor.as_ref().unwrap()).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }
    let mut descriptor = None;
    assert!(b.take_payload(&mut descriptor).unwrap() == payloads[2]);
    assert!(descriptor.is_none(), "the file is not for keeping");
    assert_eq!(io::read_to_string(reader).unwrap(), "", "the last copy is closed");
}

/// Nor is one of which a part came with a descriptor, as no child of ours sends it.
///
/// Case: FLT-B3
#[test]
fn a_word_is_whose_all_of_it_is_and_else_nobodys() {
    let (mut a, b) = ends();
    b.send(&"before").unwrap();
    a.note_speakers().unwrap();
    b.send(&"x".repeat(2 * PACKET)).unwrap();
    b.send(&"plain").unwrap();
    let bytes = to_bytes(&"x".repeat(PACKET)).unwrap();
    let (first, later) = packet_of(&bytes);
    let packets = [first, packet_of(later).0];
    let (reader, writer) = io::pipe().unwrap();
    for odd in 0..2 {
        for (at, packet) in packets.iter().enumerate() {
            let descriptor = [writer.as_fd()];
            let with = if at == odd { &descriptor[..] } else { &[] };
            send_with(&b.fd, packet, with).unwrap();
        }
    }
    b.send(&"after").unwrap();
    drop(writer);
    drop(b);
    let us = Speaker {
        pid: std::process::id(),
        user: rustix::process::getuid().as_raw(),
        group: rustix::process::getgid().as_raw(),
    };
    for expected in [None, Some(us), Some(us), None, None, Some(us)] {
        assert!(matches!(a.receive::<String>().unwrap(), Received::Message(_)));
        assert_eq!(a.speaker(), expected);
    }
    assert_eq!(io::read_to_string(reader).unwrap(), "", "no descriptor is taken");
}

#[test]
fn nothing_is_not_the_end() {
    let (a, b) = ends();
    assert_eq!(b.receive::<u8>().unwrap(), Received::Nothing);
    a.send(&7u8).unwrap();
    assert_eq!(b.receive::<u8>().unwrap(), Received::Message(7));
    drop(a);
    assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
    assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
}

/// Case: FLT-H1
#[test]
fn an_end_that_left_data_unread_is_heard_to_its_end() {
    let (a, b) = ends();
    a.send(&7u8).unwrap();
    b.send(&1u8).unwrap();
    drop(a);
    assert_eq!(b.receive::<u8>().unwrap(), Received::Message(7), "after a reset");
    assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
    assert!(b.send(&1u8).is_err());
    // The same by who waits for a payload.
    let (a, b) = ends();
    a.send(&7u8).unwrap();
    b.send(&1u8).unwrap();
    drop(a);
    assert_eq!(b.take_payload(&mut None).unwrap(), [7]);
    assert_eq!(b.take_payload(&mut None).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// Case: FLT-B2
#[test]
fn a_payload_has_to_be_there_when_its_reader_is() {
    let (a, b) = ends();
    assert_eq!(b.take_payload(&mut None).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let (gone, c) = ends();
    drop(gone);
    assert_eq!(c.take_payload(&mut None).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    // Nobody is waited for who begins and does not go on.
    rustix::net::send(&a.fd, &[&[MORE][..], &[7; PACKET]].concat(), SendFlags::NOSIGNAL).unwrap();
    let error = b.take_payload(&mut None).unwrap_err();
    assert_eq!(error.to_string(), "a packet that is no payload");
}

/// Nobody reads: all of it is there before anybody could.
///
/// Case: FLT-E3
#[test]
fn a_payload_of_any_length_is_sent_at_once() {
    let (a, b) = ends();
    let long = vec![7; 64 << 20];
    a.send_payload(&long, None).unwrap();
    drop(a);
    assert!(b.take_payload(&mut None).unwrap() == long);
}

/// Case: FLT-B5
#[test]
fn who_talks_without_end_leaves_others_their_turn() {
    let (a, b) = ends();
    let talker = std::thread::spawn(move || while a.send(&7u8).is_ok() {});
    let mut taken = 0;
    loop {
        match b.receive::<u8>().unwrap() {
            Received::Message(7) => {
                taken += 1;
                assert!(taken <= TURN, "there is no end");
            }
            Received::Nothing => taken = 0,
            Received::Enough => break,
            other @ (Received::Message(_) | Received::Closed) => panic!("{other:?}"),
        }
    }
    assert_eq!(taken, TURN);
    drop(b);
    talker.join().unwrap();
}

/// Case: FLT-B5
#[test]
fn parts_that_no_sender_makes_are_refused() {
    let parts: [&[&[u8]]; 4] = [&[&[MORE]], &[&[MORE, 7]], &[&[9, 7]], &[&[LAST; PACKET + 2]]];
    for packets in parts {
        let (a, b) = ends();
        for packet in packets {
            rustix::net::send(&a.fd, packet, SendFlags::NOSIGNAL).unwrap();
        }
        b.receive::<u8>().unwrap_err();
        assert_eq!(lock(&b.incoming).partial.capacity(), 0);
    }
}

/// Case: FLT-B5
#[test]
fn a_word_that_would_not_be_taken_is_not_sent() {
    let (a, _b) = ends();
    let error = a.send(&"x".repeat(LONGEST_WORD)).unwrap_err();
    assert_eq!(error.to_string(), "a word of 1048581 bytes; 1048576 are allowed");
}

/// Case: FLT-H3
#[test]
fn closed_ears_hear_what_was_said_before_and_the_other_end_knows() {
    let (a, b) = ends();
    a.send(&1u8).unwrap();
    b.send(&2u8).unwrap();
    b.close_ears();
    assert_eq!(a.send(&3u8).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(a.receive::<u8>().unwrap(), Received::Message(2));
    assert_eq!(b.receive::<u8>().unwrap(), Received::Message(1));
    assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
}

/// As from a child whose user's code writes to the socket. A payload may be longer: see
/// `ten_mebibytes_of_arguments_arrive`.
#[test]
fn a_word_without_end_is_not_kept() {
    let (a, b) = ends();
    std::thread::spawn(move || {
        let packet = [&[MORE][..], &[b'x'; PACKET]].concat();
        while rustix::net::send(&a.fd, &packet, SendFlags::NOSIGNAL).is_ok() {}
    });
    let error = loop {
        match b.receive::<String>() {
            Ok(Received::Nothing | Received::Enough) => std::thread::yield_now(),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "a message of more than 1048576 bytes");
    assert_eq!(lock(&b.incoming).partial.capacity(), 0);
}

#[test]
fn garbage_is_an_error_and_no_panic() {
    let (a, b) = ends();
    a.send_bytes(&[0xc1, 0xff]).unwrap();
    assert_eq!(b.receive::<String>().unwrap_err().kind(), io::ErrorKind::InvalidData);
}

/// A parent's loop does not stand still because a child is stopped.
///
/// Case: FLT-E3
#[test]
fn a_word_to_who_reads_nothing_is_refused_at_once() {
    let (a, _b) = ends();
    let began = Instant::now();
    let error = (0..100_000).find_map(|_| a.send_now(&"word").err()).unwrap();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(began.elapsed() < SEND_TIMEOUT, "{:?}", began.elapsed());
}
