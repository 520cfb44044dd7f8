//! What every Rust file keeps: a reason at its head; who decides does not act, and no library starts a
//! thread that takes signals. What compilers look for (`unsafe`, sleeping, tests ignored without a
//! reason) stands in `[workspace.lints]` and clippy.toml.

use std::path::Path;

use testbed::Outcome;

use crate::finding::Finding;
use crate::rust_text::code_lines;
use crate::tree;

/// A longer file holds two ideas: in a library that is an error, elsewhere a warning.
const LONGEST: usize = 400;
const LONG: usize = 450;

/// Crates that decide and do not act, and what they would act with.
const PURE: [&str; 4] = ["lifecycle", "policy", "exit", "safe-text"];
const ACTING: [&str; 5] = ["std::fs", "std::thread", "process::Command", "Instant::now", "rustix"];

/// How a thread is started that takes the signals of whose process it is in.
const HEARING: [&str; 3] = ["thread::spawn(", "thread::Builder", "thread::scope("];

pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in tree::files(root, "rs")? {
        let source = testbed::read(&path)?;
        findings.extend(check_file(tree::relative(root, &path), &source)?);
    }
    Ok(findings)
}

fn check_file(path: &Path, source: &str) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    if !source.starts_with("//!") {
        let text = "a file begins with its reason: a line that starts with `//!`";
        findings.push(Finding::new(path, 1, text));
    }
    if PURE.iter().any(|name| path.starts_with(format!("crates/{name}/src"))) {
        findings.extend(with_any(&ACTING, "in a crate that only decides", path, source)?);
    }
    if is_library(path) {
        let text = "takes signals of whose process it is: see `helper_thread::spawn`";
        findings.extend(with_any(&HEARING, text, path, source)?);
    }
    let lines = source.lines().count();
    let long = Finding::new(path, lines, format!("{lines} lines: look for the second idea"));
    if LONGEST < lines && is_library(path) {
        findings.push(long);
    } else if LONG < lines {
        findings.push(long.warning());
    }
    Ok(findings)
}

/// Also within a longer path, but not within a longer name.
fn has_call(line: &str, call: &str) -> bool {
    line.match_indices(call).any(|(at, _)| !line[..at].ends_with('_'))
}

fn is_library(path: &Path) -> bool {
    let mut parts = path.components().map(|part| part.as_os_str());
    let crates = parts.next().is_some_and(|part| part == "crates");
    let of_another = parts.next().is_some_and(|part| part != "helper-thread");
    crates && of_another && parts.next().is_some_and(|part| part == "src")
}

/// Where a file has any of these words. Its tests may: those that decide need an instant to count from.
fn with_any(words: &[&str], what: &str, path: &Path, source: &str) -> Outcome<Vec<Finding>> {
    if path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs") {
        return Ok(Vec::new());
    }
    let code = code_lines(source)?;
    let lines = code.iter().take_while(|line| *line != "#[cfg(test)]").enumerate();
    let mut findings = Vec::new();
    for (index, line) in lines {
        for word in words.iter().filter(|word| has_call(line, word)) {
            let text = format!("`{word}` {what}");
            findings.push(Finding::new(path, index + 1, text));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::check_file;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let findings = check_file(Path::new("a.rs"), source).unwrap();
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), expected.len(), "{texts:?}");
        for (text, start) in texts.iter().zip(expected) {
            assert!(text.starts_with(start), "{text} does not begin with {start}");
        }
    }

    #[test]
    fn a_good_file_has_no_findings() {
        check("//! Why.\nfn f() { g(\"thread::spawn(\"); }\n", &[]);
    }

    #[test]
    fn who_decides_does_not_act() {
        let source =
            "//! Why.\n// Instant::now\nlet now = Instant::now();\n#[cfg(test)]\nstd::fs::x();\n";
        let texts = |path: &str| {
            let findings = check_file(Path::new(path), source).unwrap();
            findings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            texts("crates/lifecycle/src/machine.rs"),
            ["crates/lifecycle/src/machine.rs:3: `Instant::now` in a crate that only decides"]
        );
        for path in ["crates/lifecycle/src/machine/tests.rs", "crates/workers/src/pool.rs"] {
            assert_eq!(texts(path), [""; 0]);
        }
    }

    #[test]
    fn a_library_starts_no_thread_that_takes_signals() {
        let source = "//! Why.\nhelper_thread::spawn(f);\nthread::spawn(f);\n#[cfg(test)]\nthread::spawn(f);\n";
        for (path, findings) in [
            ("crates/logging/src/output.rs", 1),
            ("crates/logging/src/output/tests.rs", 0),
            ("crates/logging/tests/output.rs", 0),
            ("crates/helper-thread/src/lib.rs", 0),
            ("xtask/src/tidy.rs", 0),
        ] {
            assert_eq!(check_file(Path::new(path), source).unwrap().len(), findings, "{path}");
        }
    }

    #[test]
    fn each_fault_is_found_where_it_stands() {
        check("fn f() {}\n", &["a.rs:1: a file begins"]);
        check(&format!("//! Why.{}", "\n".repeat(460)), &["a.rs:460: warning: 460 lines"]);
        let source = format!("//! Why.{}", "\n".repeat(401));
        let found = |path: &str| check_file(Path::new(path), &source).unwrap();
        let told = found("crates/workers/src/pool.rs");
        assert_eq!(told.len(), 1);
        assert_eq!(
            told[0].to_string(),
            "crates/workers/src/pool.rs:401: 401 lines: look for the second idea"
        );
        assert_eq!(found("crates/workers/tests/it.rs").len(), 0);
    }
}
