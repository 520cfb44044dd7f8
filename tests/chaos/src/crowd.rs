//! A control group with a limit of processes, for what multiplies below a worker (cgroups(7)).

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use testbed::Process;

/// How many there may be: few enough for the numbers of the world to suffice for all others.
const LIMIT: &str = "40";

/// It goes with the value, which is to outlive whoever is in it.
pub(crate) struct Crowd {
    folder: PathBuf,
}

impl Crowd {
    /// Where this user may have one, and there is a controller for the number of processes.
    pub(crate) fn new() -> Option<Crowd> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("appkit-chaos-{}-{number}", std::process::id());
        let parents = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
        parents.iter().find_map(|parent| {
            let folder = Path::new(parent).join(&name);
            // Elsewhere, a folder there is no control group, or one without this controller.
            fs::create_dir(&folder).ok()?;
            let crowd = Crowd { folder };
            crowd.limit(LIMIT).then_some(crowd)
        })
    }

    /// One that is there already, and goes with its maker.
    pub(crate) fn at(folder: &Path) -> std::mem::ManuallyDrop<Crowd> {
        std::mem::ManuallyDrop::new(Crowd { folder: folder.to_owned() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file is the kernel's: it is never made here.
    fn limit(&self, most: &str) -> bool {
        let file = fs::File::options().write(true).open(self.folder.join("pids.max"));
        file.is_ok_and(|mut file| std::io::Write::write_all(&mut file, most.as_bytes()).is_ok())
    }

    /// Whoever is in it, of the scenario `marker`; a zombie does not count.
    pub(crate) fn members(&self, marker: &str) -> Vec<Process> {
        let numbers = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        let numbers = numbers.lines().filter_map(|line| line.parse().ok());
        numbers.filter_map(|pid| Process::open(pid, marker).ok()).collect()
    }

    /// Kills whoever is in it, and lets nobody come meanwhile.
    pub(crate) fn disperse(&self, marker: &str) {
        self.limit("0");
        loop {
            let members = self.members(marker);
            for member in &members {
                let _ = member.try_signal(Signal::KILL);
            }
            let gone = members.iter().all(|it| it.wait(std::time::Duration::from_secs(10)));
            if members.is_empty() || !gone {
                break;
            }
        }
        self.limit(LIMIT);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // Fails while somebody is in it, who is not ours then.
        let _ = fs::remove_dir(&self.folder);
    }
}
