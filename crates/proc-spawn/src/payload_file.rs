//! A payload that is longer than a packet: in a file without a name, sealed and sent as a descriptor.
//!
//! Whoever starts a child must not wait for it to read (a child that is stopped, or held up by the
//! constructor of a library, reads nothing), and a socket has room for little (unix(7), `SO_SNDBUF`). A
//! file takes everything at once, belongs to those who have it open, and goes with the last of them. Its
//! seals keep it as it was sent.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use crate::sys::sealed::is_sealed;
pub(crate) use crate::sys::sealed::write;

/// The most that a payload may be: it is as large as the arguments that our own parent was given.
pub(crate) const LONGEST_PAYLOAD: usize = 1 << 30;

/// What is said of it beside its descriptor: its length.
pub(crate) fn head(payload: &[u8]) -> [u8; 8] {
    (payload.len() as u64).to_le_bytes()
}

/// What is in a file that was sent with this head.
///
/// # Errors
///
/// There is none, or it is not as we send them (`InvalidData`). Any other file, such as a pipe or one on
/// somebody's disk, could keep us waiting, or be another with each look.
pub(crate) fn read(file: Option<OwnedFd>, head: &[u8]) -> io::Result<Vec<u8>> {
    let wrong = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let said = <[u8; 8]>::try_from(head).map(u64::from_le_bytes);
    let (Some(file), Ok(said)) = (file.map(File::from), said) else {
        return Err(wrong("a payload's file or its length is missing".to_owned()));
    };
    let most = LONGEST_PAYLOAD as u64;
    if said > most {
        return Err(wrong(format!("a payload of {said} bytes; {most} are allowed")));
    }
    if !is_sealed(&file) {
        return Err(wrong("a payload's file is not sealed".to_owned()));
    }
    let length = file.metadata()?.len();
    if length != said {
        return Err(wrong(format!("a payload of {said} bytes in a file of {length}")));
    }
    let mut payload = vec![0; usize::try_from(said).map_err(io::Error::other)?];
    // Read at a place of our own: the file's position is shared with the sender.
    file.read_exact_at(&mut payload, 0)?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_was_written_is_read_and_stays_so() {
        let sent = write(b"payload").unwrap();
        let copy = || Some(sent.try_clone().unwrap());
        assert_eq!(read(copy(), &head(b"payload")).unwrap(), b"payload");
        let mut open = File::from(sent.as_fd().try_clone_to_owned().unwrap());
        assert!(open.write_all(b"other").is_err());
        assert!(open.set_len(3).is_err());
        assert_eq!(read(copy(), &head(b"payload")).unwrap(), b"payload", "again");
    }

    /// Case: FLT-B5
    #[test]
    fn what_nobody_of_ours_sends_is_refused() {
        let error = |file: Option<OwnedFd>, head: &[u8]| read(file, head).unwrap_err().to_string();
        let sealed = || Some(write(b"payload").unwrap());
        let missing = "a payload's file or its length is missing";
        assert_eq!(error(None, &head(b"payload")), missing);
        assert_eq!(error(sealed(), b"short"), missing);
        let other = "a payload of 3 bytes in a file of 7";
        assert_eq!(error(sealed(), &head(b"pay")), other);
        let long = "a payload of 18446744073709551615 bytes; 1073741824 are allowed";
        assert_eq!(error(sealed(), &[255; 8]), long);
        let on_disk = tempfile::tempfile().unwrap().into();
        let (pipe, _writer) = io::pipe().unwrap();
        for file in [on_disk, pipe.into()] {
            assert_eq!(error(Some(file), &head(b"")), "a payload's file is not sealed");
        }
    }
}
