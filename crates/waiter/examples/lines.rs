//! Reads lines for as long as one comes within ten seconds: `lines`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    let input = io::stdin();
    while waiter::readable(&[input.as_fd()], Some(Instant::now() + Duration::from_secs(10)))? {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        print!("{line}");
    }
    println!("nothing for ten seconds");
    Ok(())
}
