//! A program that was run by a test, and what it said.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::bed::LIMIT;

/// A program that is running, with pipes to its three streams. Killed and reaped when dropped.
pub struct Running {
    child: Child,
    words: String,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

/// How a program ended, and what it said.
pub struct Output {
    words: String,
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        let words = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{words}: {error}"));
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Running { child, words, stdout, stderr }
    }

    /// Its process id; its own until [`finish`](Running::finish).
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Writes to its standard input.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Waits for its end, and for the end of its output: nobody else may hold that.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        self.close_stdin();
        let words = self.words.clone();
        let read = |stream: &Receiver<Vec<u8>>, name: &str| {
            let bytes = stream.recv_timeout(LIMIT).unwrap_or_else(|_| {
                panic!("{words}: its {name} did not end: it still runs, or somebody holds the pipe")
            });
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (stdout, stderr) = (read(&self.stdout, "output"), read(&self.stderr, "error output"));
        let status = self.child.wait().unwrap();
        Output { words, status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end in a thread, so that neither stream can block the other.
fn collect(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

impl Output {
    /// Fails unless it ended with code 0 and said this on standard output.
    #[track_caller]
    pub fn says(self, expected: &str) -> Output {
        assert!(self.status.success() && self.stdout.trim_end() == expected, "{self:?}");
        self
    }

    /// Fails unless it ended with code 0.
    #[track_caller]
    pub fn success(self) -> Output {
        assert!(self.status.success(), "{self:?}");
        self
    }

    /// Fails unless it ended with code 1, and every part stands in what it said on standard error.
    #[track_caller]
    pub fn fails(self, parts: &[&str]) -> Output {
        assert_eq!(self.status.code(), Some(1), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:?}");
        }
        self
    }

    /// The only number in what it said.
    #[track_caller]
    pub fn number(&self) -> u32 {
        let digits: String = self.stdout.chars().filter(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no number in {self:?}"))
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { words, status, stdout, stderr } = self;
        let how = match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("code {:?}", status.code()),
        };
        write!(f, "{words} ended with {how}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}
