//! What "detached" means, as /proc shows it.

use std::fs;

use testbed::{Failure, Outcome};

/// Own session, no terminal, in `/`, standard input empty, and no child of ours.
pub(crate) fn check(pid: u32) -> Outcome {
    let stat = testbed::stat(pid).ok_or_else(|| Failure::new("it has ended"))?;
    let ours =
        testbed::stat(std::process::id()).ok_or_else(|| Failure::new("there is no /proc"))?;
    let link = |name: &str| {
        let target = fs::read_link(format!("/proc/{pid}/{name}"));
        target.map_or_else(|cause| cause.to_string(), |target| target.display().to_string())
    };
    let mut faults = Vec::new();
    if stat.session == ours.session {
        faults.push("it is in our session".to_owned());
    }
    if stat.terminal != 0 {
        faults.push(format!("it has a terminal ({})", stat.terminal));
    }
    if stat.parent == std::process::id() {
        faults.push("it is our child".to_owned());
    }
    for (name, wanted) in [("cwd", "/"), ("fd/0", "/dev/null")] {
        let found = link(name);
        if found != wanted {
            faults.push(format!("its {name} is {found}, not {wanted}"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::new(faults.join("; "))) }
}
