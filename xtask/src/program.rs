//! Running other programs in the foreground: printed so that it can be pasted, timed, and its failure kept.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::{paint, tree};

/// A command line with the variables that belong to it.
pub(crate) struct Program {
    variables: Vec<(String, String)>,
    words: Vec<String>,
}

impl Program {
    /// A cargo command: `cargo(["test", "-p", "quit"])`.
    pub(crate) fn cargo<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Program { variables: Vec::new(), words: arguments.into_iter().map(Into::into).collect() }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As one would type it.
    pub(crate) fn line(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("{name}={} ", quoted(value)));
        let words = self.words.iter().map(|word| format!(" {}", quoted(word)));
        format!("{}cargo{}", variables.collect::<String>(), words.collect::<String>())
    }

    /// Runs it in the workspace's folder, with our streams; an exit code other than 0 is a failure.
    pub(crate) fn run(&self) -> Outcome<Duration> {
        println!("{}", paint::strong(format!("$ {}", self.line())));
        let started = Instant::now();
        let status = Command::new(tree::cargo())
            .args(&self.words)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(tree::root())
            .status()
            .map_err(Failure::step("run cargo"))?;
        if status.success() {
            Ok(started.elapsed())
        } else {
            Err(Failure::new(format!("{} ({status})", self.line())))
        }
    }

    /// Runs it without a word, unless it fails.
    pub(crate) fn silent(&self) -> Outcome {
        let output = self.output()?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("{} ({})\n{text}", self.line(), output.status)))
    }

    /// Is there such a subcommand?
    pub(crate) fn installed(&self) -> bool {
        let subcommand =
            Program::cargo(self.words.iter().take(1).cloned().chain(["--version".into()]));
        subcommand.output().is_ok_and(|output| output.status.success())
    }

    /// Runs it and keeps what it prints.
    pub(crate) fn output(&self) -> Outcome<Output> {
        Command::new(tree::cargo())
            .args(&self.words)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(tree::root())
            .output()
            .map_err(Failure::step("run cargo"))
    }
}

/// For a shell: quoted where it must be.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./:,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::Program;

    #[test]
    fn a_command_line_can_be_pasted() {
        let program = Program::cargo(["doc", "--no-deps"]).variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(program.line(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }
}
