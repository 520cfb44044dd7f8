//! A program that runs, and what it prints, read until nobody can print there any more.

use std::fmt;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::failure::{Failure, Outcome};
use crate::interrupt;

/// How long anything may take in a test: generous, since the machine may be busy with something else.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A program that is running, with pipes to its output. Killed and reaped when dropped.
pub struct Running {
    child: Child,
    words: String,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// How a program ended, and what it printed.
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
    /// Starts it. Its standard input is what the command says.
    pub fn start(mut command: Command) -> Outcome<Running> {
        let words = format!("{command:?}");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Failure::step(&format!("run {words}")))?;
        let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
        Ok(Running { child, words, stdout, stderr })
    }

    /// Its process id; its own until its end was waited for.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    #[track_caller]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked for its end").is_none()
    }

    /// Writes to its standard input, which is a pipe.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its standard input is a pipe");
        writeln!(input, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.words));
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Waits for its end, and for that of its output: nobody else may hold that. Fails when somebody
    /// asks us to stop, or `limit` passes first, which is for each of them.
    pub fn finish_within(mut self, limit: Duration) -> Outcome<Output> {
        self.close_stdin();
        let words = &self.words;
        let end = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty());
        let end = end.map_err(Failure::step(&format!("follow {words}")))?;
        if !interrupt::wait(end.as_fd(), limit)? {
            let limit = limit.as_secs();
            return Err(Failure::new(format!("{words} has not ended within {limit} s")));
        }
        let read = |pipe: &Receiver<String>, name: &str| {
            let held = || format!("{words} has ended, but something still holds its {name}");
            pipe.recv_timeout(limit).map_err(|_| Failure::new(held()))
        };
        let (stdout, stderr) = (read(&self.stdout, "stdout")?, read(&self.stderr, "stderr")?);
        let status = self.child.wait().map_err(Failure::step(&format!("wait for {words}")))?;
        Ok(Output { words: words.clone(), status, stdout, stderr })
    }

    /// The same for a test, which fails if it takes too long.
    #[track_caller]
    pub fn finish(self) -> Output {
        self.finish_within(LIMIT).unwrap_or_else(|failure| panic!("{failure}"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads in a thread, so that neither of two streams can block the other.
fn read_all(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        // Nobody waits any more when it was given up.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// For tests: they fail with all that there is to see.
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
