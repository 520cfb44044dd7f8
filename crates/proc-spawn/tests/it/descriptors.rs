//! Children that limit themselves.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use proc_spawn::{Call, Message, Told};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{LIMIT, Report, report, spawn};

/// Lowers its limit of open descriptors to nothing, has its lifeline look at the socket, and says that it
/// is still there.
pub(crate) fn has_no_descriptors_left() -> std::io::Result<()> {
    setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: Some(0) })?;
    proc_spawn::tell(&"limited")?;
    loop {
        std::thread::park();
    }
}

/// Case: FLT-I6
pub(crate) fn no_descriptors_left() {
    /// More than a socket holds: most of them have to be taken.
    const WORDS: usize = 3000;
    let mut child = spawn(Call::new(has_no_descriptors_left, ()));
    let start = Instant::now();
    let says_so = |told: &Told| told.read().unwrap() == Some("limited".to_owned());
    while !matches!(child.next_message(), Some(Message::Told(told)) if says_so(&told)) {
        assert!(start.elapsed() < LIMIT, "it says nothing");
        std::thread::yield_now();
    }
    // Each word wakes the child's lifeline, which then waits under the limit.
    for word in 0..WORDS {
        // Sent as soon as there is room for it.
        while let Err(error) = child.ask_to_reopen() {
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "after {word} words");
            assert!(start.elapsed() < LIMIT, "it takes no more than {word} words");
            std::thread::yield_now();
        }
    }
    assert_eq!(child.try_wait().unwrap(), None, "it takes the limit for our end");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Sets itself a limit, and reaches it.
pub(crate) fn writes_beyond_the_limit(path: PathBuf) -> std::io::Result<()> {
    setrlimit(Resource::Fsize, Rlimit { current: Some(2), maximum: None })?;
    File::create(path)?.write_all(b"more than two")
}

/// Case: FLT-G1
pub(crate) fn a_limit_of_file_size_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let exit = spawn(Call::new(writes_beyond_the_limit, folder.path().join("f"))).wait().unwrap();
    assert_eq!(exit.to_string(), "returned an error: File too large (os error 27)");
}

/// Has a pipe without close-on-exec, starts a child, and closes its own end, like a process that reads
/// what its children write. Every other time something else gets the number then.
pub(crate) fn closes_what_its_child_inherits(path: PathBuf) -> Result<(), Box<dyn Error>> {
    for round in 0..20 {
        let (_reader, writer) = nix::unistd::pipe()?;
        let mut child = spawn(Call::new(report, path.clone()));
        drop(writer);
        let _reused = if round % 2 == 0 { Some(File::open("/dev/null")?) } else { None };
        child.wait()?;
        let report: Report = rmp_serde::from_slice(&fs::read(&path)?)?;
        if report.descriptors != BTreeSet::from([0, 1, 2]) {
            return Err(format!("round {round}: {:?}", report.descriptors).into());
        }
    }
    Ok(())
}

/// Done in a child, since what other tests start would inherit the pipe, too.
///
/// Case: HYG-01
pub(crate) fn what_a_parent_closes_during_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let exit = spawn(Call::new(closes_what_its_child_inherits, path)).wait().unwrap();
    assert!(exit.is_success(), "{exit}");
}
