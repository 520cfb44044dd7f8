//! What is told of a worker that has crashed: `cargo run -p record --example last_events`.

#![expect(clippy::print_stdout, reason = "an example shows something")]

use exit::Exit;
use lifecycle::Phase;
use policy::RunEnd;
use record::{Events, Record, Role};
use slot::Report;

fn main() {
    let (mut events, mut red) = (Events::new(64), Record::new(Role::Worker, "red"));
    red.note(&Report::Started { pid: 4711, run: 1 }, &mut events);
    red.entered(Phase::Starting, &mut events);
    red.note(&Report::Ready { pid: 4711, run: 1 }, &mut events);
    red.entered(Phase::Running, &mut events);
    let end = RunEnd::Exited(Exit::Code(3));
    let (pid, last_lines) = (Some(4711), Default::default());
    red.note(
        &Report::Ended { pid, end, restart_in: None, last_lines, value_bytes: None },
        &mut events,
    );
    red.entered(Phase::Waiting, &mut events);
    for event in events.since(0, 99).events {
        println!("{:3} {} {} {}", event.number, event.at, event.name, event.text);
    }
    println!("{:?}", red.process(Some(1_000_000)));
}
