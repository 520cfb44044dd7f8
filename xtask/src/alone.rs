//! Each crate by itself: someone who takes only this one must be able to.
//!
//! A workspace build hides a missing feature, because a neighbour asks for it. So each crate is
//! checked with its own features only, and without those of its tests.

use lexopt::prelude::*;
use testbed::cargo::Cargo;
use testbed::{Failure, Outcome, Workspace};

pub(crate) fn run(words: &[String]) -> Outcome {
    let (mut only_check, mut wanted) = (false, Vec::new());
    let mut words = lexopt::Parser::from_args(words);
    while let Some(word) = words.next()? {
        match word {
            Long("check") => only_check = true,
            Value(name) => wanted.push(name.string()?),
            Short(_) | Long(_) => return Err(word.unexpected().into()),
        }
    }
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
