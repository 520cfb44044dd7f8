//! How a child comes to be: what is executed, as what it is shown, and why it could not be.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use super::Spawn;
use crate::called::Called;
use crate::current::Role;
use crate::inherited::{bequeathed, open_null};
use crate::privilege;
use crate::spawn_error::SpawnError;
use crate::stdio::Stdio;

impl Spawn {
    /// `myapp: worker red`, as `ps` shows it.
    pub(crate) fn title(&self) -> String {
        let own = env::args_os().next().map(PathBuf::from).unwrap_or_default();
        let own = own.file_name().unwrap_or_default().to_string_lossy();
        // A child's own title begins with the program's name too.
        let program = own.split(": ").next().unwrap_or_default();
        // A name comes from outside, and must not draw on the terminal of who looks at it.
        let name = self.current.name.escape_debug();
        format!("{program}: {} {name}", self.current.role).trim_end().to_owned()
    }

    /// What `pgrep` and `top` show: 15 bytes at most.
    pub(crate) fn comm(&self) -> String {
        let name = self.current.name.rsplit(':').next().unwrap_or_default();
        let named = matches!(self.current.role, Role::Worker | Role::Child);
        // The name is escaped as in the title.
        if named && !name.is_empty() {
            name.escape_debug().to_string()
        } else {
            self.current.role.to_string()
        }
    }

    pub(crate) fn execute(
        &self,
        nonce: u64,
        stdin: OwnedFd,
    ) -> Result<std::process::Child, SpawnError> {
        privilege::check_now()?;
        let called = Called { comm: self.comm().into(), ..Called::of(nonce) };
        let Some(spawner) = &self.spawner else { return self.execute_here(&called, stdin) };
        let outputs = [
            self.stdout.descriptor(rustix::stdio::stdout()),
            self.stderr.descriptor(rustix::stdio::stderr()),
        ];
        // The table of the spawner's thread has nothing in it that a child could inherit.
        let from_there = Called { inherited: Some(Vec::new()), ..called.clone() };
        let command = Box::new(self.command(&from_there));
        match spawner.execute(command, stdin.as_fd(), outputs) {
            Some(started) => started.map_err(|error| self.refused(error)),
            None => self.execute_here(&called, stdin),
        }
    }

    fn execute_here(
        &self,
        called: &Called,
        stdin: OwnedFd,
    ) -> Result<std::process::Child, SpawnError> {
        let output =
            |stream: &Stdio| stream.stdio().map_err(SpawnError::io("copy the output's descriptor"));
        // The descriptors are listed last of all. Another thread may open some even now, which
        // `and_others` says.
        let called = Called { inherited: bequeathed(), and_others: true, ..called.clone() };
        let mut command = self.command(&called);
        command.stdin(stdin).stdout(output(&self.stdout)?).stderr(output(&self.stderr)?);
        command.spawn().map_err(|error| self.refused(error))
    }

    fn command(&self, called: &Called) -> Command {
        let mut command = command(&self.program.path(), &self.title(), called);
        self.environment.apply_to(&mut command);
        if self.own_group {
            command.process_group(0);
        }
        command
    }

    /// Why a start has failed. The standard library opens `/dev/null` itself for a stream that is to go
    /// nowhere, and its error does not say whether that or the program could not be had: so we open it
    /// here, too.
    fn refused(&self, source: io::Error) -> SpawnError {
        let nowhere = [&self.stdout, &self.stderr].iter().any(|to| matches!(to, Stdio::Null));
        match open_null() {
            Err(source) if nowhere => return SpawnError::io("open `/dev/null`")(source),
            _ => (),
        }
        SpawnError::Execute { program: self.program.path().into_owned(), source }
    }
}

pub(crate) fn command(program: &Path, title: &str, called: &Called) -> Command {
    let mut command = Command::new(program);
    command.arg0(title).args(called.to_args());
    command
}
