//! Appending one record to a file that others append to, rotate, remove and are killed over.
//!
//! There is no lock around a record. A record is one `write` to a file opened for appending, which
//! the system does not mix with another. Three things can still go wrong, and one look at the file
//! right *after* the write (size and number of links) tells whether any did:
//!
//! * The file was removed: its link count is zero. The record goes to its successor.
//! * Somebody else wrote, too: the size is not what it was plus our record. If the byte before our
//!   record does not end a line, somebody was killed in the middle of one, and our record is glued to
//!   the rest. Ours is blanked where it is and written again; nothing of the other's is touched.
//! * We wrote less than the record (no space left): that piece is blanked, and the record counts as
//!   not written.
//!
//! So nobody ever waits for anybody, a stopped process holds up no other, and a process that is
//! killed leaves nothing to clean up: killed between write and look, it may leave *its own last*
//! record glued to the rest of another's that was killed in that same moment.

use std::fs::File;
use std::io::{self, IoSlice, Seek, Write};
use std::os::unix::fs::FileExt;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::open::Opened;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is there, on lines of its own.
    Done,
    /// It is nowhere: the file has no name any more.
    Removed,
    /// It is nowhere: it was glued to a cut line, and blanked.
    Glued,
}

/// A file that records are appended to.
#[derive(Debug)]
pub(crate) struct Appender {
    opened: trusted_path::Opened,
    pub(crate) regular: bool,
    readable: bool,
    /// Where our last record ended, if it was the last one then. Not the size: others write, too.
    end: u64,
    /// How large the file was when last seen.
    size: u64,
    /// The file ends in the middle of a line: begin ours with a line end.
    cut: bool,
}

impl Appender {
    pub(crate) fn new(found: Opened) -> Appender {
        let Opened { opened, regular, readable, .. } = found;
        let size = opened.seen().size;
        let mut appender = Appender { opened, regular, readable, end: u64::MAX, size, cut: false };
        appender.cut = regular && appender.ends_inside_a_line(size).unwrap_or(false);
        appender
    }

    /// The file as it was opened, to ask about it.
    pub(crate) fn opened(&self) -> &trusted_path::Opened {
        &self.opened
    }

    fn file(&self) -> &File {
        self.opened.file()
    }

    /// Whether the file still has a name somewhere, so that what is written to it can be found.
    pub(crate) fn has_a_name(&self) -> bool {
        Stat::of(self.file()).is_ok_and(|state| state.links > 0)
    }

    /// Finds out whether somebody left a line without its end. Done now and then, not for each
    /// record: it spares blanking in nearly all cases, and correctness does not depend on it.
    pub(crate) fn look_at_the_end(&mut self) {
        self.cut = false;
        if self.regular
            && let Ok(Stat { size, .. }) = Stat::of(self.file())
        {
            self.size = size;
            self.cut = self.ends_inside_a_line(size).unwrap_or(false);
        }
    }

    /// `size` is how large the file was a moment ago.
    fn ends_inside_a_line(&self, size: u64) -> io::Result<bool> {
        if size == self.end || !self.is_inside_a_line(size) {
            return Ok(false);
        }
        // Somebody was killed here, or a write is in progress: the size grows page by page. An empty
        // write waits until that is over; then the size has changed.
        rustix::io::write(self.file(), &[])?;
        Ok(Stat::of(self.file())?.size == size)
    }

    /// Whether the file was empty when last seen.
    pub(crate) fn was_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether the file, as it was when last seen, is empty or has room for so many more bytes.
    pub(crate) fn has_room(&self, bytes: usize, max_size: u64) -> bool {
        self.was_empty() || self.size.saturating_add(bytes as u64) <= max_size
    }

    /// Appends a record, which ends with a line end.
    pub(crate) fn append(&mut self, record: &[u8]) -> io::Result<Appended> {
        if !self.regular {
            self.file().write_all(record)?;
            return Ok(Appended::Done);
        }
        let total = record.len() + usize::from(self.cut);
        let written = self.write_once(record)?;
        let led = std::mem::take(&mut self.cut);
        if written < total {
            self.take_back(written, led)?;
            // These are the errors that the system would give if the rest were written now.
            return Err(if self.is_at_the_limit() { Errno::FBIG } else { Errno::NOSPC }.into());
        }

        let state = Stat::of(self.file())?;
        self.size = state.size;
        if state.links == 0 {
            return Ok(Appended::Removed);
        }
        if state.size == self.end.wrapping_add(total as u64) {
            self.end = state.size;
            return Ok(Appended::Done);
        }
        // The system moved our position to the end of what *we* wrote.
        self.end = self.file().stream_position()?;
        let start = self.end.saturating_sub(total as u64);
        if led || !self.is_inside_a_line(start) {
            return Ok(Appended::Done);
        }
        self.blank(start, total, true)?;
        Ok(Appended::Glued)
    }

    /// Appends bytes as they are, whatever stands before them. What found room stays, also on failure.
    pub(crate) fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<Appended> {
        self.file().write_all(bytes)?;
        if !self.regular {
            return Ok(Appended::Done);
        }
        let state = Stat::of(self.file())?;
        (self.size, self.end) = (state.size, state.size);
        Ok(if state.links == 0 { Appended::Removed } else { Appended::Done })
    }

    /// One system call, whatever becomes of it.
    fn write_once(&mut self, record: &[u8]) -> io::Result<usize> {
        loop {
            let result = if self.cut {
                self.file().write_vectored(&[IoSlice::new(b"\n"), IoSlice::new(record)])
            } else {
                self.file().write(record)
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                result => return result,
            }
        }
    }

    /// Whether the byte before `position` is there and ends no line.
    fn is_inside_a_line(&self, position: u64) -> bool {
        let mut byte = [b'\n'];
        // What cannot be read, because it was truncated away meanwhile, glues nothing.
        self.readable
            && position > 0
            && self.file().read_at(&mut byte, position - 1).is_ok_and(|read| read == 1)
            && byte != [b'\n']
    }

    /// Whether the file ends where files of this process have to end (`RLIMIT_FSIZE`). It may be a little
    /// longer: others may have added something.
    fn is_at_the_limit(&self) -> bool {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
        limit.is_some_and(|limit| Stat::of(self.file()).is_ok_and(|state| state.size >= limit))
    }

    /// Makes the beginning of a record, which is all that found room, an empty line.
    fn take_back(&mut self, written: usize, led: bool) -> io::Result<()> {
        if written == 0 {
            return Ok(());
        }
        self.end = self.file().stream_position()?;
        let start = self.end.saturating_sub(written as u64);
        self.blank(start, written, led || self.is_inside_a_line(start))
    }

    /// Overwrites bytes of ours with spaces, and the last of them with a line end; the first, too, if
    /// they stand on a line that is not ours.
    fn blank(&mut self, start: u64, length: usize, end_line_first: bool) -> io::Result<()> {
        // The file was truncated meanwhile: writing there would leave a hole.
        if Stat::of(self.file())?.size < start + length as u64 {
            return Ok(());
        }
        let mut blank = vec![b' '; length];
        if let Some(last) = blank.last_mut() {
            *last = b'\n';
        }
        if end_line_first && let Some(first) = blank.first_mut() {
            *first = b'\n';
        }
        // While a file is open for appending, the system writes at the end whatever position is
        // given. Nobody else uses this description: it is ours, and we are asked one by one.
        let flags = rustix::fs::fcntl_getfl(self.file())?;
        rustix::fs::fcntl_setfl(self.file(), flags - OFlags::APPEND)?;
        let written = self.file().write_all_at(&blank, start);
        rustix::fs::fcntl_setfl(self.file(), flags)?;
        written
    }
}

/// What one look at a file tells.
struct Stat {
    size: u64,
    links: u64,
}

impl Stat {
    /// Asks for nothing else: who asks Linux for the *times* of a file makes the next write to it
    /// twice as expensive, because that must leave a time that can be told from the one just seen.
    #[cfg(target_os = "linux")]
    fn of(file: &File) -> io::Result<Stat> {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let wanted = StatxFlags::SIZE | StatxFlags::NLINK;
        match statx(file, c"", AtFlags::EMPTY_PATH, wanted) {
            Ok(seen) => Ok(Stat { size: seen.stx_size, links: seen.stx_nlink.into() }),
            // Forbidden by a sandbox that is older than the call.
            Err(Errno::NOSYS | Errno::PERM) => Stat::of_all(file),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(file: &File) -> io::Result<Stat> {
        Stat::of_all(file)
    }

    // The types of the fields differ from system to system.
    #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, trivial_numeric_casts)]
    fn of_all(file: &File) -> io::Result<Stat> {
        let stat = rustix::fs::fstat(file)?;
        Ok(Stat { size: stat.st_size as u64, links: stat.st_nlink as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open;
    use std::fs::{self, OpenOptions};
    use std::path::PathBuf;

    /// An appender and somebody else with the same file.
    fn both() -> (tempfile::TempDir, PathBuf, Appender, File) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let appender = Appender::new(open::open(&path, trusted_path::Trust::default()).unwrap());
        let other = OpenOptions::new().append(true).open(&path).unwrap();
        (folder, path, appender, other)
    }

    #[test]
    fn a_record_that_is_glued_to_a_cut_line_is_blanked_and_the_cut_line_stays() {
        let (_folder, path, mut appender, mut other) = both();
        assert_eq!(appender.append(b"one\n").unwrap(), Appended::Done);
        other.write_all(b"somebody was kil").unwrap();
        assert_eq!(appender.append(b"two\n").unwrap(), Appended::Glued);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nsomebody was kil\n  \n");
        assert_eq!(appender.append(b"two\n").unwrap(), Appended::Done);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nsomebody was kil\n  \ntwo\n");
    }

    #[test]
    fn whole_records_of_others_are_no_reason() {
        let (_folder, path, mut appender, mut other) = both();
        for _ in 0..3 {
            other.write_all(b"other\n").unwrap();
            assert_eq!(appender.append(b"ours\n").unwrap(), Appended::Done);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "other\nours\n".repeat(3));
    }

    #[test]
    fn a_cut_line_that_was_seen_is_ended_with_the_record() {
        let (_folder, path, mut appender, mut other) = both();
        other.write_all(b"cut").unwrap();
        appender.look_at_the_end();
        assert_eq!(appender.append(b"ours\n").unwrap(), Appended::Done);
        assert_eq!(appender.append(b"ours\n").unwrap(), Appended::Done);
        assert_eq!(fs::read_to_string(&path).unwrap(), "cut\nours\nours\n");
    }

    #[test]
    fn a_removed_file_is_noticed_by_the_record_that_went_there() {
        let (_folder, path, mut appender, _other) = both();
        assert_eq!(appender.append(b"one\n").unwrap(), Appended::Done);
        fs::remove_file(&path).unwrap();
        assert_eq!(appender.append(b"two\n").unwrap(), Appended::Removed);
    }

    #[test]
    fn a_file_truncated_after_the_write_is_left_alone() {
        let (_folder, path, mut appender, mut other) = both();
        other.write_all(b"x").unwrap();
        appender.blank(100, 10, true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "x", "no hole");
    }
}
