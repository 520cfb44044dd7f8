//! What a process uses now, as the kernel tells it.

use std::fs::File;
use std::io::Read;

use nix::time::ClockId;
use nix::unistd::Pid;

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes: what it shares with others counts for each of them, what was swapped out for none.
    pub memory_bytes: u64,
    /// Processor time of all its threads since its start, in microseconds.
    pub cpu_us: u64,
}

/// Looks at one process; `None`: there is none of that number, it has ended and nobody has taken note, or it is not
/// shown to us (proc(5), `hidepid`).
///
/// It is one file of /proc and one clock, so that thousands can be asked about; that is memory of the kernel, and nobody
/// waits for a disk. `/proc/<pid>/stat` has both, takes half as long again, and counts the time in steps of 10 ms.
pub fn usage(pid: u32) -> Option<Usage> {
    // A number that would mean ourselves to clock_getcpuclockid(3).
    let number = i32::try_from(pid).ok().filter(|number| *number > 0)?;
    // The file has fewer bytes, and comes whole in one read.
    let mut bytes = [0; 256];
    let count = File::open(format!("/proc/{pid}/statm")).ok()?.read(&mut bytes).ok()?;
    let pages = resident(&String::from_utf8_lossy(&bytes[..count]))?;
    let time = ClockId::pid_cpu_clock_id(Pid::from_raw(number)).ok()?.now().ok()?;
    Some(Usage {
        memory_bytes: pages * rustix::param::page_size() as u64,
        cpu_us: u64::try_from(std::time::Duration::from(time).as_micros()).ok()?,
    })
}

/// The second number (proc_pid_statm(5)). One that has ended has no memory.
fn resident(statm: &str) -> Option<u64> {
    statm.split(' ').nth(1)?.parse().ok().filter(|pages| *pages > 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn we_use_something_ourselves_and_nobody_uses_nothing() {
        let ours = usage(std::process::id()).unwrap();
        assert!(ours.memory_bytes > 100 << 10, "{ours:?}");
        assert_eq!(usage(0), None);
        assert_eq!(usage(u32::MAX), None);
    }

    #[test]
    fn time_is_that_of_all_threads() {
        let before = usage(std::process::id()).unwrap().cpu_us;
        let until = Instant::now() + Duration::from_secs(30);
        let busy = std::thread::spawn(move || {
            while usage(std::process::id()).unwrap().cpu_us < before + 1_000 {
                assert!(Instant::now() < until, "no time passes");
            }
        });
        busy.join().unwrap();
    }

    /// Whoever has ended is known by its number until somebody takes note, and uses nothing.
    #[test]
    fn the_dead_use_nothing() {
        let mut child = Command::new("true").spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while usage(child.id()).is_some() {
            assert!(Instant::now() < until, "it is not over");
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }

    #[test]
    fn memory_is_the_second_number() {
        assert_eq!(resident("573 244 201 9 0 85 0\n"), Some(244));
        assert_eq!(resident("0 0 0 0 0 0 0\n"), None);
        for wrong in ["", "573", "573 x"] {
            assert_eq!(resident(wrong), None, "{wrong}");
        }
    }
}
