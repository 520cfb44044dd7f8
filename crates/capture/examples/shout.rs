//! A child's output kept in a file, each line with its time, name and pid: `shout out.txt`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::error::Error;

use capture::{Capture, Recorder};
use proc_spawn::{Call, Spawn, entries};

fn shout() {
    println!("here I am");
}

fn main() -> Result<(), Box<dyn Error>> {
    proc_spawn::init(entries![shout]);
    let file = std::env::args_os().nth(1).unwrap_or_else(|| "out.txt".into());
    let recorder = Recorder::start()?;
    let mut recording = recorder.record(&Capture::file(&file), "shout")?;
    let mut spawn = Spawn::new(Call::new(shout, ()))?;
    let mut child = recording.spawn(&mut spawn)?;
    child.wait()?;
    println!("its last words: {:?}", recording.end().stdout);
    recorder.finish(None);
    Ok(())
}
