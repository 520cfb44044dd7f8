//! The client of this crate, and services that answer it in every way.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use control::{Client, ClientError, Refusal};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::bed::{Bed, LONG, later};

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(20)
}

/// Has the bed answer calls while the client does its part.
fn serve<T: Send>(bed: &mut Bed, client: impl FnOnce(&Path) -> T + Send) -> T {
    let path = bed.path();
    thread::scope(|scope| {
        let client = scope.spawn(move || client(&path));
        while !client.is_finished() {
            let descriptor = bed.server.descriptor();
            waiter::readable(&[descriptor], Some(soon())).unwrap();
            for request in bed.server.turn(Instant::now()) {
                let ticket = request.ticket;
                match request.call.method.as_str() {
                    "org.example.trial.Echo" => {
                        bed.server.reply(&ticket, &request.call.parameters);
                    }
                    "org.example.trial.Many" if request.call.more => {
                        for number in 1..4 {
                            bed.server.reply_continues(&ticket, json!({ "number": number }));
                        }
                        bed.server.reply(&ticket, json!({ "number": 4 }));
                    }
                    "org.example.trial.Many" => bed.server.refuse(&ticket, &Refusal::ExpectedMore),
                    _ => bed.requests.push(request),
                }
            }
        }
        client.join().unwrap()
    })
}

#[test]
fn calls_are_answered() {
    let mut bed = Bed::new();
    serve(&mut bed, |path| {
        let mut client = Client::connect(path, later()).unwrap();
        let texts = ["x", "\0\u{1}\"", "\u{1F980}"];
        for text in texts {
            let parameters = json!({ "text": text });
            let method = "org.example.trial.Echo";
            let reply: Value = client.call(method, &parameters, later()).unwrap();
            assert_eq!(reply, parameters);
        }
        client.call_oneway("org.example.trial.Echo", &(), later()).unwrap();
        let error = client.call::<Value>("org.example.trial.Other", &(), later()).unwrap_err();
        let ClientError::Refused(refusal) = error else { panic!("{error:?}") };
        assert_eq!(refusal, Refusal::MethodNotFound { method: "org.example.trial.Other".into() });
        let error = client.call::<Value>("org.example.trial.Many", &(), later()).unwrap_err();
        assert!(matches!(error, ClientError::Refused(Refusal::ExpectedMore)), "{error:?}");
        client.call::<()>("org.example.trial.Echo", &(), later()).unwrap();
    });
}

#[test]
fn several_replies_come_one_by_one() {
    #[derive(serde::Deserialize)]
    struct Many {
        number: u32,
    }
    let mut bed = Bed::new();
    serve(&mut bed, |path| {
        let mut client = Client::connect(path, later()).unwrap();
        let mut replies = client.stream::<Many>("org.example.trial.Many", &(), later()).unwrap();
        let mut numbers = Vec::new();
        while let Some(reply) = replies.next(later()).unwrap() {
            numbers.push(reply.number);
        }
        assert_eq!(numbers, [1, 2, 3, 4]);
        client.call::<()>("org.example.trial.Echo", &(), later()).unwrap();
    });
}

/// Case: CC-08
#[test]
fn every_wait_ends_at_its_deadline() {
    let mut bed = Bed::new();
    serve(&mut bed, |path| {
        let mut client = Client::connect(path, later()).unwrap();
        let started = Instant::now();
        let error = client.call::<()>("org.example.trial.Hold", &(), soon()).unwrap_err();
        assert!(matches!(error, ClientError::NoAnswer), "{error:?}");
        assert!(started.elapsed() < LONG);
        let error = client.call::<()>("org.example.trial.Echo", &(), later()).unwrap_err();
        assert!(matches!(error, ClientError::Busy), "{error:?}");
    });
    // Nobody accepts any more: the backlog fills, and who comes then has a deadline, too.
    let waiting: Vec<_> = (0..1000)
        .map_while(|_| match Client::connect(&bed.path(), soon()) {
            Ok(client) => Some(client),
            Err(ClientError::NoAnswer) => None,
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    assert!((64..1000).contains(&waiting.len()), "{}", waiting.len());
    // When there is room again, who has waited gets in.
    let path = bed.path();
    thread::scope(|scope| {
        let client = scope.spawn(move || Client::connect(&path, later()));
        while !client.is_finished() {
            waiter::readable(&[bed.server.descriptor()], Some(soon())).unwrap();
            bed.server.turn(Instant::now());
        }
        client.join().unwrap().unwrap();
    });
}

#[test]
fn nobody_is_told_apart_from_no_answer() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let error = Client::connect(&path, later()).unwrap_err();
    let ClientError::NotThere { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    drop(UnixListener::bind(&path).unwrap());
    let error = Client::connect(&path, later()).unwrap_err();
    let ClientError::NotThere { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[test]
fn who_answers_has_to_be_expected() {
    let bed = Bed::new();
    let us = rustix::process::geteuid().as_raw();
    Client::connect_to(&bed.path(), &[us], later()).unwrap();
    let error = Client::connect_to(&bed.path(), &[us + 1], later()).unwrap_err();
    assert!(matches!(error, ClientError::NotExpected { uid, .. } if uid == us), "{error:?}");
}

/// A service that says these bytes and ends.
fn told(bytes: &[u8]) -> ClientError {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut client = Client::new(ours.into()).unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = theirs.write_all(bytes);
            let _ = theirs.shutdown(std::net::Shutdown::Write);
            let _ = theirs.read_to_end(&mut Vec::new());
        });
        let error = client.call::<Value>("a.b.C", &(), later()).unwrap_err();
        drop(client);
        error
    })
}

#[test]
fn what_is_no_reply_is_told() {
    assert!(matches!(told(b""), ClientError::Gone));
    assert!(matches!(told(b"{\"parameters\":{"), ClientError::Gone));
    for bytes in [
        b"{\"parameters\":{\0".as_slice(),
        b"\0",
        b"[]\0",
        b"{\"parameters\":[]}\0",
        b"{\"error\":7}\0",
        b"{\"parameters\":{},\"continues\":true}\0",
    ] {
        let error = told(bytes);
        assert!(matches!(error, ClientError::Protocol(_)), "{bytes:?}: {error:?}");
    }
    let error = told(b"{\"error\":\"a.b.No\",\"parameters\":null,\"continues\":null}\0");
    let ClientError::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal, Refusal::new("a.b.No", ()));
    let error = told(&vec![b' '; control::LONGEST_REPLY + 1]);
    assert!(matches!(error, ClientError::Protocol(_)), "{error:?}");
}

/// Case: CC-08
#[test]
fn a_service_that_never_ends_its_reply_is_given_up_too() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut client = Client::new(ours.into()).unwrap();
    thread::scope(|scope| {
        // More than is read in that time, so that there is always something to read.
        scope.spawn(move || while theirs.write_all(&[b' '; 100_000]).is_ok() {});
        let error = client.call::<Value>("a.b.C", &(), soon()).unwrap_err();
        assert!(matches!(error, ClientError::NoAnswer), "{error:?}");
        drop(client);
    });
}

/// What a server says before it closes is heard, though it has read nothing of what it was asked.
/// Case: CC-19
#[test]
fn why_one_is_not_let_in_is_heard() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut client = Client::new(ours.into()).unwrap();
    client.call_oneway("a.b.C", &(), later()).unwrap();
    theirs.write_all(b"{\"error\":\"a.b.Full\"}\0").unwrap();
    drop(theirs);
    let error = client.call::<Value>("a.b.C", &(), later()).unwrap_err();
    let ClientError::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.name(), "a.b.Full");
}
