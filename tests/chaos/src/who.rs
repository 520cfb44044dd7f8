//! Who a process is.

use testbed::Process;

use super::round::Who;

/// What the library calls its processes; a caller has no such name.
const ROLES: [&str; 4] = ["launcher", "guardian", "executor", "worker"];

/// By the name that the library gives to its processes.
pub(super) fn is(who: Who, process: &Process) -> bool {
    let title = process.title();
    let named = |role: &str| title.contains(&format!(": {role}"));
    match who {
        Who::Anybody => true,
        Who::Launcher => named("launcher"),
        Who::Guardian => named("guardian"),
        Who::Executor => named("executor"),
        Who::Worker => named("worker"),
        Who::Caller => !ROLES.into_iter().any(named) && !is_descendant(&title),
    }
}

/// Whether this is something that a worker has started.
pub(super) fn is_descendant(title: &str) -> bool {
    ["sleep", "setsid", "sh -c trap"].iter().any(|begin| title.starts_with(begin))
        || title.contains("/adversary bomb")
}
