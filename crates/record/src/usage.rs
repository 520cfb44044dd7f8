//! What a process uses now, as /proc tells it.

use std::fs::File;
use std::io::Read;

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Memory, in bytes: what is resident, and what was swapped out.
    pub memory_bytes: u64,
    /// Processor time since its start, in microseconds; the system counts it in steps of 10 ms mostly.
    pub cpu_us: u64,
}

/// Looks at one process; `None`: there is none of that number, or it is not shown to us (proc(5),
/// `hidepid`).
///
/// /proc is memory of the kernel: nobody waits for a disk.
pub fn usage(pid: u32) -> Option<Usage> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    let status = read(&format!("/proc/{pid}/status"))?;
    let cpu_us = cpu_us(&stat)?;
    Some(Usage { memory_bytes: memory_bytes(&status)?, cpu_us })
}

/// Both files are shorter than this, but for a list of thousands of groups, which comes after what is
/// looked for or is cut.
const MOST: u64 = 16 << 10;

fn read(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The 14th and 15th word, `utime` and `stime` (proc_pid_stat(5)). The second is the name in brackets, which may
/// hold brackets and spaces itself.
fn cpu_us(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ').skip(11);
    let mut next = || words.next()?.parse::<u64>().ok();
    let ticks = next()? + next()?;
    Some(ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

/// `VmRSS` and `VmSwap` (proc_pid_status(5)), in KiB; a process of the kernel, or one that has ended, has none.
fn memory_bytes(status: &str) -> Option<u64> {
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some((kib("VmRSS")? + kib("VmSwap").unwrap_or(0)) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_use_something_ourselves_and_nobody_uses_nothing() {
        let ours = usage(std::process::id()).unwrap();
        assert!(ours.memory_bytes > 100 << 10, "{ours:?}");
        assert_eq!(usage(0), None);
    }

    #[test]
    fn a_name_cannot_forge_the_numbers() {
        let forged = "7 (a) S 1 2 3 (b) R 1 7 7 0 -1 4194304 100 0 0 0 12 30 0 0 20 0 1 0 5";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu_us(forged), Some(42 * 1_000_000 / ticks));
        assert_eq!(cpu_us("7 (a) S 1"), None);
        assert_eq!(cpu_us(""), None);
        let status = "Name:\tVmRSS\nVmPeak:\t  9 kB\nVmRSS:\t  10 kB\nVmSwap:\t 2 kB\n";
        assert_eq!(memory_bytes(status), Some(12 << 10));
        assert_eq!(memory_bytes("Name:\tkthreadd\n"), None);
    }
}
