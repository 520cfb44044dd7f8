//! What a worker starts and does not wait for.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::journal;
use crate::settings::Settings;

/// Names a control group with a limit of processes (cgroups(7)), for what multiplies.
const CGROUP: &str = "VICTIM_CGROUP";

/// Starts what the settings want to stay behind when this worker's run ends.
pub(crate) fn leave(settings: &Settings) {
    let mut command = Command::new("sleep");
    match settings.leave {
        0 => (),
        1 => _ = journal::stubbornly(|| command.arg("601").spawn()),
        2 => _ = journal::stubbornly(|| command.arg("602").process_group(0).spawn()),
        _ => _ = journal::stubbornly(|| Command::new("setsid").args(["sleep", "603"]).spawn()),
    }
    let this = appkit::current();
    if settings.bomb && this.name == "w1" && this.incarnation == 1 {
        bomb();
    }
}

/// Without a group with a limit there is none: it would take the machine's processes.
fn bomb() {
    let (Some(cgroup), Ok(ourselves)) = (std::env::var_os(CGROUP), std::env::current_exe()) else {
        return;
    };
    // Ignored signals stay ignored in whoever is executed; nobody waits for its children either.
    let _ = Command::new("sh")
        .args(["-c", "trap '' TERM INT CHLD; exec \"$0\" bomb \"$1\""])
        .arg(ourselves.with_file_name("adversary"))
        .arg(cgroup)
        .stdin(Stdio::null())
        .spawn();
}
