//! The reader of pid files: whatever stands in one that nobody holds, it is stale, no number in it
//! becomes a process, and the number that is told is the one that stands there.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use pidfile::{Probe, holder, probe, wait_free};

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder can be made"));
static PATH: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("my.pid"));

fuzz_target!(|content: &[u8]| {
    std::fs::write(&*PATH, content).expect("a file can be written");
    let Ok(Probe::Stale { number }) = probe(&*PATH) else { panic!("it is not stale") };
    let text = content.strip_suffix(b"\n").unwrap_or(content);
    match number {
        Some(number) => {
            assert_eq!(text, number.to_string().as_bytes());
            assert!((1..=i32::MAX as u32).contains(&number));
        }
        // What a person would read as a number of a process is one.
        None => {
            let plain = str::from_utf8(text).ok().and_then(|text| text.parse::<i32>().ok());
            let exact = plain.filter(|number| 0 < *number && number.to_string().as_bytes() == text);
            assert_eq!(exact, None);
        }
    }
    assert!(matches!(holder(&*PATH), Ok(None)));
    assert!(matches!(wait_free(&*PATH, Some(Duration::ZERO), None), Ok(true)));
    assert_eq!(std::fs::read(&*PATH).ok().as_deref(), Some(content), "asking has changed it");
});
