//! What a helper blocks, by the kernel's own account, and what its caller does afterwards.

use std::fs;

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// The signals that the calling thread blocks, as bits (proc(5), `SigBlk`).
fn blocked() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").expect("this test needs /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    u64::from_str_radix(line.expect("it is there").trim(), 16).expect("it is a number")
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

#[test]
fn a_helper_takes_no_signal_but_those_of_its_own_faults() {
    let mask = helper_thread::spawn("deaf", 64 << 10, blocked).unwrap().join().unwrap();
    let faults = [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL];
    for signal in Signal::iterator() {
        let own = faults.contains(&signal) || matches!(signal, Signal::SIGSYS | Signal::SIGTRAP);
        // No thread can block those (signal(7)).
        let never = matches!(signal, Signal::SIGKILL | Signal::SIGSTOP);
        let expected = !own && !never;
        assert_eq!(mask & bit(signal as i32) != 0, expected, "{signal}: {mask:x}");
    }
    // Realtime signals, which have no name of their own, are left to the process as well.
    assert_ne!(mask & bit(nix::libc::SIGRTMIN()), 0, "{mask:x}");
    assert_ne!(mask & bit(nix::libc::SIGRTMAX()), 0, "{mask:x}");
}

#[test]
fn who_starts_a_helper_keeps_the_mask_that_he_had() {
    let mut own = SigSet::empty();
    own.add(Signal::SIGUSR2);
    own.thread_swap_mask(SigmaskHow::SIG_SETMASK).unwrap();
    let before = blocked();
    helper_thread::spawn("brief", 64 << 10, || ()).unwrap().join().unwrap();
    assert_eq!(blocked(), before);
    assert_eq!(before, bit(Signal::SIGUSR2 as i32));
    // A thread that the system refuses to start changes nothing either.
    helper_thread::spawn("vast", usize::MAX / 4, || ()).unwrap_err();
    assert_eq!(blocked(), before);
}

#[test]
fn a_helper_has_its_name_and_gives_its_result() {
    let name = || std::thread::current().name().map(str::to_owned);
    let helper = helper_thread::spawn("tally", 64 << 10, name).unwrap();
    assert_eq!(helper.join().unwrap().as_deref(), Some("tally"));
}
