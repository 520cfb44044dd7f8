//! Loops that wait or spin (kind E), and what may flood or hold them (D2, B5, J3).

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::Instant;

use bed::{Process, TestBed};
use libtest_mimic::Trial;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, Signal, pidfd_getfd, pidfd_open, prlimit,
};

use crate::{bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_worker_that_cannot_be_started_holds_up_no_other,
        a_dead_workers_pidfd_that_somebody_has_copied_wakes_nobody,
        a_worker_that_cannot_be_watched_has_failed_alone,
        a_lock_on_a_killed_workers_pid_file_holds_up_nobody,
        a_log_that_nobody_reads_holds_up_no_stop,
        what_a_child_says_again_is_not_told_again,
        a_flood_of_words_is_told_in_part_and_counted,
        words_of_every_kind_in_a_loop_do_no_harm,
        who_never_finishes_a_write_to_captured_output_holds_up_no_loop,
    ]
}

/// Fails if a process runs whenever it is looked at.
#[track_caller]
pub(crate) fn expect_asleep(bed: &TestBed, process: &Process) {
    // Time and again: it may have something to do at the first look.
    let mut asleep = 0;
    bed.until(&format!("{} asleep", process.title()), || {
        asleep = if process.stat().state == 'S' { asleep + 1 } else { 0 };
        (asleep == 10).then_some(())
    });
}

/// Waits until each of [`TWO_WORKERS`] has begun its second run.
#[track_caller]
pub(super) fn expect_second_runs(bed: &TestBed) {
    for worker in ["red", "blue"] {
        bed.until(worker, || {
            let started = format!("worker {worker} started");
            let runs = bed.journal().iter().filter(|line| line.starts_with(&started)).count();
            (runs == 2).then_some(())
        });
    }
}

/// Changes how many descriptors a process may have open; gives back how many it might.
pub(crate) fn limit_descriptors(process: &Process, current: u64) -> u64 {
    let pid = Pid::from_raw(i32::try_from(process.pid()).unwrap());
    let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(current), maximum };
    prlimit(pid, Resource::Nofile, limit).unwrap().current.unwrap()
}

pub(super) const TWO_WORKERS: &str = "{daemon_args: [{workers: {restart: {after: 0}, workers: [{name: red}, {name: blue}]}}], \
                           restart_interval: 0s}";

/// A start that fails at once, without any delay, was tried again in the same turn for ever.
///
/// Case: FLT-E5
fn a_worker_that_cannot_be_started_holds_up_no_other() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {restart: at_once, workers: [\
         {name: red}, {name: blue}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let executor = daemon.executor();
    let before = limit_descriptors(&executor, 3);
    bed.process("worker red").signal(Signal::KILL);
    bed.expect_in_file("d.log", "worker red could not be started");
    // Its end is seen, and it fares as the other does.
    bed.process("worker blue").signal(Signal::KILL);
    bed.expect_in_file("d.log", "worker blue could not be started");
    limit_descriptors(&executor, before);
    expect_second_runs(&bed);
    daemon.stop();
    bed.nothing_left();
}

/// epoll keeps what is open, and a copy keeps it open: it was readable for ever, and nobody could have
/// it forgotten any more.
///
/// Case: FLT-E4
fn a_dead_workers_pidfd_that_somebody_has_copied_wakes_nobody() {
    let bed = bed();
    let daemon = bed.start(TWO_WORKERS);
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let executor = daemon.executor();
    let number = Pid::from_raw(i32::try_from(executor.pid()).unwrap()).unwrap();
    let pidfd = pidfd_open(number, PidfdFlags::empty()).unwrap();
    let copies: Vec<_> = std::fs::read_dir(format!("/proc/{}/fd", executor.pid()))
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|fd: i32| pidfd_getfd(&pidfd, fd, PidfdGetfdFlags::empty()).ok())
        .collect();
    if copies.is_empty() {
        return eprintln!("skipped: descriptors cannot be copied from here");
    }
    for worker in ["red", "blue"] {
        bed.process(&format!("worker {worker}")).signal(Signal::KILL);
        bed.expect(&format!("worker {worker} started, run 2"));
    }
    expect_asleep(&bed, &executor);
    // With a copy of the lifeline's other end they would not hear of the end.
    drop(copies);
    daemon.stop();
    bed.nothing_left();
}

/// One refused epoll_ctl(2) was the end of the pool.
///
/// Case: FLT-E5
fn a_worker_that_cannot_be_watched_has_failed_alone() {
    if !is_root() || Command::new("strace").arg("-V").output().is_err() {
        return eprintln!("skipped: refusals are injected by strace, as root");
    }
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {restart: {after: 0}, workers: [\
         {name: red}, {name: blue}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let (executor, blue) = (daemon.executor(), bed.process("worker blue"));
    // Blue may run before the executor watches it.
    expect_asleep(&bed, &executor);
    // A worker's end and its next start are four calls, two each: so each of them is refused in its turn.
    let mut command = bed.command("strace");
    command.args(["-q", "-o", "trace", "-e", "trace=epoll_ctl"]);
    command.args(["-e", "inject=epoll_ctl:error=ENOSPC:when=1+3", "-p"]);
    command.arg(executor.pid().to_string());
    let tracer = bed.launch_command(command);
    bed.until("four refusals", || {
        let refused = bed.read("d.log").matches("could not be started: No space left").count();
        bed.find("worker red").iter().for_each(|red| red.signal(Signal::KILL));
        (refused >= 4).then_some(())
    });
    assert!(blue.is_alive() && executor.is_alive(), "{}", bed.scene());
    bed.kill(tracer.pid(), Signal::INT);
    let _ = tracer.finish();
    let runs = |bed: &TestBed| {
        bed.journal().iter().filter(|line| line.starts_with("worker red started")).count()
    };
    let before = runs(&bed);
    bed.find("worker red").iter().for_each(|red| red.signal(Signal::KILL));
    bed.until("red once more", || {
        (before < runs(&bed) || !bed.find("worker red").is_empty()).then_some(())
    });
    daemon.stop();
    bed.nothing_left();
}

/// Shared, on the byte by which a stale file is taken over: whoever may read it can have that.
///
/// Case: FLT-D2
fn a_lock_on_a_killed_workers_pid_file_holds_up_nobody() {
    let bed = bed();
    let daemon = bed.start("{daemon_args: [{workers: {restart: {after: 600000}, workers: [{name: red}, {name: blue}]}}]}");
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let red = bed.process("worker red");
    let file = File::open(bed.path("red.pid")).unwrap();
    let lock = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
    let began = Instant::now();
    red.signal(Signal::KILL);
    bed.wait_gone(&red);
    // Asked, not killed: with a loop that stood still, nobody passed it on.
    let stopping = bed.launch(["stop", "d.pid"]);
    bed.expect("worker blue asked to quit: stop, run 1");
    // Less than the patience with that lock.
    assert!(began.elapsed() < std::time::Duration::from_secs(9), "{:?}", began.elapsed());
    drop(file);
    stopping.finish().success();
    daemon.wait_gone();
    bed.wait_nobody_left();
}

/// The guardian stood in write(2), kept no grace, and could not be stopped; the executor too.
///
/// Case: FLT-E1
fn a_log_that_nobody_reads_holds_up_no_stop() {
    let bed = bed();
    bed.gate("d.log");
    // Open, so that it can be written to, and never read.
    let flags = libc::O_NONBLOCK;
    let reader = File::options().read(true).custom_flags(flags).open(bed.path("d.log")).unwrap();
    rustix::pipe::fcntl_setpipe_size(reader.as_fd(), 4096).unwrap();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, grace: 20s, daemon_args: [{workers: {grace: 10000, restart: {after: 0}, \
         workers: [{name: red, args: [in_run: [1, {tell_numbers: 10}], in_run: [30, rounds], exit: 3]}, {name: blue}]}}]}",
    );
    // Each end and each start is more than one record: the pipe is full long before.
    bed.expect("worker red started, run 30");
    // The guardian has something to tell, too.
    daemon.executor().signal(Signal::CHILD);
    daemon.stop();
    bed.expect("worker blue asked to quit: stop, run 1");
    bed.nothing_left();
    drop(reader);
}

/// Cases: FLT-J3, FLT-B5
fn what_a_child_says_again_is_not_told_again() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {workers: [{name: red, args: \
         [repeat: [300, {tell_status: warm}], tell_status: hot, rounds]}]}}]}",
    );
    bed.expect_in_file("d.log", "worker red says: hot");
    daemon.stop();
    assert_eq!(bed.read("d.log").matches("says: warm").count(), 1, "{}", bed.read("d.log"));
    bed.nothing_left();
}

/// Case: FLT-B5
fn a_flood_of_words_is_told_in_part_and_counted() {
    let bed = bed();
    let began = Instant::now();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [tell_numbers: 3000, {workers: {debug_filename: debug.json, \
         workers: [{name: red, args: [tell_numbers: 3000, rounds]}]}}]}",
    );
    // The last word stands in the status, whatever the log has of it.
    bed.expect_in_file("debug.json", "\"number 2999\"");
    daemon.stop();
    let log = bed.read("d.log");
    let spans = 1 + usize::try_from(began.elapsed().as_secs() / 10).unwrap();
    for who in ["executor", "worker red"] {
        let told = log.matches(&format!("{who} says: number")).count();
        assert!((1..=20 * spans).contains(&told), "{who}: {told} in {spans}");
        let count = log.lines().find(|line| line.contains(&format!("{who} has said ")));
        assert!(count.is_some_and(|line| line.contains(" more things, too many to tell")), "{log}");
    }
    bed.nothing_left();
}

/// "Ready" and requests for more time, again and again, during the start and after it.
///
/// Case: FLT-B5
fn words_of_every_kind_in_a_loop_do_no_harm() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, start: {ready: told}, daemon_args: [repeat: [3000, {extend: 40000}], \
         repeat: [3000, tell_ready], repeat: [3000, {extend: 1000}], say: has told all, rounds]}",
    );
    bed.expect("executor has told all, run 1");
    expect_asleep(&bed, daemon.guardian());
    daemon.stop();
    assert_eq!(bed.read("d.log").matches("is ready").count(), 1, "{}", bed.read("d.log"));
    bed.nothing_left();
}

/// The loop emptied the pipe itself at a run's end, for which it waited for who was writing: in uninterruptible sleep,
/// for as long as that one liked. He writes from memory that is never there (userfaultfd(2); a file of his own file
/// system does the same).
///
/// Case: FLT-E6
fn who_never_finishes_a_write_to_captured_output_holds_up_no_loop() {
    const SCRIPT: &str = "import ctypes, fcntl, os, struct\n\
        libc = ctypes.CDLL(None, use_errno=True)\n\
        try:\n    \
            uffd = libc.syscall(323, os.O_CLOEXEC)\n    \
            fcntl.ioctl(uffd, 0xc018aa3f, struct.pack('QQQ', 0xaa, 0, 0))\n    \
            libc.mmap.restype = ctypes.c_void_p\n    \
            page = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))\n    \
            fcntl.ioctl(uffd, 0xc020aa00, struct.pack('QQQQ', page, 4096, 1, 0))\n\
        except Exception:\n    \
            os.mkdir('refused')\n    \
            raise\n\
        os.mkdir('writes')\n\
        libc.write(1, ctypes.c_void_p(page), ctypes.c_size_t(4096))\n";
    let python = Command::new("python3").arg("-V").output();
    if !cfg!(target_arch = "x86_64") || !is_root() || python.is_err() {
        return eprintln!(
            "skipped: python3 makes the system call by its number on x86-64, as root"
        );
    }
    let bed = bed();
    let script = bed.write("evil.py", SCRIPT).display().to_string();
    // Without the mark of its run, so that nobody ends it.
    let evil = format!(
        "cd {folder} && exec env -i APPKIT_BED=$APPKIT_BED PATH=$PATH setsid python3 {script}",
        folder = bed.path("").display()
    );
    let daemon = bed.start(&format!(
        "{{logging_config: {{file: d.log}}, grace: 1s, daemon_args: [{{workers: {{restart: {{after: 0}}, workers: \
         [{{name: red, capture: {{file: red.txt}}, args: [in_run: [1, {{command: [sh, -c, '{evil}']}}], rounds]}}]}}}}]}}"
    ));
    let is_there = |name: &str| bed.path(name).exists();
    bed.until("its attempt", || (is_there("writes") || is_there("refused")).then_some(()));
    if is_there("refused") {
        return eprintln!("skipped: no userfaultfd(2) here");
    }
    let writer = bed.until("the writer", || {
        bed.processes().into_iter().find(|process| process.title().contains("evil.py"))
    });
    bed.until("its write", || {
        let call = std::fs::read_to_string(format!("/proc/{}/syscall", writer.pid()));
        call.is_ok_and(|call| call.starts_with("1 0x1 ")).then_some(())
    });
    bed.process("worker red").signal(Signal::KILL);
    bed.expect("worker red started, run 2");
    daemon.stop();
    bed.nothing_left();
}
