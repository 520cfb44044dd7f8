//! Where a process of the victim waits until it is traced.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use testbed::{Failure, Outcome};
use victim::Calling;

/// A socket that is known to the victim.
pub(crate) struct Gate(UnixListener);

/// A process that waits for [`release`](Waiting::release).
pub(crate) struct Waiting {
    pub(crate) pid: u32,
    socket: UnixStream,
}

impl Gate {
    pub(crate) fn new(folder: &Path) -> Outcome<Gate> {
        let path = folder.join("gate");
        UnixListener::bind(&path).map(Gate).map_err(Failure::at("listen at", &path))
    }

    /// Waits for the process; `calling` may end before it comes.
    pub(crate) fn wait(&self, calling: Option<&Calling>, limit: Duration) -> Outcome<Waiting> {
        let until = Instant::now() + limit;
        loop {
            let mut waiting = vec![PollFd::new(&self.0, PollFlags::IN)];
            waiting.extend(calling.map(|calling| PollFd::new(calling.pidfd(), PollFlags::IN)));
            let left = until.saturating_duration_since(Instant::now());
            match poll(&mut waiting, Timespec::try_from(left).ok().as_ref()) {
                Err(rustix::io::Errno::INTR) => (),
                Err(error) => return Err(Failure::step("wait at the gate")(error)),
                Ok(_) if !waiting[0].revents().is_empty() => break,
                Ok(0) => return Err(Failure::new("nobody came to the gate in time")),
                Ok(_) => return Err(Failure::new("the caller ended before anybody was traced")),
            }
        }
        let cannot = || Failure::step::<std::io::Error>("hear who is at the gate");
        let (socket, _) = self.0.accept().map_err(cannot())?;
        let mut line = String::new();
        BufReader::new(&socket).read_line(&mut line).map_err(cannot())?;
        let pid = line.trim().parse().map_err(Failure::step("understand who is at the gate"))?;
        Ok(Waiting { pid, socket })
    }
}

impl Waiting {
    pub(crate) fn release(mut self) -> Outcome {
        match self.socket.write_all(b"g") {
            // It was killed in the very call in which it waits here.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(Failure::step("open the gate")),
        }
    }
}
