//! `proc-spawn` alone: functions of this program, each in a process of its own, and how they end.

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;

use proc_spawn::{Call, Spawn, Stdio, entries};

fn well(number: u32) {
    println!("got {number}");
}

fn badly() -> Result<(), String> {
    Err("no luck".into())
}

fn surprised() {
    panic!("nobody expected this");
}

fn abruptly() {
    std::process::abort();
}

fn try_it(name: &str, call: Call) -> Result<(), Box<dyn Error>> {
    let exit = Spawn::new(call)?.stdout(Stdio::Inherit).spawn()?.wait()?;
    println!("{name}: {exit}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    proc_spawn::init(entries![well, badly, surprised, abruptly]); // A child runs its entry here.

    try_it("well", Call::new(well, 42))?;
    try_it("badly", Call::new(badly, ()))?;
    try_it("surprised", Call::new(surprised, ()))?;
    try_it("abruptly", Call::new(abruptly, ()))?;
    println!("and this process is still here");
    Ok(())
}
