//! `pidfile` alone: runs a command, unless one is running already under the same file.
//!
//! ```console
//! $ only-one /tmp/backup.pid sleep 100 &
//! $ only-one /tmp/backup.pid sleep 100
//! running already, pid 4711
//! ```

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;
use std::process::{Command, ExitCode};

use pidfile::PidFile;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (words.next(), words.next()) else {
        println!("usage: only-one FILE COMMAND [ARGUMENT…]");
        return Ok(ExitCode::from(2));
    };
    let held = match PidFile::acquire(&file) {
        Ok(held) => held,
        Err(pidfile::Error::Held { pid: Some(pid), .. }) => {
            println!("running already, pid {pid}");
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    let status = Command::new(program).args(words).status()?;
    println!("{status}");
    held.release()?; // A crash would have given it back as well.
    Ok(ExitCode::SUCCESS)
}
