//! What of all the faults is to be tried.

use std::path::PathBuf;

use lexopt::prelude::*;
use testbed::{Failure, Outcome};

use super::calls::Fault;
use super::scenario::{Phase, Role, Scenario};

/// What is printed for who asks.
pub(crate) const USAGE: &str = "\
usage: cargo xtask faults [--role R] [--phase P] [--call NAME [--nth N]] [--fault ERROR|KILL]
                          [--sample N] [--seed S] [--jobs N] [--program VICTIM]

Each system call of each process of a daemon fails once, and each process is killed at each.
";

#[derive(Default)]
pub(crate) struct Options {
    role: Option<Role>,
    phase: Option<Phase>,
    call: Option<String>,
    fault: Option<String>,
    /// One fault and no other, as a failure's replay line has it.
    pub(crate) exact: Option<Fault>,
    pub(crate) sample: Option<usize>,
    pub(crate) seed: u64,
    pub(crate) jobs: usize,
    /// Who is attacked, if not what is built.
    pub(crate) program: Option<PathBuf>,
    pub(crate) help: bool,
}

impl Options {
    pub(crate) fn parse(mut words: lexopt::Parser) -> Outcome<Options> {
        // A seed that nobody has chosen is short enough to be typed.
        let mut options =
            Options { jobs: 2, seed: fastrand::u64(..1_000_000), ..Options::default() };
        let mut nth = None;
        while let Some(word) = words.next()? {
            match word {
                Long("role") => options.role = Some(named(Role::ALL, &words.value()?.string()?)?),
                Long("phase") => {
                    options.phase = Some(named(Phase::ALL, &words.value()?.string()?)?)
                }
                Long("call") => options.call = Some(words.value()?.string()?),
                Long("nth") => nth = Some(words.value()?.parse()?),
                Long("fault") => options.fault = Some(words.value()?.string()?),
                Long("sample") => options.sample = Some(words.value()?.parse()?),
                Long("seed") => options.seed = words.value()?.parse()?,
                Long("jobs") => options.jobs = words.value()?.parse::<usize>()?.max(1),
                Long("program") => options.program = Some(words.value()?.into()),
                Long("help") | Short('h') => options.help = true,
                Short(_) | Long(_) | Value(_) => return Err(word.unexpected().into()),
            }
        }
        if let (Some(call), Some(nth), Some(what)) = (&options.call, nth, &options.fault) {
            options.exact = Some(Fault { call: call.clone(), nth, what: what.clone() });
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, scenario: Scenario) -> bool {
        self.role.is_none_or(|role| role == scenario.role)
            && self.phase.is_none_or(|phase| phase == scenario.phase)
    }

    pub(crate) fn wants_fault(&self, fault: &Fault) -> bool {
        self.call.as_ref().is_none_or(|call| *call == fault.call)
            && self.fault.as_ref().is_none_or(|what| *what == fault.what)
    }
}

fn named<T: ToString>(all: impl IntoIterator<Item = T>, name: &str) -> Outcome<T> {
    let found = all.into_iter().find(|one| one.to_string() == name);
    found.ok_or_else(|| Failure::new(format!("there is no `{name}`")))
}
