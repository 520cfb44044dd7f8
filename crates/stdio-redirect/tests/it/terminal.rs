//! The terminal that a daemon is started from, or told to write to.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, OptionalActions};
use stdio_redirect::{Redirect, Target};

use crate::bed::Bed;

struct Terminal {
    /// The end of the person in front of it. When it is closed, the terminal is gone.
    _person: OwnedFd,
    program: OwnedFd,
    name: String,
}

impl Terminal {
    fn new() -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let person = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&person).unwrap();
        rustix::pty::unlockpt(&person).unwrap();
        let name = rustix::pty::ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let program = rustix::fs::open(&*name, flags, Mode::empty()).unwrap();
        Terminal { _person: person, program, name }
    }

    /// Its settings, and the flags that all who have it open share.
    fn state(&self) -> (String, OFlags) {
        let settings = rustix::termios::tcgetattr(&self.program).unwrap();
        (format!("{settings:?}"), rustix::fs::fcntl_getfl(&self.program).unwrap())
    }
}

fn copy(of: impl AsFd) -> OwnedFd {
    of.as_fd().try_clone_to_owned().unwrap()
}

/// Case: HYG-17
pub(crate) fn the_terminal_of_the_caller_is_left_as_it_is() {
    let terminal = Terminal::new();
    let mut settings = rustix::termios::tcgetattr(&terminal.program).unwrap();
    settings.local_modes.toggle(LocalModes::ECHO);
    rustix::termios::tcsetattr(&terminal.program, OptionalActions::Now, &settings).unwrap();
    // A flag that belongs to the open terminal, so that to clear it would clear it for the caller.
    rustix::fs::fcntl_setfl(&terminal.program, OFlags::NONBLOCK).unwrap();
    let before = terminal.state();
    assert!(before.1.contains(OFlags::NONBLOCK));

    let bed = Bed::new();
    let mut command = bed.role("terminal::leave_alone");
    command.stdin(copy(&terminal.program)).stdout(copy(&terminal.program));
    bed.start(command.stderr(copy(&terminal.program))).finish();
    assert_eq!(terminal.state(), before);
}

pub(crate) fn leave_alone(folder: &Path) {
    // First the terminal by its alias, which shares its flags with the caller, then no more of it.
    let terminal = Target::file("/dev/stdout");
    Redirect::null().stdout(terminal.clone()).stderr(terminal).apply().unwrap();
    println!("hello");
    let out = Target::file(folder.join("out.txt"));
    Redirect::null().stdout(out.clone()).stderr(out).apply().unwrap();
    println!("hello");
}

/// A session leader without a terminal gets the first one that it opens, unless told otherwise.
pub(crate) fn a_terminal_by_name_is_used_but_not_taken() {
    let terminal = Terminal::new();
    let bed = Bed::new();
    fs::write(bed.path("name"), &terminal.name).unwrap();
    bed.play("terminal::use_by_name");
}

pub(crate) fn use_by_name(folder: &Path) {
    rustix::process::setsid().unwrap();
    let name = fs::read_to_string(folder.join("name")).unwrap();
    let terminal = Target::file(&name);
    // Input as well: Linux gives a terminal only to those who open it for reading.
    Redirect::null().stdin(terminal.clone()).stdout(terminal).apply().unwrap();
    assert!(rustix::termios::isatty(std::io::stdin()));
    assert!(rustix::termios::isatty(std::io::stdout()));
    println!("hello");
    let taken = rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    assert_eq!(taken.err(), Some(rustix::io::Errno::NXIO));
}
