//! A client that says anything, in any pieces, reads or does not, and hangs up, against a server of the control socket.
#![no_main]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use control::{Call, Frames, Info, LONGEST_ANSWER, LONGEST_CALL, Refusal, Reply, Request, Room, Server, service};
use libfuzzer_sys::fuzz_target;

// Each piece of the client's bytes begins with one that says how long it is and what is done then.
fuzz_target!(|bytes: &[u8]| {
    frames(bytes);
    let info = Info { interfaces: vec![service::DESCRIPTION.into()], ..Info::default() };
    let mut server = Server::new(info).expect("there is a descriptor");
    let (ours, client) = UnixStream::pair().expect("there are descriptors");
    client.set_nonblocking(true).expect("it can be set");
    server.adopt(ours.into()).expect("there is room");
    let (mut client, mut requests, mut rest) = (Some(client), Vec::new(), bytes);
    while let Some((what, later)) = rest.split_first() {
        let (piece, later) = later.split_at(later.len().min(usize::from(what >> 3) * 4));
        rest = later;
        if let Some(client) = &mut client {
            let _ = client.write(piece);
            if what & 1 != 0 {
                replies(client);
            }
        }
        turn(&mut server, &mut requests);
        if what & 2 != 0 {
            requests.drain(..).for_each(|request| answer(&mut server, &request, *what));
            turn(&mut server, &mut requests);
        }
        if *what == 255 {
            client = None;
        }
    }
    // Whatever was said, a client that has gone leaves nothing once it was answered.
    drop(client);
    for _ in 0..=bytes.len() {
        turn(&mut server, &mut requests);
        requests.drain(..).for_each(|request| server.reply(&request.ticket, ()));
    }
    assert_eq!(server.connections(), 0);
});

fn turn(server: &mut Server, requests: &mut Vec<Request>) {
    // A message a turn, and one more for each that is only read.
    for _ in 0..200_000 {
        let now = Instant::now();
        if !waiter::readable(&[server.descriptor()], Some(now)).expect("it is open") {
            return;
        }
        requests.extend(server.turn(now));
        assert!(requests.len() <= 1, "one call in work");
    }
    panic!("it never comes to rest");
}

fn answer(server: &mut Server, request: &Request, what: u8) {
    let _ = request.call.read::<service::Events>();
    let long = serde_json::json!({ "text": "x".repeat(usize::from(what) << 12) });
    if what & 4 != 0 {
        while server.reply_continues(&request.ticket, &long) == Room::Taken {
            let pending = server.pending(&request.ticket).expect("it is open");
            assert!(pending <= LONGEST_ANSWER, "{pending}");
            if pending == 0 {
                break;
            }
        }
    }
    match what & 8 {
        0 => server.reply(&request.ticket, &long),
        _ => server.refuse(&request.ticket, &Refusal::new("io.appkit.Service.Stopping", ())),
    }
    assert!(!server.is_open(&request.ticket));
}

/// What the client has been told is replies.
fn replies(client: &mut UnixStream) {
    let mut chunk = vec![0; 1 << 20];
    while let Ok(count @ 1..) = client.read(&mut chunk) {
        assert!(count > 0);
    }
}

fn frames(bytes: &[u8]) {
    let mut frames = Frames::new(LONGEST_CALL);
    for chunk in bytes.chunks(1 + usize::from(bytes.first().copied().unwrap_or(0))) {
        frames.push(chunk);
        loop {
            match frames.next_message() {
                Ok(Some(message)) => {
                    if let Ok(call) = Call::parse(&message) {
                        let written = call.to_bytes();
                        let again = Call::parse(&written[..written.len() - 1]);
                        assert_eq!(again.as_ref(), Ok(&call));
                    }
                    let _ = Reply::<service::Events>::parse(&message);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(frames.len() <= LONGEST_CALL);
    }
}
