//! Files are opened anew again and again, whatever the logger of the application does.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use surroundings::reopen::reopen_beside;

/// Tells of each record, and panics at it.
struct Panics(Mutex<Sender<String>>);

impl log::Log for Panics {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // The lock is let go of before the panic, which would poison it.
        let tells = self.0.lock().expect("nobody panics with it");
        let _ = tells.send(record.args().to_string());
        drop(tells);
        panic!("a logger");
    }

    fn flush(&self) {}
}

/// After such a panic nothing was opened anew any more, for as long as the process lived.
#[test]
fn a_logger_that_panics_keeps_nobody_from_opening_files_anew() {
    let (tells, told) = channel();
    log::set_boxed_logger(Box::new(Panics(Mutex::new(tells)))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for _ in 0..3 {
        // A thread that has not come to its end yet takes the request with it.
        let again = || {
            reopen_beside();
            told.recv_timeout(Duration::from_millis(50)).ok()
        };
        let record = (0..1_000).find_map(|_| again());
        assert_eq!(record.as_deref(), Some("opening files anew"));
    }
}
