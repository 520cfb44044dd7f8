//! `quit` alone: a program that works in rounds and ends at once when it is asked to.
//!
//! ```console
//! $ ticker
//! round 1
//! round 2
//! ^Casked to quit: SIGINT (2)
//! ```

#![expect(clippy::print_stdout, reason = "it talks to the person who called it")]

use std::time::Duration;

fn main() -> Result<(), quit::Error> {
    quit::install()?; // From here on, SIGTERM and SIGINT ask instead of ending us.
    for round in 1.. {
        println!("round {round}");
        if quit::sleep(Duration::from_secs(60)).was_cut_short() {
            break;
        }
    }
    if let Some(reason) = quit::reason() {
        println!("asked to quit: {reason}");
    }
    Ok(())
}
