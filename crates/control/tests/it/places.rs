//! Who gets in where there are only so many places. Other users are threads that have become them, so root runs this.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use control::{Access, Client, ClientError, May, PLACES, PLACES_OF_ONE, Peer, Refusal};
use rustix::process::{Gid, Uid};
use serde_json::json;

use crate::bed::{Bed, LONG, echo, hear, hears_nothing, hold, is_closed, later, message, say};

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: only root can be several users");
    }
    root
}

/// A bed at an abstract address, which no folder keeps anybody from.
fn open_bed(name: &str, access: Access) -> (Bed, SocketAddr) {
    let mut bed = Bed::new();
    let name = format!("control-{name}-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    bed.server.listen(listener.into(), access).unwrap();
    (bed, address)
}

/// Connects as somebody.
fn connect_as(user: u32, address: &SocketAddr) -> UnixStream {
    let address = address.clone();
    let connect = move || {
        if user != 0 {
            // Of this thread alone, which ends.
            let (user, group) = (Uid::from_raw(user), Gid::from_raw(user));
            rustix::thread::set_thread_res_gid(group, group, group).unwrap();
            rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        }
        UnixStream::connect_addr(&address).unwrap()
    };
    let stream = thread::spawn(connect).join().unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

fn is_told_that_it_is_full(stream: &UnixStream) -> bool {
    let told = hear(stream);
    assert_eq!(told["parameters"], json!({"most": PLACES, "most_of_one": PLACES_OF_ONE}));
    told["error"] == "io.appkit.Service.TooManyConnections" && is_closed(stream)
}

/// Case: CC-19
#[test]
fn one_user_has_so_many_places_and_root_always_gets_one() {
    if !is_root() {
        return;
    }
    let (mut bed, address) = open_bed("one", Access { group: Some(May::Look) });
    let mut all = Vec::new();
    for user in 101..=103 {
        for _ in 0..PLACES_OF_ONE {
            all.push(connect_as(user, &address));
            bed.run();
        }
        let more = connect_as(user, &address);
        bed.run();
        assert!(is_told_that_it_is_full(&more));
    }
    for _ in 0..8 {
        all.push(connect_as(104, &address));
        bed.run();
    }
    assert_eq!(bed.server.connections(), 56);
    let more = connect_as(105, &address);
    bed.run();
    assert!(is_told_that_it_is_full(&more));
    for _ in 56..PLACES {
        all.push(connect_as(0, &address));
        bed.run();
    }
    assert_eq!(bed.server.connections(), PLACES);
    assert!(all.iter().all(hears_nothing));
    let more = connect_as(0, &address);
    bed.run();
    assert!(is_told_that_it_is_full(&more));
    all.clear();
    bed.run();
    assert_eq!(bed.server.connections(), 0);
}

/// Case: CC-19
#[test]
fn who_is_silent_gives_his_place_to_who_waits() {
    if !is_root() {
        return;
    }
    let (mut bed, address) = open_bed("silent", Access { group: Some(May::Look) });
    let all: Vec<_> = (0..PLACES_OF_ONE).map(|_| connect_as(101, &address)).collect();
    let other = connect_as(102, &address);
    bed.run();
    // The first one waits for us, the second one has just said something.
    say(&all[0], &hold());
    bed.run();
    bed.ahead = Duration::from_secs(10);
    say(&all[1], &echo("x"));
    bed.run();
    assert_eq!(bed.requests.len(), 2);
    bed.server.reply(&bed.requests[1].ticket, ());
    hear(&all[1]);
    let news = connect_as(101, &address);
    bed.run();
    assert!(hears_nothing(&news));
    assert_eq!(bed.server.connections(), PLACES_OF_ONE + 1);
    assert!(is_closed(&all[2]));
    assert!(hears_nothing(&all[0]) && hears_nothing(&all[1]) && hears_nothing(&other));
    say(&news, &echo("x"));
    bed.run();
    assert_eq!(bed.requests.len(), 3);
    // The others have their turn, and then there is nobody left who is silent and waits for nothing.
    let more: Vec<_> = (3..PLACES_OF_ONE)
        .map(|_| {
            let more = connect_as(101, &address);
            bed.run();
            more
        })
        .collect();
    assert!(all[2..].iter().all(is_closed) && more.iter().all(hears_nothing));
    let last = connect_as(101, &address);
    bed.run();
    assert!(is_told_that_it_is_full(&last));
    assert!(hears_nothing(&all[0]) && hears_nothing(&all[1]) && hears_nothing(&other));
}

/// Case: CC-19
#[test]
fn all_who_may_do_nothing_have_the_places_of_one() {
    if !is_root() {
        return;
    }
    let (mut bed, address) = open_bed("strangers", Access::default());
    let all: Vec<_> = (0..PLACES_OF_ONE as u32)
        .map(|number| {
            let client = connect_as(101 + number, &address);
            bed.run();
            client
        })
        .collect();
    assert!(all.iter().all(hears_nothing));
    let more = connect_as(200, &address);
    bed.run();
    assert!(is_told_that_it_is_full(&more));
}

/// Case: CC-20
#[test]
fn who_may_do_nothing_is_told_so_upon_his_first_call() {
    if !is_root() {
        return;
    }
    for (user, access) in [(101, Access::default()), (65534, Access { group: Some(May::Act) })] {
        let (mut bed, address) = open_bed(&format!("no{user}"), access);
        let client = connect_as(user, &address);
        say(&client, &message(&json!({"method": "org.varlink.service.GetInfo"})).repeat(2));
        bed.run();
        let denied = json!({"error": "org.varlink.service.PermissionDenied", "parameters": {}});
        assert_eq!(hear(&client), denied);
        assert!(is_closed(&client));
        assert_eq!(bed.server.connections(), 0);
    }
}

/// Case: CC-20
#[test]
fn a_peer_is_who_he_was_when_he_connected() {
    if !is_root() {
        return;
    }
    let (mut bed, address) = open_bed("peer", Access { group: Some(May::Look) });
    // The thread of that user has ended, and root has the connection.
    let client = connect_as(101, &address);
    say(&client, &hold());
    let Peer { pid, uid, gid, may, .. } = bed.request().peer;
    assert_eq!((pid, uid, gid, may), (Some(std::process::id()), 101, 101, Some(May::Look)));
    let client = connect_as(0, &address);
    say(&client, &hold());
    assert!(bed.request().peer.may_act());
    // One that was accepted elsewhere.
    let (ours, theirs) = UnixStream::pair().unwrap();
    let peer = Peer::of(std::os::fd::AsFd::as_fd(&ours), Access::default()).unwrap();
    assert_eq!((peer.uid, peer.may), (0, Some(May::Act)));
    bed.server.adopt(ours.into()).unwrap();
    say(&theirs, &hold());
    assert_eq!(bed.request().peer, peer);
}

/// A file of events ended without a word when its disk stood still and many came.
#[test]
fn who_was_adopted_keeps_his_place_however_silent_he_is() {
    let mut bed = Bed::new();
    let (ours, adopted) = UnixStream::pair().unwrap();
    bed.server.adopt(ours.into()).unwrap();
    let places = if rustix::process::geteuid().is_root() { PLACES } else { PLACES_OF_ONE };
    let mut all = Vec::new();
    let mut connect = |bed: &mut Bed| {
        all.push(bed.connect());
        bed.run();
    };
    (1..places).for_each(|_| connect(&mut bed));
    bed.ahead = Duration::from_secs(10);
    (1..places).for_each(|_| connect(&mut bed));
    assert_eq!(bed.server.connections(), places);
    assert!(all[..places - 1].iter().all(is_closed));
    say(&adopted, &hold());
    bed.request();
}

/// Who is told that there is no place hears it as an error, whether he had asked already or not.
/// Case: CC-19
#[test]
fn our_client_hears_that_there_is_no_place() {
    let mut bed = Bed::new();
    let all: Vec<_> = (0..PLACES)
        .map(|_| {
            let client = bed.connect();
            bed.run();
            client
        })
        .collect();
    let path = bed.path();
    let client = thread::spawn(move || {
        let mut client = Client::connect(&path, later()).unwrap();
        client.call::<serde_json::Value>("org.varlink.service.GetInfo", &(), later())
    });
    while !client.is_finished() {
        bed.run();
    }
    let error = client.join().unwrap().unwrap_err();
    let ClientError::Refused(Refusal::Other { error, .. }) = error else { panic!("{error:?}") };
    assert_eq!(error, "io.appkit.Service.TooManyConnections");
    drop(all);
}
