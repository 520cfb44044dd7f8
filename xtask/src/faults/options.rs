//! What of all the faults is to be tried.

use std::path::PathBuf;

use super::calls::Fault;
use super::random::some_seed;
use super::scenario::{Phase, Role, Scenario};
use testbed::{Failure, Outcome};

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
    /// Whether the whole workspace is built: see [`Victim`](super::Victim).
    pub(crate) whole: bool,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Options> {
        let mut options = Options { jobs: 2, seed: some_seed(), ..Options::default() };
        let mut nth = None;
        for pair in arguments.chunks(2) {
            let [flag, value] = pair else {
                return Err(Failure::new(format!("`{}` needs a value", pair[0])));
            };
            let number = || {
                value.parse::<u64>().map_err(Failure::step(&format!("understand {flag} {value}")))
            };
            let size = || number().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            match flag.as_str() {
                "--role" => options.role = Some(named(Role::ALL, value)?),
                "--phase" => options.phase = Some(named(Phase::ALL, value)?),
                "--call" => options.call = Some(value.clone()),
                "--nth" => nth = Some(size()?),
                "--fault" => options.fault = Some(value.clone()),
                "--sample" => options.sample = Some(size()?),
                "--seed" => options.seed = number()?,
                "--jobs" => options.jobs = size()?.max(1),
                "--program" => options.program = Some(value.into()),
                "--build" => options.whole = value == "workspace",
                unknown => return Err(Failure::new(format!("unknown option `{unknown}`"))),
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
