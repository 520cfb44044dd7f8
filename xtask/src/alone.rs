//! Each crate by itself: someone who takes only this one must be able to.
//!
//! A workspace build hides a missing feature, because a neighbour asks for it. So each crate is
//! checked with its own features only, and without those of its tests.

use testbed::cargo::Cargo;
use testbed::{Failure, Outcome, Workspace};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let only_check = arguments.iter().any(|argument| argument == "--check");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| *argument != "--check").collect();
    let root = testbed::root();
    let workspace = Workspace::load()?;
    if let Some(unknown) =
        wanted.iter().find(|name| !workspace.crates(&root).any(|package| package.name == ***name))
    {
        return Err(Failure::new(format!("there is no crate `{unknown}` in crates/")));
    }
    for package in workspace.crates(&root) {
        let name = package.name.as_str();
        if !wanted.is_empty() && !wanted.iter().any(|wanted| *wanted == name) {
            continue;
        }
        Cargo::new(["check", "--quiet", "-p", name]).run()?;
        Cargo::new(["package", "--quiet", "--allow-dirty", "--list", "-p", name]).silent()?;
        if !only_check {
            Cargo::new(["test", "--quiet", "-p", name]).run()?;
        }
    }
    Ok(())
}
