//! A daemon as who asks it has it: each method of the interface as a function.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Files, LogFile, Process, Reloaded, Roll, RollAsked, Set, Status, Workers, in_full};
use crate::client::{self, ClientError};
use crate::stream::EventStream;

/// A connection to a daemon, by which it can be asked one thing after another. Nothing is waited for longer than until
/// its deadline.
///
/// Whatever goes wrong is a [`ClientError`]: a daemon that says no is [refused](ClientError::Refused), with the errors
/// that the [description](super::DESCRIPTION) has.
#[derive(Debug)]
pub struct Client {
    client: client::Client,
    deadline: Instant,
}

impl Client {
    /// Connects to the control socket at this path, of a daemon of root or of the effective user.
    ///
    /// # Errors
    ///
    /// As [those](client::Client::connect) of any client.
    pub fn connect(socket: &Path, deadline: Instant) -> Result<Client, ClientError> {
        Ok(Client { client: client::Client::connect(socket, deadline)?, deadline })
    }

    /// As [`connect`](Client::connect), to a daemon of one of these users.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_to(
        socket: &Path,
        users: &[u32],
        deadline: Instant,
    ) -> Result<Client, ClientError> {
        let client = client::Client::connect_to(socket, users, deadline)?;
        Ok(Client { client, deadline })
    }

    /// A connection that is there already, whoever is at the other end.
    ///
    /// # Errors
    ///
    /// [`ClientError::Io`]
    pub fn new(connection: OwnedFd, deadline: Instant) -> Result<Client, ClientError> {
        Ok(Client { client: client::Client::new(connection)?, deadline })
    }

    /// How guardian and executor are.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn status(&mut self) -> Result<Status, ClientError> {
        self.call("Status", &())
    }

    /// The workers: all, or those of these names. With `usage` the memory and processor time of each is looked at, too.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn workers(&mut self, names: &[&str], usage: bool) -> Result<Vec<Process>, ClientError> {
        let told: Workers =
            self.call("Workers", &json!({ "names": some(names), "usage": usage }))?;
        Ok(told.workers)
    }

    /// All workers, with what they use, and the sets.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn workers_and_sets(&mut self) -> Result<(Vec<Process>, Vec<Set>), ClientError> {
        let told: Workers = self.call("Workers", &json!({ "usage": true }))?;
        Ok((told.workers, told.sets))
    }

    /// All workers, with what they use, the sets, and the batches.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn all_workers(&mut self) -> Result<Workers, ClientError> {
        self.call("Workers", &json!({ "usage": true }))
    }

    /// The sets of workers that are alike.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn sets(&mut self) -> Result<Vec<Set>, ClientError> {
        let none: [&str; 0] = [];
        let told: Workers = self.call("Workers", &json!({ "names": none }))?;
        Ok(told.sets)
    }

    /// The files of guardian and executor in which something can be read.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn files(&mut self) -> Result<Vec<LogFile>, ClientError> {
        let told: Files = self.call("Files", &())?;
        Ok(told.files)
    }

    /// Those of the workers: of all, or of those of these names.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn worker_files(&mut self, names: &[&str]) -> Result<Vec<LogFile>, ClientError> {
        let told: Files = self.call("WorkerFiles", &json!({ "names": some(names) }))?;
        Ok(told.files)
    }

    /// Has all log files opened anew.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn reopen(&mut self) -> Result<(), ClientError> {
        self.call("Reopen", &())
    }

    /// Asks the daemon to stop, and does not wait for that.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn stop(&mut self) -> Result<(), ClientError> {
        self.call("Stop", &())
    }

    /// Has the executor stopped and started again at once. Returns when that was asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn restart(&mut self) -> Result<(), ClientError> {
        self.call("Restart", &())
    }

    /// Has the list of workers read anew, and those told who listen for it; if it is only a look, says what that would
    /// change. Returns when it is in force.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn reload(&mut self, dry_run: bool) -> Result<Reloaded, ClientError> {
        self.call("Reload", &json!({ "dry_run": dry_run }))
    }

    /// Starts a worker that is stopped or waits for its next run.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn start_worker(&mut self, name: &str) -> Result<(), ClientError> {
        self.call("StartWorker", &json!({ "name": name }))
    }

    /// Stops a worker until it is started again. Returns when that was asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn stop_worker(&mut self, name: &str) -> Result<(), ClientError> {
        self.call("StopWorker", &json!({ "name": name }))
    }

    /// Stops a worker and starts it again. Returns when that was asked for.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn restart_worker(&mut self, name: &str) -> Result<(), ClientError> {
        self.call("RestartWorker", &json!({ "name": name }))
    }

    /// Sends a signal, by its number, to a worker's process.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn signal_worker(&mut self, name: &str, signal: i32) -> Result<(), ClientError> {
        self.call("SignalWorker", &json!({ "name": name, "signal": signal }))
    }

    /// Has a set have so many workers. Returns when that is in force.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn scale(&mut self, set: &str, count: u32) -> Result<(), ClientError> {
        self.call("Scale", &json!({ "set": set, "count": count }))
    }

    /// Has the workers of a set replaced one after another. Returns when that has begun.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn roll(&mut self, asked: &RollAsked) -> Result<(), ClientError> {
        self.call("Roll", asked)
    }

    /// Ends a roll, and says how far it has come.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn cancel_roll(&mut self, set: &str) -> Result<Roll, ClientError> {
        self.call("CancelRoll", &json!({ "set": set }))
    }

    /// What happens from now on, and of what has happened at most the last so many.
    ///
    /// # Errors
    ///
    /// [`ClientError`]
    pub fn events(self, last: u64) -> Result<EventStream, ClientError> {
        let Client { mut client, deadline } = self;
        client.ask_more(&in_full("Events"), &json!({ "last": last }), deadline)?;
        Ok(EventStream::new(client))
    }

    /// Waits until the executor is in one of these phases, and tells in which; until this deadline, not that of the
    /// connection.
    ///
    /// # Errors
    ///
    /// With [`ClientError::NoAnswer`] the time is over, with [`ClientError::Gone`] the daemon has ended before.
    pub fn wait(mut self, phases: &[&str], deadline: Instant) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Told {
            phase: String,
        }
        self.client.ask_more(&in_full("Wait"), &json!({ "phases": phases }), deadline)?;
        while let Some(Told { phase }) = self.client.next_reply(deadline)? {
            if phases.contains(&phase.as_str()) {
                return Ok(phase);
            }
        }
        Err(ClientError::Gone)
    }

    fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.client.call(&in_full(method), parameters, self.deadline)
    }
}

/// Without a name all are meant.
fn some<'a>(names: &'a [&'a str]) -> Option<&'a [&'a str]> {
    Some(names).filter(|names| !names.is_empty())
}
