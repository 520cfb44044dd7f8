//! The examples as programs: built by cargo, found by what cargo says.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::program::Program;
use crate::{paint, tree};

/// Name and path of each example's program.
pub(crate) type Programs = Vec<(String, PathBuf)>;

/// Builds with these arguments of `cargo build`; returns the programs below `examples/`.
pub(crate) fn build(arguments: &[&str]) -> Outcome<Programs> {
    let shown = Program::cargo(["build"].iter().chain(arguments).copied());
    println!("{}", paint::strong(format!("$ {}", shown.line())));
    let output = Command::new(tree::cargo())
        .args(["build", "--message-format", "json-render-diagnostics"])
        .args(arguments)
        .current_dir(tree::root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::step("run cargo build"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{} ({})", shown.line(), output.status)));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages.lines().filter_map(program).collect())
}

fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let executable = message["executable"].as_str()?;
    let target = &message["target"];
    let is_program = target["kind"].as_array()?.iter().any(|kind| kind == "bin");
    let of_example = message["manifest_path"].as_str()?.contains("/examples/");
    // The same target is also built as a test program, under another name.
    let is_test = message["profile"]["test"].as_bool()?;
    (is_program && of_example && !is_test)
        .then(|| (target["name"].as_str().unwrap_or_default().to_owned(), executable.into()))
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn only_programs_of_examples_are_taken() {
        let message = |kind: &str, folder: &str, test: bool| {
            format!(
                r#"{{"manifest_path":"/w/{folder}/x/Cargo.toml","target":{{"kind":["{kind}"],"name":"x"}},
                "profile":{{"test":{test}}},"executable":"/t/x"}}"#
            )
        };
        assert_eq!(program(&message("bin", "examples", false)), Some(("x".into(), "/t/x".into())));
        assert_eq!(program(&message("bin", "examples", true)), None);
        assert_eq!(program(&message("lib", "examples", false)), None);
        assert_eq!(program(&message("bin", "crates", false)), None);
        assert_eq!(program("{}"), None);
    }
}
