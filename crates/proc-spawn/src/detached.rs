//! Starting a process that is nobody's child, by way of a launcher: the starter's side, the launcher's,
//! and what the starter hears.

use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::bootstrap::Boot;
use crate::child::{Message, end, wait_readable};
use crate::exit::SetupError;
use crate::link::{Link, Received};
use crate::spawn::{
    Program, Spawn, SpawnError, command, new_nonce, other_end_is_gone, pidfd_of, start,
};
use crate::wire::{Down, Up};

impl Spawn {
    /// Starts a process that is nobody's child: in a session of its own without a terminal,
    /// adopted by init (or the nearest subreaper), and not hanging on our life.
    ///
    /// A short-lived launcher does it: it makes the session, starts the process, and goes; so the
    /// process does not lead the session and can never get a terminal again.
    ///
    /// # Errors
    ///
    /// The system refused a step on our side; what the launcher meets comes over
    /// [`Detached::receive`].
    pub fn spawn_detached(&self) -> Result<Detached, SpawnError> {
        let relay = Relay { nonce: new_nonce()?, title: self.title(), comm: self.comm() };
        let launcher = self.launcher().setup(&relay)?;
        let nonce = new_nonce()?;
        let (ours, theirs) = Link::pair().map_err(SpawnError::io("create a socket"))?;
        let process = launcher.execute(nonce, theirs)?;
        let detached = Detached { launcher: Some(process), link: ours };
        for payload in [launcher.payload(nonce, None)?, self.payload(relay.nonce, None)?] {
            match detached.link.send_bytes(&payload) {
                // A launcher that failed has left word, which is better than "broken pipe".
                Err(error) if other_end_is_gone(&error) => break,
                sent => sent.map_err(SpawnError::io("send the payload"))?,
            }
        }
        Ok(detached)
    }
}

/// What a launcher needs to know of the process that it starts.
#[derive(Debug, Serialize, Deserialize)]
struct Relay {
    nonce: u64,
    title: String,
    comm: String,
}

impl Relay {
    /// Hands our link on to a new process, whose payload is already on its way over it.
    fn start(&self, link: &Link) -> Result<(), SpawnError> {
        let stdin = link.try_clone().map_err(SpawnError::io("copy the socket"))?;
        let mut command = command(&Program::SameImage.path(), &self.title, &self.comm, self.nonce);
        command.stdin(stdin).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        // It is not waited for: we are gone before it is.
        start(command).map(drop)
    }
}

/// The launcher: out of the starter's session, start the process, go.
pub(crate) fn launch(boot: &Boot) -> i32 {
    let launch = || -> Result<(), SetupError> {
        let relay: Relay = boot.setup()?;
        rustix::process::setsid()
            .map_err(|errno| SetupError::new("new session", &io::Error::from(errno)))?;
        relay.start(boot.link()).map_err(|error| SetupError::new("launch", &error))
    };
    match launch() {
        Ok(()) => 0,
        Err(error) => boot.fail(&error),
    }
}

/// A process that is nobody's child, during its start.
///
/// Dropping it closes our end of the socket; the process itself goes on. A launcher that has not
/// gone by then is killed.
#[derive(Debug)]
pub struct Detached {
    launcher: Option<std::process::Child>,
    link: Link,
}

impl Detached {
    /// What the launcher or the process said next, waiting until `deadline` (for ever if `None`).
    /// `Ok(None)` means that the time is over.
    ///
    /// # Errors
    ///
    /// The system refused to wait.
    pub fn receive(&mut self, deadline: Option<Instant>) -> io::Result<Option<Message>> {
        loop {
            match self.link.receive() {
                Ok(Received::Message(Up::Ready)) => return Ok(Some(Message::Ready)),
                Ok(Received::Message(Up::Told(bytes))) => {
                    self.reap_launcher();
                    return Ok(Some(Message::Told(bytes.into_vec())));
                }
                Ok(Received::Message(Up::SetupFailed(error))) => {
                    return Ok(Some(Message::SetupFailed(error)));
                }
                Ok(Received::Message(
                    Up::PanicSeen(_) | Up::Verdict(_) | Up::Extend(_) | Up::Status(_),
                )) => (),
                Ok(Received::Closed) | Err(_) => return Ok(Some(Message::Closed)),
                Ok(Received::Nothing) => {
                    if !wait_readable(self.link.as_fd(), deadline)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Tells the process that nobody wants it any more.
    pub fn cancel(&self) {
        // Who is gone need not be told.
        let _ = self.link.send(&Down::Quit { reason: "cancel".to_owned(), remaining: None });
    }

    /// Whether it was the launcher that failed, once it is known that something has.
    pub fn launcher_failed(&mut self) -> bool {
        /// A launcher ends as soon as it has done its work or failed to, unless it is stopped.
        const LIMIT: Duration = Duration::from_secs(2);
        let Some(mut launcher) = self.launcher.take() else { return false };
        if let Ok(pidfd) = pidfd_of(&launcher) {
            let _ = wait_readable(pidfd.as_fd(), Instant::now().checked_add(LIMIT));
        }
        let _ = launcher.kill();
        launcher.wait().is_ok_and(|status| !status.success())
    }

    /// The process speaks, so the launcher has nothing left to do but to exit.
    fn reap_launcher(&mut self) {
        if let Some(mut launcher) = self.launcher.take() {
            end(&mut launcher);
        }
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.reap_launcher();
    }
}
