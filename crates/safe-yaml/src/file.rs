//! A file of somebody else, read within bounds: a path may lead to anything.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::size::MAX;

/// How long the writer of a pipe may take until its end; as a rule it is the command in a shell's
/// `<(command)`.
const LIMIT: Duration = Duration::from_secs(30);

/// Reads a configuration file, unless it is larger than [`MAX`]: a path can lead to anything.
///
/// A pipe, as behind `/dev/stdin` or a shell's `<(command)`, is read to its end, which has to come within
/// 30 seconds: a FIFO that nobody opens for writing never comes to one (fifo(7)).
///
/// # Errors
///
/// The file cannot be read, is not UTF-8, is too large, or is a pipe that does not end in time.
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
    /// For a pipe: until when it is read, and the limit that this was made of, for the error.
    until: Option<(Instant, Duration)>,
}

impl Input {
    fn open(limit: Duration, path: &Path) -> io::Result<Input> {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let file = match File::options().read(true).custom_flags(flags).open(path) {
            // Somebody has a lease on the file (fcntl(2)). The kernel takes it from him in time, for
            // which this open waits.
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
        // Reading anything else may wait, as a terminal does for somebody who types.
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
                // Another reader of the same pipe has taken what was there.
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
        // A pipe that is written to must come to its end in time, too.
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
