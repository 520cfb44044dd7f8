//! A dependency is a decision: each stands with its reason, beside it or above it. And each package
//! has the lints of the workspace, of which one forbids unsafe code.

use std::path::Path;

use testbed::{Outcome, Workspace};

use crate::finding::Finding;
use crate::tree;

pub(super) fn check(root: &Path, workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let manifest = package.manifest();
        let text = testbed::read(&manifest)?;
        if !text.contains("[lints]\nworkspace = true\n") {
            let text = "a package has the lints of the workspace: `[lints]`, `workspace = true`";
            findings.push(Finding::new(tree::relative(root, &manifest), 1, text));
        }
        for (line, name) in without_reason(&text) {
            findings.push(Finding::new(
                tree::relative(root, &manifest),
                line,
                format!("`{name}` is a dependency without a reason: say why in a comment beside or above it"),
            ));
        }
    }
    Ok(findings)
}

/// Dependencies that no comment explains, with their lines. A comment above speaks for all lines up
/// to the next empty one or the next comment.
fn without_reason(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_dependencies = false;
    let mut spoken_for = false;
    let mut open_brackets = 0;
    for (index, line) in manifest.lines().enumerate() {
        let (code, comment) = split_comment(line);
        if open_brackets == 0 {
            if code.starts_with('[') {
                in_dependencies = is_dependency_table(code);
                // `[dependencies.name]` is itself a dependency.
                if let Some(name) = code.split("dependencies.").nth(1).filter(|_| in_dependencies) {
                    if !spoken_for && comment.is_none() {
                        found.push((index + 1, name.trim_end_matches(']').to_owned()));
                    }
                    in_dependencies = false;
                }
                spoken_for = false;
            } else if code.is_empty() {
                spoken_for = comment.is_some();
            } else if in_dependencies && !spoken_for && comment.is_none() {
                let name = code.split(['=', '.', ' ']).next().unwrap_or(code);
                found.push((index + 1, name.to_owned()));
            }
        }
        let count = |brackets: [char; 2]| code.matches(brackets).count();
        open_brackets = (open_brackets + count(['[', '{'])).saturating_sub(count([']', '}']));
    }
    found
}

fn is_dependency_table(header: &str) -> bool {
    header.contains("dependencies") && !header.contains("workspace")
}

/// What stands before a `#`, trimmed, and the words after it if there are any.
fn split_comment(line: &str) -> (&str, Option<&str>) {
    match line.split_once('#') {
        Some((code, comment)) => {
            (code.trim(), Some(comment.trim()).filter(|comment| !comment.is_empty()))
        }
        None => (line.trim(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::without_reason;

    #[track_caller]
    fn check(manifest: &str, expected: &[(usize, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|&(line, name)| (line, name.to_owned())).collect();
        assert_eq!(without_reason(manifest), expected);
    }

    #[test]
    fn a_reason_stands_beside_or_above() {
        check("[dependencies]\nlog = \"1\" # the macros\n", &[]);
        check("[dependencies]\n# the macros\nlog.workspace = true\n", &[]);
        check("[dependencies]\n# for tests\na = \"1\"\nb = \"1\"\n", &[]);
        check("# why\n[dependencies.log]\nversion = \"1\"\n", &[]);
        check("[lints]\nworkspace = true\n", &[]);
        check("[dependencies]\na = { features = [ # why\n  \"x\",\n] }\n", &[]);
    }

    #[test]
    fn a_missing_reason_is_found_with_its_line() {
        check("[dependencies]\nlog = \"1\"\n", &[(2, "log")]);
        check("[dependencies]\nlog = \"1\" #\n", &[(2, "log")]);
        check("[dev-dependencies]\n# why\na = \"1\"\n\nb.workspace = true\n", &[(5, "b")]);
        check("[target.'cfg(unix)'.dependencies]\na = \"1\"\n", &[(2, "a")]);
        check("[dependencies.log]\nversion = \"1\"\n", &[(1, "log")]);
        check("[dependencies]\na = \"1\" # why\nb = \"1\"\n", &[(3, "b")]);
    }
}
