//! Compressing files that were put aside, when nobody writes to them any more.
//!
//! Every writer holds a shared lock on the file it writes to for as long as it has it open. Whoever
//! gets the exclusive lock on a file that was put aside is therefore alone with it, now and for ever:
//! its name leads nowhere that writers look. If the lock is refused, somebody has not noticed the
//! rotation yet, an idle process perhaps; the file is compressed after a later rotation.
//!
//! The compressed file appears whole, under a name that nothing had. For a moment both are there; if we are
//! killed in it, or before, the next process that rotates or opens the log takes up what is left.

use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use trusted_path::{Access, Opened, Place};

use crate::folder::{self, Listing};
use crate::names::Name;

/// So many names for the compressed file are tried, if others have taken them.
const ATTEMPTS: usize = 8;
const STACK: usize = 2 << 20;

/// Compresses in a thread of its own, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Compressor(Arc<Mutex<Work>>);

#[derive(Debug, Default)]
struct Work {
    is_running: bool,
    /// Something was put aside since the thread has listed what there is.
    again: bool,
    /// What went wrong, and was not told yet.
    problem: Option<io::Error>,
}

/// Held by the thread, so that it counts as ended also when it panics.
struct Running(Arc<Mutex<Work>>);

impl Running {
    /// Whether there is more to do; if there is not, it has ended.
    fn goes_on(&self, done: io::Result<()>) -> bool {
        let mut work = lock(&self.0);
        work.problem = done.err().or(work.problem.take());
        work.is_running = std::mem::take(&mut work.again);
        work.is_running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut work = lock(&self.0);
            let problem = io::Error::other("the thread that compresses has panicked");
            (work.is_running, work.problem) = (false, Some(problem));
        }
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Compressor {
    /// Compresses what was put aside from `log`, in the thread; if that runs already, it looks once more
    /// when it is done.
    ///
    /// # Errors
    ///
    /// No thread can be had. What goes wrong in it is a [problem](Compressor::problem).
    pub(crate) fn start(&mut self, log: &Place) -> io::Result<()> {
        let mut work = lock(&self.0);
        if work.is_running {
            work.again = true;
            return Ok(());
        }
        (work.is_running, work.again) = (true, false);
        drop(work);
        let running = Running(Arc::clone(&self.0));
        let log = log.clone();
        let compress = move || while running.goes_on(compress_all(&log)) {};
        let spawned = helper_thread::spawn("compress-logs", STACK, compress);
        if spawned.is_err() {
            lock(&self.0).is_running = false;
        }
        spawned.map(drop)
    }

    /// What has gone wrong since the last call.
    pub(crate) fn problem(&mut self) -> Option<io::Error> {
        lock(&self.0).problem.take()
    }

    /// [Starts](Compressor::start) if there is anything to do: what processes have left that did not live
    /// long enough.
    pub(crate) fn take_up(&mut self, log: &Place) -> io::Result<()> {
        let listing = folder::list(&folder::open(log)?, log)?;
        let left = !listing.parts.is_empty() || listing.names.iter().any(|name| !name.compressed);
        if left { self.start(log) } else { Ok(()) }
    }
}

/// Compresses every old file that nobody has open. Says the first thing that went wrong.
fn compress_all(log: &Place) -> io::Result<()> {
    let mut listing = folder::list(&folder::open(log)?, log)?;
    let mut result = Ok(());
    let originals = listing.names.iter().filter(|name| !name.compressed).cloned();
    for name in originals.collect::<Vec<_>>() {
        match compress(log, &name, &listing) {
            Ok(None) => (),
            Ok(Some(compressed)) => {
                listing.names.insert(compressed);
            }
            // Removed meanwhile, as too old.
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            Err(error) => result = result.and(Err(error)),
        }
    }
    folder::list(&folder::open(log)?, log)?.remove_leftovers(log);
    result
}

/// Says what the compressed file is called, if one was made.
fn compress(log: &Place, name: &Name, listing: &Listing) -> io::Result<Option<Name>> {
    let original = folder::place(log, name)?;
    let Some(source) = open_alone(&original)? else { return Ok(None) };
    let mut goal = name.compressed();
    for _ in 0..ATTEMPTS {
        let place = folder::place(log, &goal)?;
        if is_whole_already(&place, &source)? {
            // A compressor was killed before it could remove the original.
            original.remove_this(source.identity())?;
            return Ok(None);
        }
        match compress_to(log, &goal, &name.compressed(), &source)? {
            Made::Whole(size) => {
                settle(&original, &source, (&place, goal == name.compressed()), size)?;
                return Ok(Some(goal));
            }
            // The name is taken: go on with one after all that there are of this stamp.
            Made::Nothing => {
                let of_stamp = listing.names.iter().filter(|other| other.stamp == goal.stamp);
                let last = of_stamp.chain([&goal]).max().unwrap_or(&goal).clone();
                goal = last.successor().compressed();
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "all names for the compressed file are taken"))
}

/// Removes one of the two: the original, or the file that was made from its first `size` bytes. The
/// original goes, unless a writer who had no lock has added something. If the original was removed
/// meanwhile, as too old, the compressed file goes, too, if it has the original's own name: whoever has
/// removed the original took the two for one. Under another name it was counted by itself, and stays.
fn settle(
    original: &Place,
    source: &Opened,
    (compressed, is_own_name): (&Place, bool),
    size: u64,
) -> io::Result<()> {
    let is_all = source.file().metadata()?.len() == size;
    if is_all && (original.remove_this(source.identity())? || !is_own_name) {
        return Ok(());
    }
    folder::remove_ours(compressed)
}

enum Made {
    /// From so many bytes.
    Whole(u64),
    /// The name is taken.
    Nothing,
}

/// Compresses `source` to `goal`. Until the file is whole, its name is made from the original's, whatever
/// its own will be: whoever has the lock on the original is the only one to write there.
fn compress_to(log: &Place, goal: &Name, own: &Name, source: &Opened) -> io::Result<Made> {
    let place = folder::place(log, goal)?;
    if place.look()?.is_some() {
        return Ok(Made::Nothing);
    }
    let mut part = folder::part(log, own)?;
    if part.look()?.is_some() && folder::ours(&part).is_none() {
        // Somebody else has taken that name.
        part = folder::part(log, goal)?;
    }
    // What a compressor has left that was killed.
    let _ = folder::remove_ours(&part);
    let Some(target) = part.create(Access::Append, 0o600)? else { return Ok(Made::Nothing) };
    target.inherit(source);
    let made = write_compressed(source.file(), target.file())
        .and_then(|size| Ok((size, part.rename(&goal.file_name(log.name()))?)));
    match made {
        // What was renamed may have been another's file: then the original stays. Where a file has a
        // number for each of its names, as on some FUSE file systems, the number does not tell, but the
        // content does.
        Ok((_, true))
            if !place.leads_to(target.identity()) && !is_whole_already(&place, source)? =>
        {
            Ok(Made::Nothing)
        }
        Ok((size, true)) => Ok(Made::Whole(size)),
        unmade => {
            let _ = part.remove_this(target.identity());
            unmade.map(|_| Made::Nothing)
        }
    }
}

/// Opens the file, if it is ours and nobody else has it open. Its lock is held alone until it is closed.
fn open_alone(place: &Place) -> io::Result<Option<Opened>> {
    if folder::ours(place).is_none() {
        return Ok(None);
    }
    let source = place.open(Access::Read)?;
    // In a folder that a group shares somebody may have put his own there since.
    if !source.is_ours() {
        return Ok(None);
    }
    match rustix::fs::flock(source.file(), FlockOperation::NonBlockingLockExclusive) {
        // The file may have been renamed or compressed before we had its lock.
        Ok(()) => Ok(place.leads_to(source.identity()).then_some(source)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes `source` to `target`, compressed. Gives back how many bytes it was of.
fn write_compressed(mut source: &File, target: &File) -> io::Result<u64> {
    source.rewind()?;
    let mut encoder = GzEncoder::new(target, Compression::default());
    let size = io::copy(&mut source, &mut encoder)?;
    // The original is removed next: this must be on the disk by then, should the power fail.
    encoder.finish()?.sync_all()?;
    Ok(size)
}

/// Whether what stands there is a file of ours that contains all of `source`. A name says nothing: it may
/// be a stranger's, or of another file.
fn is_whole_already(place: &Place, source: &Opened) -> io::Result<bool> {
    if folder::ours(place).is_none() {
        return Ok(false);
    }
    let compressed = place.open(Access::Read)?;
    if !compressed.is_ours() {
        return Ok(false);
    }
    let mut file = source.file();
    file.rewind()?;
    let mut unpacked = BufReader::new(MultiGzDecoder::new(BufReader::new(compressed.file())));
    Ok(same(&mut unpacked, &mut BufReader::new(file)))
}

/// Whether both have the same content. What cannot be read has not.
fn same(one: &mut impl io::BufRead, other: &mut impl io::BufRead) -> bool {
    loop {
        let (Ok(left), Ok(right)) = (one.fill_buf(), other.fill_buf()) else { return false };
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return false;
        }
        if length == 0 {
            return left.len() == right.len();
        }
        one.consume(length);
        other.consume(length);
    }
}

#[cfg(test)]
mod tests;
