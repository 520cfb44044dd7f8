//! What of all the rows is measured, and how often.

use std::path::PathBuf;

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

#[derive(Debug)]
pub(crate) struct Options {
    /// For correctness, never for times: few workers, few rounds, a build that is there already.
    pub(crate) small: bool,
    /// Those of [`GROUPS`] that are wanted; empty: all.
    rows: Vec<String>,
    pub(crate) write: bool,
    pub(crate) cost: bool,
    /// What is measured, if not what is built.
    pub(crate) program: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Outcome<Options> {
        let mut options =
            Options { small: false, rows: Vec::new(), write: false, cost: false, program: None };
        let mut words = arguments.iter().peekable();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--small" => options.small = true,
                "--write" => options.write = true,
                "--cost" => options.cost = true,
                "--program" => options.program = words.next().map(PathBuf::from),
                "--rows" => {
                    while let Some(name) = words.next_if(|word| !word.starts_with("--")) {
                        if !GROUPS.contains(&name.as_str()) {
                            let known = GROUPS.join(", ");
                            return Err(Failure::new(format!(
                                "there are no rows `{name}`; there are: {known}"
                            )));
                        }
                        options.rows.push(name.clone());
                    }
                }
                unknown => return Err(Failure::new(format!("unknown option `{unknown}`"))),
            }
        }
        if options.write && (options.small || !options.rows.is_empty()) {
            return Err(Failure::new("--write takes a whole run: no --small, no --rows"));
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, group: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| row == group)
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
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn rows_are_chosen_by_name_and_unknown_ones_are_refused() {
        let options = parse("--rows launch log --small").unwrap();
        assert!(options.wants("log") && !options.wants("storm") && options.small);
        assert!(parse("--rows lunch").unwrap_err().contains("`lunch`; there are: launch"));
        assert!(parse("--write --small").unwrap_err().contains("whole run"));
    }
}
