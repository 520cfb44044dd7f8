//! The probe as a child: it is spoken to in lines, and is gone when the value is dropped.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, kill_process};

pub(crate) use rustix::process::Signal;

/// Only a broken program is this slow.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Dropping it kills the process and waits for its end.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    pub(crate) fn start(role: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quit-probe"));
        command.args(role);
        Program::spawn(command)
    }

    /// Starts it with a limit of open files that it can use up.
    pub(crate) fn start_with_few_descriptors(role: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 32; exec \"$0\" \"$1\""]);
        command.args([env!("CARGO_BIN_EXE_quit-probe"), role]);
        Program::spawn(command)
    }

    fn spawn(mut command: Command) -> Program {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the probe can be started");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(line.expect("the probe speaks UTF-8"));
            }
        });
        Program { stdin: child.stdin.take(), child, lines }
    }

    /// Waits for the next line, which must be this one.
    #[track_caller]
    pub(crate) fn expect(&self, line: &str) {
        assert_eq!(self.next_line().as_deref(), Some(line));
    }

    /// The next line; `None` when it has ended.
    #[track_caller]
    pub(crate) fn next_line(&self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it says nothing"),
        }
    }

    /// Whether it has said something, or ended, since the last line.
    pub(crate) fn spoke(&self, line: &str) -> bool {
        match self.lines.try_recv() {
            Ok(said) => {
                assert_eq!(said, line);
                true
            }
            Err(std::sync::mpsc::TryRecvError::Empty) => false,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => panic!("it ended"),
        }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it was not hung up");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// It repeats what it hears, so it is alive after all that was done to it before.
    #[track_caller]
    pub(crate) fn expect_alive(&mut self) {
        self.tell("still there?");
        self.expect("still there?");
    }

    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is not reaped yet");
    }

    /// Waits for its end, after which nothing more was said.
    #[track_caller]
    pub(crate) fn ended(mut self) -> ExitStatus {
        assert_eq!(self.next_line(), None);
        self.child.wait().expect("it is our child")
    }

    #[track_caller]
    pub(crate) fn ended_well(self) {
        let status = self.ended();
        assert!(status.success(), "{status}, signal {:?}", status.signal());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It fails if the process has ended, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
