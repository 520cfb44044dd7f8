//! A child that ends for lack of memory.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proc_spawn::{Call, Exit, Spawn, Stdio};

use crate::{LIMIT, waits};

/// Enters a control group, and says how two children in it end: one that takes more memory than
/// the group has, and one that is killed.
pub(crate) fn grouped_parent(group: PathBuf) -> Result<(), Box<dyn Error>> {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string())?;
    let eater = Spawn::new(Call::new(eats, ()))?.spawn()?.wait()?;
    let mut other = Spawn::new(Call::new(waits, ()))?.spawn()?;
    other.wait_until_ready(LIMIT)?;
    other.kill()?;
    let mut out = std::io::stdout();
    writeln!(out, "{eater}; {}", other.wait()?)?;
    Ok(())
}

pub(crate) fn eats() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![7u8; 1 << 20]);
        std::hint::black_box(&eaten);
    }
}

/// A control group with little memory. Goes with the value.
struct Group(PathBuf);

impl Group {
    /// `None` where this user may make no group, or none that counts memory.
    fn small() -> Option<Group> {
        let name = format!("proc-spawn-test-{}", std::process::id());
        let files = [
            ("/sys/fs/cgroup/memory", &["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]),
            ("/sys/fs/cgroup", &["memory.max", "memory.swap.max"]),
        ];
        files.iter().find_map(|(mount, limits)| {
            let folder = Path::new(mount).join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Group(folder);
            fs::write(group.0.join(limits[0]), (64 << 20).to_string()).ok()?;
            // Where there is no swap there is no such limit.
            let _ = fs::write(group.0.join(limits[1]), "0")
                .or_else(|_| fs::write(group.0.join(limits[1]), (64 << 20).to_string()));
            Some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Case: ORP-11
pub(crate) fn an_end_for_lack_of_memory() {
    let Some(group) = Group::small() else {
        let mut err = std::io::stderr();
        writeln!(err, "skipped: no control group with a memory limit can be made here").unwrap();
        return;
    };
    let (ours, theirs) = UnixStream::pair().unwrap();
    let spawn = Spawn::new(Call::new(grouped_parent, group.0.clone())).unwrap();
    let spawn = spawn.stdout(Stdio::Descriptor(Arc::new(theirs.into())));
    let exit = spawn.spawn().unwrap().wait().unwrap();
    drop(spawn);
    let said = std::io::read_to_string(ours).unwrap();
    assert_eq!(exit, Exit::Code(0), "{said}");
    assert_eq!(said, "was ended by SIGKILL, probably for lack of memory; was ended by SIGKILL\n");
}
