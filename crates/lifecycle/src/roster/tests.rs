//! Stories of rosters in virtual time.

use exit::{ErrorText, Exit};

use super::*;
use crate::group::Member;
use crate::machine::Request;
use policy::RestartLimit;
use policy::{EndWhen, Strategy};
use policy::{Restart, RestartPolicy};
use policy::{StartPolicy, StopPolicy};

mod laws;
mod leaving;
mod recycling;
mod requests;
mod rolling;
mod scaling;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn policy() -> Policy {
    Policy { restart: RestartPolicy::after(seconds(5)), ..Policy::default() }
}

/// Members of which each is to start after those with these numbers.
fn members(after: &[&[u32]]) -> Vec<Member> {
    let member = |after: &&[u32]| Member {
        after: after.iter().map(|id| Id(*id)).collect(),
        ..Member::default()
    };
    after.iter().map(member).collect()
}

fn each(policy: Policy, count: usize) -> Vec<Arc<Policy>> {
    std::iter::repeat_n(Arc::new(policy), count).collect()
}

fn roster(after: &[&[u32]]) -> Roster {
    let group = Group::new(members(after), Strategy::OneForOne, EndWhen::AllAreOver);
    Roster::new(group, each(policy(), after.len()), 0)
}

/// What is told in a story.
#[derive(Clone, Debug)]
enum Told {
    Begin,
    Ready(u32),
    Code(u32, i32),
    Died(u32),
    Refused(u32),
    /// All, within so many seconds.
    Quit(Option<u64>),
    Add(Vec<u32>),
    Remove(u32),
    Ask(Request, u32),
    /// The only set.
    Scale(u32),
    Roll(policy::RollPolicy),
    Cancel,
    /// Only time passes.
    Nothing,
}

use Told::*;

/// Plays the pool of a roster: everything that is due happens in its time.
struct Play {
    roster: Roster,
    start: Instant,
    changes: Vec<String>,
}

impl Play {
    fn new(roster: Roster) -> Play {
        // An origin only: time in here is what the story says.
        Play { roster, start: Instant::now(), changes: Vec::new() }
    }

    fn until(&mut self, now: Instant) {
        while let Some(due) = self.roster.deadline().filter(|due| *due <= now) {
            let changes = self.roster.on(RosterEvent::DeadlinePassed, due);
            self.note(due, changes);
        }
    }

    fn tell(&mut self, second: u64, told: Told) {
        let now = self.start + seconds(second);
        self.until(now);
        let ended = |id, end| RosterEvent::Child(Id(id), Event::Ended { end, at: now });
        let event = match told {
            Begin => RosterEvent::Begin,
            Ready(id) => RosterEvent::Child(Id(id), Event::Ready),
            Code(id, code) => ended(id, RunEnd::Exited(Exit::Code(code))),
            Refused(id) => ended(id, RunEnd::NotStarted(ErrorText::new(&std::fmt::Error))),
            Died(id) => RosterEvent::Child(Id(id), Event::Died),
            Quit(within) => RosterEvent::Quit { by: within.map(|within| now + seconds(within)) },
            Add(after) => {
                let after = after.into_iter().map(Id).collect();
                let member = Member { after, ..Member::default() };
                let (id, changes) = self.roster.add(member, Arc::new(policy()), now);
                self.changes.push(format!("{second} new {id}"));
                self.note(now, changes);
                return self.until(now);
            }
            Remove(id) => {
                match self.roster.remove(Id(id), now) {
                    Ok(changes) => self.note(now, changes),
                    Err(ids) => {
                        let ids: Vec<_> = ids.iter().map(Id::to_string).collect();
                        self.changes.push(format!("{second} needed by {}", ids.join(" ")));
                    }
                }
                return self.until(now);
            }
            Ask(request, id) => {
                match self.roster.request(Id(id), request, now) {
                    Ok((answer, changes)) => {
                        self.changes.push(format!("{second} {answer}"));
                        self.note(now, changes);
                    }
                    Err(refused) => self.changes.push(format!("{second} {refused:?}")),
                }
                return self.until(now);
            }
            Scale(count) => {
                let set = self.roster.set_of(Id(0)).map_or(SetId(0), |(set, _)| set);
                let missing = self.roster.missing(set, count + self.roster.extra(set));
                match self.roster.scale(set, count, now) {
                    Ok(Scaled { from, added, changes }) => {
                        assert_eq!(
                            missing,
                            added.iter().map(|(index, _)| *index).collect::<Vec<_>>()
                        );
                        let new: String =
                            added.iter().map(|(index, id)| format!(" new {index} {id}")).collect();
                        self.changes.push(format!("{second} from {from}{new}"));
                        self.note(now, changes);
                    }
                    Err(refused) => self.changes.push(format!("{second} {refused:?}")),
                }
                return self.until(now);
            }
            Roll(policy) => {
                match self.roster.roll(SetId(0), policy, now) {
                    Ok(Scaled { added, changes, .. }) => {
                        let new: String =
                            added.iter().map(|(index, id)| format!(" new {index} {id}")).collect();
                        self.changes.push(format!("{second} roll{new}"));
                        self.note(now, changes);
                    }
                    Err(refused) => self.changes.push(format!("{second} {refused:?}")),
                }
                return self.until(now);
            }
            Cancel => {
                match self.roster.cancel_roll(SetId(0), now) {
                    Some((RollProgress { done, total }, changes)) => {
                        self.changes.push(format!("{second} cancel {done} of {total}"));
                        self.note(now, changes);
                    }
                    None => self.changes.push(format!("{second} no roll")),
                }
                return self.until(now);
            }
            Nothing => return,
        };
        let changes = self.roster.on(event, now);
        self.note(now, changes);
        self.until(now);
    }

    fn note(&mut self, now: Instant, changes: Vec<RosterChange>) {
        let second = (now - self.start).as_secs_f64();
        for change in changes {
            let text = match change {
                RosterChange::Stepped(id, Step { action, entered, .. }) => {
                    let action = match action {
                        Action::Nothing => String::new(),
                        Action::Spawn => format!("+{id}"),
                        Action::Terminate { remaining, .. } => {
                            let left = remaining
                                .map_or("ever".into(), |left| format!("{}s", left.as_secs_f64()));
                            format!("?{id} for {left}")
                        }
                        Action::Kill => format!("!{id}"),
                        Action::Finish(_) => format!("x{id}"),
                    };
                    match (action.as_str(), entered) {
                        ("", None) => continue,
                        ("", Some(phase)) => format!("{id} {phase}"),
                        _ => action,
                    }
                }
                RosterChange::Removed(id) => {
                    self.roster.let_go(id);
                    format!("-{id}")
                }
                RosterChange::Recycled { id, age } => {
                    format!("recycle {id} after {}s", age.as_secs())
                }
                RosterChange::Rolled(_, step) => match step {
                    RollStep::Taken { id, gives_up_one: true } => format!("take {id}"),
                    RollStep::Taken { id, gives_up_one: false } => format!("free {id}"),
                    RollStep::Settled { id, .. } => format!("settled {id}"),
                    RollStep::Ended(end) => format!("end {end:?}"),
                },
                RosterChange::Ready => "all ready".to_owned(),
                RosterChange::LaunchFailed => "launch failed".to_owned(),
                RosterChange::GaveUp { limit, id, end } => format!("{limit}: {id} {end}"),
            };
            self.changes.push(format!("{second} {text}"));
        }
    }
}

#[track_caller]
fn check(roster: Roster, story: &[(u64, Told, &[&str])]) {
    let mut play = Play::new(roster);
    for (line, (second, told, expected)) in story.iter().enumerate() {
        play.tell(*second, told.clone());
        let changes = std::mem::take(&mut play.changes);
        assert_eq!(changes, *expected, "line {line}, {told:?}: {:#?}", play.roster);
    }
}

/// Case: WRK-02
#[test]
fn each_is_started_again_after_its_own_delay() {
    check(
        roster(&[&[], &[]]),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Code(1, 3), &["2 1 waiting"]),
            (4, Refused(0), &["4 0 waiting"]),
            (20, Nothing, &["7 1 due", "7 +1", "9 0 due", "9 +0"]),
            (21, Code(1, 0), &["21 x1"]),
            (22, Ready(0), &["22 0 running"]),
            (30, Quit(None), &["30 ?0 for 10s"]),
            (31, Code(0, 0), &["31 x0"]),
        ],
    );
}

/// One after the other, each when its turn has come; a quit leaves those that have not had theirs where
/// they are.
///
/// Case: STOP-16
#[test]
fn starts_take_turns_and_a_quit_ends_the_queue() {
    check(
        roster(&[&[], &[], &[], &[]]).start_stagger(seconds(3)),
        &[
            (0, Begin, &["0 +0"]),
            (2, Nothing, &[]),
            (4, Nothing, &["3 +1"]),
            (5, Quit(Some(2)), &["5 x3", "5 x2", "5 ?1 for 1.8s", "5 ?0 for 1.8s"]),
            (6, Code(0, 0), &["6 x0"]),
            // There is less time than was said: a child that is quitting is told again, by word.
            (6, Quit(Some(0)), &["6 ?1 for 0s", "6 !1"]),
            (7, Code(1, 0), &["7 x1"]),
        ],
    );
}

/// What a dead child's process has left is ended first; until then nobody kills the child for being late.
///
/// Case: FLT-I3
#[test]
fn the_dead_miss_no_deadline() {
    let policy =
        Policy { start: StartPolicy { timeout: seconds(3), ..StartPolicy::default() }, ..policy() };
    let group = || Group::new(members(&[&[]]), Strategy::OneForOne, EndWhen::AllAreOver);
    let roster = || Roster::new(group(), vec![Arc::new(policy.clone())], 0);
    check(
        roster(),
        &[
            (0, Begin, &["0 +0"]),
            (1, Died(0), &[]),
            (5, Nothing, &[]),
            (6, Code(0, 1), &["6 0 waiting"]),
            (12, Nothing, &["11 0 due", "11 +0"]),
        ],
    );
    check(roster(), &[(0, Begin, &["0 +0"]), (5, Nothing, &["3 !0"])]);
}

/// Cases: WRK-22, HS-22
#[test]
fn it_is_announced_once_that_all_have_been_ready_and_one_that_fails_stops_them_all() {
    check(
        roster(&[&[], &[0]]).announces_ready(true),
        &[
            (0, Begin, &["0 +0"]),
            (1, Ready(0), &["1 0 running", "1 +1"]),
            (2, Ready(1), &["2 1 running", "2 all ready"]),
            (3, Code(1, 1), &["3 1 waiting"]),
            (9, Nothing, &["8 1 due", "8 +1"]),
            (9, Ready(1), &["9 1 running"]),
        ],
    );
    let must = Policy { must_launch: true, ..policy() };
    let group = Group::new(members(&[&[], &[]]), Strategy::OneForOne, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(must, 2), 0).announces_ready(true),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(0), &["1 0 running"]),
            (2, Code(1, 1), &["2 x1", "2 launch failed", "2 ?0 for 10s"]),
            (3, Code(0, 0), &["3 x0"]),
        ],
    );
}

/// Case: RST-20
#[test]
fn who_was_one_too_many_is_named() {
    let group = Group::new(members(&[&[], &[]]), Strategy::OneForOne, EndWhen::AllAreOver)
        .restart_limit(Some(RestartLimit { times: 1, window: seconds(60) }));
    check(
        Roster::new(group, each(policy(), 2), 0),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Code(0, 1), &["1 0 waiting"]),
            (
                2,
                Code(1, 7),
                &[
                    "2 1 waiting",
                    "2 more than 1 restart within 60s: 1 exited with code 7",
                    "2 x1",
                    "2 x0",
                ],
            ),
        ],
    );
}

/// The children do nothing that they are asked: only time passes.
#[test]
fn a_stop_ends_without_anybody_saying_a_word() {
    let policy = Policy { stop: StopPolicy::grace(seconds(4)), ..policy() };
    let group = Group::new(members(&[&[]]), Strategy::OneForOne, EndWhen::AllAreOver);
    check(
        Roster::new(group, vec![Arc::new(policy)], 0),
        &[
            (0, Begin, &["0 +0"]),
            (1, Quit(None), &["1 ?0 for 4s"]),
            (9, Nothing, &["5 !0"]),
            (9, Code(0, 0), &["9 x0"]),
        ],
    );
}

/// A child that waits for its turn has nothing to stop when all are started again together.
#[test]
fn those_that_have_not_had_their_turn_are_started_again_with_the_others() {
    let group = Group::new(members(&[&[], &[], &[]]), Strategy::OneForAll, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(policy(), 3), 0).start_stagger(seconds(3)),
        &[
            (0, Begin, &["0 +0"]),
            (1, Code(0, 1), &["1 0 waiting"]),
            (20, Nothing, &["6 0 due", "6 +0", "9 +1", "12 +2"]),
        ],
    );
}

/// A child that comes after one that is over is started if that one ended as it should, and given up
/// otherwise.
#[test]
fn who_comes_after_one_that_is_over_is_judged_by_its_end() {
    let never = Policy { restart: RestartPolicy::new(Restart::Never), ..policy() };
    let two = || Group::new(members(&[&[], &[0]]), Strategy::OneForOne, EndWhen::AllAreOver);
    let roster = || Roster::new(two(), each(never.clone(), 2), 0);
    check(roster(), &[(0, Begin, &["0 +0"]), (1, Code(0, 0), &["1 x0", "1 +1"])]);
    check(roster(), &[(0, Begin, &["0 +0"]), (1, Code(0, 3), &["1 x0", "1 x1"])]);
    // A temporary child counts as done, however it ended.
    let mut both = members(&[&[], &[0]]);
    both[0].temporary = true;
    let group = Group::new(both, Strategy::OneForOne, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(never, 2), 0),
        &[(0, Begin, &["0 +0"]), (1, Code(0, 3), &["1 x0", "1 +1"])],
    );
}

#[test]
fn those_that_run_are_stopped_before_all_are_started_again() {
    let group = Group::new(members(&[&[], &[]]), Strategy::OneForAll, EndWhen::AllAreOver);
    check(
        Roster::new(group, each(policy(), 2), 0),
        &[
            (0, Begin, &["0 +0", "0 +1"]),
            (1, Ready(1), &["1 1 running"]),
            (2, Code(0, 1), &["2 0 waiting", "2 ?1 for 10s"]),
            (3, Code(1, 0), &["3 1 idle"]),
            (20, Nothing, &["7 0 due", "7 +0", "7 +1"]),
        ],
    );
}
