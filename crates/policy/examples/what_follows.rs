//! A policy as somebody has written it: what is wrong with it, or what follows which end of a run.
//!
//! `what_follows '{restart: on-failure, prevent: {codes: [64]}}'`
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::error::Error;

use exit::Exit;
use policy::{Problems, RestartPolicy, RunEnd};

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1);
    let text = text.as_deref().unwrap_or("{restart: on-failure, prevent: {codes: [64]}}");
    let policy: RestartPolicy = serde_yaml::from_str(text)?;
    let mut problems = Problems::new();
    policy.check(&mut problems, "restart");
    let policy = problems.or(policy)?;
    let killed = Exit::Signal { signal: 9, core: false, out_of_memory: false, panic: None };
    let exits = [0, 1, 64].map(Exit::Code);
    for exit in exits.into_iter().chain([killed]) {
        let shown = exit.to_string();
        println!("{shown}: {:?}", policy.follows(&RunEnd::Exited(exit)));
    }
    Ok(())
}
