//! Finding what a source goes on with: what was put aside since, and what the name leads to now.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use trusted_path::{Identity, Place};

use crate::aside::{self, Aside, Asides, Key};
use crate::open::{self, Opened};
use crate::source::Rotated;
use crate::tail::{self, Tail};
use crate::trail::{Start, Trail};

/// So often everything is looked at anew because names have moved meanwhile.
pub(crate) const ATTEMPTS: usize = 100;
/// So many files are taken at a time, each of which is open until it was read.
const MOST_TAKEN: usize = 32;

/// What a look has found.
#[derive(Debug)]
pub(crate) enum Look {
    NoFolder,
    /// Names have moved meanwhile: look again.
    Moved,
    Scene(Scene),
}

/// The log at one moment: what its name led to, and what had been put aside before.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) current: Option<Opened>,
    pub(crate) asides: Asides,
}

/// A file that was put aside, and whether it is compressed.
#[derive(Debug)]
pub(crate) struct OpenedAside {
    pub(crate) opened: Opened,
    pub(crate) is_packed: bool,
}

impl Trail {
    /// Looks at the log.
    ///
    /// What the name leads to is opened first, and must be there still when the others were listed: then all of
    /// those are older. If names move all the time, the last look (`is_last`) gives what was put aside alone, for that
    /// is certain.
    pub(crate) fn look(&mut self, is_last: bool) -> io::Result<Look> {
        let place = match open::find(&self.source.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Look::NoFolder),
            place => place?,
        };
        let mut current = match open::open(&place, self.source.of) {
            Err(error) if !is_shortage(&error) => {
                self.complain(&error);
                None
            }
            opened => opened?,
        };
        let asides = match aside::list(&place, self.source.rotated) {
            // Nobody may list the folder, and the file can be read.
            Err(error) if !is_shortage(&error) => {
                self.complain(&error);
                Asides::new()
            }
            asides => asides?,
        };
        if current.as_ref().is_some_and(|current| !place.leads_to(current.identity)) {
            if !is_last {
                return Ok(Look::Moved);
            }
            current = None;
        }
        Ok(Look::Scene(Scene { place, current, asides }))
    }

    /// Adds to `files` what comes after the last of them. Says whether that was anything.
    pub(crate) fn discover(&mut self, now: Instant) -> io::Result<bool> {
        if self.left == Some(0) {
            return Ok(false);
        }
        for attempt in 0..ATTEMPTS {
            let scene = match self.look(attempt + 1 == ATTEMPTS)? {
                Look::NoFolder => return Ok(false),
                Look::Moved => continue,
                Look::Scene(scene) => scene,
            };
            if let Some(has_more) = self.take(scene, now)? {
                return Ok(has_more);
            }
        }
        Ok(false)
    }

    /// None: what was seen is there no more.
    fn take(&mut self, scene: Scene, now: Instant) -> io::Result<Option<bool>> {
        let Scene { place, current, asides } = scene;
        let mut between = self.between(&place, &asides)?;
        let later =
            between.split_off(between.len().min(MOST_TAKEN).min(self.left.unwrap_or(MOST_TAKEN)));
        let mut taken = Vec::new();
        for key in &between {
            match open_aside(&place, key, &asides[key], self.source.of) {
                Ok(Some(aside)) => taken.push(aside),
                Ok(None) => return Ok(None),
                Err(error) if is_shortage(&error) => return Err(error),
                // Nobody can read it, and others can be read.
                Err(error) => self.complain(&error),
            }
        }
        let had = self.files.len();
        for OpenedAside { opened, is_packed } in taken {
            let tail = match self.held_as(opened.identity) {
                Some(held) => held,
                None if is_packed => Tail::packed(opened, 0, 0, now)?,
                None => self.begun(opened, now)?,
            };
            self.files.push_back(tail);
        }
        let front = |trail: &Trail, identity| {
            trail.files.back().is_some_and(|tail| tail.identity == identity)
        };
        if later.is_empty()
            && self.left.is_none_or(|left| self.files.len() - had < left)
            && let Some(opened) = current.filter(|opened| !front(self, opened.identity))
        {
            self.problems.is_over();
            let tail = match self.held_as(opened.identity) {
                Some(held) => held,
                None => self.begun(opened, now)?,
            };
            self.files.push_back(tail);
        }
        let found = self.files.len() - had;
        if 0 < found {
            self.start = None;
        }
        if let Some(left) = &mut self.left {
            *left -= found;
            self.files.iter_mut().skip(had).try_for_each(Tail::set_goal)?;
        }
        self.known = asides;
        self.known.retain(|key, _| !later.contains(key));
        self.mark = self.files.back().map(|tail| tail.identity).or(self.mark);
        self.has_moved |= had < self.files.len();
        Ok(Some(had < self.files.len()))
    }

    /// A file from its beginning, or from where it ended when it could not be opened.
    fn begun(&self, opened: Opened, now: Instant) -> io::Result<Tail> {
        match self.start {
            Some(Start(Some((identity, size)))) if identity == opened.identity => {
                Tail::counted(opened, (size, size), 0, now)
            }
            Some(Start(_)) | None => Ok(Tail::plain(opened, now)),
        }
    }

    /// A file that was put aside may get its name back: it is gone on with where it was left.
    fn held_as(&mut self, identity: Identity) -> Option<Tail> {
        let at = self.held.iter().position(|tail| tail.identity == identity)?;
        self.held.remove(at)
    }

    /// Which were put aside after the file that was read last, the oldest first.
    pub(crate) fn between(&mut self, place: &Place, asides: &Asides) -> io::Result<Vec<Key>> {
        self.find_packed(place, asides)?;
        let ours = [self.files.back().map(|tail| tail.identity), self.mark];
        let is_ours = |aside: &Aside| ours.iter().flatten().any(|ours| aside.is(*ours));
        // With numbers the names of all move, and gzip makes other files of those that were read: the place counts.
        let numbered = self.source.rotated == Rotated::ByLogrotate;
        let keys: Vec<_> = asides.iter().collect();
        if let Some(Start(begun)) = self.start {
            // Whatever was put aside before that file is old; if it is not among them all are.
            let is_begun = |aside: &Aside| begun.is_some_and(|(identity, _)| aside.is(identity));
            let at = keys.iter().rposition(|(_, aside)| is_begun(aside));
            let next = at.map_or(&[][..], |at| &keys[at..]);
            return Ok(next.iter().map(|(key, _)| (*key).clone()).collect());
        }
        let after = keys.iter().rposition(|(_, aside)| is_ours(aside)).filter(|_| numbered);
        if let Some(after) = after {
            return Ok(keys[after + 1..].iter().map(|(key, _)| (*key).clone()).collect());
        }
        // Ours was removed, as the oldest: what is left is younger. Or by hand: what is older has not been written to
        // since.
        let file = self.files.back().and_then(Tail::file);
        let not_before = file.filter(|_| numbered).map(open::state).transpose()?;
        let is_next = |key: &Key, aside: &Aside| {
            !is_ours(aside)
                && !self.knows(key, aside)
                && not_before.is_none_or(|state| !aside.modified.is_before(state.modified))
        };
        let next = keys.iter().filter(|(key, aside)| is_next(key, aside));
        Ok(next.map(|(key, _)| (*key).clone()).collect())
    }

    fn knows(&self, key: &Key, aside: &Aside) -> bool {
        match key {
            Key::Stamped(..) => self.known.get(key).is_some_and(|known| aside.was(known)),
            Key::Numbered(_) => self.known.values().any(|known| {
                known.plain.is_some_and(|plain| aside.is(plain))
                    || known.packed.is_some_and(|packed| aside.is(packed))
            }),
        }
    }

    /// If the file that is open was compressed and removed since, finds what was made of it, by its content.
    fn find_packed(&mut self, place: &Place, asides: &Asides) -> io::Result<()> {
        let Some(last) = self.files.back() else { return Ok(()) };
        let Some(file) = last.file() else { return Ok(()) };
        let is_known = |aside: &Aside| {
            aside.is(last.identity) || self.mark.is_some_and(|mark| aside.packed == Some(mark))
        };
        if open::state(file)?.has_a_name || asides.values().any(is_known) {
            return Ok(());
        }
        let mut candidates: Vec<_> = asides
            .iter()
            .filter(|(key, aside)| aside.packed.is_some() && !self.knows(key, aside))
            .collect();
        if self.source.rotated == Rotated::ByLogrotate {
            candidates.reverse();
        }
        for (key, aside) in candidates {
            let name = place.sibling(&key.file_name(place.name(), true))?;
            let Ok(Some(packed)) = open::open(&name, self.source.of) else { continue };
            // What is damaged was made from nothing that is known.
            if aside.packed == Some(packed.identity)
                && tail::is_made_from(&packed.file, file).unwrap_or(false)
            {
                self.mark = aside.packed;
                break;
            }
        }
        Ok(())
    }
}

/// Opens a file that was put aside, as it is or as it was compressed since. None: it has gone from there.
pub(crate) fn open_aside(
    place: &Place,
    key: &Key,
    aside: &Aside,
    of: Option<u32>,
) -> io::Result<Option<OpenedAside>> {
    let at = |is_packed| place.sibling(&key.file_name(place.name(), is_packed));
    if let Some(identity) = aside.plain
        && let Some(opened) = open::open(&at(false)?, of)?
        && opened.identity == identity
    {
        return Ok(Some(OpenedAside { opened, is_packed: false }));
    }
    let Some(opened) = open::open(&at(true)?, of)? else { return Ok(None) };
    // With numbers another file may have come to this name.
    let is_it = match aside.packed {
        Some(identity) => opened.identity == identity,
        None => matches!(key, Key::Stamped(..)),
    };
    Ok(is_it.then_some(OpenedAside { opened, is_packed: true }))
}

/// Whether it may go well another time, whichever file it is.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

impl AsFd for Opened {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.file.as_fd()
    }
}
