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
use std::thread::JoinHandle;

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
pub(crate) struct Compressor(Option<JoinHandle<io::Result<()>>>);

impl Compressor {
    /// Compresses what was put aside from `log`, unless that is being done. What went wrong the last
    /// time is told.
    pub(crate) fn start(&mut self, log: &Place) -> io::Result<()> {
        if self.0.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(());
        }
        let last = self.0.take().map_or(Ok(()), |ended| ended.join().unwrap_or(Ok(())));
        let log = log.clone();
        let compress = move || compress_all(&log);
        self.0 = Some(helper_thread::spawn("compress-logs", STACK, compress)?);
        last
    }

    /// The same, if there is anything to do: what others have left who did not live long enough.
    pub(crate) fn take_up(&mut self, log: &Place) -> io::Result<()> {
        let listing = folder::list(&folder::open(log)?, log, None)?;
        let left = !listing.parts.is_empty() || listing.names.iter().any(|name| !name.compressed);
        if left { self.start(log) } else { Ok(()) }
    }
}

/// Compresses every old file that nobody has open. Says the first thing that went wrong.
fn compress_all(log: &Place) -> io::Result<()> {
    let mut listing = folder::list(&folder::open(log)?, log, None)?;
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
    folder::list(&folder::open(log)?, log, None)?.remove_leftovers(log);
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
            // Somebody was killed before he could remove the original.
            original.remove_this(source.identity())?;
            return Ok(None);
        }
        match compress_to(log, &goal, &name.compressed(), &source)? {
            Made::Whole(size) => {
                settle(&original, &source, &place, size)?;
                return Ok(Some(goal));
            }
            // A name that is nobody's yet, after all there are of this stamp.
            Made::Nothing => {
                let of_stamp = listing.names.iter().filter(|other| other.stamp == goal.stamp);
                let last = of_stamp.chain([&goal]).max().unwrap_or(&goal).clone();
                goal = last.successor().compressed();
            }
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "all names for the compressed file are taken"))
}

/// Of the original and what was made from its first `size` bytes one goes: the original, unless a writer who
/// had no lock has added something. And if the original was removed meanwhile, as too old, the other one is
/// too old as well.
fn settle(original: &Place, source: &Opened, compressed: &Place, size: u64) -> io::Result<()> {
    let is_all = source.file().metadata()?.len() == size;
    match is_all && original.remove_this(source.identity())? {
        true => Ok(()),
        false => folder::remove_ours(compressed),
    }
}

enum Made {
    /// From so many bytes.
    Whole(u64),
    /// The name is taken.
    Nothing,
}

/// Until it is whole, it has a name of the original's, whatever its own will be: who has the lock on the
/// original is the only one at it.
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
    // Of somebody who was killed.
    let _ = folder::remove_ours(&part);
    let Some(target) = part.create(Access::Append, 0o600)? else { return Ok(Made::Nothing) };
    target.inherit(source);
    let made = write_compressed(source.file(), target.file())
        .and_then(|size| Ok((size, part.rename(&goal.file_name(log.name()))?)));
    match made {
        // It may have been another's that was renamed: the original stays. Where a file has a number for each
        // of its names, as some FUSE file systems have it, what is in it tells.
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

/// The file, if it is ours and nobody else has it. Held alone until it is closed.
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
        // Unless it was renamed or compressed before we had it.
        Ok(()) => Ok(place.leads_to(source.identity()).then_some(source)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many bytes that were.
fn write_compressed(mut source: &File, target: &File) -> io::Result<u64> {
    source.rewind()?;
    let mut encoder = GzEncoder::new(target, Compression::default());
    let size = io::copy(&mut source, &mut encoder)?;
    // The original goes next: if the power does, too, this must be on the disk.
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

/// What cannot be read is not the same.
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
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::path::Path;

    use flate2::read::GzDecoder;
    use trusted_path::Trust;

    use super::*;
    use crate::open;

    fn bed(names: &[&str]) -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), format!("contents of {name}\n")).unwrap();
        }
        let log = Place::find(&folder.path().join("app.log"), Trust::default()).unwrap();
        (folder, log)
    }

    fn names(folder: &tempfile::TempDir) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn unpacked(path: &Path) -> String {
        let mut text = String::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn old_files_of_ours_are_compressed_and_nothing_else() {
        let (folder, log) =
            bed(&["app.log", "app.log.2026-11-21", "app.log.2026-11-21.0001", "app.log.1"]);
        compress_all(&log).unwrap();
        assert_eq!(
            names(&folder),
            ["app.log", "app.log.1", "app.log.2026-11-21.0001.gz", "app.log.2026-11-21.gz"]
        );
        assert_eq!(
            unpacked(&folder.path().join("app.log.2026-11-21.gz")),
            "contents of app.log.2026-11-21\n"
        );
    }

    #[test]
    fn a_file_that_somebody_still_writes_to_waits() {
        let (folder, log) = bed(&["app.log.2026-11-21"]);
        let old = folder.path().join("app.log.2026-11-21");
        let writer = open::open(&old, Trust::default()).unwrap();
        compress_all(&log).unwrap();
        assert_eq!(names(&folder), ["app.log.2026-11-21"]);
        drop(writer);
        compress_all(&log).unwrap();
        assert_eq!(names(&folder), ["app.log.2026-11-21.gz"]);
    }

    /// Rotation goes on meanwhile, and counts what it sees.
    #[test]
    fn what_was_removed_while_it_was_compressed_does_not_come_back() {
        for (removed, added) in [(false, false), (true, false), (false, true)] {
            let (folder, log) = bed(&["app.log.2026-11-21"]);
            let name = Name::parse("app.log".as_ref(), "app.log.2026-11-21".as_ref()).unwrap();
            let original = folder::place(&log, &name).unwrap();
            let source = open_alone(&original).unwrap().unwrap();
            let size = source.file().metadata().unwrap().len();
            let goal = name.compressed();
            assert!(matches!(compress_to(&log, &goal, &goal, &source), Ok(Made::Whole(_))));
            let path = folder.path().join("app.log.2026-11-21");
            if removed {
                fs::remove_file(&path).unwrap();
            }
            if added {
                fs::write(&path, "longer than what was compressed\n").unwrap();
            }
            settle(&original, &source, &folder::place(&log, &goal).unwrap(), size).unwrap();
            let left: &[&str] = match (removed, added) {
                (false, false) => &["app.log.2026-11-21.gz"],
                (true, _) => &[],
                (false, true) => &["app.log.2026-11-21"],
            };
            assert_eq!(names(&folder), left, "removed: {removed}, added: {added}");
        }
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Case: FLT-J2
    #[test]
    fn what_a_killed_one_left_is_finished_or_removed() {
        let (folder, log) = bed(&[
            "app.log.2026-11-20",
            "app.log.2026-11-21",
            "app.log.2026-11-21.gz.part",
            "app.log.2026-11-19.gz.part",
            "app.log.mine.gz.part",
        ]);
        let whole = packed("contents of app.log.2026-11-20\n");
        fs::write(folder.path().join("app.log.2026-11-20.gz"), whole).unwrap();
        compress_all(&log).unwrap();
        assert_eq!(
            names(&folder),
            ["app.log.2026-11-20.gz", "app.log.2026-11-21.gz", "app.log.mine.gz.part"]
        );
        assert_eq!(
            unpacked(&folder.path().join("app.log.2026-11-21.gz")),
            "contents of app.log.2026-11-21\n"
        );
    }

    /// Whoever it belongs to: a name proves nothing.
    ///
    /// Case: FLT-A5
    #[test]
    fn a_name_that_is_taken_by_something_else_costs_no_file() {
        // No archive; that of another file; that of a part of this file; a folder; a link.
        let others: [&dyn Fn(&Path); 5] = [
            &|path| fs::write(path, "mine").unwrap(),
            &|path| fs::write(path, packed("mine")).unwrap(),
            &|path| fs::write(path, packed("contents of app.log.2026")).unwrap(),
            &|path| fs::create_dir(path).unwrap(),
            &|path| std::os::unix::fs::symlink("/nowhere/at-all", path).unwrap(),
        ];
        for other in others {
            for taken in ["app.log.2026-11-21.gz", "app.log.2026-11-21.gz.part"] {
                let (folder, log) = bed(&["app.log.2026-11-21", "app.log.2026-11-21.0001"]);
                other(&folder.path().join(taken));
                let kind = |name: &str| {
                    folder.path().join(name).symlink_metadata().map(|it| (it.file_type(), it.len()))
                };
                let before = kind(taken).unwrap();
                compress_all(&log).unwrap();
                let mut names = names(&folder);
                names.retain(|name| name.ends_with(".gz") && *name != taken);
                let mut texts: Vec<String> =
                    names.iter().map(|name| unpacked(&folder.path().join(name))).collect();
                texts.sort();
                let mut expected =
                    ["contents of app.log.2026-11-21.0001\n", "contents of app.log.2026-11-21\n"];
                expected.sort();
                assert_eq!(texts, expected, "{taken}: {names:?}");
                // What is half done has a name of its own: a file there is ours, from who was killed.
                if taken.ends_with(".gz") || !before.0.is_file() {
                    assert_eq!(kind(taken).unwrap(), before, "it stays as it is");
                }
            }
        }
    }

    /// Both find the names for what they make taken, and so the same next one.
    ///
    /// Case: FLT-A5
    #[test]
    fn two_at_once_lose_neither_of_two_files() {
        for round in 0..20u64 {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            let mut state = 12345 + round;
            // Hard to compress, so that it takes its time.
            let mut bytes = || {
                let mut next = || {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state as u8
                };
                (0..1 << 18).map(|_| next()).collect::<Vec<u8>>()
            };
            let contents = [bytes(), bytes()];
            for (content, name) in
                contents.iter().zip(["app.log.2026-11-21", "app.log.2026-11-21.0001"])
            {
                fs::write(path(name), content).unwrap();
                fs::create_dir(path(&format!("{name}.gz"))).unwrap();
            }
            let log = Place::find(&path("app.log"), Trust::default()).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| compress_all(&log));
                }
            });
            let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let found: Vec<Vec<u8>> = files
                .filter(|file| file.is_file())
                .map(|file| {
                    let raw = fs::read(&file).unwrap();
                    let mut plain = Vec::new();
                    match MultiGzDecoder::new(&raw[..]).read_to_end(&mut plain) {
                        Ok(_) => plain,
                        Err(_) => raw,
                    }
                })
                .collect();
            assert!(contents.iter().all(|content| found.contains(content)), "in round {round}");
        }
    }
}
