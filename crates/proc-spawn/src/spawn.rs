//! Starting this program again, as somebody else.
//!
//! The child is [our image](crate::sys::own_image) executed anew, the same even when the file on disk has
//! been replaced. `std::process::Command` without anything to do between fork and exec takes the
//! `posix_spawn` path, whose cost does not grow with our memory and which is safe when other
//! threads hold locks.

mod execute;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use crate::args;
use crate::child::Child;
use crate::closer;
use crate::current::{Current, Place, Role};
use crate::entries::Call;
use crate::environment::Environment;
use crate::inherited::outlive_file_size_limits;
use crate::link::Link;
use crate::payload_file::LONGEST_PAYLOAD;
use crate::privilege;
use crate::program;
use crate::spawn_error::SpawnError;
use crate::spawner::Spawner;
use crate::stdio::Stdio;
use crate::sys::{oom_kills, random};
use crate::value::LONGEST_VALUE;
use crate::wire::{Payload, from_bytes, to_bytes};

pub(crate) use execute::command;

/// What to execute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// The image of this very process, also when its file was replaced or removed meanwhile.
    /// Where `/proc` is missing, the path that this program had when it started.
    #[default]
    SameImage,
    /// The file at this path, for a caller who wants a restart to pick up a new build. It must call
    /// [`init`](crate::init) too, and be built with a version of this crate that speaks the same
    /// protocol.
    Path(PathBuf),
}

/// A child to be: which entry it runs, and as whom. Can be spawned any number of times.
#[derive(Clone, Debug)]
pub struct Spawn {
    entry: Option<Cow<'static, str>>,
    args: Arc<[u8]>,
    current: Current,
    setup: Arc<[u8]>,
    program: Program,
    stdout: Stdio,
    stderr: Stdio,
    environment: Environment,
    own_group: bool,
    kept: Option<Arc<OwnedFd>>,
    given: Option<Arc<OwnedFd>>,
    spawner: Option<Arc<Spawner>>,
    /// The most bytes that are wanted of what the entry returns.
    value: Option<NonZeroU32>,
}

impl Spawn {
    /// A child that runs `call`.
    ///
    /// # Errors
    ///
    /// [`init`](crate::init) has not been called in this process, the entry is not in its table,
    /// the arguments do not fit, or the program has rights that who started it has not.
    pub fn new(call: Call) -> Result<Spawn, SpawnError> {
        let entries = program::entries().ok_or(SpawnError::NotInitialised)?;
        let entry = entries.resolve(&call)?;
        let mut spawn = Spawn::role(Role::Child)?;
        spawn.current.name = entry.to_owned();
        spawn.entry = Some(entry.into());
        spawn.args = call.into_args();
        Ok(spawn)
    }

    /// A child for a role that needs no entry.
    ///
    /// # Errors
    ///
    /// [`init`](crate::init) has not been called in this process, or the program has rights that who
    /// started it has not.
    pub fn role(role: Role) -> Result<Spawn, SpawnError> {
        program::entries().ok_or(SpawnError::NotInitialised)?;
        privilege::check_start()?;
        outlive_file_size_limits();
        Ok(Spawn::blank(role))
    }

    fn blank(role: Role) -> Spawn {
        Spawn {
            entry: None,
            args: Arc::default(),
            current: Current::new(role, String::new()),
            setup: Arc::default(),
            program: Program::default(),
            stdout: Stdio::default(),
            stderr: Stdio::default(),
            environment: Environment::new(),
            own_group: false,
            kept: program::kept(),
            given: None,
            spawner: None,
            value: None,
        }
    }

    /// A child that runs an entry which has been resolved before.
    pub(crate) fn resolved(entry: Option<Cow<'static, str>>, args: &[u8]) -> Spawn {
        let mut spawn = Spawn::blank(Role::Child);
        spawn.entry = entry;
        spawn.args = args.into();
        spawn
    }

    /// Who the child is: what its [`current`](crate::current()) tells. Default: role
    /// [`Child`](Role::Child), the entry's name, incarnation 1.
    #[must_use]
    pub fn current(mut self, current: Current) -> Spawn {
        self.current = current;
        self
    }

    /// Which of a set the child is. Default: of none.
    #[must_use]
    pub fn place(mut self, place: Option<Place>) -> Spawn {
        self.current.place = place;
        self
    }

    /// Sets which incarnation the next [`spawn`](Spawn::spawn) starts, counted from 1.
    pub fn set_incarnation(&mut self, incarnation: u64) {
        self.current.incarnation = incarnation;
    }

    /// Sets how many its set is to have, for the next [`spawn`](Spawn::spawn); nothing happens to one that is of none.
    pub fn set_count(&mut self, count: u32) {
        if let Some(place) = &mut self.current.place {
            place.count = count;
        }
    }

    /// Sets what the handler of the child's role is to know.
    ///
    /// # Errors
    ///
    /// `setup` cannot be encoded.
    pub fn setup<T: Serialize>(mut self, setup: &T) -> Result<Spawn, SpawnError> {
        let step = "encode the set-up";
        self.setup = to_bytes(setup).map_err(SpawnError::io(step))?.into();
        Ok(self)
    }

    /// What the handler of the child's role is to know, as it was [set](Spawn::setup).
    ///
    /// # Errors
    ///
    /// It is of another type, or was not set.
    pub fn read_setup<T: DeserializeOwned>(&self) -> io::Result<T> {
        from_bytes(&self.setup)
    }

    /// Whether a child of the one does the same as a child of the other would: it runs the same entry with the same
    /// arguments, whatever order maps in them were written in, in the same environment, and as much is wanted of what it
    /// returns. What its role is to know
    /// ([`setup`](Spawn::setup)) is not looked at, nor who it is and where its streams go.
    pub fn does_the_same(&self, other: &Spawn) -> bool {
        self.entry == other.entry
            && self.environment == other.environment
            && self.program == other.program
            && self.value == other.value
            && args::are_alike(&self.args, &other.args)
    }

    /// What to execute. Default: [`Program::SameImage`].
    #[must_use]
    pub fn program(mut self, program: Program) -> Spawn {
        self.program = program;
        self
    }

    /// Standard output. Default: `/dev/null`.
    #[must_use]
    pub fn stdout(mut self, stream: Stdio) -> Spawn {
        self.stdout = stream;
        self
    }

    /// Standard error. Default: `/dev/null`.
    #[must_use]
    pub fn stderr(mut self, stream: Stdio) -> Spawn {
        self.stderr = stream;
        self
    }

    /// Where the next children's standard output goes.
    pub fn set_stdout(&mut self, stream: Stdio) {
        self.stdout = stream;
    }

    /// Where the next children's standard error goes.
    pub fn set_stderr(&mut self, stream: Stdio) {
        self.stderr = stream;
    }

    /// Which descriptor the next children keep open: see [`keep_open`](Spawn::keep_open).
    pub fn set_keep_open(&mut self, descriptor: Arc<OwnedFd>) {
        self.kept = Some(descriptor);
    }

    /// Sets a variable in the child's environment, which is otherwise a copy of ours.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Spawn {
        self.set_env(key, value);
        self
    }

    /// Sets a variable in the next children's environment: see [`env`](Spawn::env).
    pub fn set_env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.environment.set(key, value);
    }

    /// Leaves a variable of the next children's environment as it is in ours again.
    pub fn forget_env(&mut self, key: impl AsRef<OsStr>) {
        self.environment.forget(key);
    }

    /// Removes a variable from the child's environment.
    #[must_use]
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Spawn {
        self.environment.remove(key);
        self
    }

    /// How the child's environment differs from ours, all at once. Default: not at all.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Spawn {
        self.environment = environment;
        self
    }

    /// Gives the child a process group of its own, so that a terminal's Ctrl-C does not reach it,
    /// and [`Child::kill`] reaches what it has started, too. Default: it stays in ours.
    #[must_use]
    pub fn own_group(mut self) -> Spawn {
        self.own_group = true;
        self
    }

    /// Has the child keep a copy of this descriptor open from before it exists until it has ended,
    /// and everything that is spawned below it, too. A lock of an open file description (flock(2),
    /// or fcntl(2) with `F_OFD_SETLK`) then tells for certain whether anybody of them is left.
    ///
    /// Default: the one that this process was given itself. A detached process is given none.
    #[must_use]
    pub fn keep_open(mut self, descriptor: Arc<OwnedFd>) -> Spawn {
        self.kept = Some(descriptor);
        self
    }

    /// Has the child send what its entry returns with `Ok`: see [`Child::join`]. At most so many bytes, encoded: from 1
    /// to [`LONGEST_VALUE`], to which other numbers are brought; [`DEFAULT_VALUE`](crate::DEFAULT_VALUE) will do for
    /// most. A child that returns more, or what cannot be encoded, or ends with code 0 and without it, has failed
    /// ([`Exit::NoValue`](exit::Exit::NoValue)).
    ///
    /// Default: it is neither encoded nor sent, and nothing is kept.
    #[must_use]
    pub fn keep_value(mut self, most: u64) -> Spawn {
        let most = u32::try_from(most.clamp(1, LONGEST_VALUE)).ok();
        self.value = most.and_then(NonZeroU32::new);
        self
    }

    /// Which descriptor the next children's handler is given, by [`Boot::take_given`](crate::Boot::take_given); `None`:
    /// none. A detached process is given none.
    pub fn set_given(&mut self, descriptor: Option<Arc<OwnedFd>>) {
        self.given = descriptor;
    }

    /// Has the thread of `spawner` start the child: for a parent of thousands. If the spawner cannot, the
    /// calling thread does. A [`Program::Path`] below `/proc/self/fd` or `/dev/fd` means nothing to a
    /// spawner, since its descriptors are others. Default: the thread that calls [`spawn`](Spawn::spawn).
    #[must_use]
    pub fn spawned_by(mut self, spawner: Arc<Spawner>) -> Spawn {
        self.spawner = Some(spawner);
        self
    }

    /// Starts the child. Its standard input is empty. Waits for nothing that the child does: the whole
    /// payload is sent before the child exists, however long it is.
    ///
    /// The child's life hangs on the calling thread, if there is no
    /// [spawner](Spawn::spawned_by): start children that are to live long from a thread that does too.
    ///
    /// # Errors
    ///
    /// The system refused a step; nothing is left running then.
    pub fn spawn(&self) -> Result<Child, SpawnError> {
        closer::may_start().map_err(SpawnError::io("start another child"))?;
        let (ours, theirs) = Link::pair().map_err(SpawnError::io("create a socket"))?;
        let nonce = new_nonce()?;
        let payload = self.payload(nonce, Some(std::process::id()))?;
        // The payload waits in the socket. So the child has it before it has done anything, and need not
        // wait for it: a socket in which nothing is can be refused at once.
        let with = self.kept.iter().chain(&self.given).map(|descriptor| descriptor.as_fd());
        let with: Vec<_> = with.collect();
        ours.send_payload(&payload, &with).map_err(SpawnError::io("send the payload"))?;
        let oom_kills = oom_kills();
        let process = self.execute(nonce, theirs)?;
        Child::adopt(process, ours, self.own_group, oom_kills, self.value)
    }

    /// The launcher that is to start this process: with the same program, streams and environment.
    pub(crate) fn launcher(&self) -> Spawn {
        let name = self.current.name.clone();
        let current = Current::new(Role::Launcher, name);
        Spawn {
            entry: None,
            args: Arc::default(),
            current,
            given: None,
            value: None,
            ..self.clone()
        }
    }

    pub(crate) fn payload(&self, nonce: u64, parent: Option<u32>) -> Result<Vec<u8>, SpawnError> {
        let payload = Payload {
            nonce,
            current: self.current.clone(),
            parent,
            entry: self.entry.clone(),
            args: ByteBuf::from(&*self.args),
            setup: ByteBuf::from(&*self.setup),
            value: self.value.map(NonZeroU32::get),
            given: self.given.is_some(),
        }
        .encode()
        .map_err(SpawnError::io("encode the payload"))?;
        if payload.len() > LONGEST_PAYLOAD {
            let text = format!("it has {} bytes; {LONGEST_PAYLOAD} are allowed", payload.len());
            return Err(SpawnError::io("send the payload")(io::Error::other(text)));
        }
        Ok(payload)
    }
}

impl Program {
    pub(crate) fn path(&self) -> Cow<'_, Path> {
        match self {
            Program::Path(path) => Cow::Borrowed(path),
            Program::SameImage => Cow::Borrowed(program::own_image()),
        }
    }
}

pub(crate) fn new_nonce() -> Result<u64, SpawnError> {
    random().map_err(SpawnError::io("get random bytes"))
}
