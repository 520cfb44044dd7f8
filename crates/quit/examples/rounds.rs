//! A program that works in rounds, as most services do.
//!
//! Run it, then press Ctrl-C or send SIGTERM: it finishes its round and goes. Press twice to see it
//! end at once.

#![expect(clippy::print_stdout, reason = "it is a program for a person at a terminal")]

use std::time::Duration;

use quit::{Reason, Slept};

fn main() -> Result<(), quit::Error> {
    quit::install()?;
    println!("process {}: stop me with Ctrl-C or `kill`", std::process::id());
    for round in 1.. {
        println!("round {round}");
        work()?;
        if quit::sleep(Duration::from_secs(5)) == Slept::Quit {
            break;
        }
    }
    println!("asked to quit: {}", quit::reason().unwrap_or(Reason::Requested));
    Ok(())
}

/// A part with a limit of its own, which also ends when the whole process is asked to quit.
fn work() -> Result<(), quit::Error> {
    let part = quit::QuitToken::process().child()?;
    std::thread::scope(|scope| {
        let helper = scope.spawn(|| {
            while !part.requested() {
                part.sleep(Duration::from_millis(100));
            }
        });
        quit::sleep(Duration::from_millis(300));
        part.request(Reason::Scale);
        // Joined by the scope if this fails.
        let _ = helper.join();
    });
    Ok(())
}
