//! A supervisor of one child, whole: wait, tell the machine, carry out what it decides.

#![expect(clippy::print_stdout, reason = "a program that people start")]

use std::error::Error;
use std::time::{Duration, Instant};

use lifecycle::{Action, Event, Machine, Phase};
use policy::{Policy, RestartPolicy};
use proc_spawn::{App, Call, Current, Role, Spawn, entries};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use slot::{RunOver, Slot};
use surroundings::Setup;

/// Fails at its first run, and then no more.
fn work(_: ()) -> Result<(), String> {
    let run = proc_spawn::current().incarnation;
    if run == 1 { Err("something went wrong".to_owned()) } else { Ok(()) }
}

fn main() -> Result<(), Box<dyn Error>> {
    surroundings::roles(App::new(entries![work])).init();

    // Only an executor or a worker carries out a set-up, so the child gets such a role.
    let current = Current::new(Role::Worker, "work");
    let spawn = Spawn::new(Call::new(work, ()))?.current(current).setup(&Setup::default())?;
    let mut slot = Slot::new(spawn);
    let restart = RestartPolicy::after(Duration::from_millis(200));
    let mut machine = Machine::new(Policy { restart, ..Policy::default() }, 0);

    let mut events = vec![Event::Start];
    loop {
        for event in std::mem::take(&mut events) {
            let now = Instant::now();
            let step = machine.step(event, now);
            let follows =
                slot.carry_out(&step, &machine, now, &mut |report| println!("{report:?}"));
            events.extend(follows);
            // The delay is over, and there is no other child whose turn could come first.
            events.extend((step.entered == Some(Phase::Due)).then_some(Event::Start));
            if let Action::Finish(outcome) = step.action {
                println!("over: {outcome:?}");
                return Ok(());
            }
        }
        if events.is_empty() {
            wait(&slot, &machine)?;
        }
        let now = Instant::now();
        events.extend(slot.listen(Instant::now(), &mut |report| println!("{report:?}")));
        let over = slot.reap(&machine, &mut events, now, &mut |report| println!("{report:?}"));
        events.extend(over.map(|RunOver { end, at }| Event::Ended { end, at }));
        events.extend(machine.deadline().filter(|at| *at <= now).map(|_| Event::DeadlinePassed));
    }
}

fn wait(slot: &Slot, machine: &Machine) -> Result<(), Box<dyn Error>> {
    let sources = [slot.ended(), slot.messages()];
    let watched = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
    let mut sources: Vec<_> = sources.into_iter().flatten().map(watched).collect();
    let due =
        [machine.deadline(), slot.looks_at(machine), slot.listens_at()].into_iter().flatten().min();
    let left = due.map(|at| at.saturating_duration_since(Instant::now()));
    poll(&mut sources, left.map(Timespec::try_from).transpose()?.as_ref())?;
    Ok(())
}
