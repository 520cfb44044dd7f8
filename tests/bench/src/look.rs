//! What /proc tells of a process from outside.

use std::fs;

/// Of one process, in KiB (proc_pid_smaps(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// What is its alone, and changed: what it costs.
    pub(crate) private: u64,
    /// That and its share of what it has together with others.
    pub(crate) pss: u64,
}

pub(crate) fn memory(pid: u32) -> Memory {
    parse_memory(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default())
}

fn parse_memory(text: &str) -> Memory {
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.split_ascii_whitespace().next()?.parse().ok()
    };
    Memory {
        private: field("Private_Dirty:").unwrap_or_default(),
        pss: field("Pss:").unwrap_or_default(),
    }
}

/// How often all threads of a process were given the processor.
pub(crate) fn switches(pid: u32) -> u64 {
    let count = |task: &str| {
        let status = fs::read_to_string(format!("{task}/status")).unwrap_or_default();
        let fields = status.lines().filter(|line| line.contains("ctxt_switches:"));
        let numbers = fields.filter_map(|line| line.rsplit_once('\t')?.1.parse::<u64>().ok());
        numbers.sum::<u64>()
    };
    tasks(pid).iter().map(|task| count(task)).sum()
}

/// Nanoseconds that all its living threads have run.
pub(crate) fn ran(pid: u32) -> u64 {
    let ran = |task: &String| {
        let text = fs::read_to_string(format!("{task}/schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    tasks(pid).iter().filter_map(ran).sum()
}

pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn tasks(pid: u32) -> Vec<String> {
    let folder = format!("/proc/{pid}/task");
    let tasks = fs::read_dir(&folder).into_iter().flatten().flatten();
    tasks.map(|task| format!("{folder}/{}", task.file_name().to_string_lossy())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Memory, descriptors, parse_memory, ran, switches};

    #[test]
    fn memory_is_what_the_kernel_sums_up() {
        let text = "55-7f ---p 00 00:00 0 [rollup]\nRss:     900 kB\nPss:                 160 kB\n\
                    Pss_Dirty:  90 kB\nPrivate_Dirty:        80 kB\n";
        assert_eq!(parse_memory(text), Memory { private: 80, pss: 160 });
    }

    #[test]
    fn of_ourselves_there_is_something_to_see() {
        let us = std::process::id();
        assert!(descriptors(us) > 2);
        assert!(switches(us) > 0);
        assert!(ran(us) > 0);
        assert_eq!(descriptors(u32::MAX), 0);
    }
}
