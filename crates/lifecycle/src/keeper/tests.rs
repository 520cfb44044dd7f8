//! Stories of keepers in virtual time.

use exit::{ErrorText, Exit};

use super::*;
use crate::machine::{Action, Step};
use policy::RestartPolicy;
use policy::{Leftovers, Policy, StartPolicy, StopPolicy, WatchdogPolicy};

mod laws;
mod restarting;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn policy() -> Policy {
    Policy {
        restart: RestartPolicy::after(seconds(5)),
        start: StartPolicy { timeout: seconds(20), ..StartPolicy::default() },
        stop: StopPolicy::grace(seconds(10)),
        must_launch: true,
        ..Policy::default()
    }
}

fn keeper(policy: Policy) -> Keeper {
    Keeper::new(Machine::new(policy, 0))
}

/// What is told in a story.
#[derive(Clone, Copy, Debug)]
enum Told {
    Begin,
    Ready,
    /// It asks for so many seconds more.
    More(u64),
    /// It is dead, with this code.
    Died(i32),
    Refused,
    Gone,
    Hurried(usize),
    /// Within so many seconds; by a signal of hurry.
    Quit(Option<u64>, bool),
    Restart,
    /// Only time passes.
    Nothing,
}

use Told::*;

/// Plays the guardian of a keeper: everything that is due happens in its time.
struct Play {
    keeper: Keeper,
    start: Instant,
    changes: Vec<String>,
}

impl Play {
    fn until(&mut self, now: Instant) {
        while let Some(due) = self.keeper.deadline().filter(|due| *due <= now) {
            let changes = self.keeper.on(KeeperEvent::DeadlinePassed, due);
            self.note(due, changes);
        }
    }

    fn tell(&mut self, second: u64, told: Told) {
        let now = self.start + seconds(second);
        self.until(now);
        let event = match told {
            Begin => KeeperEvent::Begin,
            Ready => KeeperEvent::Child(Event::Ready),
            More(by) => KeeperEvent::Child(Event::Extended(seconds(by))),
            Died(code) => KeeperEvent::Reaped { end: RunEnd::Exited(Exit::Code(code)), at: now },
            Refused => {
                let end = RunEnd::NotStarted(ErrorText::new(&std::fmt::Error));
                KeeperEvent::Child(Event::Ended { end, at: now })
            }
            Gone => KeeperEvent::LeftoversGone,
            Hurried(signals) => KeeperEvent::Hurried(signals),
            Quit(within, in_hurry) => {
                KeeperEvent::Quit { by: within.map(|within| now + seconds(within)), in_hurry }
            }
            Restart => {
                match self.keeper.restart(now) {
                    Ok((answer, changes)) => {
                        self.changes.push(format!("{second} {answer}"));
                        self.note(now, changes);
                    }
                    Err(refused) => self.changes.push(format!("{second} {refused:?}")),
                }
                return self.note_leftovers(now);
            }
            Nothing => return,
        };
        let changes = self.keeper.on(event, now);
        self.note(now, changes);
        self.note_leftovers(now);
    }

    fn note_leftovers(&mut self, now: Instant) {
        let second = (now - self.start).as_secs();
        if let Some(at) = self.keeper.leftovers_until() {
            let left = at.saturating_duration_since(now).as_secs();
            self.changes.push(format!("{second} leftovers for {left}s"));
        }
    }

    fn note(&mut self, now: Instant, changes: Vec<KeeperChange>) {
        let second = (now - self.start).as_secs();
        for change in changes {
            let text = match change {
                KeeperChange::Stepped(Step { action: Action::Nothing, entered: None, .. }) => {
                    continue;
                }
                KeeperChange::Stepped(Step {
                    action: Action::Nothing,
                    entered: Some(phase),
                    ..
                }) => phase.to_string(),
                KeeperChange::Stepped(Step { action, .. }) => match action {
                    Action::Terminate { remaining, .. } => {
                        let left = remaining.map_or(0, |left| left.as_secs());
                        format!("asked, {left}s")
                    }
                    Action::Spawn => "spawned".to_owned(),
                    Action::Look => "looked at".to_owned(),
                    Action::Silent(silent) => format!("{:?}", silent.then),
                    Action::Kill => "killed".to_owned(),
                    Action::Finish(_) => "finished".to_owned(),
                    Action::Nothing => unreachable!("told above"),
                },
                KeeperChange::Launched => "launched".to_owned(),
                KeeperChange::Extended { by } => {
                    format!("answer in {}s", (by - now).as_secs())
                }
                KeeperChange::Hurried => "hurried".to_owned(),
            };
            self.changes.push(format!("{second} {text}"));
        }
    }
}

#[track_caller]
fn check(keeper: Keeper, story: &[(u64, Told, &[&str])]) {
    // An origin only: time in here is what the story says.
    let mut play = Play { keeper, start: Instant::now(), changes: Vec::new() };
    for (line, (second, told, expected)) in story.iter().enumerate() {
        play.tell(*second, *told);
        let changes = std::mem::take(&mut play.changes);
        assert_eq!(changes, *expected, "line {line}, {told:?}: {:#?}", play.keeper);
    }
}

#[test]
fn the_starter_is_told_once_and_a_restart_waits_for_what_the_run_has_left() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (9, Died(3), &["9 leftovers for 10s"]),
            // Nothing happens yet, though the delay would be over.
            (17, Nothing, &[]),
            (18, Gone, &["18 waiting"]),
            (19, Nothing, &["18 due", "18 spawned"]),
            (20, Ready, &["20 running"]),
        ],
    );
}

/// A start that takes longer is told with a second beyond it, and again when that is used up.
#[test]
fn the_starter_is_told_of_more_time_when_it_gains_some() {
    let start = StartPolicy {
        timeout: seconds(20),
        extend_up_to: Some(seconds(100)),
        ..StartPolicy::default()
    };
    check(
        keeper(Policy { start, ..policy() }),
        &[
            (0, Begin, &["0 spawned"]),
            (1, More(10), &[]),
            (10, More(20), &["10 answer in 21s"]),
            (11, More(20), &[]),
            (12, More(20), &["12 answer in 21s"]),
            (13, Ready, &["13 running", "13 launched"]),
            (14, More(50), &[]),
        ],
    );
}

/// The answer to a start comes in its time, whatever the run that failed has left.
#[test]
fn leftovers_of_a_start_have_no_more_time_than_the_start() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (15, Died(1), &["15 leftovers for 5s"]),
            (30, Nothing, &[]),
            (31, Gone, &["31 finished"]),
        ],
    );
}

#[test]
fn a_quit_that_leaves_less_time_leaves_less_to_what_is_left() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Died(0), &["2 leftovers for 10s"]),
            (3, Quit(Some(6), false), &["3 stopping", "3 leftovers for 6s"]),
            (4, Quit(Some(60), false), &["4 leftovers for 5s"]),
            (5, Hurried(1), &["5 hurried", "5 leftovers for 2s"]),
            (9, Gone, &["9 finished"]),
        ],
    );
}

#[test]
fn what_is_to_be_kept_is_not_waited_for() {
    check(
        keeper(Policy { leftovers: Leftovers::Keep, ..policy() }),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Died(1), &["2 waiting"]),
            (3, Gone, &[]),
            (8, Nothing, &["7 due", "7 spawned"]),
            (9, Refused, &["9 waiting"]),
        ],
    );
}

/// Case: FLT-G6
#[test]
fn a_second_ctrl_c_leaves_two_seconds() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Hurried(1), &[]),
            (2, Quit(None, true), &["2 asked, 10s"]),
            // The guardian tells it again in every turn.
            (3, Quit(None, true), &[]),
            (4, Hurried(1), &["4 hurried", "4 asked, 2s"]),
            (9, Nothing, &["6 killed"]),
            (9, Died(9), &["9 leftovers for 0s"]),
            (9, Gone, &["9 finished"]),
        ],
    );
}

/// Case: STOP-11
#[test]
fn who_asks_before_there_is_anything_to_stop_gets_nothing_started() {
    check(
        keeper(policy()),
        &[(0, Quit(None, false), &["0 finished"]), (0, Begin, &[]), (1, Ready, &[])],
    );
}

#[test]
fn a_second_quit_may_leave_less_time_and_the_same_one_says_nothing_new() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Quit(Some(8), false), &["2 asked, 8s"]),
            (3, Quit(Some(7), false), &[]),
            (4, Quit(Some(3), false), &["4 asked, 3s"]),
            (5, Quit(Some(9), false), &[]),
            (8, Nothing, &["7 killed"]),
        ],
    );
}

#[test]
fn what_it_is_about_can_be_asked() {
    let (mut keeper, now) = (keeper(policy()), Instant::now());
    let asked = |keeper: &Keeper| (keeper.is_quitting(), keeper.awaits_leftovers());
    keeper.on(KeeperEvent::Begin, now);
    assert_eq!(asked(&keeper), (false, false));
    keeper.on(KeeperEvent::Quit { by: None, in_hurry: false }, now);
    assert_eq!(asked(&keeper), (true, false));
    keeper.on(KeeperEvent::Reaped { end: RunEnd::Exited(Exit::Code(0)), at: now }, now);
    assert_eq!(asked(&keeper), (true, true));
    keeper.on(KeeperEvent::LeftoversGone, now);
    assert_eq!(asked(&keeper), (true, false));
}
