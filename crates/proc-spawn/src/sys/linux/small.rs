//! A file in /proc, read at once.

use std::fs::File;
use std::io::{self, Read};

/// /proc does not tell a file's length before it is read, so std would feel its way from 32 bytes on. A
/// read that does not fill the room has all of the rest.
pub(super) fn read_small(path: &str) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 8 * 1024];
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(read) if read < bytes.len() - length => {
                bytes.truncate(length + read);
                return String::from_utf8(bytes).map_err(io::Error::other);
            }
            Ok(read) => {
                length += read;
                bytes.resize(2 * length, 0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
}
