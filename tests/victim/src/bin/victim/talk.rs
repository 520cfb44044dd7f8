//! A child that says to its parent whatever there is to say, as often and as long as it can.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use appkit::{Slept, slot};

use crate::records;
use crate::settings::Settings;

/// As soon as a file of this name is among the records, nobody talks any more.
const QUIET: &str = "quiet";

/// Between two records in a log that is to be rotated.
const NEXT_RECORD: Duration = Duration::from_millis(100);

/// How many runs end with a last word.
const LAST_WORDS: u64 = 3;

/// Begins to talk, if that is wanted of the one who calls; goes on in a thread.
pub(crate) fn begin(settings: &Settings, wanted: bool) {
    let what = settings.talk;
    if !wanted || what == 0 || is_quiet() || (what == 6 && !is_captured()) {
        return;
    }
    if what == 4 {
        if appkit::current().incarnation <= LAST_WORDS {
            // The word is for the parent: as output it would fill the disk of whoever attacks. One
            // that may open nothing, since the round has taken its descriptors, says it not at all.
            let Ok(null) = File::options().write(true).open("/dev/null") else { return };
            if rustix::stdio::dup2_stderr(null).is_err() {
                return;
            }
            panic!("a last word: {}", "x".repeat(1 << 20));
        }
        return;
    }
    let _ = thread::Builder::new().spawn(move || {
        let mut number: u64 = 0;
        while !is_quiet() {
            // Between two looks at the file.
            for _ in 0..200 {
                number += 1;
                let said = say(what, number);
                if !said {
                    // Nobody hears it, or there is no room: not ours to wait for in a faster way.
                    thread::park_timeout(Duration::from_millis(1));
                }
            }
        }
    });
}

/// Writes to the log several times what it may hold, and goes on with a record now and then: it is
/// rotated when something is written.
pub(crate) fn fill_log(size: u64) {
    if size == 0 {
        return;
    }
    // Whose log is a pipe that nobody reads waits: not the entry, which has other things to do.
    let _ = thread::Builder::new().spawn(move || {
        for number in 0..size / 8 {
            log::info!("record {number}");
        }
        while appkit::sleep(NEXT_RECORD) == Slept::Elapsed {
            log::info!("one more record");
        }
    });
}

fn say(what: u64, number: u64) -> bool {
    match what {
        1 => appkit::tell_status(&format!("{number} {}", "x".repeat(2000))).is_ok(),
        2 => appkit::extend_timeout(Duration::from_millis(number % 1000)).is_ok(),
        3 => appkit::ready().is_ok(),
        5 => (1..=3).all(|what| say(what, number)),
        7 => {
            // None of them is there; each list is another one.
            let paths = (0..200).map(|file| PathBuf::from(format!("/nowhere/{number}/{file}.pid")));
            let paths: Vec<PathBuf> = paths.collect();
            slot::leave_pid_files(paths.iter().map(PathBuf::as_path)).is_ok()
        }
        _ => writeln!(std::io::stdout(), "{number} {}", "x".repeat(200)).is_ok(),
    }
}

/// Whether our output is our parent's to keep. Another's goes to the disk of who attacks.
fn is_captured() -> bool {
    let number = appkit::current().name.strip_prefix('w').and_then(|number| number.parse().ok());
    number.is_some_and(crate::captures)
}

fn is_quiet() -> bool {
    records().join(QUIET).exists()
}
