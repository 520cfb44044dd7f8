//! Rules that no compiler checks: layers, imports, papers, reasons, links.
//!
//! Each rule is a module that returns findings; here they are gathered and printed.

mod imports;
mod layers;
mod links;
mod manifests;
mod papers;
mod sources;

use testbed::{Failure, Outcome, Workspace};

use crate::finding::Weight;

pub(crate) fn run() -> Outcome {
    let root = testbed::root();
    let workspace = Workspace::load()?;
    let mut findings = layers::check(&root, &workspace)?;
    findings.extend(imports::check(&root, &workspace)?);
    findings.extend(manifests::check(&root, &workspace)?);
    findings.extend(sources::check(&root)?);
    findings.extend(papers::check(&root, &workspace)?);
    findings.extend(links::check(&root)?);
    for finding in &findings {
        println!("{finding}");
    }
    let is_error = |weight| weight == Weight::Error;
    let errors = findings.iter().filter(|found| is_error(found.weight)).count();
    match errors {
        0 => Ok(()),
        1 => Err(Failure::new("tidy found one thing to put right")),
        more => Err(Failure::new(format!("tidy found {more} things to put right"))),
    }
}
