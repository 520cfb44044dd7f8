//! What a program prints, read until nobody can print there any more.

use std::io::Read;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::scenario::Stream;
use crate::failure::{Failure, Outcome};

/// Both streams of a program, being read.
pub(super) struct Reading {
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Reading {
    /// Takes the pipes of a child.
    pub(super) fn of(child: &mut Child) -> Self {
        Reading { stdout: read_all(child.stdout.take()), stderr: read_all(child.stderr.take()) }
    }

    /// Waits for the end of both. The program has exited: who makes us wait is something it left.
    pub(super) fn finish(self, limit: Duration) -> Outcome<Output> {
        let held =
            |name: &str| format!("the program has exited, but something still holds its {name}");
        let end = |pipe: Receiver<String>, name| {
            pipe.recv_timeout(limit).map_err(|_| Failure::new(held(name)))
        };
        Ok(Output { stdout: end(self.stdout, "stdout")?, stderr: end(self.stderr, "stderr")? })
    }
}

/// What a program printed.
pub(super) struct Output {
    stdout: String,
    stderr: String,
}

impl Output {
    pub(super) fn of(&self, stream: Stream) -> &str {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for (name, printed) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            text += &format!("  {name} of the last run:\n");
            for line in printed.lines() {
                text += &format!("    {line}\n");
            }
        }
        text
    }
}

/// Reads in a thread, so that neither of two streams can block the other.
fn read_all(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        drop(read);
        // Nobody waits any more when the step was given up.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
