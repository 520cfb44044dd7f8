//! Who depends on whom is a decision: every edge between our crates stands in the layer table.

use std::path::Path;

use testbed::{Outcome, Package, Workspace};

use crate::finding::Finding;
use crate::tree;

pub(super) fn check(root: &Path, workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let mut findings = in_table_and_on_disk(root, workspace)?;
    for package in &workspace.packages {
        let Some(allowed) = allowed(root, workspace, package) else {
            continue;
        };
        let text = testbed::read(&package.manifest())?;
        // One that names itself has its tests built with its features.
        let ours = package.dependencies.iter().filter(|name| **name != package.name);
        let ours = ours.filter(|name| is_ours(workspace, name));
        // The same name may be a dependency and a dev-dependency; it is one edge.
        let mut wrong: Vec<&String> = ours.filter(|name| !allowed.contains(name)).collect();
        wrong.sort();
        wrong.dedup();
        for name in wrong {
            findings.push(Finding::new(
                tree::relative(root, &package.manifest()),
                line_of(&text, name),
                format!(
                    "`{}` may not depend on `{name}`: the edge is not in [workspace.metadata.layers]",
                    package.name
                ),
            ));
        }
    }
    Ok(findings)
}

/// What `package` may depend on; `None` where anything goes.
fn allowed(root: &Path, workspace: &Workspace, package: &Package) -> Option<Vec<String>> {
    if let Some((_, below)) = workspace.layers.iter().find(|(name, _)| *name == package.name) {
        return Some(below.clone());
    }
    // Examples show what users do, and users take the facade; `pieces` is there to take the crates.
    let example = package.folder.starts_with(root.join("examples"));
    (example && !package.folder.ends_with("pieces")).then(|| vec!["appkit".to_owned()])
}

fn is_ours(workspace: &Workspace, name: &str) -> bool {
    workspace.packages.iter().any(|package| package.name == name)
}

fn in_table_and_on_disk(root: &Path, workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let text = testbed::read(&root.join("Cargo.toml"))?;
    let in_table = |wanted: &str| workspace.layers.iter().any(|(name, _)| name == wanted);
    let mut findings = Vec::new();
    for package in workspace.crates(root).filter(|package| !in_table(&package.name)) {
        let missing = format!("`{}` is not in [workspace.metadata.layers]", package.name);
        findings.push(Finding::new(
            "Cargo.toml",
            line_of(&text, "[workspace.metadata.layers]"),
            missing,
        ));
    }
    for (name, below) in &workspace.layers {
        for name in below.iter().chain([name]).filter(|name| !is_ours(workspace, name)) {
            let unknown = format!("the layer table names `{name}`, which is no crate here");
            findings.push(Finding::new("Cargo.toml", line_of(&text, name), unknown));
        }
    }
    Ok(findings)
}

/// The first line that begins with `name`, from 1; the first line of all if none does.
pub(super) fn line_of(text: &str, name: &str) -> usize {
    text.lines()
        .position(|line| {
            let rest = line.trim_start().strip_prefix(name);
            rest.is_some_and(|rest| {
                !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-')
            })
        })
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{check, line_of};
    use testbed::{Package, Workspace};

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found_where_it_stands() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join("crates").join(name);
        for name in ["low", "high"] {
            fs::create_dir_all(folder(name)).unwrap();
        }
        fs::write(root.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        fs::write(folder("low").join("Cargo.toml"), "[dependencies]\nhigh = {} # why\n").unwrap();
        fs::write(folder("high").join("Cargo.toml"), "[dependencies]\nlow = {}\n").unwrap();
        let package = |name: &str, on: &str| Package {
            name: name.into(),
            folder: folder(name),
            dependencies: vec![on.into(), "log".into()],
        };
        let workspace = Workspace {
            packages: vec![package("low", "high"), package("high", "low")],
            layers: vec![("low".into(), vec![]), ("high".into(), vec!["low".into()])],
            target: root.path().join("target"),
        };
        let findings = check(root.path(), &workspace).unwrap();
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["crates/low/Cargo.toml:2: `low` may not depend on `high`: \
              the edge is not in [workspace.metadata.layers]"]
        );
    }

    #[test]
    fn a_name_is_not_found_in_a_longer_one() {
        assert_eq!(line_of("logging = 1\nlog = 2\nquit.workspace = true", "log"), 2);
        assert_eq!(line_of("logging = 1\nlog = 2\nquit.workspace = true", "quit"), 3);
    }
}
