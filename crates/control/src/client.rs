//! Asking a service, with a limit to every wait.

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use waiter::{Interest, Waiter};

use crate::frame::{Frames, LONGEST_CALL, LONGEST_REPLY};
use crate::message::{Call, Reply, continues};
use crate::refusal::Refusal;
use crate::sys::{self, Connected};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// The longest pause between two tries to connect where the backlog is full.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens at that path.
    #[error("nobody listens at `{}`", path.display())]
    NotThere {
        /// Of the socket.
        path: PathBuf,
        /// Not found, or connection refused: then the socket is there, and who listened at it is not.
        source: io::Error,
    },
    /// Who listens there is neither root nor who we are, nor who was expected.
    #[error("`{}` is answered by user {uid}, who is not expected there", path.display())]
    NotExpected {
        /// Of the socket.
        path: PathBuf,
        /// Who listens there.
        uid: u32,
    },
    /// The deadline has come. After a [call](Client::call) the connection is of no use any more; the next reply of
    /// [`Replies`] may be waited for again.
    #[error("no answer in time")]
    NoAnswer,
    /// The service has ended the connection.
    #[error("the service has ended the connection")]
    Gone,
    /// The service says no.
    #[error(transparent)]
    Refused(Refusal),
    /// What it says is not what was asked for, or no reply at all; or what was to be asked is no call.
    #[error("no reply that is understood: {0}")]
    Protocol(String),
    /// Another call on this connection has not had its last reply.
    #[error("another call on this connection has not had its last reply")]
    Busy,
    /// The system has refused something.
    #[error("cannot {step}")]
    Io {
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A connection to a service. Every wait has a deadline (`CLOCK_MONOTONIC`).
///
/// Dropping it closes the connection: a service that works at a call learns of it.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    waiter: Waiter<u64>,
    interest: Interest,
    frames: Frames,
    /// A call has not had its last reply.
    busy: bool,
}

impl Client {
    /// Connects to the socket at this path, which may be of any length. Where as many wait as fit, it is tried again
    /// until the deadline.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotThere`], [`ClientError::NoAnswer`], [`ClientError::NotExpected`] if who listens there is
    /// neither root nor the effective user (unix(7), `SO_PEERCRED`: who he was when he began to listen),
    /// [`ClientError::Io`].
    pub fn connect(path: &Path, deadline: Instant) -> Result<Client, ClientError> {
        Client::connect_to(path, &[0, sys::effective_user()], deadline)
    }

    /// As [`connect`](Client::connect), to a service of one of these users.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_to(
        path: &Path,
        users: &[u32],
        deadline: Instant,
    ) -> Result<Client, ClientError> {
        let socket = connect(path, deadline)?;
        let uid = sys::peer(socket.as_fd()).map_err(failed("ask who listens"))?.uid;
        if !users.contains(&uid) {
            return Err(ClientError::NotExpected { path: path.to_owned(), uid });
        }
        Client::new(socket)
    }

    /// A connection that is there already, whoever is at the other end.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`]
    pub fn new(socket: OwnedFd) -> Result<Client, ClientError> {
        let waiter = Waiter::new().map_err(failed("create an epoll"))?;
        waiter.watch(socket.as_fd(), 0).map_err(failed("watch the connection"))?;
        let (interest, frames) = (Interest::Readable, Frames::new(LONGEST_REPLY));
        Ok(Client { socket, waiter, interest, frames, busy: false })
    }

    /// Calls a method, given with the name of its interface, and waits for the reply. The parameters are a struct, a
    /// map, or `()` for none.
    ///
    /// # Errors
    ///
    /// Any of [`ClientError`] but those of connecting.
    pub fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &impl Serialize,
        deadline: Instant,
    ) -> Result<T, ClientError> {
        self.ask(call(method, parameters)?, deadline)?;
        match self.reply::<T>(deadline)? {
            (told, false) => Ok(told),
            (_, true) => {
                Err(ClientError::Protocol("several replies, and one was asked for".into()))
            }
        }
    }

    /// Calls a method and wants no reply, not even an error. It returns when the call is in the socket.
    ///
    /// # Errors
    ///
    /// As [`call`](Client::call).
    pub fn call_oneway(
        &mut self,
        method: &str,
        parameters: &impl Serialize,
        deadline: Instant,
    ) -> Result<(), ClientError> {
        self.ask(Call { oneway: true, ..call(method, parameters)? }, deadline)
    }

    /// Calls a method that may have several replies. The deadline is for the call alone.
    ///
    /// # Errors
    ///
    /// As [`call`](Client::call).
    pub fn stream<T: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &impl Serialize,
        deadline: Instant,
    ) -> Result<Replies<'_, T>, ClientError> {
        self.ask_more(method, parameters, deadline)?;
        Ok(Replies { client: self, of: PhantomData })
    }

    /// As [`stream`](Client::stream), for who keeps the client: the replies are taken by
    /// [`next_reply`](Client::next_reply).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn ask_more(
        &mut self,
        method: &str,
        parameters: &impl Serialize,
        deadline: Instant,
    ) -> Result<(), ClientError> {
        self.ask(Call { more: true, ..call(method, parameters)? }, deadline)
    }

    /// The next reply of a call that may have several; `None` after the last one.
    ///
    /// # Errors
    ///
    /// As [`Replies::next`].
    pub fn next_reply<T: DeserializeOwned>(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<T>, ClientError> {
        if !self.busy {
            return Ok(None);
        }
        self.reply(deadline).map(|(told, _)| Some(told))
    }

    fn ask(&mut self, call: Call, deadline: Instant) -> Result<(), ClientError> {
        if self.busy {
            return Err(ClientError::Busy);
        }
        let bytes = call.to_bytes();
        if bytes.len() > LONGEST_CALL {
            return Err(ClientError::Protocol(format!("the call has {} bytes", bytes.len())));
        }
        self.busy = !call.oneway;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match sys::send(&self.socket, rest) {
                Ok(Some(count)) => rest = &rest[count..],
                Ok(None) => self.wait(Interest::Writable, deadline)?,
                // Why it has ended may still be there to be read.
                Err(error) if is_end(&error) && self.busy => return Ok(()),
                Err(error) if is_end(&error) => return Err(ClientError::Gone),
                Err(error) => return Err(failed("send the call")(error)),
            }
        }
        Ok(())
    }

    /// What the next reply tells, and whether another one follows.
    fn reply<T: DeserializeOwned>(&mut self, deadline: Instant) -> Result<(T, bool), ClientError> {
        let message = self.message(deadline)?;
        let reply = Reply::parse(&message).map_err(|error| {
            // What it says is not what was expected; whether more follows can be told all the same.
            self.busy = continues(&message).unwrap_or(true);
            protocol(error)
        })?;
        self.busy = reply.continues;
        match reply.outcome {
            Ok(told) => Ok((told, reply.continues)),
            Err(refusal) => Err(ClientError::Refused(refusal)),
        }
    }

    fn message(&mut self, deadline: Instant) -> Result<Vec<u8>, ClientError> {
        let mut chunk = vec![0; CHUNK];
        loop {
            if let Some(message) = self.frames.next_message().map_err(protocol)? {
                return Ok(message);
            }
            match sys::receive(&self.socket, &mut chunk) {
                Ok(Some(0)) => return Err(ClientError::Gone),
                Ok(Some(count)) => {
                    self.frames.push(&chunk[..count]);
                    // Who says a little again and again would never be waited for.
                    if !self.frames.has_news() && deadline <= Instant::now() {
                        return Err(ClientError::NoAnswer);
                    }
                }
                Ok(None) => self.wait(Interest::Readable, deadline)?,
                // It has not read all of ours. What it said before that has been read by now.
                Err(error) if is_end(&error) => return Err(ClientError::Gone),
                Err(error) => return Err(failed("read a reply")(error)),
            }
        }
    }

    fn wait(&mut self, interest: Interest, deadline: Instant) -> Result<(), ClientError> {
        if interest != self.interest {
            self.waiter.set_interest(self.socket.as_fd(), 0, interest);
            self.interest = interest;
        }
        while self.waiter.wait(Some(deadline)).map_err(failed("wait"))?.is_empty() {
            if deadline <= Instant::now() {
                return Err(ClientError::NoAnswer);
            }
        }
        Ok(())
    }
}

impl AsFd for Client {
    /// Readable when a reply may have come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The replies to a call that may have several.
///
/// Dropping it before the last one leaves a connection that is of no use any more.
#[derive(Debug)]
pub struct Replies<'a, T> {
    client: &'a mut Client,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Replies<'_, T> {
    /// The next reply; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`ClientError::NoAnswer`] at the deadline: ask again, with a later one. [`ClientError::Gone`] if the service
    /// has ended without a last reply; [`ClientError::Refused`] if its last reply is an error.
    pub fn next(&mut self, deadline: Instant) -> Result<Option<T>, ClientError> {
        self.client.next_reply(deadline)
    }
}

impl<T> AsFd for Replies<'_, T> {
    /// Readable when a reply may have come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }
}

fn connect(path: &Path, deadline: Instant) -> Result<OwnedFd, ClientError> {
    let mut pause = Duration::from_millis(1);
    let socket = sys::socket().map_err(failed("create a socket"))?;
    loop {
        match sys::connect(&socket, path) {
            Ok(Connected::Yes) => return Ok(socket),
            Ok(Connected::Full) => {
                let now = Instant::now();
                if deadline <= now {
                    return Err(ClientError::NoAnswer);
                }
                // A place is free when somebody was accepted, of which nobody tells.
                waiter::readable(&[], Some(deadline.min(now + pause))).map_err(failed("wait"))?;
                pause = LONGEST_PAUSE.min(pause * 2);
            }
            Err(source) if is_nobody(&source) => {
                return Err(ClientError::NotThere { path: path.to_owned(), source });
            }
            Err(source) => return Err(failed("connect")(source)),
        }
    }
}

fn call(method: &str, parameters: &impl Serialize) -> Result<Call, ClientError> {
    let written = serde_json::to_value(parameters).map_err(protocol)?;
    let parameters = if written.is_null() {
        Map::new()
    } else if let Value::Object(parameters) = written {
        parameters
    } else {
        return Err(ClientError::Protocol("the parameters of a call are an object".into()));
    };
    Ok(Call { method: method.to_owned(), parameters, ..Call::default() })
}

fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
    matches!(error.kind(), ConnectionRefused | NotFound | NotADirectory)
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn protocol(error: impl std::fmt::Display) -> ClientError {
    ClientError::Protocol(error.to_string())
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> ClientError {
    move |source| ClientError::Io { step, source }
}
