//! A folder for log files, and children that write to them. Both are gone when they are dropped.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit};
use tempfile::TempDir;

use super::parts::MARK;

pub(crate) struct Bed {
    pub(crate) folder: TempDir,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        Bed { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn inside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.inside("app.log")
    }

    /// Names beside the log file, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.inside(name)).unwrap()
    }

    /// A configuration that logs bare messages to the file of this bed, and more lines of YAML.
    pub(crate) fn yaml(&self, more: &str) -> String {
        format!("file: {}\nformat: '{{message}}'\n{more}", self.log().display())
    }
}

/// A child that plays a part. Killed when dropped.
pub(crate) struct Player {
    child: Child,
    replies: BufReader<ChildStdout>,
}

impl Player {
    /// Starts a part and waits until its logger is installed.
    pub(crate) fn start(part: &str, yaml: &str, name: &str, rest: &[&str]) -> Player {
        let mut command = Player::command(part, yaml, name, rest);
        let mut player = Player::spawn(&mut command);
        assert_eq!(player.reply(), "ready");
        player
    }

    pub(crate) fn command(part: &str, yaml: &str, name: &str, rest: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([MARK, part, yaml, name]).args(rest);
        command
    }

    pub(crate) fn spawn(command: &mut Command) -> Player {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let replies = BufReader::new(child.stdout.take().unwrap());
        Player { child, replies }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.reply()
    }

    /// The next line that it says; empty when it has ended.
    pub(crate) fn reply(&mut self) -> String {
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Everything that it still says, and the end of it.
    pub(crate) fn finish(mut self) -> String {
        self.end_input();
        let mut rest = String::new();
        self.replies.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "it should end well; it said {rest}");
        rest
    }

    /// What it wrote to a standard error stream that was piped.
    pub(crate) fn errors(&mut self) -> String {
        self.end_input();
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    pub(crate) fn limit(&self, resource: Resource, limit: Rlimit) {
        rustix::process::prlimit(Some(self.pid()), resource, limit).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
