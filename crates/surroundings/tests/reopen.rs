//! Files are opened anew again and again, whatever the logger of the application does.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use surroundings::reopen::{ReopenListener, reopen_beside};

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
    let listener = ReopenListener::new().unwrap();
    for _ in 0..3 {
        reopen_beside();
        let limit = Instant::now() + Duration::from_secs(30);
        assert!(waiter::readable(&[listener.descriptor()], Some(limit)).unwrap());
        listener.hear();
        let said = told.recv_timeout(Duration::from_secs(30));
        assert_eq!(said.as_deref(), Ok("files were opened anew"));
    }
}
