//! How long after SIGTERM does the last of many sleeping threads run? Prints the times.
//!
//! `cargo run --release -p quit --example wake_bench [THREADS]`, 100 threads unless told.

#![expect(clippy::print_stdout, reason = "its output is the measurement")]

use std::error::Error;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(100), |word| word.parse::<usize>())?.max(1);
    quit::install()?;
    // The end of a thread costs more than its waking, and would be paid by those still to wake.
    let all_woken = Arc::new(Barrier::new(threads));
    let sleepers: Vec<_> = (0..threads)
        .map(|_| {
            let all_woken = Arc::clone(&all_woken);
            thread::spawn(move || {
                quit::sleep(Duration::from_secs(3600));
                let woken = Instant::now();
                all_woken.wait();
                woken
            })
        })
        .collect();
    // Long enough for all of them to fall asleep; no quit can end it, since nobody asked yet.
    quit::sleep(Duration::from_millis(500));

    let sent = Instant::now();
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM)?;
    let mut woken = Vec::with_capacity(threads);
    for sleeper in sleepers {
        woken.push(sleeper.join().map_err(|_| "a sleeper panicked")?.duration_since(sent));
    }
    woken.sort();
    println!("{threads} threads slept; after SIGTERM");
    println!("  the first ran after {:>9.1?}", woken[0]);
    println!("  half had run after  {:>9.1?}", woken[threads / 2]);
    println!("  the last ran after  {:>9.1?}", woken[threads - 1]);
    Ok(())
}
