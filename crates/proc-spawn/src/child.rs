//! A child as its parent sees it.

use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::link::Link;
use crate::program::OtherProgram;
use crate::spawn_error::SpawnError;
use crate::sys::{End, Process, oom_kills};
use crate::value::Value;
use crate::wire::{Down, Verdict, to_bytes};
use crate::words::{Message, Said, Words};
use exit::{CODE_ERROR, CODE_PANIC, CODE_SETUP, ErrorText, Exit, NoValue, SetupError};
use quit::Reason;
use waiter::readable;

/// A process that runs one of our entries.
///
/// Dropping it cuts the lifeline: the child notices that nobody is there any more, and ends as its
/// role has it; a plain child is killed. It is not waited for, so its number stays taken until we
/// end: call [`wait`](Child::wait) first where that matters.
#[derive(Debug)]
#[must_use = "dropping it cuts the child's lifeline"]
pub struct Child {
    process: Process,
    words: Words,
    /// It leads a process group.
    own_group: bool,
    /// In a box: most children live, and what they do not have takes no room.
    ended: Option<Box<Ended>>,
    /// [`oom_kills`] before it began.
    oom_kills: Option<u64>,
}

#[derive(Debug)]
struct Ended {
    exit: Exit,
    value: Option<Value>,
}

impl Child {
    pub(crate) fn adopt(
        process: std::process::Child,
        link: Link,
        own_group: bool,
        oom_kills: Option<u64>,
        value: Option<NonZeroU32>,
    ) -> Result<Child, SpawnError> {
        match Process::of(process) {
            Ok(process) => {
                let words = match value {
                    Some(most) => Words::with_value(link, most.get(), process.id()),
                    None => Words::new(link),
                };
                Ok(Child { process, words, own_group, ended: None, oom_kills })
            }
            Err((source, mut process)) => {
                // The child may have started others by now, which go with its group.
                let leader = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
                if let Some(leader) = leader.filter(|_| own_group) {
                    let _ = kill_process_group(leader, Signal::KILL);
                }
                end(&mut process);
                Err(SpawnError::io("open a pidfd of the child")(source))
            }
        }
    }

    fn link(&self) -> &Link {
        self.words.link()
    }

    /// Its process id. Stays its own until the end has been seen by
    /// [`try_wait`](Child::try_wait) or [`wait`](Child::wait).
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Readable when the process has ended, for poll(2) and its like. Do not reap through it.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }

    /// Readable when the child has said something or closed its end.
    pub fn messages(&self) -> BorrowedFd<'_> {
        self.link().as_fd()
    }

    /// The next thing that the child said, if any. Does not wait.
    ///
    /// `None` comes also after some hundreds of words in a row, so that no child keeps for itself a
    /// caller who waits for several. There may be more words then, as [`messages`](Child::messages)
    /// shows. Texts come cut: a status to 1,000 characters, errors and panics to 16,000 in all.
    pub fn next_message(&mut self) -> Option<Message> {
        self.words.next()
    }

    /// Waits until the entry is about to be called; the reason if it never will be, or was not
    /// within `timeout`.
    ///
    /// # Errors
    ///
    /// The child could not be set up, ended, or said nothing in time. In the last case it still
    /// runs.
    pub fn wait_until_ready(&mut self, timeout: Duration) -> Result<(), NotReady> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            match self.next_message() {
                Some(Message::Ready) => return Ok(()),
                Some(Message::SetupFailed(error)) => return Err(NotReady::SetupFailed(error)),
                Some(Message::Closed | Message::Descriptors)
                    // A child that says nothing more need not be ending, so its process is waited for.
                    if !readable(&[self.process.as_fd()], deadline).map_err(NotReady::Io)? =>
                {
                    return Err(NotReady::TimedOut { after: timeout });
                }
                // The process has ended. If a tracer holds it, it cannot be reaped yet, and nobody knows
                // how it ended.
                Some(Message::Closed | Message::Descriptors) => {
                    let exit = self.try_wait().map_err(NotReady::Io)?.unwrap_or(Exit::Unknown);
                    return Err(NotReady::Ended(exit));
                }
                None if !readable(&[self.link().as_fd()], deadline).map_err(NotReady::Io)? => {
                    return Err(NotReady::TimedOut { after: timeout });
                }
                // A child that talks all the time, and is not ready, gets no more time than others.
                Some(
                    Message::NotReady | Message::Told(_) | Message::Extend(_) | Message::Status(_),
                )
                | None
                    if deadline.is_some_and(|deadline| deadline <= Instant::now()) =>
                {
                    return Err(NotReady::TimedOut { after: timeout });
                }
                Some(
                    Message::NotReady | Message::Told(_) | Message::Extend(_) | Message::Status(_),
                )
                | None => (),
            }
        }
    }

    /// Asks the child to quit, with a reason and the time that is left until it will be killed.
    ///
    /// Only a child whose role watches its lifeline hears it; for others there is
    /// [`terminate`](Child::terminate).
    ///
    /// # Errors
    ///
    /// The child is gone, or has so much unread that there is no room for a word. Does not wait.
    pub fn ask_to_quit(&self, reason: Reason, remaining: Option<Duration>) -> io::Result<()> {
        self.link().send_now(&Down::Quit { reason, remaining })
    }

    /// Asks the child to open its files anew, as after a rename by somebody else.
    ///
    /// Only a child whose role watches its lifeline hears it.
    ///
    /// # Errors
    ///
    /// As [`ask_to_quit`](Child::ask_to_quit).
    pub fn ask_to_reopen(&self) -> io::Result<()> {
        self.link().send_now(&Down::Reopen)
    }

    /// Asks the child to read what it works by anew, such as its configuration.
    ///
    /// Only a child whose role watches its lifeline hears it; one of an older build passes it over.
    ///
    /// # Errors
    ///
    /// As [`ask_to_quit`](Child::ask_to_quit).
    pub fn ask_to_reload(&self) -> io::Result<()> {
        self.link().send_now(&Down::Reload)
    }

    /// Tells the child a word of one's own, a variant of an enumeration: it hears [`Heard::Told`](crate::Heard::Told). One
    /// that it does not know is skipped.
    ///
    /// Only a child whose role watches its lifeline hears it; one of an older build passes it over.
    ///
    /// # Errors
    ///
    /// As [`ask_to_quit`](Child::ask_to_quit), or the word cannot be encoded, or is too long for a packet.
    pub fn tell(&self, word: &impl Serialize) -> io::Result<()> {
        self.link().send_now(&Down::Told(ByteBuf::from(to_bytes(word)?)))
    }

    /// Hands down a connected socket, over which somebody wants to ask the child: it hears of it by
    /// [`Heard::Connection`](crate::Heard::Connection). A child of an older build passes it over, which closes it.
    ///
    /// # Errors
    ///
    /// As [`ask_to_quit`](Child::ask_to_quit).
    pub fn hand_down(&self, connection: BorrowedFd<'_>) -> io::Result<()> {
        self.link().send_now_with(&Down::Connection, connection)
    }

    /// Sends SIGTERM. Nothing happens if the process has ended.
    ///
    /// # Errors
    ///
    /// The signal may not be sent, as to a process that has changed its user.
    pub fn terminate(&self) -> io::Result<()> {
        self.send(Signal::TERM)
    }

    /// Sends SIGKILL, to its whole process group if it was given one of its own: a process that is
    /// killed cannot see to its own children. Nothing happens if the end has been seen.
    ///
    /// # Errors
    ///
    /// The signal may not be sent, as to a process that has changed its user.
    pub fn kill(&self) -> io::Result<()> {
        // Until it is reaped its number is its own, also as that of a group (kill(2)).
        let leader = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        if let Some(leader) = leader.filter(|_| self.own_group && self.ended.is_none()) {
            // The process itself gets its signal below, in whatever group it is by now.
            let _ = kill_process_group(leader, Signal::KILL);
        }
        self.send(Signal::KILL)
    }

    /// Sends this signal. Nothing happens if the process has ended.
    ///
    /// # Errors
    ///
    /// There is no such signal, or it may not be sent.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let named = Signal::from_named_raw(signal);
        self.send(named.ok_or_else(|| io::Error::from(Errno::INVAL))?)
    }

    fn send(&self, signal: Signal) -> io::Result<()> {
        match self.process.signal(signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// How the child ended, if it has; reaps it. Does not wait.
    ///
    /// What the child says meanwhile is taken, so that it does not stand before a full socket, and kept
    /// for [`next_message`](Child::next_message): of statuses and requests for time the last, of
    /// other words those that came last.
    ///
    /// # Errors
    ///
    /// The system cannot tell (`waitid(2)`).
    pub fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        if self.ended.is_none() {
            let status = match self.process.try_wait()? {
                End::None => {
                    self.words.take_up();
                    return Ok(None);
                }
                End::Seen(status) => Some(status),
                // Ended, and nobody knows how.
                End::Unseen if readable(&[self.pidfd()], Some(Instant::now()))? => None,
                End::Unseen => return Ok(None),
            };
            self.ended = Some(Box::new(self.judge(status)));
        }
        Ok(self.ended.as_ref().map(|ended| ended.exit.clone()))
    }

    /// Waits for the child's end; reaps it. A child that is dead, and held by a tracer (ptrace(2)), is
    /// waited for until the tracer lets go of it.
    ///
    /// # Errors
    ///
    /// The system cannot tell (`poll(2)`, `waitid(2)`).
    pub fn wait(&mut self) -> io::Result<Exit> {
        loop {
            if let Some(exit) = self.try_wait()? {
                return Ok(exit);
            }
            if readable(&[self.pidfd()], Some(Instant::now()))? {
                // The child is dead, so it no longer waits for us to read. Its descriptor stays readable,
                // so waiting for that would spin.
                self.process.wait_reapable()?;
                continue;
            }
            let mut fds = vec![self.process.as_fd()];
            if !self.words.are_over() {
                fds.push(self.link().as_fd());
            }
            readable(&fds, None)?;
        }
    }

    /// What its entry has returned, once the end has been seen: it has come whole, whatever ended the process then.
    /// `None`: it has not, or was not [asked for](crate::Spawn::keep_value).
    pub fn value(&self) -> Option<&Value> {
        self.ended.as_ref()?.value.as_ref()
    }

    /// Puts together what the system says of the end and what the child said before it.
    fn judge(&mut self, status: Option<ExitStatus>) -> Ended {
        let mut said = self.words.end();
        let (value, is_asked_for_value) = (said.value.take(), said.is_asked_for_value);
        let exit = self.exit(status, said);
        let is_missing = exit.is_success() && value.is_none();
        let exit =
            if is_missing && is_asked_for_value { Exit::NoValue(NoValue::Missing) } else { exit };
        Ended { exit, value }
    }

    fn exit(&self, status: Option<ExitStatus>, said: Said) -> Exit {
        let Some(status) = status else { return Exit::Unknown };
        match (Exit::from(status), said) {
            (Exit::Code(CODE_SETUP), Said { setup_failed: Some(error), .. }) => {
                Exit::SetupFailed(error)
            }
            (Exit::Code(code), Said { verdict: Some(Verdict::Error(failure)), .. })
                if code == failure.code =>
            {
                Exit::Error(failure)
            }
            (Exit::Code(CODE_PANIC), Said { verdict: Some(Verdict::Panic(panic)), .. }) => {
                Exit::Panic(panic)
            }
            (Exit::Code(CODE_ERROR), Said { verdict: Some(Verdict::NoValue(why)), .. }) => {
                Exit::NoValue(why)
            }
            // A program that was built to abort on panic sends no verdict: its note of the panic is all
            // that there is, and is to the point.
            (Exit::Signal { signal, .. }, Said { panic: Some(panic), .. })
                if cfg!(panic = "abort") && signal == Signal::ABORT.as_raw() =>
            {
                Exit::Panic(panic)
            }
            (Exit::Signal { signal, core, .. }, Said { panic, .. })
                if signal == Signal::ABORT.as_raw() =>
            {
                Exit::Signal { signal, core, out_of_memory: false, panic }
            }
            (Exit::Signal { signal, core, panic, .. }, _) if signal == Signal::KILL.as_raw() => {
                let counts = Option::zip(self.oom_kills, oom_kills());
                let out_of_memory = counts.is_some_and(|(before, now)| before < now);
                Exit::Signal { signal, core, out_of_memory, panic }
            }
            (exit, _) => exit,
        }
    }
}

pub(crate) fn end(process: &mut std::process::Child) {
    // Our own child that nobody has reaped: the number is its own, and a killed process ends.
    let _ = process.kill();
    let _ = process.wait();
}

/// A hint for the error of a child that said nothing: it may be another program than this one.
fn of_another_program() -> String {
    OtherProgram::find().map_or_else(String::new, |program| format!(" ({program})"))
}

/// Why a child is not ready.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// A step of its set-up failed.
    #[error("the child could not be set up")]
    SetupFailed(#[source] SetupError),
    /// It ended before.
    #[error("the child {0}{other}", other = of_another_program())]
    Ended(Exit),
    /// It said nothing in time.
    #[error("the child was not ready within {after:?}")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The system refused to wait.
    #[error("cannot wait for the child")]
    Io(#[source] io::Error),
}

impl fmt::Debug for NotReady {
    /// With the whole chain of causes in words: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ErrorText::new(self).chain())
    }
}
