//! The guardian's own pid file, put back if somebody removes it.
//!
//! A daemon whose file is gone is found by nobody: a status says that it does not run, a stop has nothing
//! to signal, and a second start finds nothing in its way. Nobody asks us before, so we are told after:
//! inotify(7) tells when the file or its folder loses a name. Who can only read the file causes none of
//! those events, unless the system lets him give it another name (link(2); proc_sys_fs(5),
//! `protected_hardlinks` 0); and whatever causes one costs a look, of no more than a few system calls.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use pidfile::{PidFile, Restored};
use proc_spawn::ErrorText;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

/// So often it is told that the file had to be put back: who removes it in a loop shall not fill the log.
const SPAN: Duration = Duration::from_secs(10);

/// Its name goes, or it goes to another one. The number of its links is an attribute.
const OF_FILE: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DONT_FOLLOW);
const OF_FOLDER: WatchFlags =
    WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF).union(WatchFlags::ONLYDIR);
/// While something else is in our place, it is of interest when that goes.
const OF_NAMES: WatchFlags = WatchFlags::DELETE.union(WatchFlags::MOVED_FROM);

/// In one look. One more is seen with the next event.
const MOST_REMOVALS: usize = 8;

/// How the file is watched. The system has a limited number of them for each user; without one the pid
/// file is as any other.
///
/// Made before the pid file is taken, so that it has a lower number: of a process that is killed the
/// higher ones are closed first, and an inotify(7) takes milliseconds, in which the file would still be
/// held by a process that is gone.
pub(crate) struct Events(Result<OwnedFd, Errno>);

impl Events {
    pub(crate) fn new() -> Events {
        Events(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC))
    }
}

/// A pid file that stays where it is, as long as that can be done.
pub(crate) struct WatchedPidFile {
    pid_file: PidFile,
    events: Events,
    /// What was told last, and when.
    told: Option<(String, Instant)>,
    untold: u32,
    /// Somebody may have been faster than the first watch.
    looked: bool,
}

/// Whether the file is where it should be, after a look.
enum Found {
    Yes,
    /// Something else is in its place, or there is no place.
    No,
    /// Another daemon has the place.
    Taken,
}

impl WatchedPidFile {
    pub(crate) fn new(pid_file: PidFile, events: Events) -> WatchedPidFile {
        let watched = WatchedPidFile { pid_file, events, told: None, untold: 0, looked: false };
        watched.watch();
        watched
    }

    /// Readable when it is to be looked at.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.0.as_ref().ok().map(AsFd::as_fd)
    }

    /// Puts the file back if it has gone. What it returns is for the processes that are started from now
    /// on: the hold of another file. If somebody else has the place meanwhile, this daemon is asked to
    /// quit: of two, the one that can be found stays.
    pub(crate) fn look(&mut self) -> Option<OwnedFd> {
        let first = !std::mem::replace(&mut self.looked, true);
        if !self.has_events(first) && !first {
            return None;
        }
        let mut hold = None;
        let mut names = false;
        for _ in 0..MOST_REMOVALS {
            match self.restore(&mut hold) {
                // It may have been removed again before it was watched.
                Found::Yes => {
                    self.watch();
                    if self.pid_file.is_in_place().unwrap_or(true) {
                        break;
                    }
                }
                // As may what is in its place.
                Found::No if !names => {
                    self.watch_names();
                    names = true;
                }
                Found::No => break,
                Found::Taken => {
                    self.events = Events(Err(Errno::CANCELED));
                    quit::request(quit::Reason::Requested);
                    break;
                }
            }
        }
        hold
    }

    fn restore(&mut self, hold: &mut Option<OwnedFd>) -> Found {
        let path = self.pid_file.path().display().to_string();
        match self.pid_file.restore() {
            Ok(Restored::InPlace) => Found::Yes,
            Ok(Restored::Named) => {
                self.tell(format!("somebody has renamed pid file `{path}`: it has its name again"));
                Found::Yes
            }
            Ok(Restored::Anew) => {
                self.tell(format!("somebody has removed pid file `{path}`: it was made again"));
                *hold = self.pid_file.take_hold();
                Found::Yes
            }
            Err(error @ pidfile::Error::Held { .. }) => {
                self.tell(format!(
                    "somebody has removed pid file `{path}`, and another daemon has the place now: \
                     this one stops: {}",
                    ErrorText::new(&error).chain()
                ));
                Found::Taken
            }
            Err(error) => {
                self.tell(format!(
                    "somebody has removed pid file `{path}`, and it cannot be made again: nobody finds \
                     this daemon, and a second one can be started: {}",
                    ErrorText::new(&error).chain()
                ));
                Found::No
            }
        }
    }

    /// Gives it up: see [`PidFile::release`].
    pub(crate) fn release(self) -> Result<(), pidfile::Error> {
        self.pid_file.release()
    }

    fn has_events(&mut self, first: bool) -> bool {
        let path = self.pid_file.path().display();
        let events = match &self.events.0 {
            Ok(events) => events,
            Err(error) => {
                if first {
                    log::warn!(
                        "pid file `{path}` is not watched, and not put back if removed: {error}"
                    );
                }
                return false;
            }
        };
        // Whatever does not fit is there the next time. That something happened is all that counts.
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        match rustix::io::read(events, &mut buffer) {
            Ok((read, _)) => !read.is_empty(),
            Err(Errno::AGAIN | Errno::INTR) => false,
            Err(error) => {
                log::warn!("pid file `{path}` is not watched any longer: {error}");
                self.events = Events(Err(error));
                false
            }
        }
    }

    fn watch(&self) {
        let Ok(events) = &self.events.0 else { return };
        let path = self.pid_file.path();
        // What is not there cannot be watched; that it is not there is seen by who looks.
        let _ = inotify::add_watch(events, path, OF_FILE);
        let _ = inotify::add_watch(events, folder(path), OF_FOLDER);
    }

    fn watch_names(&self) {
        let Ok(events) = &self.events.0 else { return };
        let _ = inotify::add_watch(events, folder(self.pid_file.path()), OF_FOLDER | OF_NAMES);
    }

    fn tell(&mut self, text: String) {
        let now = Instant::now();
        if self.told.as_ref().is_some_and(|(told, at)| *told == text && now < *at + SPAN) {
            self.untold += 1;
            return;
        }
        match std::mem::take(&mut self.untold) {
            0 => log::error!("{text}"),
            times => log::error!("{text} (and {times} times more, untold)"),
        }
        self.told = Some((text, now));
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
