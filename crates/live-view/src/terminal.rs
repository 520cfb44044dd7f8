//! The terminal: taken for the view, and given back as it was, exactly once, by whoever comes first: the view, or a
//! panic in any thread.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::panic;
use std::sync::{Condvar, Mutex, Once, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{
    OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};
use signal_hook::consts::SIGSTOP;
use signal_hook::low_level::raise;

/// Another screen than the one with the shell's lines (which stays as it is), no cursor, no new line at the right edge,
/// and what is pasted is marked (xterm's "ctlseqs").
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h";
const LEAVE: &[u8] = b"\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";

/// No terminal is larger, whatever it says of itself.
const MOST: (u16, u16) = (1000, 500);

/// Why there is no live view, or no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CannotShow {
    /// There is nothing to draw on, or no keys.
    #[error("{what} is no terminal")]
    NoTerminal {
        /// Standard input or output.
        what: &'static str,
    },
    /// It is shown in this process already.
    #[error("it is shown in this process already")]
    Shown,
    /// A thread has panicked, and has said so on standard error.
    #[error("a thread of this program has panicked")]
    Panicked,
    /// The system refuses something.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
}

impl CannotShow {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> CannotShow {
        move |source| CannotShow::Io { what, source }
    }
}

/// How the terminal was, while it is not so.
static HELD: Mutex<Option<Held>> = Mutex::new(None);

/// Threads in the middle of their panics' hook.
static TELLING: Mutex<usize> = Mutex::new(0);
static TOLD: Condvar = Condvar::new();

struct Held {
    before: Termios,
    /// Rung when a panic has given the terminal back.
    bell: UnixStream,
}

/// The right to draw. Dropping it gives the terminal back.
pub(crate) struct Terminal(());

/// Why the terminal is ours no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It was closed.
    Gone,
    /// A panic has given it back.
    GivenBack,
}

impl Terminal {
    /// Whether there is one to read from and to draw on.
    pub(crate) fn check() -> Result<(), CannotShow> {
        for (fd, what) in [(stdin(), "standard input"), (stdout(), "standard output")] {
            if !isatty(fd) {
                return Err(CannotShow::NoTerminal { what });
            }
        }
        Ok(())
    }

    /// Takes the terminal as soon as this process is in its foreground; before, it stops itself as often as it is
    /// continued. `None`: `ends` has said so meanwhile.
    pub(crate) fn take(
        bell: &UnixStream,
        ends: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Terminal>, CannotShow> {
        give_back_on_panic();
        let terminal = Terminal(());
        Ok(terminal.enter(bell, ends)?.then_some(terminal))
    }

    /// Stops this process as Ctrl-Z does, with the terminal as it was, and takes it again when the process is
    /// continued in the foreground. False: `ends` has said so meanwhile.
    ///
    /// The system drops SIGTSTP where no shell could continue the process; SIGSTOP it does not (signal(7)).
    pub(crate) fn stop(
        &self,
        bell: &UnixStream,
        ends: &mut dyn FnMut() -> bool,
    ) -> Result<bool, CannotShow> {
        give_back();
        stop_here()?;
        self.enter(bell, ends)
    }

    fn enter(&self, bell: &UnixStream, ends: &mut dyn FnMut() -> bool) -> Result<bool, CannotShow> {
        // In the background a change of modes would stop us, again and again, and no signal could end that.
        while !ends() {
            if !is_foreground() {
                stop_here()?;
                continue;
            }
            let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
            if held.is_some() {
                return Err(CannotShow::Shown);
            }
            let modes = |error: Errno| CannotShow::io("set the terminal's modes")(error.into());
            let before = tcgetattr(stdin()).map_err(modes)?;
            let bell = bell.try_clone().map_err(CannotShow::io("make a descriptor"))?;
            set_raw(&before).map_err(modes)?;
            *held = Some(Held { before, bell });
            // One that has gone is seen by who reads.
            let _ = write_all(ENTER);
            return Ok(true);
        }
        Ok(false)
    }

    /// Sets modes and screen once more: while this process was stopped, a shell may have set others.
    pub(crate) fn refresh(&self) {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &*held
            && is_foreground()
        {
            let _ = set_raw(&held.before);
            let _ = write_all(ENTER);
        }
    }

    /// Columns and lines: 80 and 24 of one that does not say.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (columns, lines) = match tcgetwinsize(stdout()) {
            Ok(size) if 0 < size.ws_col && 0 < size.ws_row => (size.ws_col, size.ws_row),
            Ok(_) | Err(_) => (80, 24),
        };
        (usize::from(columns.min(MOST.0)), usize::from(lines.min(MOST.1)))
    }

    /// Draws.
    pub(crate) fn write(&self, text: &str) -> Result<(), Lost> {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().ok_or(Lost::GivenBack)?;
        write_all(text.as_bytes()).map_err(|_| Lost::Gone)
    }

    /// What was typed, if something is there. It waits for nothing, as the modes are while the terminal is held.
    pub(crate) fn read<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], Lost> {
        let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().ok_or(Lost::GivenBack)?;
        match rustix::io::read(stdin(), &mut *buffer) {
            // Nothing, or nobody any more: then there are no modes to be asked for either.
            Ok(0) => tcgetattr(stdin()).map(|_| &buffer[..0]).map_err(|_| Lost::Gone),
            Ok(read) => Ok(&buffer[..read]),
            Err(Errno::AGAIN | Errno::INTR) => Ok(&[]),
            Err(_) => Err(Lost::Gone),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back, if it is not yet: how it was held, to the one caller who did.
fn give_back() -> Option<Held> {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    // In the background the terminal is somebody else's by now, who has set what he needs.
    if is_foreground() {
        let _ = write_all(LEAVE);
        let _ = tcsetattr(stdin(), OptionalActions::Now, &held.before);
    }
    Some(held)
}

/// The hook stays, since others may have put theirs above it; it does nothing while no view is shown.
fn give_back_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            *TELLING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            if let Some(held) = give_back() {
                let _ = (&held.bell).write(b"p");
            }
            next(info);
            *TELLING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            TOLD.notify_all();
        }));
    });
}

/// Waits until panics are told of with their backtraces, so that nobody writes between their lines or ends the process
/// before the last; not for ever, since a hook of the application's may wait for something.
pub(crate) fn wait_until_told() {
    const LIMIT: Duration = Duration::from_secs(10);
    let telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
    drop(TOLD.wait_timeout_while(telling, LIMIT, |telling| 0 < *telling));
}

fn set_raw(before: &Termios) -> Result<(), Errno> {
    let mut raw = before.clone();
    raw.make_raw();
    // A read waits for nothing: somebody else may have read what was there.
    raw.special_codes[SpecialCodeIndex::VMIN] = 0;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    tcsetattr(stdin(), OptionalActions::Now, &raw)
}

/// Without job control everybody is.
fn is_foreground() -> bool {
    tcgetpgrp(stdin()).map_or(true, |group| group == getpgrp())
}

/// To this thread, so that nothing of the next line happens before the process is stopped and continued.
fn stop_here() -> Result<(), CannotShow> {
    raise(SIGSTOP).map_err(CannotShow::io("stop this process"))
}

/// Directly, past what standard output may keep.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => (),
            // Somebody has made the terminal's description non-blocking, for all who have it.
            Err(Errno::AGAIN) => waiter::breathe(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What is waited for beside the bell.
pub(crate) fn typing() -> impl AsFd {
    stdin()
}
