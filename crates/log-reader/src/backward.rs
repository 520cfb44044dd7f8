//! Where the last lines of a file begin, found from its end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use crate::time;

/// So much is read at a time.
const BLOCK: usize = 64 << 10;

/// Where the last lines of a file begin, and how many there are: `most`, or all.
///
/// Of the first `end` bytes, so that what is appended meanwhile does not count. A last line without an end counts.
///
/// # Errors
///
/// What the system says; `UnexpectedEof` if the file has become shorter.
pub(crate) fn start_of_last(file: &File, end: u64, most: u64) -> io::Result<(u64, u64)> {
    start_in_blocks(file, end, most, BLOCK)
}

fn start_in_blocks(file: &File, end: u64, most: u64, block: usize) -> io::Result<(u64, u64)> {
    if end == 0 || most == 0 {
        return Ok((end, 0));
    }
    let mut buffer = vec![0; usize::try_from(end).map_or(block, |end| end.min(block))];
    // The end of the last line begins no other.
    let (mut position, mut count) = (end - 1, 0);
    while 0 < position {
        let length = usize::try_from(position).map_or(buffer.len(), |p| p.min(buffer.len()));
        position -= length as u64;
        file.read_exact_at(&mut buffer[..length], position)?;
        let ends = (0..length).rev().filter(|at| buffer[*at] == b'\n');
        for at in ends {
            count += 1;
            if count == most {
                return Ok((position + at as u64 + 1, count));
            }
        }
    }
    Ok((0, count + 1))
}

/// The time of the record to which lines from `start` on belong that have none: that of the nearest line above with
/// one, if that is not too far.
pub(crate) fn time_above(file: &File, start: u64) -> io::Result<Option<SystemTime>> {
    let from = start.saturating_sub(BLOCK as u64);
    let mut block = vec![0; usize::try_from(start - from).unwrap_or(BLOCK)];
    file.read_exact_at(&mut block, from)?;
    let mut lines: Vec<&[u8]> = block.split(|byte| *byte == b'\n').collect();
    // The first may be the rest of a line.
    if 0 < from {
        lines.remove(0);
    }
    Ok(lines.into_iter().rev().find_map(time::of_line))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn file(text: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file
    }

    proptest! {
        /// Case: CC-68
        #[test]
        fn reading_backwards_finds_what_reading_all_finds(
            text in prop::collection::vec(prop::sample::select(&b"ab\n"[..]), 0..40),
            most in 0_u64..12,
            block in 1_usize..9,
        ) {
            let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
            let count = lines.len().min(most as usize);
            let start: usize = lines[..lines.len() - count].iter().map(|line| line.len()).sum();
            let found = start_in_blocks(&file(&text), text.len() as u64, most, block).unwrap();
            prop_assert_eq!(found, (start as u64, count as u64));
        }
    }

    #[test]
    fn of_a_huge_file_only_the_end_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"first\n").unwrap();
        // Blocks that were never written take no room, and would take minutes to read.
        let end = 1 << 40;
        file.set_len(end).unwrap();
        file.write_at(b"\none\ntwo\n", end).unwrap();
        assert_eq!(start_of_last(&file, end + 9, 2).unwrap(), (end + 1, 2));
    }

    #[test]
    fn a_file_that_has_become_shorter_is_an_error() {
        let error = start_of_last(&file(b"one\ntwo\n"), 100, 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
