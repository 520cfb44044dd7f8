//! How much memory a process has for itself, and those below it.
//!
//! What counts is its part of anonymous and shared memory, resident or swapped out: `Pss_Anon`, `Pss_Shmem` and `SwapPss` of
//! proc_pid_smaps(5). Pages of files do not: the kernel takes them back when it needs room, and the part that one process
//! has of them grows when others end that have mapped the same.

use std::fs;
use std::io::{Error, ErrorKind, Result};

use rustix::io::Errno;
use slot::tree::{self, MOST, Seen};

/// How many bytes a process has, with `tree` together with those below it; `None`: it has ended. What is not more than
/// `limit` may be told as more than it is, up to that: then the kernel is asked for what it knows anyway. For what is more
/// it walks through all pages, which takes milliseconds for each gigabyte, and holds up the process meanwhile.
///
/// The caller has seen to it that the number is still that of the process he means, or looks afterwards whether it was.
/// He may have to wait, without end, where the process hangs in the kernel.
///
/// # Errors
///
/// It is not shown to us, or one of those below it is not: nothing is known of their memory.
pub fn memory(pid: u32, tree: bool, limit: u64) -> Result<Option<u64>> {
    let Some(first) = tree::look(pid)? else {
        let hidden = || Error::new(ErrorKind::NotFound, "/proc does not show it");
        return tree::seen(pid)?.map(|_| None).ok_or_else(hidden);
    };
    let all = match tree {
        true => tree::below(&[pid], MOST, |_| Ok(true))?,
        false => vec![first],
    };
    Ok(match sum(&all, first, at_most)? {
        Some(bytes) if limit < bytes => sum(&all, first, own)?,
        bytes => bytes,
    })
}

/// What all of them have; `None`: the first has ended.
fn sum(all: &[Seen], first: Seen, of: fn(u32) -> Result<Option<u64>>) -> Result<Option<u64>> {
    let mut sum: u64 = 0;
    for seen in all {
        let bytes = of(seen.pid);
        // If it has ended meanwhile, what was read may have been another's who has got its number.
        let is_there = tree::look(seen.pid)? == Some(*seen);
        match bytes {
            Ok(Some(bytes)) if is_there => sum = sum.saturating_add(bytes),
            Err(error) if is_there => return Err(error),
            Ok(_) | Err(_) if *seen == first => return Ok(None),
            Ok(_) | Err(_) => (),
        }
    }
    Ok(Some(sum))
}

/// What it has at most: what is resident, with that of files, and what is swapped out.
fn at_most(pid: u32) -> Result<Option<u64>> {
    in_status(&fs::read_to_string(format!("/proc/{pid}/status"))?)
}

/// `None`: one that is ending has no memory any more (proc_pid_status(5)).
fn in_status(status: &str) -> Result<Option<u64>> {
    if field(status, "VmSize").is_none() {
        return Ok(None);
    }
    add(status, &["VmRSS", "VmSwap"]).map(Some)
}

fn own(pid: u32) -> Result<Option<u64>> {
    match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) => in_rollup(&rollup).map(Some),
        // It has ended, and its number is still its own.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

fn in_rollup(rollup: &str) -> Result<u64> {
    add(rollup, &["Pss_Anon", "Pss_Shmem", "SwapPss"])
}

fn add(text: &str, names: &[&str]) -> Result<u64> {
    names.iter().try_fold(0_u64, |sum, name| {
        let missing =
            || Error::new(ErrorKind::InvalidData, format!("this kernel does not tell {name}"));
        Ok(sum.saturating_add(field(text, name).ok_or_else(missing)?))
    })
}

/// Of a line like `VmRSS:     3044 kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
    let value = text.lines().find_map(value)?;
    value.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    const STATUS: &str = "Name:\tweb\nState:\tS (sleeping)\nVmPeak:\t    9000 kB\nVmSize:\t    8000 kB\n\
        VmRSS:\t    3000 kB\nRssAnon:\t    1000 kB\nVmSwap:\t     500 kB\nThreads:\t1\n";

    const ROLLUP: &str = "55d0c1a4e000-7ffd3b5f2000 ---p 00000000 00:00 0    [rollup]\nRss:    3000 kB\n\
        Pss:    1500 kB\nPss_Anon:    900 kB\nPss_File:    550 kB\nPss_Shmem:    50 kB\n\
        Swap:    500 kB\nSwapPss:    400 kB\nLocked:    0 kB\n";

    /// What was swapped out counts: one that leaks is not smaller for it. What is of files does not.
    ///
    /// Case: PL-65
    #[test]
    fn what_was_swapped_out_counts_and_files_do_not() {
        assert_eq!(in_status(STATUS).unwrap(), Some(3500 << 10));
        assert_eq!(in_rollup(ROLLUP).unwrap(), 1350 << 10);
    }

    /// Case: PL-64
    #[test]
    fn what_is_not_told_is_unknown_and_never_nothing() {
        for name in ["VmRSS", "VmSwap"] {
            let error = in_status(&STATUS.replace(name, "Other")).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        for name in ["Pss_Anon", "Pss_Shmem", "SwapPss"] {
            in_rollup(&ROLLUP.replace(name, "Other")).unwrap_err();
            in_rollup(&ROLLUP.replace(&format!("{name}: "), &format!("{name}: x"))).unwrap_err();
        }
        // One that is ending has none.
        assert_eq!(in_status("Name:\tweb\nState:\tZ (zombie)\nThreads:\t1\n").unwrap(), None);
        // Nobody has this number.
        memory(u32::MAX, false, 0).unwrap_err();
    }

    /// A name may have lines in it that look like others: the kernel escapes them.
    #[test]
    fn a_field_is_a_whole_line() {
        assert_eq!(field("XVmRSS:\t7 kB\nVmRSSX:\t7 kB\nVmRSS:\t8 kB", "VmRSS"), Some(8192));
        assert_eq!(field(&format!("VmRSS:\t{} kB", u64::MAX), "VmRSS"), None);
    }

    #[test]
    fn what_we_take_is_ours() {
        let ours = || memory(std::process::id(), false, 0).unwrap().unwrap();
        let before = ours();
        let taken = vec![1_u8; 64 << 20];
        let with = ours();
        assert!(before + (63 << 20) < with, "{before} {with} {}", taken.len());
        let at_most = memory(std::process::id(), false, u64::MAX).unwrap().unwrap();
        assert!(with - (1 << 20) < at_most, "{with} {at_most}");
    }

    /// Those below count with the tree, and an ended one is nothing.
    #[test]
    fn a_tree_is_all_of_it_and_the_dead_have_nothing() {
        let ours = std::process::id();
        // A shell of its own, and what that starts: `tail` keeps what has no end of a line.
        let script = "head -c 40000000 /dev/zero | tail -c 40000000 | (sleep 60; cat)";
        let mut shell =
            Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while memory(shell.id(), true, 0).unwrap().unwrap() < 38_000_000 {
            assert!(Instant::now() < until, "nothing below it has as much");
            std::thread::yield_now();
        }
        assert!(memory(shell.id(), false, 0).unwrap().unwrap() < 38_000_000);
        assert!(memory(ours, true, u64::MAX).unwrap() > memory(ours, false, u64::MAX).unwrap());
        let below = tree::below(&[shell.id()], MOST, |_| Ok(true)).unwrap();
        below.iter().for_each(|seen| tree::signal(seen, rustix::process::Signal::KILL));
        while memory(shell.id(), true, 0).unwrap().is_some() {
            assert!(Instant::now() < until, "it is not over");
            std::thread::yield_now();
        }
        shell.wait().unwrap();
    }
}
