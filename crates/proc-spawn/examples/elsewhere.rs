//! Runs one of its own functions in other processes: some fine, one that panics, one that is slow.

#![expect(clippy::print_stdout, reason = "a program that people start")]

use std::error::Error;
use std::time::Duration;

use proc_spawn::{Call, Spawn, entries};

fn divide((dividend, divisor): (i32, i32)) -> Result<(), String> {
    let quotient = dividend.checked_div(divisor).ok_or("that cannot be divided")?;
    assert!(quotient < 100, "{quotient} is more than was thought of");
    Ok(())
}

fn never_ends() {
    loop {
        std::thread::park();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    proc_spawn::init(entries![divide, never_ends]);

    for pair in [(84, 2), (1, 0), (5000, 2)] {
        let exit = Spawn::new(Call::new(divide, pair))?.spawn()?.wait()?;
        println!("{} / {}: the child {exit}", pair.0, pair.1);
    }

    let mut child = Spawn::new(Call::new(never_ends, ()))?.spawn()?;
    child.wait_until_ready(Duration::from_secs(10))?;
    child.kill()?;
    println!("one that never ends: the child {}", child.wait()?);
    Ok(())
}
