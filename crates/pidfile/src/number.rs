//! The number in a pid file, read strictly: anything that is not exactly one is no number.

use std::os::fd::BorrowedFd;

use rustix::fs::ftruncate;
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

/// More than the longest number with its newline, so that a longer file is seen to be longer.
const ENOUGH: usize = 32;
/// The length of the longest number that we write, with its newline: 2147483647.
const LONGEST: usize = 11;

/// Decimal digits without sign, blank or leading zero, then at most one newline; the kernel's own
/// pids are positive `i32`s.
pub(crate) fn parse(content: &[u8]) -> Option<u32> {
    let digits = content.strip_suffix(b"\n").unwrap_or(content);
    if !digits.iter().all(u8::is_ascii_digit) || digits.first().is_none_or(|first| *first == b'0') {
        return None;
    }
    let number: i32 = str::from_utf8(digits).ok()?.parse().ok()?;
    u32::try_from(number).ok()
}

/// Whether this is all that a pid file can contain, ours or another program's: nothing, or one number
/// and at most one line end. The number need not be one that a process can have.
///
/// Zeros are what a file system shows whose power went before the content was written, but after the
/// length was.
fn is_pid_file(content: &[u8]) -> bool {
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    content.len() < ENOUGH
        && (digits.iter().all(u8::is_ascii_digit) && (line.is_empty() || !digits.is_empty())
            || content.len() <= LONGEST && content.iter().all(|byte| *byte == 0))
}

/// What a file begins with, made readable, if it is not a pid file.
pub(crate) fn what_else(file: BorrowedFd<'_>) -> Result<Option<String>, Errno> {
    let (piece, filled) = beginning(file)?;
    let content = &piece[..filled];
    Ok((!is_pid_file(content)).then(|| content.escape_ascii().to_string()))
}

/// Reads a bounded piece from the start, whatever the size of the file.
pub(crate) fn read(file: BorrowedFd<'_>) -> Result<Option<u32>, Errno> {
    let (piece, filled) = beginning(file)?;
    Ok(parse(&piece[..filled]))
}

/// What a pid file of ours contains.
pub(crate) fn line(pid: u32) -> String {
    format!("{pid}\n")
}

/// Whether the file contains this and nothing else.
pub(crate) fn is_all(file: BorrowedFd<'_>, line: &str) -> Result<bool, Errno> {
    let (piece, filled) = beginning(file)?;
    Ok(&piece[..filled] == line.as_bytes())
}

/// Writes this to the beginning of a file, which has nothing yet.
pub(crate) fn write(file: BorrowedFd<'_>, line: &str) -> Result<(), Errno> {
    match retry_on_intr(|| pwrite(file, line.as_bytes(), 0))? {
        count if count == line.len() => Ok(()),
        _ => Err(Errno::NOSPC),
    }
}

/// Makes this the content of the file, whatever it was. It is written first and cut then, so that a reader
/// finds the number at any time, if with something behind it.
pub(crate) fn replace(file: BorrowedFd<'_>, line: &str) -> Result<(), Errno> {
    write(file, line)?;
    retry_on_intr(|| ftruncate(file, line.len() as u64))
}

fn beginning(file: BorrowedFd<'_>) -> Result<([u8; ENOUGH], usize), Errno> {
    let mut piece = [0; ENOUGH];
    let mut filled = 0;
    while filled < ENOUGH {
        match retry_on_intr(|| pread(file, &mut piece[filled..], filled as u64))? {
            0 => break,
            count => filled += count,
        }
    }
    Ok((piece, filled))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cases: PID-07, PID-08, PID-09
    #[test]
    fn only_exact_numbers_are_numbers() {
        let table: &[(&[u8], Option<u32>)] = &[
            (b"1\n", Some(1)),
            (b"1", Some(1)),
            (b"4194304\n", Some(4_194_304)),
            (b"2147483647\n", Some(2_147_483_647)),
            (b"", None),
            (b"\n", None),
            (b"0\n", None),
            (b"007\n", None),
            (b"-1\n", None),
            (b"+1\n", None),
            (b"12 34\n", None),
            (b" 12\n", None),
            (b"12\n\n", None),
            (b"12\r\n", None),
            (b"12\n34\n", None),
            (b"abc", None),
            (b"1\0", None),
            (b"\xff\xfe", None),
            ("٣".as_bytes(), None),
            (b"2147483648\n", None),
            (b"4294967297\n", None),
            (b"99999999999\n", None),
            (&[b'1'; ENOUGH], None),
        ];
        for (content, expected) in table {
            assert_eq!(parse(content), *expected, "{:?}", content.escape_ascii().to_string());
        }
    }

    /// Case: FLT-C1
    #[test]
    fn only_nothing_or_one_number_can_be_a_pid_file() {
        let pid_files: &[&[u8]] = &[
            b"",
            b"\n",
            b"\r\n",
            b"1",
            b"1\n",
            b"1\r\n",
            b"0\n",
            b"007\n",
            b"-1\n",
            b"99999999999\n",
            b"\0\0\0\0\0\0",
        ];
        for content in pid_files {
            assert!(is_pid_file(content), "{:?}", content.escape_ascii().to_string());
        }
        let others: &[&[u8]] = &[
            b"a",
            b"1a",
            b" ",
            b" 1",
            b"1 ",
            b"1 2\n",
            b"1\n2\n",
            b"1\n\n",
            b"-",
            b"-\n",
            b"--1\n",
            b"+1\n",
            b"1.5\n",
            b"0x10\n",
            b"1\0",
            b"\xff",
            b"pid: 1\n",
            &[0; LONGEST + 1],
            &[b'1'; ENOUGH],
        ];
        for content in others {
            assert!(!is_pid_file(content), "{:?}", content.escape_ascii().to_string());
        }
    }

    proptest! {
        #[test]
        fn no_content_panics_and_a_number_reads_back(content: Vec<u8>) {
            if let Some(number) = parse(&content) {
                let (bare, line) = (number.to_string(), format!("{number}\n"));
                prop_assert!(content == bare.as_bytes() || content == line.as_bytes());
            }
        }

        #[test]
        fn every_pid_is_read_back(pid in 1..=i32::MAX as u32) {
            prop_assert_eq!(parse(format!("{pid}\n").as_bytes()), Some(pid));
        }
    }
}
