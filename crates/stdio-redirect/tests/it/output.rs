//! Where output goes, and in which order it arrives.

use std::error::Error as _;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use rustix::fs::Mode;
use stdio_redirect::{Error, Redirect, Stream, Target};

use crate::bed::{Bed, LIMIT, identities_of_streams, write};

/// Case: IO-01
pub(crate) fn files_are_appended_to_in_order() {
    let bed = Bed::new();
    fs::write(bed.path("out.txt"), "there before\n").unwrap();
    bed.play("output::two_files");
    bed.play("output::two_files");
    assert_eq!(bed.read("out.txt"), "there before\nout 1\nout 2\nout 1\nout 2\n");
    assert_eq!(bed.read("err.txt"), "err 1\nerr 2\nerr 1\nerr 2\n");
}

pub(crate) fn two_files(folder: &Path) {
    let out = Target::file(folder.join("out.txt"));
    let err = Target::file(folder.join("err.txt"));
    Redirect::null().stdout(out).stderr(err).apply().unwrap();
    for number in 1..=2 {
        println!("out {number}");
        eprintln!("err {number}");
    }
}

/// Case: IO-04
pub(crate) fn without_files_writing_succeeds() {
    Bed::new().play("output::null_over_closed");
}

pub(crate) fn null_over_closed(_: &Path) {
    nix::unistd::close(1).unwrap();
    nix::unistd::close(2).unwrap();
    Redirect::null().apply().unwrap();
    write(io::stdout(), "to nobody");
    write(io::stderr(), "to nobody");
}

pub(crate) fn a_file_for_both_streams_is_opened_once() {
    let bed = Bed::new();
    bed.play("output::one_file");
    assert_eq!(bed.read("both.txt"), "out 1\nerr 1\nout 2\nerr 2\n");
}

pub(crate) fn one_file(folder: &Path) {
    let both = Target::file(folder.join("both.txt"));
    Redirect::null().stdout(both.clone()).stderr(both).apply().unwrap();
    println!("out 1");
    eprintln!("err 1");
    println!("out 2");
    // Both streams share one open file description, so its position is after all three lines.
    assert_eq!(rustix::fs::tell(io::stderr()), Ok("out 1\nerr 1\nout 2\n".len() as u64));
    eprintln!("err 2");
}

/// Story: what a daemon's caller had printed before the redirection was still in Rust's buffer. It came
/// to the beginning of the daemon's file, and was missing in the caller's.
pub(crate) fn what_was_printed_before_goes_where_it_belongs() {
    let bed = Bed::new();
    let mut child = bed.start(bed.role("output::print_then_apply").stdout(Stdio::piped()));
    let mut caller = String::new();
    child.child().stdout.take().unwrap().read_to_string(&mut caller).unwrap();
    child.finish();
    assert_eq!(caller, "before");
    assert_eq!(bed.read("out.txt"), "after");
}

pub(crate) fn what_the_old_target_refuses_goes_to_the_new_one() {
    let bed = Bed::new();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    bed.start(bed.role("output::print_then_apply").stdout(writer)).finish();
    assert_eq!(bed.read("out.txt"), "beforeafter");
}

pub(crate) fn print_then_apply(folder: &Path) {
    print!("before");
    Redirect::new().stdout(Target::file(folder.join("out.txt"))).apply().unwrap();
    print!("after");
    io::stdout().flush().unwrap();
}

/// Case: SEC-06
pub(crate) fn files_are_created_with_a_decent_mode_whatever_the_umask() {
    let bed = Bed::new();
    bed.play("output::three_umasks");
    let mode = |name| fs::metadata(bed.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("umask-000"), 0o644);
    assert_eq!(mode("umask-027"), 0o640);
    assert_eq!(mode("umask-077"), 0o600);
    assert_eq!(mode("umask-000-asked-600"), 0o600);
    assert_eq!(mode("umask-000-asked-4666"), 0o666, "no file becomes set-user-id");
}

pub(crate) fn three_umasks(folder: &Path) {
    let to = |name: &str| Redirect::new().stdout(Target::file(folder.join(name)));
    for (umask, name) in [(0, "umask-000"), (0o027, "umask-027"), (0o077, "umask-077")] {
        rustix::process::umask(Mode::from_bits_truncate(umask));
        to(name).apply().unwrap();
    }
    rustix::process::umask(Mode::empty());
    to("umask-000-asked-600").mode(0o600).apply().unwrap();
    to("umask-000-asked-4666").mode(0o4666).apply().unwrap();
}

/// Case: HS-10
pub(crate) fn a_file_in_a_missing_folder_is_a_typed_error_and_changes_nothing() {
    Bed::new().play("output::missing_folder");
}

pub(crate) fn missing_folder(folder: &Path) {
    let before = identities_of_streams();
    let missing = folder.join("missing/out.txt");
    let error = Redirect::null().stdout(Target::file(&missing)).apply().unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), io::Error::from_raw_os_error(2).to_string());
    let Error::Open { stream, path, source } = error else { panic!("{error:?}") };
    assert_eq!(stream, Stream::Stdout);
    assert_eq!(path, missing);
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    assert_eq!(identities_of_streams(), before);
}

pub(crate) fn a_second_open_that_fails_leaves_the_first_stream_alone() {
    let bed = Bed::new();
    bed.play("output::second_missing");
    assert_eq!(bed.read("out.txt"), "");
}

pub(crate) fn second_missing(folder: &Path) {
    let before = identities_of_streams();
    let out = Target::file(folder.join("out.txt"));
    let err = Target::file(folder.join("missing/err.txt"));
    let error = Redirect::null().stdout(out).stderr(err).apply().unwrap_err();
    assert!(matches!(error, Error::Open { stream: Stream::Stderr, .. }), "{error:?}");
    assert_eq!(identities_of_streams(), before);
    println!("where it went before");
}

/// A socket is what systemd gives for standard output, and no socket can be opened by name.
pub(crate) fn a_stream_can_go_where_another_went() {
    // A socket cannot be opened by any of these names.
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let bed = Bed::new();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut command = bed.role("output::error_to_output");
        bed.start(command.env("NAME_OF_OUTPUT", name).stdout(OwnedFd::from(theirs))).finish();
        // The command holds the child's end of the socket, too.
        drop(command);
        ours.set_read_timeout(Some(LIMIT)).unwrap();
        let mut received = String::new();
        ours.read_to_string(&mut received).unwrap();
        assert_eq!(received, "err\nerr again\n", "{name}");
        assert_eq!(bed.read("out.txt"), "out\n");
    }
}

pub(crate) fn error_to_output(folder: &Path) {
    let out = Target::file(folder.join("out.txt"));
    let streams = Redirect::new()
        .stdout(out)
        .stderr(Target::file(std::env::var_os("NAME_OF_OUTPUT").unwrap()));
    let applied = streams.apply().unwrap();
    println!("out");
    eprintln!("err");
    // The socket has no name to be found by again: by now the name that was given means another file.
    applied.reopen().unwrap();
    eprintln!("err again");
}

pub(crate) fn a_name_in_proc_is_followed_by_the_kernel() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let bed = Bed::new();
    let (mut reader, writer) = io::pipe().unwrap();
    bed.start(bed.role("output::error_to_proc").stdout(writer)).finish();
    let mut received = String::new();
    reader.read_to_string(&mut received).unwrap();
    assert_eq!(received, "err\n");
}

pub(crate) fn error_to_proc(folder: &Path) {
    // As in container images, where the log file is a link to a stream.
    let link = folder.join("err.txt");
    std::os::unix::fs::symlink("/proc/self/fd/1", &link).unwrap();
    Redirect::new().stderr(Target::file(link)).apply().unwrap();
    eprintln!("err");
}

pub(crate) fn a_stream_can_be_pointed_at_an_open_descriptor() {
    let bed = Bed::new();
    let (mut reader, writer) = io::pipe().unwrap();
    bed.start(bed.role("output::output_to_socket").stdout(writer)).finish();
    let mut received = String::new();
    reader.read_to_string(&mut received).unwrap();
    assert_eq!(received, "before");
}

pub(crate) fn output_to_socket(_: &Path) {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    print!("before");
    Stream::Stdout.point_at(&theirs).unwrap();
    drop(theirs);
    println!("after");
    let mut received = [0; 6];
    ours.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"after\n");
    Stream::Stdout.point_at(io::stdout()).unwrap();
    println!("still");
    ours.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"still\n");
}
