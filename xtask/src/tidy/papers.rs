//! The papers a crate must have so that someone can take it alone, and those of the whole.

use std::fs;
use std::path::Path;

use testbed::{Outcome, Workspace};

use crate::finding::Finding;
use crate::tree;

/// Of the whole workspace.
const PAPERS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "docs/behaviour.md",
];

pub(super) fn check(root: &Path, workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let missing = PAPERS.iter().filter(|paper| !root.join(paper).is_file());
    let mut findings: Vec<Finding> =
        missing.map(|paper| Finding::new(paper, 1, "is missing")).collect();
    for package in workspace.crates(root) {
        let folder = tree::relative(root, &package.folder);
        if !package.folder.join("README.md").is_file() {
            findings.push(Finding::new(folder.join("README.md"), 1, "is missing"));
        }
        if !has_example(&package.folder) {
            let text = "a crate has an example of its own";
            findings.push(Finding::new(folder.join("examples"), 1, text));
        }
        let library = package.folder.join("src/lib.rs");
        let source = testbed::read(&library)?;
        for text in missing_in_docs(&source) {
            findings.push(Finding::new(tree::relative(root, &library), 1, text));
        }
    }
    Ok(findings)
}

fn has_example(folder: &Path) -> bool {
    let entries = fs::read_dir(folder.join("examples")).into_iter().flatten().flatten();
    let mut programs = entries.filter(|entry| {
        let path = entry.path();
        path.extension().is_some_and(|found| found == "rs") || path.join("main.rs").is_file()
    });
    programs.next().is_some()
}

/// A crate's doc shows a program and says where the crate ends.
fn missing_in_docs(source: &str) -> Vec<&'static str> {
    let docs = || source.lines().filter_map(|line| line.strip_prefix("//!"));
    let mut missing = Vec::new();
    if !docs().any(|line| line.trim() == "# What it cannot do") {
        missing.push("the crate doc has no section `# What it cannot do`");
    }
    if !docs().any(|line| line.trim_start().starts_with("```")) {
        missing.push("the crate doc shows no program");
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::missing_in_docs;

    #[test]
    fn a_crate_doc_shows_a_program_and_its_limits() {
        let whole = "//! Q?\n//!\n//! ```no_run\n//! f();\n//! ```\n//!\n//! # What it cannot do\n";
        assert!(missing_in_docs(whole).is_empty());
        assert_eq!(missing_in_docs("//! Q?\n").len(), 2);
        assert_eq!(missing_in_docs("//! Q?\n// # What it cannot do\n// ```\n").len(), 2);
    }
}
