//! What concerns the whole process: its limit of descriptors, its umask, its folder, its memory. One test after the
//! other, and nothing beside them.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use control::{Client, PLACES, PLACES_OF_ONE};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[path = "../it/bed.rs"]
#[expect(dead_code, reason = "it is for the other tests, too")]
mod bed;
use bed::{Bed, echo, hear, hold, later, say};

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// In bytes.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Case: CC-09
#[test]
fn where_no_descriptor_is_left_it_rests_and_accepts_later() {
    let _alone = alone();
    let mut bed = Bed::new();
    let first = bed.connect();
    say(&first, &hold());
    let held = bed.request();
    let waiting: Vec<UnixStream> = (0..4).map(|_| bed.connect()).collect();
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit { current: Some(3), ..limit };
    setrlimit(Resource::Nofile, none).unwrap();
    // It is at rest though connections wait (`run` fails otherwise), and says when it tries again.
    bed.run();
    let due = bed.server.deadline();
    let now = Instant::now();
    assert!(due.is_some_and(|due| due > now && due <= now + Duration::from_secs(1)), "{due:?}");
    assert_eq!(bed.server.connections(), 1);
    // Others are served meanwhile.
    let served = bed.server.is_open(&held.ticket);
    bed.server.reply(&held.ticket, ());
    // When it is due and there is none still, it waits again.
    bed.server.turn(due.unwrap());
    bed.run();
    let due_again = bed.server.deadline();
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(served);
    hear(&first);
    assert!(due_again > due, "{due_again:?}");
    bed.server.turn(due_again.unwrap());
    bed.run();
    assert_eq!(bed.server.deadline(), None);
    assert_eq!(bed.server.connections(), 5);
    // A connection that ends makes room at once.
    let more = bed.connect();
    setrlimit(Resource::Nofile, none).unwrap();
    bed.run();
    let was_due = bed.server.deadline().is_some();
    setrlimit(Resource::Nofile, limit).unwrap();
    assert!(was_due);
    drop(first);
    bed.run();
    assert_eq!(bed.server.deadline(), None);
    say(&more, &echo("x"));
    assert_eq!(bed.request().call.parameters["text"], "x");
    drop(waiting);
}

/// Case: CC-07
#[test]
fn at_no_time_is_a_socket_wider_than_it_is_to_be() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let root = rustix::process::geteuid().is_root();
    let group = if root { 12345 } else { rustix::process::getegid().as_raw() };
    let before = rustix::process::umask(Mode::empty());
    let (is_over, seen) = (AtomicBool::new(false), AtomicUsize::new(0));
    let wider = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let Ok(found) = fs::symlink_metadata(&path) else { continue };
                seen.fetch_add(1, Ordering::Relaxed);
                let allowed = if found.gid() == group { 0o660 } else { 0o600 };
                if found.mode() & 0o777 & !allowed != 0 {
                    return Err(format!("{:o} {}", found.mode(), found.gid()));
                }
            }
            Ok(())
        });
        for (umask, mode, group) in
            [(0, 0o600, None), (0, 0o660, Some(group)), (0o777, 0o600, None)]
        {
            rustix::process::umask(Mode::from_bits_truncate(umask));
            // Until it was looked at often enough, or was found to be wider.
            let enough = seen.load(Ordering::Relaxed) + 20_000;
            while seen.load(Ordering::Relaxed) < enough && !watcher.is_finished() {
                let (_listener, file) = control::bind(&path, mode, group).unwrap();
                let found = fs::symlink_metadata(&path).unwrap();
                assert_eq!(found.mode() & 0o7777, mode);
                assert!(file.unbind().unwrap());
            }
        }
        rustix::process::umask(before);
        is_over.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert_eq!(wider, Ok(()));
}

/// Case: CC-06
#[test]
fn a_relative_path_is_that_of_the_time_of_binding() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let before = std::env::current_dir().unwrap();
    rustix::process::chdir(folder.path()).unwrap();
    let deep = "d".repeat(120);
    fs::create_dir(&deep).unwrap();
    for path in ["s".to_owned(), "./s2".to_owned(), format!("{deep}/s")] {
        rustix::process::chdir(folder.path()).unwrap();
        let (_listener, file) = control::bind(Path::new(&path), 0o600, None).unwrap();
        Client::connect(Path::new(&path), later()).unwrap();
        rustix::process::chdir("/").unwrap();
        assert!(file.is_in_place());
        assert!(file.path().is_absolute());
        Client::connect(file.path(), later()).unwrap();
        assert!(file.unbind().unwrap());
    }
    rustix::process::chdir(before).unwrap();
}

#[test]
fn a_thousand_clients_and_whatever_they_say_leave_nothing() {
    let _alone = alone();
    let mut bed = Bed::new();
    let (descriptors_before, mut most) = (descriptors(), 0);
    let root = rustix::process::geteuid().is_root();
    let places = if root { PLACES } else { PLACES_OF_ONE };
    let half = vec![b'x'; 60_000];
    let round = |bed: &mut Bed, most: &mut usize| {
        let mut clients = Vec::new();
        for number in 0..1000 {
            let mut client = bed.connect();
            bed.run();
            // Whether it has got a place or not.
            let said = match number % 4 {
                0 => half.clone(),
                1 => b"garbage\0".to_vec(),
                2 => hold().repeat(20),
                _ => echo("x"),
            };
            let _ = client.write_all(&said);
            bed.run();
            clients.push(client);
            *most = bed.server.connections().max(*most);
        }
        for request in std::mem::take(&mut bed.requests) {
            bed.server.reply(&request.ticket, serde_json::json!({"text": "y".repeat(1 << 20)}));
        }
        bed.run();
        clients.truncate(500);
        bed.run();
        drop(clients);
        bed.run();
        bed.requests.clear();
    };
    let memories = [0; 6].map(|_| {
        round(&mut bed, &mut most);
        assert_eq!(most, places);
        assert_eq!(bed.server.connections(), 0);
        assert_eq!(descriptors(), descriptors_before);
        memory()
    });
    // Each round has had some 60 MiB of replies waiting, and has been told 15 MiB; the allocator of a thread keeps
    // one heap or two for later.
    let grown = memories[5].saturating_sub(memories[0]);
    assert!(grown < 80 << 20, "{memories:?}");
    drop(bed);
    // The epoll, the listener and the folder of its file.
    assert_eq!(descriptors(), descriptors_before - 3);
}
