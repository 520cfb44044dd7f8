//! Processes that have nothing to do with any of it, and come and go so fast that every number is
//! soon another's. None of them may ever see a signal.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use fastrand::Rng;

/// How many there are at a time.
const COUNT: u64 = 24;

/// What they have seen.
#[derive(Default)]
pub(crate) struct Bystanders {
    lived: AtomicU64,
    hit: Mutex<Vec<String>>,
}

impl Bystanders {
    /// They go on until this process ends.
    pub(crate) fn new() -> Arc<Bystanders> {
        let bystanders = Arc::new(Bystanders::default());
        for number in 0..COUNT {
            let seen = Arc::clone(&bystanders);
            thread::spawn(move || seen.live(Rng::with_seed(number)));
        }
        bystanders
    }

    fn live(&self, mut random: Rng) {
        loop {
            let seconds = 0.1 + random.usize(..300) as f64 / 1000.0;
            let mut command = Command::new("sleep");
            command.arg(seconds.to_string()).stdin(Stdio::null());
            // None can be had during a storm.
            let Ok(mut child) = command.spawn() else {
                thread::park_timeout(Duration::from_millis(5));
                continue;
            };
            let pid = child.id();
            if let Some(signal) = child.wait().ok().and_then(|status| status.signal()) {
                self.hit().push(format!("bystander {pid} was hit by signal {signal}"));
            }
            self.lived.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hit(&self) -> MutexGuard<'_, Vec<String>> {
        self.hit.lock().expect("no thread panics while it holds this")
    }

    /// Those that were hit since the last time somebody asked.
    pub(crate) fn take_hit(&self) -> Vec<String> {
        std::mem::take(&mut self.hit())
    }

    pub(crate) fn lived(&self) -> u64 {
        self.lived.load(Ordering::Relaxed)
    }
}
