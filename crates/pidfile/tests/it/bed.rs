//! A folder and the processes started in it; all of them are gone when their values are.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Generous: on a loaded machine fifty processes have to start.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

const ACTOR: &str = env!("CARGO_BIN_EXE_pidfile-actor");

pub(crate) struct Bed {
    folder: TempDir,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed { folder: tempfile::tempdir().unwrap() }
    }

    /// A bed in which other users find their way, and the actor, too.
    pub(crate) fn open_to_others() -> Bed {
        let bed = Bed::new();
        fs::set_permissions(bed.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // By another process: one of ours that is just being started could have a copy of the
        // descriptor it is written through, and then nobody may execute it.
        let copied = Command::new("cp").arg(ACTOR).arg(bed.path("actor")).status().unwrap();
        assert!(copied.success());
        bed
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.path("my.pid")
    }

    /// What lies in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// An actor that does this with this bed's pid file.
    pub(crate) fn actor(&self, verb: &str) -> Actor {
        self.actor_with(verb, &[])
    }

    pub(crate) fn actor_with(&self, verb: &str, more: &[&str]) -> Actor {
        let mut command = Command::new(ACTOR);
        command.arg(verb).arg(self.pid_file()).args(more);
        Actor::start(command)
    }

    /// An actor that holds this bed's pid file by now.
    pub(crate) fn holder(&self) -> Actor {
        let actor = self.actor("hold");
        actor.expect(&format!("held {}", actor.pid()));
        actor
    }

    /// An actor that is the dependent of this holder by now.
    pub(crate) fn dependent_of(&self, holder: &Actor) -> Actor {
        let actor = self.actor_with("join", &[&holder.pid().to_string()]);
        actor.expect("joined");
        actor
    }
}

/// A process that is killed and reaped, with whatever became of it, when this is dropped.
pub(crate) struct Actor {
    child: Child,
    lines: Receiver<String>,
}

impl Actor {
    pub(crate) fn command() -> Command {
        Command::new(ACTOR)
    }

    /// Any command that becomes an actor in the end.
    pub(crate) fn start(mut command: Command) -> Actor {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        // The thread ends with the process, which `drop` sees to.
        thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Actor { child, lines }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line it says; empty when it has ended.
    pub(crate) fn line(&self) -> String {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => String::new(),
            Err(RecvTimeoutError::Timeout) => {
                panic!("process {} said nothing for {LIMIT:?}", self.pid())
            }
        }
    }

    /// A line that it has said already.
    pub(crate) fn line_already_said(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    #[track_caller]
    pub(crate) fn expect(&self, expected: &str) {
        assert_eq!(self.line(), expected);
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Returns when its library waits for a lock, which it does in a second thread.
    pub(crate) fn expect_waiting(&self) {
        let start = Instant::now();
        let threads =
            || fs::read_dir(format!("/proc/{}/task", self.pid())).map_or(0, Iterator::count);
        while threads() < 2 {
            assert!(start.elapsed() < LIMIT, "process {} does not wait", self.pid());
            thread::yield_now();
        }
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it go and waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
        // If it was strace or unshare, the actor is another process, and ends for lack of input.
        // The last one to have the output is the last one to do something in the bed.
        while self.lines.recv_timeout(LIMIT).is_ok() {}
    }
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says that a test has shown nothing, and why, past the runner, which keeps what a passing test
/// prints to itself.
pub(crate) fn skip(why: &str) {
    let test = thread::current().name().unwrap_or_default().to_owned();
    let mut out = std::io::stderr();
    writeln!(out, "skipped {test}: {why}").unwrap();
}
