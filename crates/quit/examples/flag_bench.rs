//! What does it cost to ask? Prints nanoseconds per call; shows that asking is no system call.
//!
//! `cargo run --release -p quit --example flag_bench`. Under `strace -c` the count of system calls
//! does not depend on the number of rounds: `flag_bench 1` and `flag_bench 1000` make the same.

#![expect(clippy::print_stdout, reason = "its output is the measurement")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

const CALLS: u32 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(100), |word| word.parse::<u32>())?.max(1);
    quit::install()?;
    let own = quit::QuitToken::new()?;
    let child = own.child()?;
    print("an empty loop", rounds, || false);
    print("quit_requested()", rounds, quit::quit_requested);
    print("own token", rounds, || own.requested());
    print("its child", rounds, || child.requested());
    Ok(())
}

/// The best round counts: whatever made others slower was not the call.
fn print(what: &str, rounds: u32, ask: impl Fn() -> bool) {
    let best = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box(ask());
            }
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{what:>17}: {:.2} ns", best.as_secs_f64() * 1e9 / f64::from(CALLS));
}
