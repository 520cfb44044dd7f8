//! A program of which one instance runs at a time: the first one works until its standard input
//! ends, the others say who is first.
//!
//! ```console
//! $ cargo run -p pidfile --example single_instance -- /tmp/mine.pid
//! we are the one, process 4711; Enter or ^D to stop
//! ```
//!
//! Meanwhile, in a second terminal:
//!
//! ```console
//! $ cargo run -p pidfile --example single_instance -- /tmp/mine.pid
//! process 4711 is running already
//! $ kill -9 4711
//! $ cargo run -p pidfile --example single_instance -- /tmp/mine.pid
//! we are the one, process 4713; Enter or ^D to stop
//! ```
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::io;

use pidfile::PidFile;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("which pid file?")?;
    match PidFile::acquire(&path) {
        Ok(pid_file) => {
            println!("we are the one, process {}; Enter or ^D to stop", pid_file.pid());
            io::stdin().read_line(&mut String::new())?;
            Ok(pid_file.release()?)
        }
        Err(pidfile::Error::Held { pid: Some(pid), .. }) => {
            println!("process {pid} is running already");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
