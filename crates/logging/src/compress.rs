//! Compressing files that were put aside, when nobody writes to them any more.
//!
//! Every writer holds a shared lock on the file it writes to for as long as it has it open. Whoever
//! gets the exclusive lock on a file that was put aside is therefore alone with it, now and for ever:
//! its name leads nowhere that writers look. If the lock is refused, somebody has not noticed the
//! rotation yet, an idle process perhaps; the file is compressed after a later rotation.
//!
//! The compressed file appears whole. For a moment both are there; if we are killed in it, until the next
//! rotation.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::names::{Name, PART};
use crate::open;
use crate::rotate;

/// Compresses in a thread of its own, one at a time.
#[derive(Debug, Default)]
pub(crate) struct Compressor(Option<JoinHandle<io::Result<()>>>);

impl Compressor {
    /// Compresses what was put aside from `log`, unless that is being done. What went wrong the last
    /// time is told.
    pub(crate) fn start(&mut self, log: &Path) -> io::Result<()> {
        if self.0.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(());
        }
        let last = self.0.take().map_or(Ok(()), |ended| ended.join().unwrap_or(Ok(())));
        let log = log.to_owned();
        let thread = std::thread::Builder::new().name("compress-logs".to_owned());
        self.0 = Some(thread.spawn(move || compress_all(&log))?);
        last
    }
}

/// Compresses every old file that nobody has open. Says the first thing that went wrong.
fn compress_all(path: &Path) -> io::Result<()> {
    let Some(log) = path.file_name() else { return Ok(()) };
    let folder = open::folder_of(path);
    let mut result = Ok(());
    for name in rotate::list(folder, log)?.into_iter().filter(|name| !name.compressed) {
        match compress(folder, log, &name) {
            // Removed meanwhile, as too old.
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            this => result = result.and(this),
        }
    }
    remove_leftovers(folder, log)?;
    result
}

fn compress(folder: &Path, log: &OsStr, name: &Name) -> io::Result<()> {
    let path = folder.join(name.file_name(log));
    let mut source = open_alone(&path)?;
    let Some(source) = &mut source else { return Ok(()) };
    let compressed = Name { compressed: true, ..name.clone() };
    let goal = folder.join(compressed.file_name(log));
    if !goal.exists() {
        let part = folder.join(part_of(&compressed.file_name(log)));
        // Of somebody who was killed: we have the lock, so nobody else is at it.
        let _ = fs::remove_file(&part);
        let written = write_compressed(source, &part)
            .and_then(|()| rotate::rename_without_replacing(&part, &goal));
        if let Err(error) = written {
            let _ = fs::remove_file(&part);
            return Err(error);
        }
    }
    // Or somebody was killed between this line and the one before.
    fs::remove_file(&path)
}

/// The file, if nobody else has it. Held alone until it is closed.
fn open_alone(path: &Path) -> io::Result<Option<File>> {
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nofollow.try_into().unwrap_or_default())
        .open(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write_compressed(source: &mut File, part: &Path) -> io::Result<()> {
    let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    rotate::inherit(source, &target);
    let mut encoder = GzEncoder::new(target, Compression::default());
    io::copy(source, &mut encoder)?;
    // The original goes next: if the power does, too, this must be on the disk.
    encoder.finish()?.sync_all()
}

fn part_of(name: &OsStr) -> OsString {
    let mut part = name.to_owned();
    part.push(PART);
    part
}

/// What a killed compressor left behind of a file that is gone by now.
fn remove_leftovers(folder: &Path, log: &OsStr) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(name) = Name::parse_part(log, &entry.file_name()) {
            let original = Name { compressed: false, ..name };
            if !folder.join(original.file_name(log)).exists() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn bed(names: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), format!("contents of {name}\n")).unwrap();
        }
        let log = folder.path().join("app.log");
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
        let writer = open::open(&old).unwrap();
        compress_all(&log).unwrap();
        assert_eq!(names(&folder), ["app.log.2026-11-21"]);
        drop(writer);
        compress_all(&log).unwrap();
        assert_eq!(names(&folder), ["app.log.2026-11-21.gz"]);
    }

    #[test]
    fn what_a_killed_one_left_is_finished_or_removed() {
        let (folder, log) = bed(&[
            "app.log.2026-11-20.gz",
            "app.log.2026-11-20",
            "app.log.2026-11-21",
            "app.log.2026-11-21.gz.part",
            "app.log.2026-11-19.gz.part",
            "app.log.mine.gz.part",
        ]);
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
}
