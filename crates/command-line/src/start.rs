//! A start, seen by who waits for it: how long it has taken, and what becomes of it after Ctrl-C.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use supervisor::DaemonRunStatus;

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// As much as the standard library gives a thread.
pub(crate) const STACK: usize = 2 << 20;

/// Until then nobody has begun to wonder, and it is looked at the clock again after as long.
pub(crate) const TICK: Duration = Duration::from_millis(500);

type Answer = Result<DaemonRunStatus, supervisor::LaunchFailed>;

/// Starts the daemon, and shows on a terminal that it takes its time.
///
/// Ctrl-C ends the waiting and not the start: its guardian goes on, and starts the daemon or undoes what it has
/// begun, as it does for every starter that is killed. This is what the complaint says, with the code 130.
pub(crate) fn start(daemon: &Daemon) -> Result<DaemonRunStatus, Complaint> {
    let broken = |error: io::Error| {
        Complaint::new(code::FAILED, format!("cannot wait for the start: {error}"))
    };
    let began = Instant::now();
    let mut progress = Progress::new(&daemon.name);
    let mut wait = Wait::begin(daemon).map_err(broken)?;
    loop {
        match wait.next().map_err(broken)? {
            Next::Answered(answer) => {
                progress.clear();
                return Ok(answer?);
            }
            Next::Interrupted => {
                progress.clear();
                let text = "interrupted; the start goes on without this command, which `status` shows and `stop` ends";
                return Err(Complaint::new(code::INTERRUPTED, text));
            }
            Next::Ticked => progress.show(|| daemon.glance(), began.elapsed()),
        }
    }
}

enum Next {
    Answered(Answer),
    Interrupted,
    Ticked,
}

/// The start in a thread of its own, and the one descriptor by which its end and Ctrl-C wake this one.
struct Wait {
    answers: Receiver<Answer>,
    bell: UnixStream,
    /// From whose end on nothing rings upon Ctrl-C.
    _interrupt: Interrupt,
}

impl Wait {
    fn begin(daemon: &Daemon) -> io::Result<Wait> {
        let (bell, ring) = UnixStream::pair()?;
        bell.set_read_timeout(Some(TICK))?;
        let interrupt = Interrupt::notice(&ring)?;
        let (sender, answers) = channel();
        let daemon = daemon.clone();
        helper_thread::spawn("start", STACK, move || {
            // Who has been interrupted takes no answer, and hears no bell.
            let _ = sender.send(daemon.start());
            let _ = (&ring).write_all(b"a");
        })?;
        Ok(Wait { answers, bell, _interrupt: interrupt })
    }

    fn next(&mut self) -> io::Result<Next> {
        let read = self.bell.read(&mut [0]);
        // An answer that is there counts more than what rang.
        if let Ok(answer) = self.answers.try_recv() {
            return Ok(Next::Answered(answer));
        }
        match read {
            Ok(0) => Err(io::Error::other("its thread has ended without an answer")),
            Ok(_) => Ok(Next::Interrupted),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Next::Ticked),
            // The signal has rung, too.
            Err(error) if error.kind() == ErrorKind::Interrupted => self.next(),
            Err(error) => Err(error),
        }
    }
}
