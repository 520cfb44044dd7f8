//! Each crate by itself: someone who takes only this one must be able to.
//!
//! A workspace build hides a missing feature, because a neighbour asks for it. So each crate is
//! checked with its own features only, and without those of its tests.

use crate::failure::{Failure, Outcome};
use crate::program::Program;
use crate::tree::{self, Workspace};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let only_check = arguments.iter().any(|argument| argument == "--check");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| *argument != "--check").collect();
    let root = tree::root();
    let workspace = Workspace::load(&root)?;
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
        Program::cargo(["check", "--quiet", "-p", name]).run()?;
        Program::cargo(["package", "--quiet", "--allow-dirty", "--list", "-p", name]).silent()?;
        if !only_check {
            Program::cargo(["test", "--quiet", "-p", name]).run()?;
        }
    }
    Ok(())
}
