//! Who is beside a daemon, or below it, and would keep it from what it promises: chosen by the
//! seed of a round, independently of its acts, which are the same with adversaries and without.

use fastrand::Rng;
use testbed::{Failure, Outcome};

use super::round::Who;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adversary {
    /// A stranger holds every lock that a reader of the files can have; for a moment each, again
    /// and again, or for good.
    Locks { keep: bool },
    /// Asks by the control socket without end, and badly.
    Asker,
    /// Has a set of workers have another number, and rolls it, without rest.
    Operator,
    /// What is written there nobody reads.
    Deaf(Deaf),
    /// Seizes them, never waits, and then they are killed: dead, and not to be reaped.
    Tracer {
        whom: Who,
        /// Before which of the acts, of as many as there are.
        at: usize,
        /// Whether it is still there when the daemon is stopped.
        stays: bool,
    },
    /// Each run of a worker leaves a process behind; the first runs end soon.
    Leaver(Leaving),
    /// A worker starts what multiplies in sessions of their own, below a limit of processes.
    Bomb,
    /// Tells its parent something without end.
    Talker { what: Words, who: Talking },
}

/// What is full, and read by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deaf {
    /// The log of guardian and executor is a fifo.
    Log,
    /// That of the workers.
    WorkersLog,
    /// What is captured of workers goes into a fifo; they write without end, and crash.
    Captured,
    /// What is captured of the executor.
    Errors,
    /// A foreground run logs to standard error, which is a pipe.
    Foreground,
}

/// How far what is left behind has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    InTheGroup,
    OwnGroup,
    OwnSession,
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    Statuses,
    MoreTime,
    Ready,
    Panics,
    All,
    /// Which pid files are to be removed in the end.
    PidFiles,
}

/// Who tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talking {
    Workers,
    Executor,
    Both,
}

/// Which adversaries rounds have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    /// None in half of the rounds; one, or two, in the others.
    #[default]
    Some,
    None,
    /// Those in every round.
    Only(Vec<String>),
}

const NAMES: [&str; 8] =
    ["locks", "asker", "deaf", "tracer", "leaver", "bomb", "talker", "operator"];

/// At how many bytes the log is rotated whose folder a stranger has locked.
pub(crate) const LOG_SIZE: u64 = 2 << 10;

/// What is mixed into a seed, so that the choice of adversaries has no part in that of the acts.
const APART: u64 = 0x6164_7665_7273_6172;

impl Choice {
    pub(crate) fn parse(text: &str) -> Outcome<Choice> {
        let names: Vec<String> = match text {
            "some" => return Ok(Choice::Some),
            "none" => return Ok(Choice::None),
            "all" => NAMES.map(str::to_owned).into(),
            _ => text.split(',').map(str::to_owned).collect(),
        };
        match names.iter().find(|name| !NAMES.contains(&name.as_str())) {
            Some(unknown) => Err(Failure::new(format!(
                "there is no adversary `{unknown}`; there are: {}, and all, some, none",
                NAMES.join(", ")
            ))),
            None => Ok(Choice::Only(names)),
        }
    }

    /// As it is typed.
    pub(crate) fn text(&self) -> String {
        match self {
            Choice::Some => "some".to_owned(),
            Choice::None => "none".to_owned(),
            Choice::Only(names) => names.join(","),
        }
    }

    /// Those of the round with this seed and so many acts.
    pub(crate) fn of(&self, seed: u64, acts: usize) -> Vec<Adversary> {
        let mut random = Rng::with_seed(seed ^ APART);
        let names = match self {
            Choice::None => Vec::new(),
            Choice::Only(names) => names.iter().map(String::as_str).collect(),
            Choice::Some => {
                let count = [0, 0, 0, 0, 1, 1, 1, 2][random.usize(..8)];
                random.choose_multiple(NAMES, count)
            }
        };
        names.into_iter().map(|name| Adversary::new(name, acts, &mut random)).collect()
    }
}

impl Adversary {
    fn new(name: &str, acts: usize, random: &mut Rng) -> Adversary {
        use Deaf::{Captured, Errors, Foreground, Log, WorkersLog};
        use Leaving::{InTheGroup, OwnGroup, OwnSession};
        use Words::{All, MoreTime, Panics, PidFiles, Ready, Statuses};
        match name {
            "locks" => Adversary::Locks { keep: random.usize(..2) == 0 },
            "asker" => Adversary::Asker,
            "operator" => Adversary::Operator,
            "deaf" => {
                let all = [Log, WorkersLog, Captured, Errors, Foreground];
                Adversary::Deaf(all[random.usize(..all.len())])
            }
            "tracer" => {
                let whom = [Who::Worker, Who::Worker, Who::Executor, Who::Guardian];
                let whom = whom[random.usize(..whom.len())];
                let at = 1 + random.usize(..acts.max(1));
                Adversary::Tracer { whom, at, stays: random.usize(..3) == 0 }
            }
            "leaver" => Adversary::Leaver([InTheGroup, OwnGroup, OwnSession][random.usize(..3)]),
            "bomb" => Adversary::Bomb,
            _ => {
                let what = [Statuses, MoreTime, Ready, Panics, All, PidFiles];
                let who = [Talking::Workers, Talking::Executor, Talking::Both];
                let (what, who) =
                    (what[random.usize(..what.len())], who[random.usize(..who.len())]);
                Adversary::Talker { what, who }
            }
        }
    }

    /// What the victim is told of it.
    pub(crate) fn flags(self) -> Vec<(&'static str, u64)> {
        match self {
            Adversary::Tracer { .. } | Adversary::Asker => Vec::new(),
            Adversary::Locks { .. } => vec![("--log-size", LOG_SIZE)],
            Adversary::Operator => {
                vec![("--set", 2), ("--recycle", 200), ("--jobs", 7), ("--hang", 6)]
            }
            Adversary::Deaf(Deaf::Captured) => vec![("--talk", 6), ("--fail", 3)],
            Adversary::Deaf(Deaf::Foreground) => vec![("--log-to-stderr", 1)],
            Adversary::Deaf(Deaf::Log | Deaf::WorkersLog | Deaf::Errors) => Vec::new(),
            Adversary::Leaver(leaving) => vec![("--leave", leaving as u64 + 1), ("--fail", 3)],
            Adversary::Bomb => vec![("--bomb", 1)],
            Adversary::Talker { what, who } => {
                let what = match what {
                    Words::Statuses => 1,
                    Words::MoreTime => 2,
                    Words::Ready => 3,
                    Words::Panics => 4,
                    Words::All => 5,
                    Words::PidFiles => 7,
                };
                vec![("--talk", what), ("--talker", who as u64)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Adversary, Choice, NAMES};

    #[test]
    fn half_of_the_rounds_have_none_and_every_kind_comes_up() {
        let rounds: Vec<_> = (0..1000).map(|seed| Choice::Some.of(seed, 5)).collect();
        let without = rounds.iter().filter(|adversaries| adversaries.is_empty()).count();
        assert!((400..600).contains(&without), "{without}");
        let kinds = rounds.iter().flatten().map(std::mem::discriminant);
        assert_eq!(kinds.collect::<std::collections::HashSet<_>>().len(), NAMES.len());
        let flags = rounds.iter().flatten().flat_map(|adversary| adversary.flags());
        let talk: BTreeSet<_> = flags.filter(|(flag, _)| *flag == "--talk").collect();
        assert_eq!(talk.len(), 7);
    }

    #[test]
    fn names_are_understood_and_unknown_ones_refused() {
        let choice = Choice::parse("tracer,bomb").unwrap();
        assert_eq!(Choice::parse(&choice.text()).unwrap(), choice);
        let chosen = choice.of(7, 3);
        assert!(matches!(chosen[..], [Adversary::Tracer { at: 1..4, .. }, Adversary::Bomb]));
        assert_eq!(choice.of(7, 3), chosen);
        assert!(Choice::parse("none").unwrap().of(7, 3).is_empty());
        let error = Choice::parse("tracer,bob").unwrap_err().to_string();
        assert!(error.contains("`bob`; there are: locks"), "{error}");
    }
}
