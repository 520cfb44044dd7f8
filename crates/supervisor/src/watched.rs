//! The guardian's own pid file, put right if somebody removes or overwrites it.
//!
//! A daemon whose file is gone is found by nobody: a status says that it does not run, a stop has nothing
//! to signal, and a second start finds nothing in its way. Where the file has another number, whoever trusts
//! its text (a script, another supervisor) signals somebody else. Nobody asks us before, so we are told after:
//! inotify(7) tells when the file or its folder loses a name, or the file is written to. Somebody who can
//! only read the file causes none of those events, unless the system lets him give it another name
//! (link(2); proc_sys_fs(5), `protected_hardlinks` 0). Each event costs us a look, of no more than a few
//! system calls.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use exit::ErrorText;
use pidfile::{PidFile, Restored};
use rustix::io::Errno;
use trusted_path::{Place, Trust};

use crate::sys::NameEvents;

/// One kind of thing is logged once in this time: somebody who removes the file in a loop must not fill
/// the log.
const SPAN: Duration = Duration::from_secs(10);

/// Between two looks, once the file had to be put back: this at first, then twice as long each time.
/// After [`SPAN`] in which nothing had to be done it is the first again.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause while the file cannot be put back.
const LAST_PAUSE_OF_MISSING: Duration = Duration::from_secs(5);

/// How often we look who holds our place if he does not show who he is. With the pauses that is some
/// seconds.
const MOST_DOUBTS: u32 = 16;

/// How often the file is put back in one look. One more removal is seen with the next event.
const MOST_REMOVALS: usize = 8;

/// How the file is watched. The system has a limited number of them for each user; without one the pid
/// file is as any other.
///
/// Made before the pid file is taken, so that it has a lower number: of a process that is killed the
/// higher ones are closed first, and an inotify(7) takes milliseconds, in which the file would still be
/// held by a process that is gone.
pub(crate) struct Events(Result<NameEvents, Errno>);

impl Events {
    pub(crate) fn new() -> Events {
        Events(NameEvents::new())
    }
}

/// A pid file that stays where it is, as long as that can be done.
pub(crate) struct WatchedPidFile {
    pid_file: PidFile,
    events: Events,
    told: [Rate; KINDS],
    pause: Duration,
    /// There is no look before this time, however much happens.
    look_at: Option<Instant>,
    /// When something had to be done last.
    busy_at: Option<Instant>,
    doubts: u32,
    /// To look again without an event: whoever has our place may show who he is, or what was in the way
    /// may have gone.
    asks_again: bool,
    /// Why it could not be put back at the last look, if it could not.
    missing: Option<Kind>,
    /// There was a look. The first needs no event, since somebody may have been faster than the first
    /// watch.
    looked: bool,
}

/// What is told, each at its own rate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Corrected,
    Named,
    Anew,
    Unwritten,
    Missing,
    Unseen,
    Doubted,
}

const KINDS: usize = 7;

/// When something of a kind was told last, and how much was not since.
#[derive(Clone, Copy, Default)]
struct Rate {
    at: Option<Instant>,
    untold: u32,
}

/// Whether the file is where it should be, after a look.
enum Found {
    Yes,
    /// Now it is.
    Restored,
    /// Somebody has the place, and does not show (yet) that he is another daemon of ours.
    Doubtful,
    /// Something else is in its place, or there is no place, or nobody can tell.
    No(Kind),
    /// Another daemon has the place.
    Taken,
}

impl WatchedPidFile {
    pub(crate) fn new(pid_file: PidFile, events: Events) -> WatchedPidFile {
        let watched = WatchedPidFile {
            pid_file,
            events,
            told: [Rate::default(); KINDS],
            pause: FIRST_PAUSE,
            look_at: None,
            busy_at: None,
            doubts: 0,
            asks_again: false,
            missing: None,
            looked: false,
        };
        watched.watch();
        watched
    }

    /// Readable when it is to be looked at. None while that is not to be before [`look_at`](Self::look_at).
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.0.as_ref().ok().filter(|_| self.look_at.is_none()).map(AsFd::as_fd)
    }

    /// When to look, whatever happens until then.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Puts the file back if it has gone. If it had to be made anew, returns the hold of the new file,
    /// for the processes that are started from now on. If another daemon has the place meanwhile, this
    /// one is asked to quit: of two, the one that can be found stays.
    pub(crate) fn look(&mut self) -> Option<OwnedFd> {
        let first = !std::mem::replace(&mut self.looked, true);
        let now = Instant::now();
        if self.look_at.is_some_and(|at| now < at) {
            return None;
        }
        self.look_at = None;
        let asks_again = std::mem::take(&mut self.asks_again);
        if !self.has_events(first) && !first && !asks_again {
            return None;
        }
        if self.busy_at.is_some_and(|at| at + SPAN < now) {
            (self.pause, self.busy_at, self.doubts) = (FIRST_PAUSE, None, 0);
        }
        let mut is_busy = false;
        let mut missing = None;
        let mut hold = None;
        let mut names = false;
        for _ in 0..MOST_REMOVALS {
            let found = self.restore(&mut hold);
            is_busy |= !matches!(found, Found::Yes);
            match found {
                // It may have been removed again before it was watched.
                Found::Yes | Found::Restored => {
                    self.watch();
                    if self.pid_file.is_in_place().unwrap_or(true) {
                        break;
                    }
                }
                // What is in its place may have gone before such names were watched: look once more.
                Found::No(_) | Found::Doubtful if !names => {
                    self.watch_names();
                    names = true;
                }
                Found::Doubtful => {
                    self.doubts += 1;
                    self.asks_again = self.doubts < MOST_DOUBTS;
                    break;
                }
                // What is in the way may pass: a disk that is full, a system that is short of something.
                Found::No(why) => {
                    (missing, self.asks_again) = (Some(why), true);
                    break;
                }
                Found::Taken => {
                    self.events = Events(Err(Errno::CANCELED));
                    quit::request(quit::Reason::Requested);
                    return hold;
                }
            }
        }
        if is_busy {
            // Events that come before this time are seen at this time.
            self.look_at = now.checked_add(self.pause).filter(|_| self.events.0.is_ok());
            let last = if missing.is_some() { LAST_PAUSE_OF_MISSING } else { LAST_PAUSE };
            self.pause = (self.pause * 2).min(last);
            self.busy_at = Some(now);
        }
        self.missing = missing;
        hold
    }

    fn restore(&mut self, hold: &mut Option<OwnedFd>) -> Found {
        let path = self.pid_file.path().display().to_string();
        match self.pid_file.restore() {
            Ok(Restored::InPlace) => Found::Yes,
            Ok(Restored::Corrected) => {
                let text =
                    format!("somebody has written to pid file `{path}`: it has our number again");
                self.tell(Kind::Corrected, &text);
                Found::Restored
            }
            Ok(Restored::Named) => {
                let text = format!("somebody has renamed pid file `{path}`: it has its name again");
                self.tell(Kind::Named, &text);
                Found::Restored
            }
            Ok(Restored::Anew) => {
                let text = format!("somebody has removed pid file `{path}`: it was made again");
                self.tell(Kind::Anew, &text);
                *hold = self.pid_file.take_hold();
                Found::Restored
            }
            Err(error @ pidfile::Error::Held { .. }) => {
                let error = ErrorText::new(&error).chain().to_string();
                if let Err(doubt) = is_to_be_yielded_to(self.pid_file.path()) {
                    self.tell(
                        Kind::Doubted,
                        &format!(
                            "somebody has removed pid file `{path}` and holds what is in its place, but \
                             {doubt}: this daemon goes on, and nobody finds it: {error}"
                        ),
                    );
                    return Found::Doubtful;
                }
                log::error!(
                    "somebody has removed pid file `{path}`, and another daemon has the place now: \
                     this one stops: {error}"
                );
                Found::Taken
            }
            Err(error) => {
                let why = ErrorText::new(&error).chain().to_string();
                let (kind, text) = match self.pid_file.is_in_place() {
                    Ok(true) => (
                        Kind::Unwritten,
                        format!(
                            "somebody has written to pid file `{path}`, and its number cannot be put right: {why}"
                        ),
                    ),
                    Ok(false) => (
                        Kind::Missing,
                        format!(
                            "somebody has removed pid file `{path}`, and it cannot be made again: nobody finds \
                             this daemon, and a second one can be started: {why}"
                        ),
                    ),
                    Err(_) => (
                        Kind::Unseen,
                        format!(
                            "something has happened to pid file `{path}`, which cannot be looked at now: {why}"
                        ),
                    ),
                };
                self.tell_once(kind, &text);
                Found::No(kind)
            }
        }
    }

    /// Gives it up: see [`PidFile::release`].
    pub(crate) fn release(self) -> Result<(), pidfile::Error> {
        let released = self.pid_file.release();
        if let Events(Ok(events)) = self.events {
            events.close_beside();
        }
        released
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
        events.take().unwrap_or_else(|error| {
            log::warn!("pid file `{path}` is not watched any longer: {error}");
            self.events = Events(Err(error));
            false
        })
    }

    fn watch(&self) {
        let Ok(events) = &self.events.0 else { return };
        events.watch(self.pid_file.path());
    }

    fn watch_names(&self) {
        let Ok(events) = &self.events.0 else { return };
        events.watch_names_beside(self.pid_file.path());
    }

    /// Tells why the file is not as it should be, unless that was so at the last look, too.
    fn tell_once(&mut self, kind: Kind, text: &str) {
        if self.missing != Some(kind) {
            self.tell(kind, text);
        }
    }

    fn tell(&mut self, kind: Kind, text: &str) {
        let now = Instant::now();
        let told = &mut self.told[kind as usize];
        if told.at.is_some_and(|at| now < at + SPAN) {
            told.untold += 1;
            return;
        }
        match std::mem::take(&mut told.untold) {
            0 => log::error!("{text}"),
            times => log::error!("{text} (and {times} times more like that, untold)"),
        }
        told.at = Some(now);
    }
}

/// Whether the holder of what is in our place is another daemon of ours, by all that can be told; if not,
/// why. Otherwise anybody who can put files there could end this daemon, by a lock of his own or by
/// another daemon's file.
fn is_to_be_yielded_to(path: &Path) -> Result<(), String> {
    let text = |error: &trusted_path::Error| ErrorText::new(error).chain().to_string();
    let place = Place::find(path, Trust::default()).map_err(|error| text(&error))?;
    if !place.keeps_names() {
        return Err("others can exchange what is in its folder".to_owned());
    }
    let seen = place.look().map_err(|error| text(&error))?.ok_or("it has gone")?;
    if let Some(fault) = place.fault_to_write(&seen) {
        return Err(fault.to_string());
    }
    match pidfile::try_holder(path) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it is free again".to_owned()),
        Err(error) => Err(ErrorText::new(&error).chain().to_string()),
    }
}
