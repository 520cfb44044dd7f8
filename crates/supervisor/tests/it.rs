//! Daemons for real: this test is the application, and executes itself anew.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests; the lint knows them by `#[test]` only"
)]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use proc_spawn::{Role, entries, entry_named};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use supervisor::{
    Backoff, DaemonOptions, DaemonRunStatus, DaemonStatus, ExistingFile, LaunchCause, LaunchFailed,
    Readiness, RestartPolicy, RunEnd, StartPolicy, StopFailed, StopStatus, daemon_status,
    start_daemon, stop_daemon, stop_daemon_within,
};

/// Far beyond what anything here takes, also on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);

fn main() {
    let entries = entries![
        rounds,
        crashes_twice,
        deaf,
        leaves_orphans,
        leaves_stubborn_orphans,
        never_called,
        becomes_ready,
        counts_and_fails,
        tells_why,
    ];
    supervisor::init(entries.permanent_if(|error: &Permanent| error.0));
    let trials = vec![
        trial("launched_means_called_and_stopped_means_gone", launched_means_called),
        trial("a_second_start_finds_the_first", a_second_start_finds_the_first),
        trial("what_a_crash_left_is_taken_over_unless_strict", stale_files),
        trial("a_failing_executor_comes_back", a_failing_executor_comes_back),
        trial("every_problem_is_told_at_once", every_problem_is_told_at_once),
        trial("a_step_that_fails_is_named_and_undone", a_step_that_fails_is_named),
        trial("wrong_arguments_name_the_field", wrong_arguments_name_the_field),
        trial("an_entry_that_ignores_quit_is_killed", an_entry_that_ignores_quit_is_killed),
        trial("orphans_go_with_the_daemon", orphans_go_with_the_daemon),
        trial("a_guardian_that_can_open_nothing_stops_it_all", a_guardian_that_can_open_nothing),
        trial("a_stop_takes_one_grace_and_not_two", a_stop_takes_one_grace_and_not_two),
        trial("launched_waits_for_who_says_when_it_is_ready", launched_waits_for_ready),
        trial("a_start_that_is_not_ready_in_time_is_undone", a_late_start_is_undone),
        trial("an_end_before_ready_is_told_at_once", an_end_before_ready_is_told_at_once),
        trial("what_is_permanent_or_too_much_is_given_up", what_is_too_much_is_given_up),
        trial("an_entry_knows_why_and_until_when", an_entry_knows_why_and_until_when),
        trial("a_daemon_that_is_done_was_launched", a_daemon_that_is_done_was_launched),
        trial("a_start_may_come_from_anywhere", a_start_may_come_from_anywhere),
        trial("sixty_four_threads_start_daemons_at_once", many_threads_start_at_once),
        trial("a_second_request_in_a_hurry_is_heard", a_second_request_in_a_hurry),
        trial("an_executor_goes_with_its_guardian", an_executor_goes_with_its_guardian),
        trial("an_executor_that_is_stopped_blocks_nobody", a_stopped_executor_blocks_nobody),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

// Entries.

fn write_line(path: &Path, line: &str) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn rounds(journal: PathBuf) {
    write_line(&journal, "called");
    while !quit::quit_requested() {
        quit::sleep(LIMIT);
    }
    write_line(&journal, "asked to quit");
}

fn crashes_twice(journal: PathBuf) -> Result<(), Box<dyn Error>> {
    let run = proc_spawn::current().incarnation;
    write_line(&journal, &format!("run {run}"));
    match run {
        1 => Err("the first run is always bad".into()),
        2 => panic!("and the second"),
        _ => Ok(()),
    }
}

/// Says what it knows of its quit, also in hooks at its end, one of which fails.
fn tells_why(journal: PathBuf) {
    let hook = journal.clone();
    proc_spawn::at_end(move || write_line(&hook, "first hook"));
    proc_spawn::at_end(|| panic!("a hook that fails"));
    let hook = journal.clone();
    proc_spawn::at_end(move || write_line(&hook, "last hook"));
    write_line(&journal, "called");
    quit::sleep(LIMIT);
    let remaining = quit::remaining().unwrap();
    let within = remaining > Duration::ZERO && remaining <= Duration::from_secs(5);
    write_line(&journal, &format!("{}, in time: {within}", quit::reason().unwrap()));
}

fn deaf(journal: PathBuf) {
    write_line(&journal, "called");
    loop {
        std::thread::park();
    }
}

/// Leaves a process behind that is in a session of its own, and nobody's child.
fn leaves_orphans(journal: PathBuf) {
    let script = "setsid sh -c 'echo $$ >> \"$0\"; exec sleep 1000' \"$0\" &";
    let status = Command::new("sh").args(["-c", script]).arg(&journal).status().unwrap();
    assert!(status.success());
    quit::sleep(LIMIT);
}

/// The same, but it ignores SIGTERM; and it does not quit either.
fn leaves_stubborn_orphans(journal: PathBuf) {
    let script =
        "setsid sh -c 'trap \"\" TERM; echo $$ >> \"$0\"; while :; do sleep 1000; done' \"$0\" &";
    let status = Command::new("sh").args(["-c", script]).arg(&journal).status().unwrap();
    assert!(status.success());
    loop {
        std::thread::park();
    }
}

/// What an entry does before it is ready.
#[derive(serde::Serialize, serde::Deserialize)]
enum Before {
    /// It extends its time, twice, and then is ready.
    Extends,
    Hangs,
    /// It is ready, and done.
    Done,
    Exits(i32),
    Aborts,
    Panics,
    Fails,
}

#[expect(clippy::disallowed_methods, reason = "an application may")]
fn becomes_ready((journal, before): (PathBuf, Before)) -> Result<(), Box<dyn Error>> {
    write_line(&journal, "called");
    match before {
        Before::Extends => {
            for _ in 0..2 {
                supervisor::extend_timeout(LIMIT)?;
                quit::sleep(Duration::from_millis(300));
            }
            supervisor::tell_status("warmed up")?;
            write_line(&journal, "ready");
            supervisor::ready()?;
            supervisor::ready()?;
            quit::sleep(LIMIT);
        }
        Before::Hangs => {
            quit::sleep(LIMIT);
        }
        Before::Done => supervisor::ready()?,
        Before::Exits(code) => {
            eprintln!("no such database");
            std::process::exit(code);
        }
        Before::Aborts => std::process::abort(),
        Before::Panics => panic!("boom"),
        Before::Fails => return Err("no such host".into()),
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("it failed")]
struct Permanent(bool);

fn counts_and_fails((journal, permanent): (PathBuf, bool)) -> Result<(), Permanent> {
    write_line(&journal, "called");
    Err(Permanent(permanent))
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Args {
    count: u32,
}

fn never_called(args: Args) {
    write_line(Path::new("/called"), &args.count.to_string());
}

// The bed.

/// A folder of its own, and a daemon that does not outlive the test.
struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Bed {
        Bed { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pid_file(&self) -> PathBuf {
        self.path("d.pid")
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.path("journal")).unwrap_or_default()
    }

    /// Waits until the journal says so.
    fn expect(&self, text: &str) {
        let expected = Instant::now() + LIMIT;
        while !self.journal().contains(text) {
            assert!(Instant::now() < expected, "no `{text}` in {:?}", self.journal());
            quit::sleep(Duration::from_millis(5));
        }
    }

    fn guardian(&self) -> u32 {
        fs::read_to_string(self.pid_file()).unwrap().trim().parse().unwrap()
    }

    fn executor(&self) -> u32 {
        let guardian = self.guardian();
        let path = format!("/proc/{guardian}/task/{guardian}/children");
        fs::read_to_string(path).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = stop_daemon(self.pid_file());
    }
}

fn launch(options: DaemonOptions) -> u32 {
    match start_daemon(options).unwrap() {
        DaemonRunStatus::Launched { pid } => pid,
        DaemonRunStatus::AlreadyRunning { pid } => panic!("already running, pid {pid}"),
    }
}

fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Whether the process is gone, or only waits for somebody to take note of it.
fn gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

fn expect_gone(pid: u32) {
    let expected = Instant::now() + LIMIT;
    while !gone(pid) {
        assert!(Instant::now() < expected, "process {pid} is still there");
        quit::sleep(Duration::from_millis(5));
    }
}

// Tests.

/// Cases: HS-02, PID-02, PID-15, STOP-01
fn launched_means_called() {
    let bed = Bed::new();
    let pid = launch(DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal")));
    assert_eq!(bed.guardian(), pid);
    let status = daemon_status(bed.pid_file()).unwrap();
    assert_eq!(status, DaemonStatus::Running { pid: Some(pid) });
    bed.expect("called");
    let executor = bed.executor();

    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert_eq!(bed.journal(), "called\nasked to quit\n");
    assert!(gone(pid) && gone(executor));
    assert!(!bed.pid_file().exists());
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::NotRunning);
}

/// Case: PID-10
fn a_second_start_finds_the_first() {
    let bed = Bed::new();
    let options = || DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"));
    let pid = launch(options());
    bed.expect("called");
    let again = start_daemon(options()).unwrap();
    assert_eq!(again, DaemonRunStatus::AlreadyRunning { pid });
    assert_eq!(bed.journal(), "called\n");
}

/// Cases: PID-03, PID-07, PID-08
fn stale_files() {
    let bed = Bed::new();
    let options = || DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"));
    for content in ["", "garbage", "4194304\n", "1\n"] {
        fs::write(bed.pid_file(), content).unwrap();
        launch(options());
        assert!(matches!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { .. }));
    }
    fs::write(bed.pid_file(), "7\n").unwrap();
    let strict = || options().existing(ExistingFile::MeansRunning);
    assert_eq!(start_daemon(strict()).unwrap(), DaemonRunStatus::AlreadyRunning { pid: 7 });
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "7\n");
    fs::write(bed.pid_file(), "garbage").unwrap();
    let error = start_daemon(strict()).unwrap_err();
    assert!(matches!(error.cause(), LaunchCause::UnknownHolder { .. }), "{error:?}");
    fs::remove_file(bed.pid_file()).unwrap();
    launch(strict());
}

fn a_failing_executor_comes_back() {
    let bed = Bed::new();
    let pid = launch(
        DaemonOptions::new(bed.pid_file(), crashes_twice, bed.path("journal"))
            .restart_interval(Duration::from_millis(50)),
    );
    bed.expect("run 3");
    // Code 0 ends the daemon.
    expect_gone(pid);
    assert_eq!(bed.journal(), "run 1\nrun 2\nrun 3\n");
    assert!(!bed.pid_file().exists());
}

/// Cases: CFG-01, PID-19
fn every_problem_is_told_at_once() {
    let bed = Bed::new();
    let options = DaemonOptions::of(bed.path("missing/d.pid"), entry_named("no:such", ()))
        .name("a/b")
        .stdout_filename("")
        .stderr_filename(bed.folder.path())
        .grace(Duration::from_secs(u64::MAX))
        .directory(bed.path("nowhere"))
        .umask(0o1777);
    let error = start_daemon(options).unwrap_err();
    let LaunchCause::Options(problems) = error.cause() else { panic!("{error:?}") };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let expected = [
        "daemon_entry",
        "pid_filename",
        "name",
        "stdout_filename",
        "stderr_filename",
        "grace",
        "directory",
        "umask",
    ];
    assert_eq!(fields, expected, "{error:?}");
    assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 0, "nothing was created");
}

#[track_caller]
fn check_step(error: &LaunchFailed, role: Role, parts: &[&str]) {
    let LaunchCause::Setup { role: found, source } = error.cause() else { panic!("{error:?}") };
    assert_eq!(*found, role);
    for part in parts {
        assert!(source.chain().contains(part), "no `{part}` in {}", source.chain());
    }
}

/// Cases: HS-10, CFG-09
fn a_step_that_fails_is_named() {
    let bed = Bed::new();
    // A file that nobody may write to, root neither, which only shows when it is opened.
    let out = Path::new("/proc/sys/kernel/ostype");
    let options = DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"))
        .stdout_filename(out)
        .restart_interval(Duration::ZERO);
    let error = start_daemon(options).unwrap_err();
    check_step(&error, Role::Guardian, &["redirect", out.to_str().unwrap(), "os error 13"]);
    assert!(!error.to_string().contains('\n') && !error.cause().to_string().contains('\n'));
    assert!(!bed.pid_file().exists(), "the pid file is undone");
    assert_eq!(bed.journal(), "", "the entry was not called");
}

fn wrong_arguments_name_the_field() {
    let bed = Bed::new();
    let args = std::collections::BTreeMap::from([("count", "three")]);
    let call = entry_named("it:never_called", args);
    let error = start_daemon(DaemonOptions::of(bed.pid_file(), call)).unwrap_err();
    let LaunchCause::Options(problems) = error.cause() else { panic!("{error:?}") };
    let text = problems.to_string();
    for part in ["daemon_args", "`count`", "three", "u32"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

/// Cases: STOP-02, STOP-07
fn an_entry_that_ignores_quit_is_killed() {
    let bed = Bed::new();
    let grace = Duration::from_millis(300);
    let pid = launch(DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal")).grace(grace));
    bed.expect("called");
    let executor = bed.executor();
    let asked = Instant::now();
    let error = stop_daemon_within(bed.pid_file(), Duration::ZERO).unwrap_err();
    assert!(matches!(&error, StopFailed::StillRunning { pids, .. } if pids == &[pid]), "{error}");
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(grace <= asked.elapsed(), "not before its grace was over");
    assert!(gone(executor));
}

/// Case: ORP-08
fn orphans_go_with_the_daemon() {
    let bed = Bed::new();
    let pid = launch(DaemonOptions::new(bed.pid_file(), leaves_orphans, bed.path("journal")));
    bed.expect("\n");
    let orphan: u32 = bed.journal().trim().parse().unwrap();
    assert!(!gone(orphan));
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(gone(orphan));
}

/// It listed its children before it believed that none is left, could not, and span for ever. The
/// orphan that it must not forget is one that only the list shows.
///
/// Case: DIE-13
fn a_guardian_that_can_open_nothing() {
    let bed = Bed::new();
    let pid = launch(DaemonOptions::new(bed.pid_file(), leaves_orphans, bed.path("journal")));
    bed.expect("\n");
    let orphan: u32 = bed.journal().trim().parse().unwrap();
    // It holds the pid file, so the number is its own.
    let guardian = Pid::from_raw(i32::try_from(pid).unwrap());
    let none = Rlimit { current: Some(3), maximum: getrlimit(Resource::Nofile).maximum };
    prlimit(guardian, Resource::Nofile, none).unwrap();
    assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid });
    assert!(gone(orphan));
}

/// Cases: STOP-02, ORP-08
fn a_stop_takes_one_grace_and_not_two() {
    let bed = Bed::new();
    let grace = Duration::from_secs(3);
    let options = DaemonOptions::new(bed.pid_file(), leaves_stubborn_orphans, bed.path("journal"));
    launch(options.grace(grace));
    bed.expect("\n");
    let orphan: u32 = bed.journal().trim().parse().unwrap();
    let asked = Instant::now();
    assert!(matches!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { .. }));
    // What is left has no grace of its own when the executor has used it up.
    assert!(grace <= asked.elapsed() && asked.elapsed() < 2 * grace, "{:?}", asked.elapsed());
    assert!(gone(orphan));
}

fn told(bed: &Bed, before: Before) -> DaemonOptions {
    let args = (bed.path("journal"), before);
    let ready = Readiness::Told;
    DaemonOptions::new(bed.pid_file(), becomes_ready, args).start(StartPolicy {
        ready,
        timeout: Duration::from_millis(400),
        ..Default::default()
    })
}

/// Cases: HS-02, HS-19, HS-21
fn launched_waits_for_ready() {
    let bed = Bed::new();
    let extendable = StartPolicy { ready: Readiness::Told, ..Default::default() };
    launch(told(&bed, Before::Extends).start(extendable));
    assert_eq!(bed.journal(), "called\nready\n");
    stop_daemon(bed.pid_file()).unwrap();
    // Without the extension it would have been late.
    launch(told(&bed, Before::Extends));
}

/// Case: HS-03
fn a_late_start_is_undone() {
    let bed = Bed::new();
    let began = Instant::now();
    let error = start_daemon(told(&bed, Before::Hangs)).unwrap_err();
    assert!(Duration::from_millis(400) <= began.elapsed());
    let end = matches!(error.cause(), LaunchCause::Executor(RunEnd::NotReady { .. }));
    assert!(end, "{error:?}");
    assert!(!bed.pid_file().exists());
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}

/// Cases: HS-04, HS-05, HS-06, HS-07
fn an_end_before_ready_is_told_at_once() {
    let endings = [
        (Before::Exits(3), "exited with code 3"),
        (Before::Aborts, "was ended by SIGABRT"),
        (Before::Panics, "panicked: boom, at crates/supervisor/tests/it.rs:"),
        (Before::Fails, "returned an error: no such host"),
    ];
    for (before, text) in endings {
        let bed = Bed::new();
        let file = bed.path("stderr");
        fs::write(&file, "from before\n").unwrap();
        let exits = matches!(before, Before::Exits(_));
        let options = told(&bed, before).start_timeout(LIMIT).stderr_filename(&file);
        let error = start_daemon(options).unwrap_err();
        let cause = error.cause().to_string();
        assert!(cause.contains(text), "no `{text}` in `{cause}`");
        assert!(!error.stderr().contains("from before"), "{error:?}");
        assert!(!exits || error.stderr() == "no such database\n", "{error:?}");
        assert!(!bed.pid_file().exists());
    }
}

/// Cases: RST-10, RST-20
fn what_is_too_much_is_given_up() {
    let bed = Bed::new();
    let limited = RestartPolicy::after(Duration::from_millis(1))
        .backoff(Backoff::constant(Duration::from_millis(1)).floor(Duration::ZERO))
        .limit(3, LIMIT);
    let options = |permanent: bool| {
        DaemonOptions::new(bed.pid_file(), counts_and_fails, (bed.path("journal"), permanent))
            .restart(limited.clone())
    };
    let guardian = launch(options(false));
    expect_gone(guardian);
    assert_eq!(bed.journal(), "called\n".repeat(4), "the first, and three restarts");
    let guardian = launch(options(true));
    expect_gone(guardian);
    assert_eq!(bed.journal(), "called\n".repeat(5), "it would only happen again");
    assert!(!bed.pid_file().exists());
}

/// Cases: STOP-14, STOP-19, QUIT-13
fn an_entry_knows_why_and_until_when() {
    let bed = Bed::new();
    let options = DaemonOptions::new(bed.pid_file(), tells_why, bed.path("journal"));
    launch(options.grace(Duration::from_secs(5)));
    bed.expect("called");
    stop_daemon(bed.pid_file()).unwrap();
    assert_eq!(bed.journal(), "called\nstop, in time: true\nlast hook\nfirst hook\n");
}

/// Case: HS-18
fn a_daemon_that_is_done_was_launched() {
    let bed = Bed::new();
    let guardian = launch(told(&bed, Before::Done).restart_interval(Duration::ZERO));
    expect_gone(guardian);
    assert_eq!(bed.journal(), "called\n", "code 0 ends it");
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}

/// Case: CFG-11
fn a_start_may_come_from_anywhere() {
    struct StartsWhenDropped(Option<DaemonOptions>);
    impl Drop for StartsWhenDropped {
        fn drop(&mut self) {
            launch(self.0.take().unwrap());
        }
    }
    let beds = [Bed::new(), Bed::new()];
    let options = |bed: &Bed| DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"));
    // A thread that ends right after it, and a value that is dropped while another panics.
    let first = options(&beds[0]);
    let pid = std::thread::spawn(move || launch(first)).join().unwrap();
    let second = StartsWhenDropped(Some(options(&beds[1])));
    let panicked = std::thread::spawn(move || {
        let _second = second;
        panic!("as expected");
    });
    assert!(panicked.join().is_err());
    for bed in &beds {
        bed.expect("called");
    }
    assert_eq!(beds[0].guardian(), pid);
}

/// Each its own, in one process.
///
/// Case: CFG-11
fn many_threads_start_at_once() {
    const THREADS: usize = 64;
    let beds: Vec<Bed> = (0..THREADS).map(|_| Bed::new()).collect();
    let together = Barrier::new(THREADS);
    let start = |bed: &Bed| {
        let options = DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"));
        together.wait();
        launch(options)
    };
    let started: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = beds.iter().map(|bed| scope.spawn(|| start(bed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (bed, pid) in beds.iter().zip(&started) {
        assert_eq!(bed.guardian(), *pid);
    }
    std::thread::scope(|scope| {
        for (bed, pid) in beds.iter().zip(&started) {
            scope.spawn(move || {
                assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { pid: *pid });
                assert_eq!(bed.journal(), "called\nasked to quit\n");
            });
        }
    });
}

/// Cases: STOP-04, STOP-10
fn a_second_request_in_a_hurry() {
    let bed = Bed::new();
    let forever = DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal"));
    let pid = launch(forever.grace(Duration::MAX));
    bed.expect("called");
    // Asked twice in the ordinary way, it waits for its executor for ever; so nobody is waited for.
    for _ in 0..2 {
        assert!(stop_daemon_within(bed.pid_file(), Duration::from_millis(50)).is_err());
    }
    // Only one that comes after the stop has begun is in a hurry, so more than one may be needed.
    while let Some(holder) = pidfile::holder(bed.pid_file()).unwrap() {
        holder.signal(Signal::INT.as_raw()).unwrap();
        holder.wait(Some(Duration::from_millis(100))).unwrap();
    }
    expect_gone(pid);
    assert_eq!(daemon_status(bed.pid_file()).unwrap(), DaemonStatus::NotRunning { stale: false });
}

/// Stopped after its guardian was killed, it was there for ever: who could have killed it was gone.
///
/// Case: DIE-29
fn a_stopped_executor_blocks_nobody() {
    let bed = Bed::new();
    let grace = Duration::from_secs(2);
    let options = || DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal")).grace(grace);
    for stop_it in [true, false] {
        let pid = launch(options());
        bed.expect("called");
        let executor = bed.executor();
        kill(pid);
        expect_gone(pid);
        signal(executor, Signal::STOP);
        if stop_it {
            assert_eq!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::NotRunning);
        } else {
            launch(options());
        }
        // Its lock goes a moment before it does, when its files are closed (exit(2)).
        expect_gone(executor);
    }
}

/// Cases: ORP-02, PID-18
fn an_executor_goes_with_its_guardian() {
    let bed = Bed::new();
    let options = || {
        DaemonOptions::new(bed.pid_file(), deaf, bed.path("journal"))
            .grace(Duration::from_millis(100))
    };
    let pid = launch(options());
    bed.expect("called");
    let executor = bed.executor();
    kill(pid);
    expect_gone(pid);
    let again = launch(options());
    // Its lock goes a moment before it does, when its files are closed (exit(2)).
    expect_gone(executor);
    assert_ne!(again, pid);
}
