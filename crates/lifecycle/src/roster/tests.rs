//! Stories of rosters in virtual time.

use exit::{ErrorText, Exit};

use super::*;
use crate::group::Member;
use crate::machine::{Found, Request};
use crate::roll;
use policy::{EndWhen, Restart, RestartLimit, RestartPolicy, Strategy, WatchdogPolicy};

mod laws;
mod leaving;
mod memory;
mod recycling;
mod requests;
mod rolling;
mod scaling;
mod starting;
mod turns;
mod watching;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn policy() -> Policy {
    let watchdog = Some(WatchdogPolicy::after(seconds(8)));
    Policy { restart: RestartPolicy::after(seconds(5)), watchdog, ..Policy::default() }
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
    /// This one has done so many jobs.
    Jobs(u32, u64),
    /// The present run of this one has so many bytes of memory.
    Memory(u32, u64),
    /// This one says that it is not ready.
    Unready(u32),
    /// Of this one nothing was heard in time, and it hangs.
    Hangs(u32),
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
            Jobs(id, jobs) => RosterEvent::JobsDone { id: Id(id), jobs },
            Memory(id, bytes) => {
                let run = self.roster.machine(Id(id)).map_or(0, Machine::runs);
                RosterEvent::Memory { id: Id(id), run, bytes }
            }
            Unready(id) => RosterEvent::Child(Id(id), Event::NotReady),
            Hangs(id) => {
                let silent = || Event::Silent { looks: 1 };
                for event in [silent(), silent(), silent(), Event::Looked(Found::Hangs)] {
                    let changes = self.roster.on(RosterEvent::Child(Id(id), event), now);
                    self.note(now, changes);
                }
                return self.until(now);
            }
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
                    Some((roll::Progress { done, total }, changes)) => {
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
                        Action::Look => format!("{id} look"),
                        Action::Silent(silent) => {
                            format!("{id} {:?}: {:?}", silent.found, silent.then)
                        }
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
                RosterChange::Recycled { id, why: Outgrown::Age(age), fails: false } => {
                    format!("recycle {id} after {}s", age.as_secs())
                }
                RosterChange::Recycled { id, why, fails } => {
                    format!("recycle {id}: {why}{}", if fails { ", a failure" } else { "" })
                }
                RosterChange::TooMuchMemory(id, used) => format!("too much {id}: {used}"),
                RosterChange::Rolled(_, step) => match step {
                    roll::Step::Taken { id, gives_up_one: true } => format!("take {id}"),
                    roll::Step::Taken { id, gives_up_one: false } => format!("free {id}"),
                    roll::Step::Settled { id, .. } => format!("settled {id}"),
                    roll::Step::Ended(end) => format!("end {end:?}"),
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
