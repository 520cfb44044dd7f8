//! Signals while the view is open, beside whatever handlers the application has.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::low_level::{pipe, unregister};

/// Those that end the view.
const ENDING: [i32; 4] = [SIGTERM, SIGHUP, SIGINT, SIGQUIT];

/// Which have come. Dropping it takes the view's part of the handlers away.
pub(crate) struct Signals {
    came: Vec<(i32, Arc<AtomicBool>)>,
    ids: Vec<SigId>,
}

impl Signals {
    /// Each that comes rings the bell. Those that are ignored, as SIGHUP below nohup(1), stay so.
    pub(crate) fn register(bell: &UnixStream) -> io::Result<Signals> {
        let ignored = ignored();
        let mut signals = Signals { came: Vec::new(), ids: Vec::new() };
        for signal in ENDING.into_iter().chain([SIGTSTP, SIGCONT, SIGWINCH]) {
            if ignored >> (signal - 1) & 1 == 1 {
                continue;
            }
            let came = Arc::new(AtomicBool::new(false));
            signals.ids.push(signal_hook::flag::register(signal, Arc::clone(&came))?);
            // Whoever hears the bell finds the flag set: actions run in this order.
            signals.ids.push(pipe::register(signal, bell.try_clone()?)?);
            signals.came.push((signal, came));
        }
        Ok(signals)
    }

    /// Whether it has come since the last time this was asked.
    fn take(&self, signal: i32) -> bool {
        let taken = |(known, came): &(i32, Arc<AtomicBool>)| {
            *known == signal && came.swap(false, Ordering::SeqCst)
        };
        self.came.iter().any(taken)
    }

    /// One by which the view ends.
    pub(crate) fn ending(&self) -> Option<i32> {
        ENDING.into_iter().find(|signal| self.take(*signal))
    }

    pub(crate) fn resized(&self) -> bool {
        self.take(SIGWINCH)
    }

    pub(crate) fn asked_to_stop(&self) -> bool {
        self.take(SIGTSTP)
    }

    pub(crate) fn continued(&self) -> bool {
        self.take(SIGCONT)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            unregister(id);
        }
    }
}

/// The signals that this process ignores, as bits (proc(5)). Without `/proc` there are none.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
