//! A scenario as data: what a user types, and what must be seen.
//!
//! One step a line; `#` begins a comment, `# case: F-01` says, to `cargo xtask behaviour`, which cases the scenario shows. Paths
//! are relative to the scenario's own folder, which begins with a copy of the example's data files;
//! `*` in a file's name stands for anything. `$name` in a text is the pid of that process.
//!
//! ```text
//! run PROGRAM ARGUMENTS…          runs it to its end; it must exit with 0
//! exit CODE                       … or, on the next line, with this
//! stdout contains TEXT            of the last `run`; also `lacks`; also stderr
//! begin NAME PROGRAM ARGUMENTS…   starts it in the foreground; writes NAME.stdout and NAME.stderr
//! pid FILE is NAME                waits for a pid file; its process is called NAME from here on
//! child of NAME is NAME           waits for the only child of a process
//! … is new NAME                   waits for another process than the one called NAME until now
//! … is still NAME                 it is the same process
//! signal TERM NAME                sends a signal
//! ends NAME [CODE]                waits for the end; with a code only of one that `begin` started
//! alive NAME
//! detached NAME                   own session, no terminal, in `/`, reads nothing, is nobody's child here
//! expect FILE TEXT                waits until the text comes after what was expected there before
//! lacks FILE TEXT                 the file (or no file) does not hold the text now
//! exists FILE, gone FILE          waits for it
//! write FILE                      a file of the indented lines that follow
//! change FILE: OLD => NEW         in a text file, everywhere; without NEW it is taken out
//! midnight in N s                 for what is run from here on it is midnight N seconds from now
//! nothing left                    waits until no process of the scenario is left
//! needs PROGRAM                   where that is not installed the scenario is skipped, which is told
//! ```

use std::path::{Path, PathBuf};

use rustix::process::Signal;
use testbed::{Failure, Outcome};

/// A file of steps.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// `daemon/restart` for `examples/daemon/scenario-restart.txt`.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) steps: Vec<Line>,
    /// Programs that not every machine has.
    pub(crate) needs: Vec<String>,
}

/// A step and where it stands.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) text: String,
    pub(crate) step: Step,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Run { words: Vec<String>, code: i32 },
    Output { stream: Stream, contains: bool, text: String },
    Begin { name: String, words: Vec<String> },
    Find { source: Source, identity: Identity, name: String },
    Signal { signal: Signal, name: String },
    Ends { name: String, code: Option<i32> },
    Alive { name: String },
    Detached { name: String },
    Expect { file: String, text: String },
    Lacks { file: String, text: String },
    Exists { file: String },
    Gone { file: String },
    Write { file: String, text: String },
    Change { file: String, old: String, new: String },
    Midnight { seconds: u64 },
    NothingLeft,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Where a process is found.
#[derive(Debug, PartialEq)]
pub(crate) enum Source {
    PidFile(String),
    ChildOf(String),
}

/// Which process it must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Identity {
    Any,
    New,
    Same,
}

impl Scenario {
    /// `examples` is the folder in which the example's folder lies.
    pub(crate) fn parse(examples: &Path, path: &Path, text: &str) -> Outcome<Self> {
        let folder = path.parent().unwrap_or(examples);
        let example = folder.strip_prefix(examples).unwrap_or(folder).display();
        let part = path.file_stem().unwrap_or_default().to_string_lossy();
        let part = part.trim_start_matches("scenario").trim_start_matches('-');
        let mut scenario = Scenario {
            name: if part.is_empty() { example.to_string() } else { format!("{example}/{part}") },
            folder: folder.to_owned(),
            steps: Vec::new(),
            needs: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            scenario.line(index + 1, line).map_err(|failure| {
                Failure::new(format!("{}:{}: {failure}", path.display(), index + 1))
            })?;
        }
        Ok(scenario)
    }

    /// What it needs and nobody finds in these folders.
    pub(crate) fn missing(&self, folders: &[PathBuf]) -> Option<&str> {
        let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
        self.needs.iter().map(String::as_str).find(|name| !is_there(name))
    }

    fn line(&mut self, number: usize, line: &str) -> Outcome {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        // Two kinds of lines belong to the step before them.
        let last = self.steps.last_mut().map(|last| &mut last.step);
        if let Some(content) = line.strip_prefix("    ") {
            let Some(Step::Write { text, .. }) = last else {
                return Err(Failure::new("an indented line belongs to a `write`"));
            };
            text.push_str(content);
            text.push('\n');
            return Ok(());
        }
        if let Some(wanted) = line.strip_prefix("exit ") {
            let Some(Step::Run { code, .. }) = last else {
                return Err(Failure::new("`exit` stands directly after a `run`"));
            };
            *code = parse_number(wanted)?;
            return Ok(());
        }
        if let Some(program) = line.strip_prefix("needs ") {
            self.needs.push(program.trim().to_owned());
            return Ok(());
        }
        let step = parse_step(line)?;
        let text = line.to_owned();
        self.steps.push(Line { number, text, step });
        Ok(())
    }
}

fn parse_step(line: &str) -> Outcome<Step> {
    let unknown = || Failure::new(format!("unknown step `{line}`"));
    let (verb, rest) = line.split_once(' ').ok_or_else(unknown)?;
    let rest = rest.trim();
    let two = || -> Outcome<(String, String)> {
        let pair = rest.split_once(' ').filter(|(_, text)| !text.trim().is_empty());
        let (first, second) =
            pair.ok_or_else(|| Failure::new(format!("`{verb}` needs two things")))?;
        Ok((first.to_owned(), second.trim().to_owned()))
    };
    Ok(match verb {
        "run" => Step::Run { words: words(rest), code: 0 },
        "stdout" => output(Stream::Stdout, two()?)?,
        "stderr" => output(Stream::Stderr, two()?)?,
        "begin" => {
            let (name, command) = two()?;
            Step::Begin { name, words: words(&command) }
        }
        "pid" => {
            let (file, name) = two()?;
            find(Source::PidFile(file), &name)?
        }
        "child" => {
            let (of, name) = rest
                .strip_prefix("of ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or_else(unknown)?;
            find(Source::ChildOf(of.to_owned()), name)?
        }
        "signal" => {
            let (signal, name) = two()?;
            Step::Signal { signal: parse_signal(&signal)?, name }
        }
        "ends" => match rest.split_once(' ') {
            Some((name, code)) => {
                Step::Ends { name: name.to_owned(), code: Some(parse_number(code)?) }
            }
            None => Step::Ends { name: rest.to_owned(), code: None },
        },
        "alive" => Step::Alive { name: rest.to_owned() },
        "detached" => Step::Detached { name: rest.to_owned() },
        "expect" => {
            let (file, text) = two()?;
            Step::Expect { file, text }
        }
        "lacks" => {
            let (file, text) = two()?;
            Step::Lacks { file, text }
        }
        "exists" => Step::Exists { file: rest.to_owned() },
        "gone" => Step::Gone { file: rest.to_owned() },
        "write" => Step::Write { file: rest.to_owned(), text: String::new() },
        "change" => {
            let (file, change) = rest.split_once(": ").ok_or_else(unknown)?;
            let (old, new) = change.split_once(" =>").ok_or_else(unknown)?;
            Step::Change {
                file: file.to_owned(),
                old: old.to_owned(),
                new: new.trim_start().to_owned(),
            }
        }
        "midnight" => {
            let seconds = rest.strip_prefix("in ").and_then(|rest| rest.strip_suffix(" s"));
            Step::Midnight { seconds: parse_number(seconds.ok_or_else(unknown)?)? }
        }
        "nothing" if rest == "left" => Step::NothingLeft,
        _ => return Err(unknown()),
    })
}

fn find(source: Source, name: &str) -> Outcome<Step> {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (identity, name) = match words.as_slice() {
        ["is", name] => (Identity::Any, name),
        ["is", "new", name] => (Identity::New, name),
        ["is", "still", name] => (Identity::Same, name),
        _ => {
            return Err(Failure::new(
                "a process is given a name by `is NAME`, `is new NAME` or `is still NAME`",
            ));
        }
    };
    Ok(Step::Find { source, identity, name: (*name).to_owned() })
}

fn output(stream: Stream, (verb, text): (String, String)) -> Outcome<Step> {
    let contains = match verb.as_str() {
        "contains" => true,
        "lacks" => false,
        _ => return Err(Failure::new("an output `contains` or `lacks` a text")),
    };
    Ok(Step::Output { stream, contains, text })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn parse_number<N: std::str::FromStr>(text: &str) -> Outcome<N> {
    let text = text.trim();
    text.parse().map_err(|_| Failure::new(format!("`{text}` is not a number that fits here")))
}

fn parse_signal(name: &str) -> Outcome<Signal> {
    Ok(match name {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "HUP" => Signal::HUP,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        _ => return Err(Failure::new(format!("unknown signal `{name}`"))),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Identity, Scenario, Source, Step, Stream};
    use testbed::Outcome;

    fn parse(text: &str) -> Outcome<Scenario> {
        Scenario::parse(Path::new("e"), Path::new("e/daemon/scenario-life.txt"), text)
    }

    #[track_caller]
    fn check(text: &str, expected: &[Step]) {
        let scenario = parse(text).unwrap();
        let steps: Vec<Step> = scenario.steps.into_iter().map(|line| line.step).collect();
        assert_eq!(steps, expected);
    }

    #[test]
    fn steps_are_read() {
        check(
            "run a b\nexit 3\n# why\nstderr contains x  y\n",
            &[
                Step::Run { words: vec!["a".into(), "b".into()], code: 3 },
                Step::Output { stream: Stream::Stderr, contains: true, text: "x  y".into() },
            ],
        );
        check(
            "write f\n    a: 1\n      b: 2\nnothing left",
            &[Step::Write { file: "f".into(), text: "a: 1\n  b: 2\n".into() }, Step::NothingLeft],
        );
        check(
            "pid f is g\nchild of g is new e\nends e\nends f 1\nchange f: a => b\nchange f: a =>",
            &[
                Step::Find {
                    source: Source::PidFile("f".into()),
                    identity: Identity::Any,
                    name: "g".into(),
                },
                Step::Find {
                    source: Source::ChildOf("g".into()),
                    identity: Identity::New,
                    name: "e".into(),
                },
                Step::Ends { name: "e".into(), code: None },
                Step::Ends { name: "f".into(), code: Some(1) },
                Step::Change { file: "f".into(), old: "a".into(), new: "b".into() },
                Step::Change { file: "f".into(), old: "a".into(), new: String::new() },
            ],
        );
    }

    #[test]
    fn a_scenario_has_a_name() {
        let scenario = parse("# case: F-01, F-02\n# case: F-03\n").unwrap();
        assert_eq!(scenario.name, "daemon/life");
        assert!(scenario.steps.is_empty(), "comments are no steps");
    }

    #[test]
    fn what_it_needs_is_missed_where_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there"), "").unwrap();
        let folders = [folder.path().join("none"), folder.path().to_owned()];
        let missing = |text| parse(text).unwrap().missing(&folders).map(str::to_owned);
        assert_eq!(missing("run a\nneeds there\n"), None);
        assert_eq!(missing("needs there\nneeds else\nrun a\n"), Some("else".to_owned()));
    }

    #[test]
    fn a_wrong_line_is_refused_with_its_place() {
        for wrong in [
            "fly",
            "fly away",
            "exit 0",
            "    x",
            "expect f",
            "signal FOO g",
            "pid f is odd g",
            "midnight in x s",
            "stdout is x",
        ] {
            let failure = parse(wrong).unwrap_err().to_string();
            assert!(failure.starts_with("e/daemon/scenario-life.txt:1: "), "{failure}");
        }
    }
}
