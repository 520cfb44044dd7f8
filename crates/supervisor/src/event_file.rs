//! What happens to a daemon, as lines of JSON in a file.
//!
//! A thread of the guardian reads events as any client does, and writes them: so a disk that stands still or
//! is full holds up nobody, and what could not be written by the time it is no longer kept is told as lost.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use control::{Server, service};
use log_file::{LogFile, Options};
use serde::Serialize;

/// How long the end of a guardian waits for what is not written yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nothing happens for so long at a time, at most.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// What has happened before the thread asks is in the file, too.
const ALL: u64 = u64::MAX;

/// A file that is written as long as the guardian's server answers.
pub(crate) struct EventFile {
    /// Its other end is dropped when the last event was written.
    over: Receiver<()>,
    /// What the thread reads from.
    socket: UnixStream,
}

/// A line of the file.
#[derive(Serialize)]
struct Line<'a> {
    epoch: &'a str,
    #[serde(flatten)]
    event: &'a service::Event,
}

impl EventFile {
    /// Opens the file, and has it written from now on.
    pub(crate) fn open(path: PathBuf, server: &mut Server) -> io::Result<EventFile> {
        let file = Options::file(path).open().map_err(io::Error::other)?;
        let (ours, theirs) = UnixStream::pair()?;
        server.adopt(theirs.into())?;
        let socket = ours.try_clone()?;
        let (writing, over) = channel();
        helper_thread::spawn("event-file", 256 << 10, move || {
            let _writing: std::sync::mpsc::Sender<()> = writing;
            write(ours, file);
        })?;
        Ok(EventFile { over, socket })
    }

    /// Nothing more comes: waits until what has come is written, for at most a second.
    pub(crate) fn finish(self) {
        // What is in the socket can still be read (unix(7)).
        let _ = self.socket.shutdown(Shutdown::Read);
        let _ = self.over.recv_timeout(PATIENCE);
    }
}

fn write(socket: UnixStream, file: LogFile) {
    let later = || Instant::now() + LONG;
    let client = service::Client::new(socket.into(), later());
    let stream = client.and_then(|client| client.events(ALL));
    let Ok(mut stream) = stream else { return };
    let mut writer = Writer { file, missing: 0 };
    loop {
        match stream.next(later()) {
            Ok(Some(new)) => new.events.iter().for_each(|event| writer.write(&new.epoch, event)),
            Err(control::ClientError::NoAnswer) => (),
            // The guardian ends.
            Ok(None) => return,
            Err(error) => return log::warn!("events are not written any more: {error}"),
        }
    }
}

struct Writer {
    file: LogFile,
    /// How many events the file has not taken by now, as a disk was full.
    missing: u64,
}

impl Writer {
    /// Writes an event, and before it how many are missing there.
    fn write(&mut self, epoch: &str, event: &service::Event) {
        let told = service::Event {
            number: event.number,
            at: event.at.clone(),
            at_us: event.at_us,
            kind: "lost".to_owned(),
            text: format!("{} events could not be written here", self.missing),
            ..service::Event::default()
        };
        let told = (self.missing > 0).then_some(&told);
        let lines = told.into_iter().chain([event]).filter_map(|event| {
            serde_json::to_string(&Line { epoch, event }).ok().map(|line| line + "\n")
        });
        let lines: String = lines.collect();
        match self.file.append_lines(lines.as_bytes()) {
            Ok(()) => self.missing = 0,
            Err(error) => {
                if self.missing == 0 {
                    log::warn!("events cannot be written: {error}");
                }
                self.missing += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What was missing once was told again before each event.
    #[test]
    fn what_is_missing_is_told_once_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let file = Options::file(&path).open().unwrap();
        let mut writer = Writer { file, missing: 0 };
        let mut number = 0;
        let mut write = || {
            number += 1;
            let event =
                service::Event { number, kind: "started".to_owned(), ..service::Event::default() };
            writer.write("epoch", &event);
            writer.missing
        };
        let lines = || {
            let lines = fs::read_to_string(&path).unwrap();
            let lines = lines.lines().map(|line| {
                let event: service::Event = serde_json::from_str(line).unwrap();
                format!("{} {} {}", event.number, event.kind, event.text)
            });
            lines.collect::<Vec<_>>()
        };
        // It is gone, and something else has its name.
        let hinder = || {
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        };
        let free = || fs::remove_dir(&path).unwrap();
        assert_eq!(write(), 0);
        assert_eq!(lines(), ["1 started "]);
        hinder();
        assert_eq!((write(), write()), (1, 2));
        free();
        assert_eq!((write(), write()), (0, 0));
        let told = "4 lost 2 events could not be written here";
        assert_eq!(lines(), [told, "4 started ", "5 started "]);
        hinder();
        assert_eq!(write(), 1);
        free();
        assert_eq!(write(), 0);
        assert_eq!(lines(), ["7 lost 1 events could not be written here", "7 started "]);
    }
}
