//! A tracer that never waits for whom it traces (ptrace(2)): one that is killed then is dead, can be
//! seen to be so, and cannot be reaped by its parent until we are gone.

use std::error::Error;
use std::io::{BufRead, Write};

use nix::sys::ptrace::{self, Options};
use nix::unistd::Pid;

/// Seizes each process whose number is a line of standard input, and answers each with a line. Lets
/// all of them go when that ends.
pub(crate) fn seize() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let answer = match ptrace::seize(Pid::from_raw(line?.parse()?), Options::empty()) {
            Ok(()) => "seized".to_owned(),
            Err(error) => error.to_string(),
        };
        let mut output = std::io::stdout();
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}
