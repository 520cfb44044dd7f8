//! Records to standard output and error.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::bed::Player;

pub(crate) fn records_go_to_the_stream_that_was_chosen() {
    for yaml in ["stream: stderr", "file: /dev/stderr", "file: /dev/fd/2", "{}"] {
        let yaml = format!("{yaml}\n").replace("{}", "");
        let mut command =
            Player::command("script", &format!("{yaml}format: '{{name}} {{message}}'"), "me", &[]);
        let mut program = Player::spawn(command.stderr(Stdio::piped()));
        assert_eq!(program.reply(), "ready");
        assert_eq!(program.ask("log hello"), "dropped 0");
        assert_eq!(program.errors(), "me hello\n");
    }
    for yaml in ["stream: stdout", "file: /dev/stdout", "file: /dev/fd/1", "file: /proc/self/fd/1"]
    {
        let yaml = format!("{yaml}\nformat: '{{name}} {{message}}'");
        let mut program = Player::start("script", &yaml, "me", &[]);
        assert_eq!(program.ask("log hello"), "me hello");
        assert_eq!(program.reply(), "dropped 0");
    }
}

/// systemd and inetd give such streams: a socket cannot be opened by any name.
pub(crate) fn a_stream_that_is_a_socket_is_written_to_by_whatever_name() {
    for yaml in ["stream: stderr", "file: /dev/stderr", "file: /proc/self/fd/2"] {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let yaml = format!("{yaml}\nformat: '{{message}}'");
        let mut command = Player::command("script", &yaml, "me", &[]);
        let mut program = Player::spawn(command.stderr(OwnedFd::from(writer)));
        // The command has a copy of the writing end: with it open, reading would never come to an end.
        drop(command);
        assert_eq!(program.reply(), "ready", "{yaml}");
        assert_eq!(program.ask("log hello"), "dropped 0");
        program.finish();
        let mut told = String::new();
        reader.read_to_string(&mut told).unwrap();
        assert_eq!(told, "hello\n");
    }
}

/// Case: LOG-08
pub(crate) fn a_reader_that_has_gone_ends_nobody() {
    let mut command = Player::command("script", "stream: stderr", "me", &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut program = Player::spawn(command.stderr(writer));
    // The command keeps a copy of the writing end only; nobody reads.
    drop(reader);
    assert_eq!(program.reply(), "ready");
    assert_eq!(program.ask("log one"), "dropped 1");
    assert_eq!(program.ask("log two"), "dropped 2");
}

pub(crate) fn in_the_journal_each_line_has_its_priority() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let stat = rustix::fs::fstat(&writer).unwrap();
    let right = format!("{}:{}", stat.st_dev, stat.st_ino);
    for (variable, expected) in [(right.as_str(), "<6>hello\n"), ("1:2", "hello\n")] {
        let yaml = "stream: stderr\nformat: '{message}'";
        let mut command = Player::command("script", yaml, "me", &[]);
        command.env("JOURNAL_STREAM", variable).stderr(writer.try_clone().unwrap());
        let mut program = Player::spawn(&mut command);
        assert_eq!(program.reply(), "ready");
        assert_eq!(program.ask("log hello"), "dropped 0");
        let mut told = vec![0; expected.len()];
        reader.read_exact(&mut told).unwrap();
        assert_eq!(String::from_utf8(told).unwrap(), expected);
    }
}

pub(crate) fn colours_are_for_terminals() {
    for (no_color, expected) in [("", "\x1b[32mINFO\x1b[0m hello\r\n"), ("1", "INFO hello\r\n")] {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal: OwnedFd = rustix::fs::open(name, flags, Mode::empty()).unwrap();

        let yaml = "stream: stderr\nformat: '{level} {message}'";
        let mut command = Player::command("script", yaml, "me", &[]);
        command.env("NO_COLOR", no_color).env("TERM", "xterm").stderr(terminal);
        let mut program = Player::spawn(&mut command);
        assert_eq!(program.reply(), "ready");
        assert_eq!(program.ask("log hello"), "dropped 0");
        let mut told = vec![0; expected.len()];
        std::fs::File::from(master).read_exact(&mut told).unwrap();
        assert_eq!(String::from_utf8(told).unwrap(), expected);
    }
}
