//! `stdio-redirect` alone: runs a command whose output is appended to a file.
//!
//! ```console
//! $ to-file /tmp/out.txt echo hello
//! ```

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::error::Error;
use std::process::{Command, ExitCode};

use stdio_redirect::{Redirect, Target};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (words.next(), words.next()) else {
        println!("usage: to-file FILE COMMAND [ARGUMENT…]");
        return Ok(ExitCode::from(2));
    };
    let mut command = Command::new(program);
    Redirect::new()
        .stdin(Target::Null)
        .stdout(Target::file(&file))
        .stderr(Target::file(&file)) // The same file: opened once, in the order of writing.
        .apply_to(&mut command)?;
    println!("{}", command.args(words).status()?);
    Ok(ExitCode::SUCCESS)
}
