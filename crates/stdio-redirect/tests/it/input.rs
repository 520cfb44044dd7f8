//! Where input comes from.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::Stdio;

use rustix::fs::Mode;
use stdio_redirect::{Error, Redirect, Stream, Target};

use crate::bed::{Bed, identities_of_streams};

/// Case: IO-03
pub(crate) fn null_is_at_its_end_at_once() {
    let bed = Bed::new();
    let mut child = bed.start(bed.role("input::read_null").stdin(Stdio::piped()));
    // Something to read, and no end: without the redirection the child finds it, and waits.
    let mut input = child.child().stdin.take().unwrap();
    let _ = input.write_all(b"not for the daemon");
    child.finish();
    drop(input);
}

pub(crate) fn read_null(_: &Path) {
    let _applied = Redirect::null().apply().unwrap();
    let mut read = String::new();
    io::stdin().read_to_string(&mut read).unwrap();
    assert_eq!(read, "");
}

pub(crate) fn a_file_is_read_from_its_beginning() {
    let bed = Bed::new();
    fs::write(bed.path("in.txt"), "one\ntwo\n").unwrap();
    bed.play("input::read_file");
    assert_eq!(bed.read("in.txt"), "one\ntwo\n");
}

pub(crate) fn read_file(folder: &Path) {
    let applied = Redirect::new().stdin(Target::file(folder.join("in.txt"))).apply().unwrap();
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
    // Reopening is for output: input goes on where it was.
    applied.reopen().unwrap();
    io::stdin().read_to_string(&mut line).unwrap();
    assert_eq!(line, "one\ntwo\n");
}

pub(crate) fn a_file_that_is_missing_is_not_created() {
    let bed = Bed::new();
    bed.play("input::read_missing");
    assert!(!bed.path("in.txt").exists());
}

pub(crate) fn read_missing(folder: &Path) {
    let before = identities_of_streams();
    let input = folder.join("in.txt");
    let error = Redirect::null().stdin(Target::file(&input)).apply().unwrap_err();
    let Error::Open { stream: Stream::Stdin, path, source } = error else { panic!("{error:?}") };
    assert_eq!((path, source.kind()), (input, io::ErrorKind::NotFound));
    assert_eq!(identities_of_streams(), before);
}

pub(crate) fn a_fifo_without_writer_does_not_hold_us() {
    Bed::new().play("input::read_fifo");
}

pub(crate) fn read_fifo(folder: &Path) {
    let fifo = folder.join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let _applied = Redirect::new().stdin(Target::file(fifo)).apply().unwrap();
    let mut read = String::new();
    io::stdin().read_to_string(&mut read).unwrap();
    assert_eq!(read, "");
}
