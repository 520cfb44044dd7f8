//! Ctrl-C, for commands that have something to say or to finish before they end.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use signal_hook::low_level::{pipe, unregister};

use crate::code;

/// Ctrl-C is noticed. A second one ends the process at once.
///
/// Dropping it has Ctrl-C seen by nobody: a handler that was there stays (sigaction(2) is not put back by
/// `signal-hook`). The command has little left to do then.
#[derive(Debug)]
pub(crate) struct Interrupt {
    came: Arc<AtomicBool>,
    registered: Vec<SigId>,
}

impl Interrupt {
    /// What it rings gets a byte. Below nohup, where Ctrl-C is ignored, it stays so.
    pub(crate) fn notice(ring: &UnixStream) -> io::Result<Interrupt> {
        let mut interrupt = Interrupt { came: Arc::default(), registered: Vec::new() };
        if is_ignored(SIGINT) {
            return Ok(interrupt);
        }
        let code = i32::from(code::INTERRUPTED);
        let came = || Arc::clone(&interrupt.came);
        // In this order: what has come before ends the process, before this one counts as come.
        let registered = [
            flag::register_conditional_shutdown(SIGINT, code, came()),
            flag::register(SIGINT, came()),
            ring.try_clone().and_then(|ring| pipe::register(SIGINT, ring)),
        ];
        interrupt.registered = registered.into_iter().collect::<io::Result<_>>()?;
        Ok(interrupt)
    }

    /// Whether it came.
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.registered.drain(..).for_each(|id| {
            unregister(id);
        });
    }
}

/// Whether this process was started with the signal ignored (proc(5)). Without `/proc` it counts as not.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
