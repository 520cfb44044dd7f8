//! Stories in virtual time: what happens when, and what must be done about it.

use exit::{ErrorText, Exit, Failure, SetupError};

use super::*;
use policy::Backoff;
use policy::{Ends, Restart, RestartPolicy};
use policy::{StartPolicy, StopBy, StopPolicy, WatchdogPolicy, WhenStopped};

mod becoming_ready;
mod giving_up;
mod laws;
mod requests;
mod restarting;
mod stopping;
mod watching;

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn restarting(interval: u64) -> Policy {
    with(RestartPolicy::after(seconds(interval)))
}

fn with(restart: RestartPolicy) -> Policy {
    Policy { restart, ..Policy::default() }
}

fn stopping(stop: StopPolicy) -> Policy {
    Policy { stop, ..Policy::default() }
}

fn code(code: i32) -> RunEnd {
    RunEnd::Exited(Exit::Code(code))
}

fn signal(signal: i32) -> RunEnd {
    RunEnd::Exited(Exit::Signal { signal, core: false, out_of_memory: false, panic: None })
}

fn returned(permanent: bool) -> RunEnd {
    let error = ErrorText::new(&std::fmt::Error);
    RunEnd::Exited(Exit::Error(Failure { error, permanent, code: 1 }))
}

/// An event without its times, which the story has.
#[derive(Clone, Debug)]
pub(super) enum Told {
    Start,
    Ready,
    More(u64),
    NotReady,
    Silent(u64),
    Looked(Found),
    Died,
    Ended(RunEnd),
    Pause,
    Quit,
    QuitWithin(u64),
    Ask(Request),
    /// Nothing: only time passes.
    Nothing,
}

impl Told {
    pub(super) fn event(&self, now: Instant) -> Option<Event> {
        Some(match self.clone() {
            Start => Event::Start,
            Ready => Event::Ready,
            More(by) => Event::Extended(seconds(by)),
            NotReady => Event::NotReady,
            Silent(looks) => Event::Silent { looks },
            Looked(found) => Event::Looked(found),
            Died => Event::Died,
            Ended(end) => Event::Ended { end, at: now },
            Pause => Event::Pause,
            Quit => Event::Quit { within: None },
            QuitWithin(within) => Event::Quit { within: Some(seconds(within)) },
            Ask(_) | Nothing => return None,
        })
    }
}

use Told::*;

/// Plays `story`, in seconds, and compares what the machine did. Deadlines pass by themselves.
#[track_caller]
fn check(policy: Policy, story: &[(u64, Told)], expected: &[&str]) {
    let start = Instant::now(); // An origin only: time in here is what the story says.
    let mut machine = Machine::new(policy, 0);
    let mut done = Vec::new();
    for (second, told) in story {
        let now = start + seconds(*second);
        while let Some(due) = machine.deadline().filter(|due| *due <= now) {
            note(&mut done, due - start, pass(&mut machine, due));
        }
        if let Some(event) = told.event(now) {
            note(&mut done, now - start, machine.step(event, now).action);
        }
        if let Ask(request) = told {
            let (answer, step) = machine.request(*request, now).unwrap();
            done.push(format!("{second}s {answer}"));
            note(&mut done, now - start, step.action);
        }
        // A child that was asked for has its turn at once.
        if machine.is_asked_for() {
            note(&mut done, now - start, machine.step(Event::Start, now).action);
        }
    }
    assert_eq!(done, expected);
}

/// Lets a deadline pass. If the child is due then, it is started.
fn pass(machine: &mut Machine, due: Instant) -> Action {
    match machine.step(Event::DeadlinePassed, due) {
        Step { action, entered: Some(Phase::Due), .. } => {
            assert_eq!(action, Action::Nothing);
            machine.step(Event::Start, due).action
        }
        Step { action, .. } => action,
    }
}

fn note(done: &mut Vec<String>, elapsed: Duration, action: Action) {
    let text = match action {
        Action::Nothing => return,
        Action::Finish(Outcome::Quit(None)) => "Quit".to_owned(),
        Action::Finish(Outcome::Stopped) => "Quit, stopped before".to_owned(),
        Action::Finish(Outcome::Quit(Some(end))) => format!("Quit, {end}"),
        Action::Finish(Outcome::Ended(end)) => format!("Ended, {end}"),
        Action::Finish(Outcome::NotLaunched(end)) => format!("NotLaunched, {end}"),
        Action::Finish(Outcome::GaveUp(why, end)) => format!("GaveUp, {end}: {why}"),
        Action::Terminate { by: StopBy::Quit, remaining } => format!("Ask {remaining:?}"),
        Action::Terminate { by: StopBy::Signal(number), .. } => format!("Signal {number}"),
        Action::Look => "Look".to_owned(),
        Action::Silent(silent) => {
            let told = if silent.tell { ", told" } else { "" };
            format!("{:?}: {:?}{told}", silent.found, silent.then)
        }
        Action::Spawn | Action::Kill => format!("{action:?}"),
    };
    done.push(format!("{}s {text}", elapsed.as_secs_f64()));
}
