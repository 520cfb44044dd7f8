//! One source: the file that is read, those that come after it, and those that were put aside just now.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use trusted_path::Identity;

use crate::aside::Asides;
use crate::open;
use crate::pieces::Piece;
use crate::problems::Problems;
use crate::source::{Rotated, Source};
use crate::tail::Tail;

/// How long a last line without its end is kept back for the rest to come.
const QUIET: Duration = Duration::from_millis(500);
/// How long a file that was put aside is kept open since something was last added to it. The youngest of them is kept
/// until another takes its place: its writers may never open the new one.
const GRACE: Duration = Duration::from_secs(10);
/// So many of those are kept open at most: a writer that was held up may be late by many rotations, where those follow
/// each other by the millisecond.
const MOST_HELD: usize = 128;
/// How long after something was refused it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How far one reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What there was when it began.
    Present,
    /// Whatever comes, too.
    Follow,
}

/// What there is to read of a source, and where one is in it.
#[derive(Debug)]
pub(crate) struct Trail {
    pub(crate) source: Source,
    /// The name of the file to which the path leads by links, if it is known.
    pub(crate) led_to: Option<OsString>,
    /// In the order in which they are read. The last is what the name led to, or the youngest put aside.
    pub(crate) files: VecDeque<Tail>,
    /// Read to their end, and perhaps added to. The oldest first.
    pub(crate) held: VecDeque<Tail>,
    /// What was put aside, and is read or not to be read.
    pub(crate) known: Asides,
    /// The last of `files` that there was, or what was made of it.
    pub(crate) mark: Option<Identity>,
    /// What was read and comes after what is read of `held` in the same turn, or where there was no room, in the next.
    fresh: Vec<Piece>,
    /// Which of `held` is next in this turn.
    held_at: usize,
    /// Where following begins, if nothing could be opened when it was to be found.
    pub(crate) start: Option<Start>,
    /// So many files may still be discovered, while there is a goal.
    pub(crate) left: Option<usize>,
    pub(crate) problems: Problems,
    retry_at: Option<Instant>,
    /// There is or may be more to read at once.
    more: bool,
    /// The name has led to another file since it was last asked.
    pub(crate) has_moved: bool,
    /// So many lines that were counted do not come, which nobody was told yet.
    pub(crate) missing: u64,
}

/// What the name led to at the beginning, and how long that was. None: to nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start(pub(crate) Option<(Identity, u64)>);

enum Step {
    Again,
    More,
    Idle,
}

impl Trail {
    pub(crate) fn new(source: Source) -> Trail {
        Trail {
            source,
            led_to: None,
            files: VecDeque::new(),
            held: VecDeque::new(),
            known: Asides::new(),
            mark: None,
            fresh: Vec::new(),
            held_at: 0,
            start: None,
            left: None,
            problems: Problems::default(),
            retry_at: None,
            more: true,
            has_moved: false,
            missing: 0,
        }
    }

    /// Whether a turn may bring something.
    pub(crate) fn is_due(&self, mode: Mode, now: Instant) -> bool {
        self.more || mode == Mode::Follow && self.deadline().is_some_and(|at| at <= now)
    }

    /// Whether it may be concerned if something happens to this name in one of the folders: it is that of the log, or of
    /// what was put aside from it, or of a folder on the way.
    pub(crate) fn is_concerned(&self, name: &OsStr) -> bool {
        let path = &self.source.path;
        let mut own = path.file_name().into_iter().chain(self.led_to.as_deref());
        own.any(|own| name.as_bytes().starts_with(own.as_bytes()))
            || path.iter().any(|part| part == name)
    }

    /// Something may have happened to it.
    pub(crate) fn wake(&mut self) {
        self.more = true;
    }

    /// How many lines were counted, and have not been read yet.
    pub(crate) fn counted(&self) -> u64 {
        self.files.iter().fold(0, |sum, tail| sum.saturating_add(tail.pieces.expected()))
    }

    /// None of its lines counts among those that `last` has counted.
    pub(crate) fn end_counted(&mut self) {
        self.files.iter_mut().for_each(|tail| _ = tail.pieces.end_counted());
    }

    /// How many counted lines turned out to be gone since the last call: their file was truncated, say.
    pub(crate) fn take_missing(&mut self) -> u64 {
        std::mem::take(&mut self.missing)
    }

    /// When a turn is due though nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let quiet = |tail: &Tail| (!tail.pieces.is_empty()).then(|| tail.grown + QUIET);
        let youngest = self.held.len().saturating_sub(1);
        let let_go = self.held.iter().take(youngest).map(|tail| tail.grown + GRACE);
        let quiet = self.held.iter().chain(self.files.front()).filter_map(quiet);
        quiet.chain(let_go).chain(self.retry_at).min()
    }

    /// Gives the unfinished last lines, as far as they were read.
    pub(crate) fn flush(&mut self, out: &mut Vec<Piece>) {
        out.append(&mut self.fresh);
        for tail in self.held.iter_mut().chain(self.files.front_mut()) {
            tail.pieces.flush(out);
        }
    }

    /// Reads as much as there is room for at most; nothing comes when there is nothing to read now.
    pub(crate) fn turn(
        &mut self,
        (mode, now): (Mode, Instant),
        mut room: usize,
        buffer: &mut [u8],
        out: &mut Vec<Piece>,
    ) {
        (self.more, self.retry_at) = (false, None);
        // What was read, and those that come before it were not read through.
        let is_halfway = !self.fresh.is_empty() || 0 < self.held_at;
        let result = loop {
            if is_halfway {
                break Ok(Step::More);
            }
            match self.step((mode, now), &mut room, buffer, out) {
                Ok(Step::Again) => (),
                result => break result,
            }
        };
        match result {
            Ok(step) => self.more = matches!(step, Step::More),
            Err(error) => {
                self.complain(&error);
                self.flush(out);
                self.retry_at = (mode == Mode::Follow).then(|| now + RETRY);
            }
        }
        // Whoever has written to the new file has written to the old one before. So that is read later, and comes first.
        if mode == Mode::Present || self.read_held(now, &mut room, buffer, out) {
            self.held_at = 0;
            out.append(&mut self.fresh);
        }
    }

    /// `out` is for what belongs to files before the one whose bytes go to `fresh`.
    fn step(
        &mut self,
        (mode, now): (Mode, Instant),
        room: &mut usize,
        buffer: &mut [u8],
        out: &mut Vec<Piece>,
    ) -> io::Result<Step> {
        self.open_front()?;
        let writes_again = self.writes_again();
        let has_next = 1 < self.files.len();
        let Some(front) = self.files.front_mut() else {
            let goes_on = mode == Mode::Follow && self.discover(now)?;
            return Ok(if goes_on { Step::Again } else { Step::Idle });
        };
        if !has_next && front.begins_anew()? {
            front.pieces.flush(out);
            front.pieces.begin_anew();
        }
        // Asked before the last look for more: nothing is added after it was compressed.
        let is_over = has_next && front.is_over();
        let failed = match front.read(buffer, writes_again) {
            Ok([]) => None,
            Ok(bytes) => {
                let taken = front.pieces.push(bytes, room, &mut self.fresh);
                front.take(taken);
                front.grown = now;
                return Ok(Step::More);
            }
            Err(error) => Some(error),
        };
        // What was counted has come by now, or never will.
        self.missing = self.missing.saturating_add(front.pieces.end_counted());
        match failed {
            None if mode == Mode::Follow && front.lift_limit() => return Ok(Step::Again),
            None => (),
            // What is damaged ends there; others go on.
            Some(error) if has_next || front.file().is_none() => self.complain(&error),
            Some(error) => return Err(error),
        }
        let Some(front) = self.files.front_mut() else { return Ok(Step::Again) };
        let is_packed = front.file().is_none();
        let is_final = mode == Mode::Present || is_over || is_packed;
        let is_quiet = front.grown + QUIET <= now;
        if is_final || is_quiet {
            front.pieces.flush(out);
        }
        if has_next {
            if !front.pieces.is_empty() {
                return Ok(Step::Idle);
            }
            self.pass_front(is_over || is_packed);
            return Ok(Step::Again);
        }
        if mode == Mode::Present {
            return Ok(Step::Idle);
        }
        if is_packed {
            self.files.pop_front();
            return Ok(Step::Again);
        }
        let leads_elsewhere = open::leads_to(&self.source.path)? != Some(front.identity);
        // If it does, the old one is read to its end once more.
        let goes_on = leads_elsewhere && self.discover(now)?;
        Ok(if goes_on { Step::Again } else { Step::Idle })
    }

    fn pass_front(&mut self, is_over: bool) {
        let mut front = self.files.pop_front().filter(|front| !is_over && !front.was_closed);
        // What is added to it late is read, too.
        front.as_mut().map(Tail::lift_limit);
        self.held.extend(front);
        if MOST_HELD < self.held.len() {
            self.held.pop_front();
        }
    }

    /// Reads what was added to files after they were put aside, and lets go of those that nobody adds to. False: there
    /// was no room to read of all.
    fn read_held(
        &mut self,
        now: Instant,
        room: &mut usize,
        buffer: &mut [u8],
        out: &mut Vec<Piece>,
    ) -> bool {
        let writes_again = self.writes_again();
        while let Some(tail) = self.held.get_mut(self.held_at) {
            if *room == 0 {
                self.more = true;
                return false;
            }
            let is_over = tail.is_over();
            match tail.read(buffer, writes_again) {
                Ok([]) => (),
                Ok(bytes) => {
                    let taken = tail.pieces.push(bytes, room, out);
                    self.held_at += usize::from(taken == bytes.len());
                    tail.take(taken);
                    tail.grown = now;
                    self.more = true;
                    continue;
                }
                Err(error) => self.complain(&error),
            }
            let is_youngest = self.held_at + 1 == self.held.len();
            let Some(tail) = self.held.get_mut(self.held_at) else { break };
            if tail.is_held_up() {
                // What comes after the goal is read later.
                tail.grown = now;
                self.held_at += 1;
                continue;
            }
            let goes = is_over || !is_youngest && tail.grown + GRACE <= now;
            if goes || tail.grown + QUIET <= now {
                tail.pieces.flush(out);
            }
            if goes {
                self.held.remove(self.held_at);
            } else {
                self.held_at += 1;
            }
        }
        true
    }

    fn writes_again(&self) -> bool {
        self.source.rotated == Rotated::ByLogFile
    }

    pub(crate) fn complain(&mut self, error: &io::Error) {
        let name = safe_text::escaped(&self.source.name);
        let path = self.source.path.display().to_string();
        let path = safe_text::escaped(&path);
        self.problems.say(format!("{name}: `{path}` cannot be read: {error}"));
    }
}
