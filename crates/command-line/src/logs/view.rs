//! What is shown of the files that are read.

use std::fs;
use std::time::{Duration, SystemTime};

use control::service::LogFile;
use log_reader::{Follower, Last, Line, Source};

use super::chosen::{Chosen, Owner, choose};
use crate::code;
use crate::complaint::Complaint;
use crate::output::{complain, print_bytes};
use crate::render::lines::{Form, Lines};
use crate::target::Target;
use crate::words;

/// So many bytes are written at once, when there are so many.
const ROOM: usize = 64 << 10;

/// By so much a file may seem older than it is: its time is that of the kernel's last tick, and may be whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// The files, and the lines of them that wait to be written.
#[derive(Debug)]
pub(crate) struct View {
    owners: Vec<Owner>,
    wanted: Vec<Target>,
    /// By the position of the source.
    files: Vec<Chosen>,
    lines: Lines,
    /// So many of the last lines of a file that was there before.
    last: u64,
}

impl View {
    pub(crate) fn new(owners: Vec<Owner>, wanted: Vec<Target>, words: &words::Logs) -> View {
        let form = match (words.json, words.raw) {
            (true, _) => Form::Json,
            (false, true) => Form::Raw,
            (false, false) => Form::Text,
        };
        let files = choose(&owners, &wanted);
        let mut lines = Lines::new(form);
        files.iter().for_each(|file| lines.make_room(&file.origin.name));
        View { owners, wanted, files, lines, last: words.lines }
    }

    /// The last lines of all files together.
    pub(crate) fn last(&self, lines: u64) -> Last {
        log_reader::last(self.files.iter().map(source), lines)
    }

    /// Has the files followed that were not known before: from their first line on, if they are younger than this
    /// command.
    pub(crate) fn join(
        &mut self,
        follower: &mut Follower,
        owner: usize,
        files: Vec<LogFile>,
        began: SystemTime,
    ) {
        let began = began.checked_sub(ROUNDING).unwrap_or(began);
        if let Some(owner) = self.owners.get_mut(owner) {
            owner.files = files;
        }
        for new in choose(&self.owners, &self.wanted) {
            self.lines.make_room(&new.origin.name);
            if let Some(known) = self.files.iter_mut().find(|it| it.origin.path == new.origin.path)
            {
                *known = new;
                continue;
            }
            if is_older(&new.origin.path, began) {
                follower.add(source(&new), self.last);
            } else {
                follower.add_since(source(&new), began);
            }
            self.files.push(new);
        }
    }

    pub(crate) fn name(&self, owner: usize) -> &str {
        self.owners.get(owner).map_or("", |owner| &owner.name)
    }

    /// Adds a line to what is shown. False: nobody reads any more.
    pub(crate) fn show(&mut self, line: &Line) -> Result<bool, Complaint> {
        if let Some(file) = self.files.get(line.source) {
            self.lines.add(line, &file.origin, 1 < self.files.len());
        }
        if self.lines.len() < ROOM { Ok(true) } else { self.write() }
    }

    /// Writes what is to be shown so far. False: nobody reads any more.
    pub(crate) fn write(&mut self) -> Result<bool, Complaint> {
        let text = self.lines.take();
        if text.is_empty() { Ok(true) } else { print_bytes(&text) }
    }

    /// The same, and a line that has no end gets one.
    pub(crate) fn close(&mut self) -> Result<bool, Complaint> {
        self.lines.close();
        self.write()
    }

    /// Says something in between, to people.
    pub(crate) fn complain(&mut self, text: &str) -> Result<bool, Complaint> {
        let is_read = self.close()?;
        let name = self.wanted.first().map_or(0, |target| target.daemon);
        complain(self.name(name), text);
        Ok(is_read)
    }

    /// The end by Ctrl-C, with a whole line.
    pub(crate) fn interrupted(mut self) -> Result<u8, Complaint> {
        self.close().map(|_| code::INTERRUPTED)
    }
}

fn source(file: &Chosen) -> Source {
    let origin = &file.origin;
    let source = match file.rotated {
        true => Source::log_file(&origin.name, &origin.path),
        // Nobody of ours renames it; who else does has names as logrotate(8) gives them.
        false => Source::logrotate(&origin.name, &origin.path),
    };
    match file.user {
        Some(user) => source.of_user(user),
        None => source,
    }
}

/// Whether it was there at that time. Where the system does not tell when a file was made, it was.
fn is_older(path: &str, than: SystemTime) -> bool {
    let Ok(found) = fs::metadata(path) else { return false };
    found.created().map_or(true, |made| made < than)
}
