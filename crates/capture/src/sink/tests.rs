//! Where pieces end, and what a file that takes nothing costs.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;

use log_file::{Precision, Time};
use rustix::fs::{FileType, Mode, OFlags};

use super::writer::split;
use super::*;
use crate::prefix::Pattern;

#[test]
fn pieces_end_where_lines_end() {
    let cases: [(&[u8], bool, &[u8]); 6] = [
        (b"abc", true, b"abc"),
        (b"a\nbcdefg\n", true, b"a\n"),
        (b"abcdefghi\nj\n", true, b"abcdefghi\n"),
        (b"abcdefghi\nj\n", false, b"abcd"),
        (b"abc\ndef", false, b"abc\n"),
        (b"abc\n\n", true, b"abc\n"),
    ];
    for (bytes, lines, first) in cases {
        let (piece, rest) = split(bytes, 4, lines);
        assert_eq!(piece, first, "{bytes:?}");
        assert_eq!([piece, rest].concat(), bytes);
    }
}

/// A fifo whose reader has stopped reading, and a child that crashes again and again, each time with
/// its pipe full.
///
/// Case: FLT-E6
#[test]
fn what_ended_runs_leave_for_a_file_that_takes_nothing_is_bounded_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .unwrap();
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let reader = File::options().read(true).custom_flags(flags).open(&path).unwrap();
    let capture = Capture::file(&path);
    let sink = Sink::open(&capture, Arc::new(Changes::new().unwrap())).unwrap();
    let pattern = Pattern::parse("{name} ").unwrap();
    let prefix = Arc::new(Prefix::new(pattern, Time::Utc, Precision::Seconds, "red"));
    let account = sink.account(&capture, "red", prefix);

    let run = vec![b'\n'; PIECE];
    let runs = 200;
    for _ in 0..runs {
        sink.push(account, &run, run.len() as u64, true);
    }
    let queued = sink.queue().accounts[account].queued;
    assert!(queued <= (1 << 20) + LAST_WORDS, "{queued}");
    let lost = sink.lost(account).bytes;
    // What the fifo holds may have been written already.
    let kept = (runs * PIECE) as u64 - lost;
    assert!(kept <= ((1 << 20) + LAST_WORDS + 2 * PIECE) as u64 && kept > 1 << 20, "{kept}");
    // The writer's thread gets its error, and ends.
    sink.close();
    drop(reader);
}
