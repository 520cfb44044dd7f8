//! Words over a socket, and what takes the place of words.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;

use rustix::net::{SendFlags, sockopt};

use super::*;
use waiter::readable;

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
            Received::Descriptors => panic!("nobody has sent any"),
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
        a.send_payload(payload, &[writer.as_fd()]).unwrap();
    }
    a.send_payload(&payloads[2], &[]).unwrap();
    drop(writer);
    drop(a);
    for payload in &payloads {
        let mut descriptors = Vec::new();
        assert!(b.take_payload(&mut descriptors).unwrap() == *payload);
        let flags = rustix::io::fcntl_getfd(&descriptors[0]).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }
    let mut descriptors = Vec::new();
    assert!(b.take_payload(&mut descriptors).unwrap() == payloads[2]);
    assert!(descriptors.is_empty(), "the file is not for keeping");
    assert_eq!(io::read_to_string(reader).unwrap(), "", "the last copy is closed");
}

/// The kernel notes the sender with each packet, and only a parent is told.
///
/// Case: FLT-B3
#[test]
fn a_word_is_whose_all_of_it_is() {
    let (a, b) = ends();
    b.send(&"x".repeat(2 * PACKET)).unwrap();
    b.send(&"plain").unwrap();
    a.send(&"down").unwrap();
    let us = Speaker {
        pid: std::process::id(),
        user: rustix::process::getuid().as_raw(),
        group: rustix::process::getgid().as_raw(),
    };
    for _ in 0..2 {
        assert!(matches!(a.receive::<String>().unwrap(), Received::Message(_)));
        assert_eq!(a.speaker(), Some(us));
    }
    assert!(matches!(b.receive::<String>().unwrap(), Received::Message(_)));
    assert_eq!(b.speaker(), None);
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
    // A child that dies: it takes nothing before it closes.
    let (b, a) = ends();
    a.send(&7u8).unwrap();
    b.send(&1u8).unwrap();
    drop(a);
    assert_eq!(b.receive::<u8>().unwrap(), Received::Message(7), "after a reset");
    assert_eq!(b.receive::<u8>().unwrap(), Received::Closed);
    assert!(b.send(&1u8).is_err());
    // The same for an end that waits for a payload.
    let (a, b) = ends();
    a.send(&7u8).unwrap();
    b.send(&1u8).unwrap();
    drop(a);
    assert_eq!(b.take_payload(&mut Vec::new()).unwrap(), [7]);
    assert_eq!(b.take_payload(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// Case: FLT-B2
#[test]
fn a_payload_has_to_be_there_when_its_reader_is() {
    let (a, b) = ends();
    assert_eq!(b.take_payload(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let (gone, c) = ends();
    drop(gone);
    assert_eq!(c.take_payload(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    // A peer that begins a message and does not go on is not waited for.
    socket::send_packet(&a.fd, &[&[MORE][..], &[7; PACKET]].concat()).unwrap();
    let error = b.take_payload(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "a packet that is no payload");
}

/// All of it is sent before anybody could read.
///
/// Case: FLT-E3
#[test]
fn a_payload_of_any_length_is_sent_at_once() {
    let (a, b) = ends();
    let long = vec![7; 64 << 20];
    a.send_payload(&long, &[]).unwrap();
    drop(a);
    assert!(b.take_payload(&mut Vec::new()).unwrap() == long);
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
            other @ (Received::Message(_) | Received::Descriptors | Received::Closed) => {
                panic!("{other:?}")
            }
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
            socket::send_packet(&a.fd, packet).unwrap();
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

/// The user's code in a child may write such packets to the socket. A payload may be longer: see
/// `ten_mebibytes_of_arguments_arrive`.
#[test]
fn a_word_without_end_is_not_kept() {
    let (a, b) = ends();
    std::thread::spawn(move || {
        let packet = [&[MORE][..], &[b'x'; PACKET]].concat();
        while socket::send_packet(&a.fd, &packet).is_ok() {}
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

/// A socket whose last close waits for as long as anybody may: its peer reads nothing.
fn lingering(peer: &TcpListener) -> TcpStream {
    let mut socket = TcpStream::connect(peer.local_addr().unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    while socket.write(&[0; 1 << 16]).is_ok() {}
    sockopt::set_socket_linger(&socket, Some(Duration::from_secs(30_000))).unwrap();
    socket
}

/// Fails if this does not come to an end by itself.
#[track_caller]
fn at_once<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, done) = channel();
    std::thread::spawn(move || tell.send(what()));
    done.recv_timeout(Duration::from_secs(30)).expect("it waits for nobody")
}

/// Case: FLT-B5
#[test]
fn a_descriptor_that_a_child_sends_is_not_closed_by_who_listens() {
    let peer = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let refused =
        |received: &io::Result<Received<u8>>| matches!(received, Ok(Received::Descriptors));
    for packet in [&to_bytes(&7u8).unwrap()[..], &[]] {
        let (a, b) = ends();
        b.send(&1u8).unwrap();
        let packet = [&[LAST][..], packet].concat();
        socket::send_with(&b.fd, &packet, &[lingering(&peer).as_fd()]).unwrap();
        b.send(&2u8).unwrap();
        at_once(move || {
            assert_eq!(a.receive::<u8>().unwrap(), Received::Message(1));
            assert!(refused(&a.receive()) && refused(&a.receive()), "what follows is not heard");
            drop(a);
        });
        // The lifeline is cut, whatever the close waits for.
        at_once(move || while !matches!(b.receive::<u8>(), Ok(Received::Closed)) {});
    }
}

/// The descriptor is in a packet that nobody has looked at, behind packets that could be taken for the
/// end.
///
/// Case: FLT-B5
#[test]
fn a_descriptor_that_is_still_unread_is_not_closed_by_who_drops_the_end() {
    let peer = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (a, b) = ends();
    for packet in [&[LAST, 7][..], &[LAST; PACKET + 9], &[], &[]] {
        socket::send_packet(&b.fd, packet).unwrap();
    }
    socket::send_with(&b.fd, &[], &[lingering(&peer).as_fd()]).unwrap();
    drop(b);
    at_once(move || drop(a));
}

/// So many descriptors go with one packet at most; a parent might have no room for them.
///
/// Case: FLT-B5
#[test]
fn descriptors_that_a_child_sends_are_closed_in_the_end() {
    let (a, b) = ends();
    let (reader, writer) = io::pipe().unwrap();
    send_many(&b, &vec![writer.as_fd(); 253]);
    assert_eq!(a.receive::<u8>().unwrap(), Received::Descriptors);
    drop((writer, a));
    at_once(|| assert_eq!(io::read_to_string(reader).unwrap(), ""));
    drop(b);
}

fn send_many(to: &Link, descriptors: &[BorrowedFd<'_>]) {
    let mut space = [mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
    control.push(rustix::net::SendAncillaryMessage::ScmRights(descriptors));
    let packet = rustix::io::IoSlice::new(&[LAST, 7]);
    rustix::net::sendmsg(&to.fd, &[packet], &mut control, SendFlags::empty()).unwrap();
}

/// An empty packet is no word, but it is not the end either.
///
/// Case: FLT-B5
#[test]
fn an_empty_packet_is_not_the_end() {
    let (a, b) = ends();
    socket::send_packet(&b.fd, &[]).unwrap();
    assert_eq!(a.receive::<u8>().unwrap_err().kind(), io::ErrorKind::InvalidData);
    b.send(&7u8).unwrap();
    assert_eq!(a.receive::<u8>().unwrap(), Received::Message(7));
}

#[test]
fn a_parent_hands_descriptors_down_with_a_word() {
    let (a, b) = ends();
    let (reader, writer) = io::pipe().unwrap();
    a.send_now(&"before").unwrap();
    a.send_now_with(&"with", writer.as_fd()).unwrap();
    a.send_now(&"after").unwrap();
    drop(writer);
    assert_eq!(b.receive::<String>().unwrap(), Received::Message("before".to_owned()));
    assert!(b.take_descriptor().is_none());
    assert_eq!(b.receive::<String>().unwrap(), Received::Message("with".to_owned()));
    let taken = b.take_descriptor().unwrap();
    assert!(rustix::io::fcntl_getfd(&taken).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    assert!(b.take_descriptor().is_none());
    assert_eq!(b.receive::<String>().unwrap(), Received::Message("after".to_owned()));
    std::fs::File::from(taken).write_all(b"x").unwrap();
    assert_eq!(io::read_to_string(reader).unwrap(), "x", "no copy is left");
    // To a child that has gone.
    drop(b);
    let (_reader, writer) = io::pipe().unwrap();
    let refused = a.send_now_with(&"with", writer.as_fd()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);
}
