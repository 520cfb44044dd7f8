//! What of all the rows is measured, and how often.

use std::path::PathBuf;

use lexopt::prelude::*;
use testbed::{Failure, Outcome};

/// The rows that belong together, since they are measured together.
pub(crate) const GROUPS: [&str; 10] = [
    "launch",
    "workers",
    "calls",
    "orphans",
    "quit",
    "arguments",
    "pidfile",
    "log",
    "storm",
    "peers",
];

#[derive(Debug, Default)]
pub(crate) struct Options {
    /// For correctness, never for times: few workers, few rounds, a build that is there already.
    pub(crate) small: bool,
    /// Those of [`GROUPS`] that are wanted; empty: all.
    rows: Vec<&'static str>,
    pub(crate) write: bool,
    pub(crate) cost: bool,
    /// What is measured, if not what is built.
    pub(crate) program: Option<PathBuf>,
    pub(crate) help: bool,
}

/// What is printed for who asks.
pub(crate) const USAGE: &str = "\
usage: cargo xtask bench [--small] [--rows NAME…] [--write] [--program WORKLOAD]
       cargo xtask bench --cost

What it costs beside what the kernel costs (--small: whether it works, never how long it takes; --write:
put the table into docs/performance.md). --cost: what each crate costs who depends on it; kept in README.md.
";

impl Options {
    pub(crate) fn parse(mut words: lexopt::Parser) -> Outcome<Options> {
        let mut options = Options::default();
        while let Some(word) = words.next()? {
            match word {
                Long("small") => options.small = true,
                Long("write") => options.write = true,
                Long("cost") => options.cost = true,
                Long("program") => options.program = Some(words.value()?.into()),
                Long("rows") => {
                    for name in words.values()? {
                        options.rows.push(group(&name.string()?)?);
                    }
                }
                Long("help") | Short('h') => options.help = true,
                Short(_) | Long(_) | Value(_) => return Err(word.unexpected().into()),
            }
        }
        if options.write && (options.small || !options.rows.is_empty()) {
            return Err(Failure::new("--write takes a whole run: no --small, no --rows"));
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, group: &str) -> bool {
        self.rows.is_empty() || self.rows.contains(&group)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        if self.small {
            Sizes {
                rounds: 2,
                some: 10,
                many: 40,
                most: 60,
                memory: 64,
                threads: 8,
                idle: 1,
                storms: 2,
                argument: 1 << 20,
            }
        } else {
            Sizes {
                rounds: 5,
                some: 100,
                many: 1000,
                most: 5000,
                memory: 4096,
                threads: 64,
                idle: 60,
                storms: 5,
                argument: 10 << 20,
            }
        }
    }
}

/// The one of this name.
fn group(name: &str) -> Outcome<&'static str> {
    GROUPS.into_iter().find(|group| *group == name).ok_or_else(|| {
        let known = GROUPS.join(", ");
        Failure::new(format!("there are no rows `{name}`; there are: {known}"))
    })
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) rounds: usize,
    /// Numbers of workers.
    pub(crate) some: usize,
    pub(crate) many: usize,
    pub(crate) most: usize,
    /// Of the caller that holds much: MiB and threads.
    pub(crate) memory: usize,
    pub(crate) threads: usize,
    /// How many seconds an idle tree is looked at.
    pub(crate) idle: u64,
    pub(crate) storms: usize,
    /// Bytes of a big argument.
    pub(crate) argument: usize,
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        let words = lexopt::Parser::from_args(line.split_whitespace());
        Options::parse(words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn rows_are_chosen_by_name_and_unknown_ones_are_refused() {
        let options = parse("--rows launch log --small").unwrap();
        assert!(options.wants("log") && !options.wants("storm") && options.small);
        assert!(parse("--rows lunch").unwrap_err().contains("`lunch`; there are: launch"));
        assert!(parse("--write --small").unwrap_err().contains("whole run"));
    }
}
