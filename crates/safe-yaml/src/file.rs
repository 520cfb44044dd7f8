//! A file of somebody else, read within bounds: a path may lead to anything.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::size::MAX;

/// How long who writes to a pipe may take for all of it: the other end of a shell's `<(command)`, as a
/// rule.
const LIMIT: Duration = Duration::from_secs(30);

/// Reads a configuration file, unless it is larger than [`MAX`]: a path can lead to anything.
///
/// A pipe is read to its end, as behind `/dev/stdin` or a shell's `<(command)`, if that comes within 30
/// seconds: one that nobody writes to has none (fifo(7)).
///
/// # Errors
///
/// The file cannot be read, is not UTF-8, is too large, or a pipe that does not end in time.
pub fn read_file(path: impl AsRef<Path>) -> io::Result<String> {
    read_within(LIMIT, path.as_ref())
}

fn read_within(limit: Duration, path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let most = MAX as u64;
    Input::open(limit, path)?.take(most + 1).read_to_string(&mut text)?;
    if MAX < text.len() {
        let larger = format!("it is larger than {} MiB", MAX >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, larger));
    }
    Ok(text)
}

struct Input {
    file: File,
    /// Of a pipe.
    until: Option<(Instant, Duration)>,
}

impl Input {
    fn open(limit: Duration, path: &Path) -> io::Result<Input> {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file = match File::options().read(true).custom_flags(flags).open(path) {
            // Somebody has a lease (fcntl(2)), which the kernel takes from him in time.
            Err(error) if error.kind() == ErrorKind::WouldBlock => File::open(path)?,
            opened => opened?,
        };
        let kind = file.metadata()?.file_type();
        if kind.is_fifo() {
            let until = Instant::now().checked_add(limit).map(|until| (until, limit));
            return Ok(Input { file, until });
        }
        if kind.is_file() {
            return Ok(Input { file, until: None });
        }
        // A terminal waits for who types.
        let without = rustix::fs::fcntl_getfl(&file)? - OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(&file, without)?;
        Ok(Input { file, until: None })
    }

    fn wait(&self) -> io::Result<()> {
        let Some((until, limit)) = self.until else { return Ok(()) };
        if waiter::readable(&[self.file.as_fd()], Some(until))? {
            return Ok(());
        }
        let text = format!("it is a pipe that did not end within {limit:?}");
        Err(io::Error::new(ErrorKind::TimedOut, text))
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match self.file.read(into) {
                // Somebody else reads from the same pipe.
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.until.is_some() => (),
                read => return read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_path_can_lead_to_something_without_end() {
        let error = read_file("/dev/zero").unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 64 MiB");
    }

    /// Case: FLT-E7
    #[test]
    fn a_pipe_is_waited_for_no_longer_than_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("l.yaml");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &fifo,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let brief = Duration::from_millis(20);
        let error = read_within(brief, &fifo).unwrap_err();
        assert_eq!(error.to_string(), "it is a pipe that did not end within 20ms");
        // Of one that is written to there has to be an end, too.
        let mut writer = File::options().read(true).write(true).open(&fifo).unwrap();
        writer.write_all(b"level: INFO").unwrap();
        assert_eq!(read_within(brief, &fifo).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_pipe_is_read_to_its_end() {
        let (reader, mut writer) = pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let read = std::thread::spawn(move || read_file(path).unwrap());
        writer.write_all(b"level: ").unwrap();
        writer.write_all(b"INFO").unwrap();
        drop(writer);
        assert_eq!(read.join().unwrap(), "level: INFO");
        drop(reader);
    }
}
