//! What starts itself again and again, in sessions of their own, deaf to what it is asked. It does
//! so inside a control group that has a limit of processes, or not at all.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Each of them ends by itself after this time, should nobody have found it.
const LIFE: Duration = Duration::from_secs(60);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(5);

/// More than this is no limit.
const MOST: u64 = 200;

/// Goes into the control group, and multiplies if there is a limit.
pub(crate) fn begin(cgroup: &Path) -> Result<(), Box<dyn Error>> {
    let limit: u64 = fs::read_to_string(cgroup.join("pids.max"))?.trim().parse()?;
    if MOST < limit {
        return Err("the control group has no limit to speak of".into());
    }
    // 0 is the one who writes (cgroups(7)).
    fs::write(cgroup.join("cgroup.procs"), "0")?;
    multiply()
}

/// Until its time is over, or somebody ends it.
pub(crate) fn multiply() -> Result<(), Box<dyn Error>> {
    // Fails for one that leads a group already.
    let _ = nix::unistd::setsid();
    let ourselves = std::env::current_exe()?;
    let until = Instant::now() + LIFE;
    while Instant::now() < until {
        // Refused most of the time: by the limit.
        let _ = Command::new(&ourselves).arg("bomb").stdin(Stdio::null()).spawn();
        thread::park_timeout(PAUSE);
    }
    Ok(())
}
