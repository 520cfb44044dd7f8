//! An hour of a child that crashes a second after each start, decided in no time.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

use std::time::{Duration, Instant};

use exit::Exit;
use lifecycle::{Action, Event, Machine};
use policy::{Backoff, Policy, Restart, RestartPolicy, RunEnd};

fn main() {
    let backoff = Backoff::exponential(Duration::from_secs(1), 2.0).cap(Duration::from_secs(600));
    let restart = RestartPolicy::new(Restart::OnFailure).backoff(backoff);
    let mut machine = Machine::new(Policy { restart, ..Policy::default() }, 0);
    let start = Instant::now(); // An origin only.
    let mut now = start;
    while now < start + Duration::from_secs(3600) {
        if machine.step(Event::Start, now).action == Action::Spawn {
            println!("{:5} s: run {}", (now - start).as_secs(), machine.runs());
        }
        let at = now + Duration::from_secs(1);
        machine.step(Event::Ended { end: RunEnd::Exited(Exit::Code(3)), at }, at);
        let Some(due) = machine.deadline() else { break };
        now = due;
        machine.step(Event::DeadlinePassed, now);
    }
}
