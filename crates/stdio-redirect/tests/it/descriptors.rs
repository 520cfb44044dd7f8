//! The descriptors themselves: none leaked, none closed for an instant, none in another's place.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::io::{Errno, FdFlags};
use stdio_redirect::{Error, Redirect, Target};

use crate::bed::{self, Bed, identity, within_limit, write};

fn streams() -> [BorrowedFd<'static>; 3] {
    [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()]
}

/// Case: IO-07
pub(crate) fn nothing_holds_the_pipe_of_the_caller() {
    let bed = Bed::new();
    let daemon = UnixListener::bind(bed.path("daemon.sock")).unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = bed.role("descriptors::let_go_of_pipe");
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = bed.start(&mut command);
    drop(command); // It holds the writing ends, too.

    let (held, _) = within_limit("accepting", move || daemon.accept()).unwrap();
    let read = within_limit("reading to the end of the pipe", move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    assert_eq!(read.unwrap(), "started\n");
    assert!(child.child().try_wait().unwrap().is_none(), "the end came while the child lived");
    drop(held);
    child.finish();
}

pub(crate) fn let_go_of_pipe(folder: &Path) {
    println!("started");
    let _applied = Redirect::null().apply().unwrap();
    // Lives until the test lets go.
    let mut held = UnixStream::connect(folder.join("daemon.sock")).unwrap();
    assert_eq!(held.read(&mut [0]).unwrap(), 0);
}

fn to_three_files(folder: &Path) -> Redirect {
    let target = |name| Target::file(folder.join(name));
    Redirect::new().stdin(target("in.txt")).stdout(target("out.txt")).stderr(target("err.txt"))
}

fn assert_three_files(folder: &Path, what: &str) {
    let mut read = [0; 2];
    assert_eq!(rustix::io::read(rustix::stdio::stdin(), &mut read), Ok(2), "{what}");
    assert_eq!(&read, b"in", "{what}");
    for (stream, name) in streams().into_iter().zip(["in.txt", "out.txt", "err.txt"]) {
        assert_eq!(identity(stream), identity(File::open(folder.join(name)).unwrap()), "{what}");
        let flags = rustix::io::fcntl_getfd(stream).unwrap();
        assert!(!flags.contains(FdFlags::CLOEXEC), "{name} would be closed by exec, {what}");
    }
}

/// Story: with standard output closed, the file that was opened for it got number 1 by itself. The code
/// took that for a spare descriptor and closed it, and the daemon died when it first wrote.
pub(crate) fn closed_streams_get_the_right_files() {
    let bed = Bed::new();
    fs::write(bed.path("in.txt"), "in").unwrap();
    bed.play("descriptors::all_ways_of_being_closed");
}

/// The numbers in `set`, where bit 0 is descriptor 0.
fn close_streams(set: i32) {
    for number in (0..3).filter(|number| set & (1 << number) != 0) {
        nix::unistd::close(number).unwrap();
    }
}

pub(crate) fn all_ways_of_being_closed(folder: &Path) {
    #[cfg(target_os = "linux")]
    let before = bed::count_descriptors();
    for set in 0..8 {
        close_streams(set);
        to_three_files(folder).apply().unwrap();
        assert_three_files(folder, &format!("closed before: {set:03b}"));
        #[cfg(target_os = "linux")]
        assert_eq!(bed::count_descriptors(), before, "closed before: {set:03b}");

        // One file for both outputs, while standard input stays as it is: closed, where `set` says so.
        close_streams(set);
        let both = Target::file(folder.join("both.txt"));
        Redirect::new().stdout(both.clone()).stderr(both).apply().unwrap();
        assert_eq!(identity(rustix::stdio::stdout()), identity(rustix::stdio::stderr()));
        assert_eq!(rustix::io::fcntl_getfd(rustix::stdio::stdin()).is_err(), set & 1 == 1);
        let _applied = Redirect::null().apply().unwrap();
    }
}

pub(crate) fn a_failure_leaves_closed_streams_closed() {
    let bed = Bed::new();
    fs::write(bed.path("in.txt"), "in").unwrap();
    bed.play("descriptors::fail_while_closed");
}

pub(crate) fn fail_while_closed(folder: &Path) {
    let missing = || Target::file(folder.join("missing/err.txt"));
    close_streams(0b011);
    to_three_files(folder).stderr(missing()).apply().unwrap_err();
    let closed = streams().map(|stream| rustix::io::fcntl_getfd(stream).is_err());
    assert_eq!(closed, [true, true, false]);

    // A stream cannot be sent to where a closed stream goes.
    let error = Redirect::new().stderr(Target::file("/dev/stdout")).apply().unwrap_err();
    let Error::Open { path, source, .. } = error else { panic!("{error:?}") };
    assert_eq!(path, Path::new("/dev/stdout"));
    assert_eq!(source.raw_os_error(), Some(Errno::BADF.raw_os_error()));
}

/// As cron and some supervisors start programs.
pub(crate) fn streams_closed_by_the_shell_get_the_right_files() {
    let bed = Bed::new();
    fs::write(bed.path("in.txt"), "in").unwrap();
    let role = bed.role("descriptors::three_files");
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"exec "$0" "$@" <&- >&- 2>&-"#]);
    shell.arg(role.get_program()).args(role.get_args());
    bed.start(&mut shell).finish();
    assert_eq!(bed.read("out.txt"), "out\n");
    assert_eq!(bed.read("err.txt"), "err\n");
}

pub(crate) fn three_files(folder: &Path) {
    to_three_files(folder).apply().unwrap();
    assert_three_files(folder, "closed by the shell");
    println!("out");
    eprintln!("err");
}

pub(crate) fn a_thousand_rounds_leak_nothing() {
    let bed = Bed::new();
    fs::write(bed.path("in.txt"), "in").unwrap();
    bed.play("descriptors::thousand_rounds");
}

pub(crate) fn thousand_rounds(folder: &Path) {
    let count = || {
        #[cfg(target_os = "linux")]
        return bed::count_descriptors();
        // Elsewhere the number of the next one tells.
        #[cfg(not(target_os = "linux"))]
        return File::open("/").unwrap().as_raw_fd() as usize;
    };
    let before = count();
    for _ in 0..500 {
        let applied = to_three_files(folder).apply().unwrap();
        applied.reopen().unwrap();
        let error = to_three_files(folder).stderr(Target::file(folder.join("missing/err.txt")));
        error.apply().unwrap_err();
        let mut command = Command::new("true");
        to_three_files(folder).apply_to(&mut command).unwrap();
    }
    assert_eq!(count(), before);
}

/// Two threads look for the instant: one that writes must always succeed, one that opens must never
/// be given the number of a stream.
pub(crate) fn no_stream_is_closed_for_an_instant() {
    let bed = Bed::new();
    let mut command = bed.role("descriptors::write_all_the_while");
    bed.start(command.stdin(Stdio::null())).finish();
    let written: usize = bed.read("written").parse().unwrap();
    assert!(written > 0);
    assert_eq!(bed.read("out.txt").lines().count(), written);
}

pub(crate) fn write_all_the_while(folder: &Path) {
    let done = AtomicBool::new(false);
    let streams = || Redirect::null().stdout(Target::file(folder.join("out.txt")));
    let applied = streams().apply().unwrap();
    let written = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) || written == 0 {
                write(io::stdout(), "line\n");
                written += 1;
            }
            written
        });
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(File::open("/").unwrap().as_raw_fd() > 2);
            }
        });
        for _ in 0..500 {
            streams().apply().unwrap();
            applied.reopen().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap()
    });
    fs::write(folder.join("written"), written.to_string()).unwrap();
}
