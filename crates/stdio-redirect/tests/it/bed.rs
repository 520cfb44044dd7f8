//! A folder, and children of this program that play a role in it. Both are gone when dropped.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The first argument of a child.
pub(crate) const ROLE: &str = "--role";

/// A role plays in a folder. It fails by panicking, whatever its streams are by then.
pub(crate) type Role = fn(&Path);

/// Far more than anything here takes, so that it is reached only by what would never end.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Where a role leaves the reason of its failure, since it may have no stream to tell it on.
const FAILURE: &str = "failure";

pub(crate) fn play(role: &str, folder: &Path) -> ExitCode {
    let failure = folder.join(FAILURE);
    std::panic::set_hook(Box::new(move |panic| fs::write(&failure, panic.to_string()).unwrap()));
    let (_, play) = super::ROLES.iter().find(|(name, _)| *name == role).expect("a role we have");
    play(folder);
    ExitCode::SUCCESS
}

pub(crate) struct Bed(TempDir);

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed(tempfile::tempdir().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()))
    }

    /// A child in this role, with all streams at /dev/null.
    pub(crate) fn role(&self, role: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([ROLE, role]).arg(self.folder());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Plays the role to its end, which must be a good one.
    pub(crate) fn play(&self, role: &str) {
        self.start(&mut self.role(role)).finish();
    }

    pub(crate) fn start(&self, command: &mut Command) -> Testee {
        Testee { child: Some(command.spawn().unwrap()), failure: self.path(FAILURE) }
    }
}

/// A child under test. Dropping it kills it.
pub(crate) struct Testee {
    child: Option<Child>,
    failure: PathBuf,
}

impl Testee {
    pub(crate) fn child(&mut self) -> &mut Child {
        self.child.as_mut().unwrap()
    }

    pub(crate) fn finish(mut self) {
        let mut child = self.child.take().unwrap();
        let number = rustix::process::Pid::from_child(&child);
        let (sender, receiver) = mpsc::channel();
        let waiting = thread::spawn(move || sender.send(child.wait()));
        let status = receiver.recv_timeout(LIMIT).unwrap_or_else(|_| {
            // Nobody has waited for it with success, so the number is still its own.
            rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
            panic!("the child did not end; killed")
        });
        waiting.join().unwrap().unwrap();
        let why = fs::read_to_string(&self.failure).unwrap_or_default();
        assert!(status.unwrap().success(), "the child failed: {why}");
        assert_eq!(why, "", "the child failed in a thread");
    }
}

impl Drop for Testee {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs what could block for ever, at most for the limit.
pub(crate) fn within_limit<T: Send + 'static>(
    what: &str,
    act: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(act()));
    receiver.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{what} did not end"))
}

/// Which file it is, however it is named.
pub(crate) fn identity(of: impl AsFd) -> String {
    let stat = rustix::fs::fstat(of).unwrap();
    format!("device {} inode {}", stat.st_dev, stat.st_ino)
}

pub(crate) fn identities_of_streams() -> [String; 3] {
    [identity(io::stdin()), identity(io::stdout()), identity(io::stderr())]
}

/// Writes without the help of std, which would hide that a stream is closed.
pub(crate) fn write(to: impl AsFd, text: &str) {
    assert_eq!(rustix::io::write(to, text.as_bytes()), Ok(text.len()));
}

/// How many descriptors this process has.
#[cfg(target_os = "linux")]
pub(crate) fn count_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count() - 1 // The one that reads the folder.
}
