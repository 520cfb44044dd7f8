//! Whether the kernel has killed somebody for lack of memory, as the control group counts it.
//!
//! A process that the OOM killer has chosen ends by SIGKILL like any other. What tells the two
//! apart is the counter `oom_kill` of the group in which it ran: in `memory.events` of cgroup v2
//! (the kernel's admin-guide/cgroup-v2), in `memory.oom_control` of v1. It counts every process of
//! the group, so it is a hint.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// How many processes of our group have been killed so; `None` where nobody counts.
pub(crate) fn oom_kills() -> Option<u64> {
    static COUNTER: OnceLock<Option<File>> = OnceLock::new();
    count(COUNTER.get_or_init(open).as_ref()?)
}

/// The first file that counts. Our children run in our group, unless somebody moves them.
fn open() -> Option<File> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let files = groups.lines().filter_map(places).flatten();
    files.filter_map(|path| File::open(path).ok()).find(|file| count(file).is_some())
}

/// Where the counter of a line of `/proc/self/cgroup` may be (cgroups(7)): `0::/group` of v2,
/// `4:memory:/group` of v1. In a container the group's own folder is often all that is mounted.
fn places(line: &str) -> Option<[PathBuf; 2]> {
    let mut fields = line.splitn(3, ':');
    let (mount, file) = match (fields.next()?, fields.next()?) {
        ("0", "") => ("/sys/fs/cgroup", "memory.events"),
        (_, "memory") => ("/sys/fs/cgroup/memory", "memory.oom_control"),
        _ => return None,
    };
    let (mount, group) = (Path::new(mount), fields.next()?.trim_start_matches('/'));
    Some([mount.join(group).join(file), mount.join(file)])
}

fn count(file: &File) -> Option<u64> {
    let mut text = [0; 512];
    let length = file.read_at(&mut text, 0).ok()?;
    let text = str::from_utf8(&text[..length]).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn the_counter_is_where_the_group_is_mounted() {
        let found = |line| places(line).map(|paths| paths.map(|path| path.display().to_string()));
        let v2 = ["/sys/fs/cgroup/a/b/memory.events", "/sys/fs/cgroup/memory.events"];
        assert_eq!(found("0::/a/b"), Some(v2.map(str::to_owned)));
        let v1 = [
            "/sys/fs/cgroup/memory/a:b/memory.oom_control",
            "/sys/fs/cgroup/memory/memory.oom_control",
        ];
        assert_eq!(found("4:memory:/a:b"), Some(v1.map(str::to_owned)));
        assert_eq!(found("9:name=systemd:/"), None);
        assert_eq!(found("nonsense"), None);
    }
}
