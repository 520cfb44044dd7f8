//! `quit` beside other things: a program that waits for work and for being asked to stop at once.

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::time::Duration;

use crossbeam_channel::{select, tick};

fn main() -> Result<(), quit::Error> {
    quit::install()?;
    let quit = quit::receiver()?; // Ready from the quit on, for every thread that waits.
    let work = tick(Duration::from_millis(100));
    let mut done = 0;
    loop {
        select! {
            recv(work) -> _ => {
                done += 1;
                println!("piece of work {done}");
            }
            recv(quit) -> _ => break,
        }
    }
    println!("asked to quit");
    Ok(())
}
