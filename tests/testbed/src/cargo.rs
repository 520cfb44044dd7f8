//! Running cargo: printed so that it can be pasted, timed, and its failure kept.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::{interrupt, paint, root};

/// A command of cargo, with the variables that belong to it.
pub struct Cargo {
    variables: Vec<(String, String)>,
    words: Vec<String>,
}

impl Cargo {
    /// `Cargo::new(["test", "-p", "quit"])`.
    pub fn new<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Cargo { variables: Vec::new(), words: arguments.into_iter().map(Into::into).collect() }
    }

    /// With one more variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As one would type it.
    pub fn line(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("{name}={} ", quoted(value)));
        let words = self.words.iter().map(|word| format!(" {}", quoted(word)));
        format!("{}cargo{}", variables.collect::<String>(), words.collect::<String>())
    }

    /// By the cargo that runs us, in the workspace's folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        command.args(&self.words).current_dir(root());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it with our streams; an exit code other than 0 is a failure.
    pub fn run(&self) -> Outcome<Duration> {
        println!("{}", paint::strong(format!("$ {}", self.line())));
        let started = Instant::now();
        let status = foreground(self.command())?;
        if status.success() {
            Ok(started.elapsed())
        } else {
            Err(Failure::new(format!("{} ({status})", self.line())))
        }
    }

    /// Runs it without a word, unless it fails.
    pub fn silent(&self) -> Outcome {
        let output = self.output()?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("{} ({})\n{text}", self.line(), output.status)))
    }

    /// Is there such a subcommand?
    pub fn installed(&self) -> bool {
        let subcommand = Cargo::new(self.words.iter().take(1).cloned().chain(["--version".into()]));
        subcommand.output().is_ok_and(|output| output.status.success())
    }

    /// Runs it and keeps what it prints.
    pub fn output(&self) -> Outcome<Output> {
        self.command().output().map_err(Failure::step("run cargo"))
    }
}

/// Longer than any program runs, in seconds.
const YEAR: u64 = 365 * 24 * 60 * 60;

/// Runs a program to its end, with our streams. Who asks us to stop asks it, too.
pub fn foreground(mut command: Command) -> Outcome<ExitStatus> {
    let mut child = command.spawn().map_err(Failure::step(&format!("run {command:?}")))?;
    let pid = Pid::from_child(&child);
    let end = pidfd_open(pid, PidfdFlags::empty()).map_err(Failure::step("follow a program"))?;
    if interrupt::wait(end.as_fd(), Duration::from_secs(YEAR)).is_err() {
        // A Ctrl-C has reached it already; a signal that was for us alone has not.
        let _ = pidfd_send_signal(&end, Signal::TERM);
    }
    child.wait().map_err(Failure::step("wait for a program"))
}

/// A program that cargo has built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// Of the target.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Of the package.
    pub manifest: PathBuf,
}

/// Builds with these arguments of `cargo build`; what there is of programs then, and of examples of
/// crates. A target that is also built as a test program has that one under another path: it is left out.
pub fn build(arguments: &[&str]) -> Outcome<Vec<Built>> {
    let words = ["build"].iter().chain(arguments).copied();
    let line = Cargo::new(words.clone()).line();
    println!("{}", paint::strong(format!("$ {line}")));
    let asked = Cargo::new(words.chain(["--message-format", "json-render-diagnostics"]));
    let output = asked
        .command()
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::step("run cargo build"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{line} ({})", output.status)));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().filter_map(program).collect())
}

/// The one of this name.
pub fn find(built: &[Built], name: &str) -> Outcome<PathBuf> {
    let found = built.iter().find(|built| built.name == name).map(|built| built.path.clone());
    found.ok_or_else(|| Failure::new(format!("cargo does not say where `{name}` is")))
}

fn program(message: &str) -> Option<Built> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message["executable"].as_str()?.into();
    let target = &message["target"];
    let mut kinds = target["kind"].as_array()?.iter();
    let is_program = kinds.any(|kind| kind == "bin" || kind == "example");
    let is_test = message["profile"]["test"].as_bool()?;
    let manifest = message["manifest_path"].as_str()?.into();
    let name = target["name"].as_str()?.to_owned();
    (is_program && !is_test).then_some(Built { name, path, manifest })
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
    use super::{Cargo, program};

    #[test]
    fn a_command_line_can_be_pasted() {
        let cargo = Cargo::new(["doc", "--no-deps"]).variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(cargo.line(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn only_programs_are_taken() {
        let name = |kind: &str, test: bool| {
            let message = format!(
                r#"{{"manifest_path":"/w/x/Cargo.toml","target":{{"kind":["{kind}"],"name":"x"}},
                "profile":{{"test":{test}}},"executable":"/t/x"}}"#
            );
            program(&message).map(|built| built.path)
        };
        assert_eq!(name("bin", false), Some("/t/x".into()));
        assert_eq!(name("example", false), Some("/t/x".into()));
        assert_eq!(name("bin", true), None);
        assert_eq!(name("lib", false), None);
        assert_eq!(program("{}"), None);
    }
}
