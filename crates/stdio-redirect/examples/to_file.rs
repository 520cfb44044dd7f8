//! Writes a line to each stream, which goes to the file named on the command line.
//!
//! ```console
//! $ cargo run -p stdio-redirect --example to_file -- /tmp/out.txt
//! $ cat /tmp/out.txt
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "that is what it shows")]

use std::error::Error;

use stdio_redirect::{Redirect, Target};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a file for the output")?;
    let target = Target::file(path);
    let streams = Redirect::null().stdout(target.clone()).stderr(target);

    println!("this line goes where standard output went before");
    streams.apply()?;
    println!("to standard output");
    eprintln!("to standard error");
    Ok(())
}
