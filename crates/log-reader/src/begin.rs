//! Where the last lines of a source begin, on into the files that were put aside.

use std::io;
use std::time::{Instant, SystemTime};

use crate::backward;
use crate::discover::{ATTEMPTS, Look, OpenedAside, Scene, is_shortage, open_aside};
use crate::open;
use crate::source::Source;
use crate::tail::{self, Tail};
use crate::trail::{Start, Trail};

/// So many files of a source are read, the youngest.
const MOST_FILES: usize = 100;
/// So many of them are open at a time. These may be renamed, compressed and added to at any moment; older ones are
/// opened when their turn comes.
const MOST_OPEN: usize = 8;

/// What of a source is read first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// So many of the last lines; `u64::MAX` for all.
    pub(crate) lines: u64,
    /// None of files that were put aside and are older.
    pub(crate) since: Option<SystemTime>,
}

/// A source, and what there is of it to read first.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// It knows how many lines were counted; where all were wanted, none was.
    pub(crate) trail: Trail,
    /// Of when the first lines are if they have no time.
    pub(crate) lead: Option<SystemTime>,
    /// When the file was last written to: of when all lines are if none has a time.
    pub(crate) written: Option<SystemTime>,
}

/// What was found in the files of a source.
#[derive(Debug, Default)]
struct Found {
    lead: Option<SystemTime>,
    written: Option<SystemTime>,
}

/// Finds the last lines of a source. What cannot be read is a problem of the trail's, which goes on without.
pub(crate) fn begin(source: Source, wanted: Wanted, now: Instant) -> Beginning {
    let mut trail = Trail::new(source);
    for attempt in 0..ATTEMPTS {
        let scene = match trail.look(attempt + 1 == ATTEMPTS) {
            Ok(Look::Scene(scene)) => scene,
            Ok(Look::NoFolder) => return Beginning { trail, lead: None, written: None },
            Ok(Look::Moved) => continue,
            Err(error) => {
                trail.complain(&error);
                break;
            }
        };
        match take(&mut trail, scene, wanted, now) {
            Ok(Some(Found { lead, written })) => return Beginning { trail, lead, written },
            // A file has gone, or became shorter: look anew.
            Ok(None) => (),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => (),
            Err(error) => {
                trail.complain(&error);
                break;
            }
        }
        trail.files.clear();
    }
    // Whatever hinders us may be over when it is followed: then with what is added from here on.
    trail.files.clear();
    trail.start = Some(Start(open::size_at(&trail.source.path)));
    Beginning { trail, lead: None, written: None }
}

/// Takes the files with the last lines, each from where they begin to where it ends now. None: one has gone.
fn take(
    trail: &mut Trail,
    scene: Scene,
    wanted: Wanted,
    now: Instant,
) -> io::Result<Option<Found>> {
    let Scene { place, current, asides } = scene;
    let (mut left, mut found) = (wanted.lines, Found::default());
    if let Some(opened) = current {
        let size = open::state(&opened)?.size;
        found.written = opened.file.metadata()?.modified().ok();
        let (start, count) = last_lines(&opened, size, left)?;
        left -= count;
        found.lead = lead(&opened, start, count)?;
        trail.mark = Some(opened.identity);
        trail.files.push_front(Tail::counted(opened, (start, size), count, now)?);
    }
    for (key, aside) in asides.iter().rev() {
        if left == 0 {
            break;
        }
        if MOST_FILES <= trail.files.len() {
            trail.problems.say(format!(
                "{}: only the youngest {MOST_FILES} files are read",
                safe_text::escaped(&trail.source.name)
            ));
            break;
        }
        let OpenedAside { opened, is_packed } =
            match open_aside(&place, key, aside, trail.source.of) {
                Ok(Some(opened)) => opened,
                Ok(None) => return Ok(None),
                // Lines of older ones would follow a gap.
                Err(error) if is_shortage(&error) => {
                    trail.complain(&error);
                    break;
                }
                // Nobody can read it, and others can be read.
                Err(error) => {
                    trail.complain(&error);
                    continue;
                }
            };
        if wanted.since.is_some_and(|since| is_older(&opened, is_packed, since)) {
            break;
        }
        let identity = opened.identity;
        let mut tail = if is_packed {
            match packed_tail(opened, left, now) {
                Ok((tail, count)) => {
                    left -= count;
                    tail
                }
                Err(error) => {
                    trail.complain(&error);
                    continue;
                }
            }
        } else {
            let size = open::state(&opened)?.size;
            let (start, count) = last_lines(&opened, size, left)?;
            left -= count;
            found.lead = lead(&opened, start, count)?;
            Tail::counted(opened, (start, size), count, now)?
        };
        trail.mark = trail.mark.or(Some(identity));
        if MOST_OPEN <= trail.files.len() {
            tail.close(key.clone());
        }
        trail.files.push_front(tail);
    }
    trail.known = asides;
    Ok(Some(found))
}

/// Where the first line wanted is in the middle of a record, the record's time is above it.
fn lead(opened: &open::Opened, start: u64, lines: u64) -> io::Result<Option<SystemTime>> {
    if lines == 0 { Ok(None) } else { backward::time_above(&opened.file, start) }
}

/// Whether it was made before, or if that is not known, because it was compressed or the system does not tell, was last
/// written to before.
fn is_older(opened: &open::Opened, is_packed: bool, than: SystemTime) -> bool {
    let Ok(found) = opened.file.metadata() else { return true };
    let made = if is_packed { None } else { found.created().ok() };
    made.or(found.modified().ok()).is_none_or(|made| made < than)
}

/// Where the last lines begin, and how many. If all are wanted none is counted.
fn last_lines(opened: &open::Opened, size: u64, lines: u64) -> io::Result<(u64, u64)> {
    match lines {
        u64::MAX => Ok((0, 0)),
        lines => backward::start_of_last(&opened.file, size, lines),
    }
}

fn packed_tail(opened: open::Opened, lines: u64, now: Instant) -> io::Result<(Tail, u64)> {
    if lines == u64::MAX {
        return Ok((Tail::packed(opened, 0, 0, now)?, 0));
    }
    let all = tail::count_packed(&opened.file)?;
    let count = all.min(lines);
    Ok((Tail::packed(opened, all - count, count, now)?, count))
}
