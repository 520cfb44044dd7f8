//! Runs a program and says how it ended: `how_it_ended sh -c 'kill -9 $$'`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::error::Error;
use std::process::Command;

use exit::Exit;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let program = args.next().ok_or("give a program, and its arguments")?;
    let exit = Exit::from(Command::new(program).args(args).status()?);
    println!("it {exit}");
    Ok(())
}
