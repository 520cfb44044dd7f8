//! What happens in a round, decided by its seed alone.

use fastrand::Rng;

use super::adversary::{Adversary, Choice};

/// Who is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Caller,
    Launcher,
    Guardian,
    Executor,
    Worker,
    Anybody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Term,
    Int,
    Kill,
    Stop,
    Cont,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Start,
    /// In the foreground.
    Run,
    Stop,
    Status,
    Hit(Who, Signal),
    /// Both at once.
    HitTwo(Who, Who, Signal),
    /// Whoever runs.
    HitAll(Signal),
    FillDisk,
    FreeDisk,
    /// One of them may open nothing more.
    Starve(Who),
    /// No process can be started any more.
    Storm,
    /// Microseconds.
    Wait(u64),
}

/// What the pid file is before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nothing,
    /// What a crash may leave, or a file that is none: see [`Round::is_foreign`].
    Garbage,
    /// The number of a stranger.
    Stranger,
}

/// How the round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The daemon is stopped.
    Stop,
    /// The guardian is killed, and nobody does anything about it.
    KillGuardian,
    /// Guardian and executor are killed together.
    KillBoth,
}

#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) restart: u64,
    pub(crate) grace: u64,
    /// How long workers take to go; longer than their grace is for ever.
    pub(crate) linger: u64,
    /// Whether workers have children of their own.
    pub(crate) descendant: bool,
    pub(crate) before: Before,
    pub(crate) acts: Vec<Act>,
    /// Whether those below the guardian are woken before the end.
    pub(crate) wake_all: bool,
    /// Whether descriptors can be had again before the end.
    pub(crate) feed: bool,
    pub(crate) ending: Ending,
    /// Who is there beside.
    pub(crate) adversaries: Vec<Adversary>,
}

impl Round {
    /// Whether the file at the pid file's place is somebody's that has nothing to do with it: it is
    /// not touched, and nothing starts as long as it is there.
    pub(crate) fn is_foreign(&self) -> bool {
        self.before == Before::Garbage && !self.seed.is_multiple_of(2)
    }

    pub(crate) fn new(seed: u64, choice: &Choice) -> Round {
        let mut random = Rng::with_seed(seed);
        let workers = 1 + random.usize(..4);
        let restart = pick(&mut random, &[0, 1, 5, 20]);
        let grace = pick(&mut random, &[50, 100, 200]);
        let linger = pick(&mut random, &[0, 0, grace / 4, 3 * grace / 4, 10 * grace]);
        let descendant = random.usize(..4) == 0;
        let before = pick(
            &mut random,
            &[Before::Nothing, Before::Nothing, Before::Garbage, Before::Stranger],
        );
        let mut acts = vec![Act::Start];
        for _ in 0..3 + random.usize(..8) {
            acts.push(Act::Wait(wait(&mut random)));
            acts.push(act(&mut random));
        }
        let wake_all = random.usize(..2) == 0;
        let feed = random.usize(..2) == 0;
        let ending = match random.usize(..6) {
            0 => Ending::KillGuardian,
            1 => Ending::KillBoth,
            _ => Ending::Stop,
        };
        let adversaries = choice.of(seed, acts.len());
        Round {
            seed,
            workers,
            restart,
            grace,
            linger,
            descendant,
            before,
            acts,
            wake_all,
            feed,
            ending,
            adversaries,
        }
    }
}

/// Mostly so short that something is still on its way.
fn wait(random: &mut Rng) -> u64 {
    let most = pick(random, &[0, 300, 3_000, 3_000, 10_000, 10_000, 30_000]);
    random.u64(..=most)
}

fn act(random: &mut Rng) -> Act {
    match random.usize(..40) {
        0..6 => Act::Start,
        6 => Act::Run,
        7..10 => Act::Stop,
        10 => Act::Status,
        11..28 => Act::Hit(who(random), signal(random)),
        28..32 => Act::HitTwo(who(random), who(random), signal(random)),
        32 => Act::HitAll(signal(random)),
        33..35 => Act::FillDisk,
        35 => Act::FreeDisk,
        36..39 => Act::Starve(who(random)),
        _ => Act::Storm,
    }
}

fn who(random: &mut Rng) -> Who {
    use Who::{Anybody, Caller, Executor, Guardian, Launcher, Worker};
    pick(
        random,
        &[
            Caller, Launcher, Guardian, Guardian, Guardian, Executor, Executor, Executor, Worker,
            Worker, Worker, Anybody,
        ],
    )
}

fn signal(random: &mut Rng) -> Signal {
    use Signal::{Cont, Int, Kill, Stop, Term};
    pick(random, &[Kill, Kill, Kill, Kill, Term, Term, Int, Stop, Stop, Cont])
}

fn pick<T: Copy>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(..from.len())]
}

#[cfg(test)]
mod tests {
    use super::{Choice, Round};

    #[test]
    fn a_seed_makes_one_round_and_another_seed_another() {
        let acts = |seed| Round::new(seed, &Choice::Some).acts;
        assert_eq!(acts(7), acts(7));
        assert_ne!(acts(7), acts(8));
    }

    #[test]
    fn adversaries_change_nothing_of_a_round_but_themselves() {
        for seed in 0..100 {
            let besieged = Round::new(seed, &Choice::parse("all").unwrap());
            let alone = Round::new(seed, &Choice::None);
            assert_eq!(besieged.adversaries.len(), 8);
            let besieged = Round { adversaries: Vec::new(), ..besieged };
            assert_eq!(format!("{besieged:?}"), format!("{alone:?}"));
        }
    }
}
