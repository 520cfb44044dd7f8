//! The end of a recorder, as the log tells of it.

use std::sync::Mutex;
use std::time::Duration;

use capture::{Capture, Recorder};

static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listens;

impl log::Log for Listens {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        SAID.lock().expect("nobody panics with it").push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// With no time left, "0 bytes of output still wait" was said of each file, as an error.
#[test]
fn what_has_nothing_to_write_loses_nothing() {
    log::set_logger(&Listens).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start().unwrap();
    let recordings = ["one", "two"]
        .map(|name| recorder.record(&Capture::file(folder.path().join(name)), name).unwrap());
    drop(recordings);
    recorder.finish(Some(Duration::ZERO));
    assert_eq!(*SAID.lock().unwrap(), [""; 0]);
}
