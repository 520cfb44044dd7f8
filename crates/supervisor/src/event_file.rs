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

use control::service::Event;
use control::{Access, Client, EventStream, Peer, Server};
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
    event: &'a Event,
}

impl EventFile {
    /// Opens the file, and has it written from now on.
    pub(crate) fn open(path: PathBuf, server: &mut Server) -> io::Result<EventFile> {
        let file = Options::file(path).open().map_err(io::Error::other)?;
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = std::os::fd::OwnedFd::from(theirs);
        let peer = Peer::of(std::os::fd::AsFd::as_fd(&theirs), Access::default())?;
        server.adopt(theirs, peer)?;
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

fn write(socket: UnixStream, mut file: LogFile) {
    let later = || Instant::now() + LONG;
    let stream =
        Client::new(socket.into()).and_then(|client| EventStream::begin(client, ALL, later()));
    let Ok(mut stream) = stream else { return };
    // What the file has not taken, as a disk was full.
    let mut missing = 0_u64;
    loop {
        let new = match stream.next(later()) {
            Ok(Some(new)) => new,
            Err(control::ClientError::NoAnswer) => continue,
            // The guardian ends.
            Ok(None) => return,
            Err(error) => return log::warn!("events are not written any more: {error}"),
        };
        for event in &new.events {
            missing = match is_written(&mut file, &new.epoch, event, missing) {
                true => 0,
                false => missing + 1,
            };
        }
    }
}

/// Writes an event, and before it how many are missing there.
fn is_written(file: &mut LogFile, epoch: &str, event: &Event, missing: u64) -> bool {
    let told = Event {
        number: event.number,
        at: event.at.clone(),
        at_us: event.at_us,
        kind: "lost".to_owned(),
        text: format!("{missing} events could not be written here"),
        ..Event::default()
    };
    let told = (missing > 0).then_some(&told);
    let lines = told.into_iter().chain([event]).filter_map(|event| {
        serde_json::to_string(&Line { epoch, event }).ok().map(|line| line + "\n")
    });
    let lines: String = lines.collect();
    match file.append_lines(lines.as_bytes()) {
        Ok(()) => true,
        Err(error) => {
            if missing == 0 {
                log::warn!("events cannot be written: {error}");
            }
            false
        }
    }
}
