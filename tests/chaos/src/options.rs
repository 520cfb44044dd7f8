//! How many rounds, from which seed, and with whom beside the daemon.

use std::path::PathBuf;

use lexopt::prelude::*;
use testbed::Outcome;

use super::adversary::Choice;

/// What is printed for who asks.
pub(crate) const USAGE: &str = "\
usage: cargo xtask chaos [--rounds N] [--seed S] [--minutes M] [--jobs N]
                         [--adversaries some|none|all|NAME,…] [--program VICTIM]

Starts, stops, kills and shortages at random, in namespaces of their own. Adversaries are who is
beside the daemon: locks, asker, operator, deaf, tracer, leaver, bomb or talker; some: in half of the
rounds.
";

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    rounds: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) minutes: Option<u64>,
    pub(crate) jobs: u64,
    pub(crate) adversaries: Choice,
    /// Who is attacked, if not what is built.
    pub(crate) program: Option<PathBuf>,
    pub(crate) help: bool,
}

impl Options {
    pub(crate) fn parse(mut words: lexopt::Parser) -> Outcome<Options> {
        let mut options = Options {
            rounds: None,
            // One that nobody has chosen is short enough to be typed.
            seed: fastrand::u64(..1_000_000),
            minutes: None,
            jobs: 2,
            adversaries: Choice::default(),
            program: None,
            help: false,
        };
        while let Some(word) = words.next()? {
            match word {
                Long("rounds") => options.rounds = Some(words.value()?.parse()?),
                Long("seed") => options.seed = words.value()?.parse()?,
                Long("minutes") => options.minutes = Some(words.value()?.parse()?),
                Long("jobs") => options.jobs = words.value()?.parse::<u64>()?.max(1),
                Long("adversaries") => {
                    options.adversaries = Choice::parse(&words.value()?.string()?)?;
                }
                Long("program") => options.program = Some(words.value()?.into()),
                Long("help") | Short('h') => options.help = true,
                Short(_) | Long(_) | Value(_) => return Err(word.unexpected().into()),
            }
        }
        Ok(options)
    }

    /// Those that were asked for; as many as the time allows; or enough for a look.
    pub(crate) fn rounds(&self) -> u64 {
        let otherwise = if self.minutes.is_some() { 1_000_000 } else { 200 };
        self.rounds.unwrap_or(otherwise)
    }
}
