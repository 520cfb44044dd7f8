//! What a process uses now, as /proc tells it.

use std::fs::File;
use std::io::Read;

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory, in bytes: what it shares with others counts for each of them, what was swapped out for none.
    pub memory_bytes: u64,
    /// Processor time since its start, in microseconds; the system counts it in steps of 10 ms mostly.
    pub cpu_us: u64,
}

/// Looks at one process; `None`: there is none of that number, it has ended and nobody has taken note, or it is not
/// shown to us (proc(5), `hidepid`).
///
/// It is one file of /proc, so that thousands can be asked about; that is memory of the kernel, and nobody waits for a disk.
pub fn usage(pid: u32) -> Option<Usage> {
    /// The file is shorter.
    const MOST: u64 = 4 << 10;
    let mut bytes = Vec::with_capacity(512);
    File::open(format!("/proc/{pid}/stat")).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    read(&String::from_utf8_lossy(&bytes))
}

/// The 14th, 15th and 24th word: `utime`, `stime`, `rss` (proc_pid_stat(5)). The second is the name in brackets, which
/// may hold brackets and spaces itself.
fn read(stat: &str) -> Option<Usage> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let words: Vec<_> = rest.split(' ').collect();
    let number = |word: usize| words.get(word - 3)?.parse::<u64>().ok();
    // One that has ended has no memory.
    let pages = number(24).filter(|_| words[0] != "Z")?;
    let ticks = number(14)? + number(15)?;
    Some(Usage {
        memory_bytes: pages * rustix::param::page_size() as u64,
        cpu_us: ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1),
    })
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
        let stat = |state: &str| {
            format!(
                "7 (a) S 1 2 3 (b) {state} 1 7 7 0 -1 4194304 100 0 0 0 12 30 0 0 20 0 1 0 5 9 3 9"
            )
        };
        let ticks = rustix::param::clock_ticks_per_second();
        let page = rustix::param::page_size() as u64;
        let usage = Usage { memory_bytes: 3 * page, cpu_us: 42 * 1_000_000 / ticks };
        assert_eq!(read(&stat("R")), Some(usage));
        assert_eq!(read(&stat("Z")), None);
        assert_eq!(read("7 (a) S 1"), None);
        assert_eq!(read(""), None);
    }
}
