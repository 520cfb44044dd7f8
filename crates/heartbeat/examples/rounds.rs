//! Two ends in one process: who beats is not found silent, who hangs is: `rounds`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]
#![expect(clippy::disallowed_methods, reason = "a sleep that is none of ours is work here")]

use std::io;
use std::thread::sleep;
use std::time::Duration;

use heartbeat::{Limits, Timer};

fn main() -> io::Result<()> {
    let limits = Limits::new(Duration::from_millis(400));
    let timer = Timer::new()?;
    heartbeat::begin(timer.share()?, limits, || ());
    for _ in 0..10 {
        heartbeat::alive();
        sleep(Duration::from_millis(60));
    }
    println!("after rounds: {} silences", timer.silences());
    sleep(Duration::from_millis(350));
    println!("after a long one: {} silences", timer.silences());
    let rest = heartbeat::rest();
    sleep(Duration::from_millis(350));
    println!("after a rest: {} silences", timer.silences());
    drop(rest);
    Ok(())
}
