//! The number in a pid file, read strictly: anything that is not exactly one is no number.

use std::os::fd::BorrowedFd;

use rustix::io::{Errno, pread, retry_on_intr};

/// More than the longest number with its newline, so that a longer file is seen to be longer.
const ENOUGH: usize = 32;

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

/// Reads a bounded piece from the start, whatever the size of the file.
pub(crate) fn read(file: BorrowedFd<'_>) -> Result<Option<u32>, Errno> {
    let mut piece = [0; ENOUGH];
    let mut filled = 0;
    while filled < ENOUGH {
        match retry_on_intr(|| pread(file, &mut piece[filled..], filled as u64))? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(parse(&piece[..filled]))
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
