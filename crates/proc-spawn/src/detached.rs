//! Starting a process that is nobody's child, by way of a launcher: the starter's side, the launcher's,
//! and what the starter hears.

use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::boot::Boot;
use crate::called::Called;
use crate::child::end;
use crate::inherited::strays;
use crate::link::{Link, Received};
use crate::spawn::{Program, Spawn, command, new_nonce};
use crate::spawn_error::SpawnError;
use crate::sys::watch_end;
use crate::wire::{Down, Up};
use crate::words::{Message, Told};
use exit::{Exit, SetupError};
use quit::Reason;
use waiter::readable;

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
        let own = launcher.payload(nonce, None)?;
        let payload = self.payload(relay.nonce, None)?;
        // Both are sent before anything is started: each process finds its payload in the socket,
        // whatever holds us up meanwhile.
        for payload in [own, payload] {
            ours.send_payload(&payload, &[]).map_err(SpawnError::io("send the payload"))?;
        }
        let process = launcher.execute(nonce, theirs)?;
        Ok(Detached { launcher: Some(process), link: ours })
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
        // Where our own table cannot be seen, nothing can be told of it.
        let inherited = strays().ok();
        let comm = self.comm.clone().into();
        let called = Called { relayed: true, inherited, comm, ..Called::of(self.nonce) };
        let program = Program::SameImage.path();
        let mut command = command(&program, &self.title, &called);
        command.stdin(stdin).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        // It is not waited for: we are gone before it is.
        let program = program.into_owned();
        command.spawn().map(drop).map_err(|source| SpawnError::Execute { program, source })
    }
}

/// The launcher: out of the starter's session, start the process, go.
pub(crate) fn launch(boot: &Boot) -> i32 {
    let launch = || -> Result<(), SetupError> {
        let relay: Relay = boot.setup()?;
        rustix::process::setsid()
            .map_err(|errno| SetupError::new("new session", &io::Error::from(errno)))?;
        relay.start(&boot.link).map_err(|error| SetupError::new("launch", &error))
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
                    return Ok(Some(Message::Told(Told { by: None, bytes: bytes.into_vec() })));
                }
                Ok(Received::Message(Up::SetupFailed(error))) => {
                    return Ok(Some(Message::SetupFailed(error.bounded())));
                }
                Ok(Received::Message(
                    Up::NotReady
                    | Up::PanicSeen(_)
                    | Up::Verdict(_)
                    | Up::Extend(_)
                    | Up::Status(_)
                    | Up::Value { .. },
                )) => (),
                Ok(Received::Closed | Received::Descriptors) | Err(_) => {
                    return Ok(Some(Message::Closed));
                }
                // A process that talks all the time has no more time than others.
                Ok(Received::Nothing | Received::Enough) => {
                    if !readable(&[self.link.as_fd()], deadline)?
                        || deadline.is_some_and(|deadline| deadline <= Instant::now())
                    {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Tells the process that nobody wants it any more, and takes nothing more that it says.
    ///
    /// What it had said before can still be [received](Detached::receive), up to
    /// [`Message::Closed`]; a process that speaks later finds that nobody listens, and why.
    pub fn cancel(&self) {
        // It fails if the process is gone, which then need not be told.
        let _ = self.link.send(&Down::Quit { reason: Reason::Requested, remaining: None });
        self.link.close_ears();
    }

    /// How the launcher ended, once it is known that something has gone wrong; `None` if it had been
    /// taken for done already.
    pub fn launcher_exit(&mut self) -> Option<Exit> {
        /// A launcher ends as soon as it has done its work or failed to, unless it is stopped.
        const LIMIT: Duration = Duration::from_secs(2);
        let mut launcher = self.launcher.take()?;
        if let Ok(end) = watch_end(launcher.id()) {
            let _ = readable(&[end.as_fd()], Instant::now().checked_add(LIMIT));
        }
        let _ = launcher.kill();
        launcher.wait().ok().map(Exit::from)
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

#[cfg(test)]
mod tests {
    use serde_bytes::ByteBuf;

    use super::*;

    /// Case: FLT-H3
    #[test]
    fn what_was_said_before_a_cancel_still_counts() {
        let told = |text: &[u8]| Up::Told(ByteBuf::from(text));
        let pair = || {
            let (ours, theirs) = Link::pair().unwrap();
            (Detached { launcher: None, link: ours }, Link::new(theirs).unwrap())
        };
        let now = || Some(Instant::now());
        let (mut detached, process) = pair();
        assert_eq!(detached.receive(now()).unwrap(), None, "its time is over");
        process.send(&told(b"launched")).unwrap();
        detached.cancel();
        assert_eq!(
            detached.receive(now()).unwrap(),
            Some(Message::Told(Told { by: None, bytes: b"launched".into() }))
        );

        let (mut detached, process) = pair();
        assert_eq!(detached.receive(now()).unwrap(), None);
        detached.cancel();
        let error = process.send(&told(b"launched")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(matches!(process.receive().unwrap(), Received::Message(Down::Quit { .. })));
        assert_eq!(detached.receive(now()).unwrap(), Some(Message::Closed));
    }
}
