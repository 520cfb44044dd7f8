//! Shows which signals a helper leaves to the process: `deaf`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::fs;
use std::io;

fn main() -> io::Result<()> {
    let status = || fs::read_to_string("/proc/thread-self/status");
    let helper = helper_thread::spawn("helper", 64 << 10, status)?;
    let helper = helper.join().map_err(|_| io::Error::other("the helper has panicked"))?;
    for (who, status) in [("this thread", status()), ("the helper", helper)] {
        let status = status?;
        let blocked = status.lines().find(|line| line.starts_with("SigBlk"));
        println!("{who}: {}", blocked.unwrap_or("nobody knows"));
    }
    Ok(())
}
