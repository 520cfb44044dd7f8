//! A start: what is refused, what is undone, what is there already.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use libtest_mimic::Trial;
use proc_spawn::{Call, Role};
use supervisor::{
    DaemonOptions, DaemonRunStatus, DaemonStatus, ExistingFile, LaunchCause, LaunchFailed,
    StopStatus, daemon_status, start_daemon, stop_daemon,
};

use crate::bed::{Bed, gone, launch, rounds, write_line};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        launched_means_called_and_stopped_means_gone,
        a_second_start_finds_the_first,
        what_a_crash_left_is_taken_over_unless_strict,
        every_problem_is_told_at_once,
        a_step_that_fails_is_named_and_undone,
        wrong_arguments_name_the_field,
        a_start_may_come_from_anywhere,
        sixty_four_threads_start_daemons_at_once,
    ]
}

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Args {
    count: u32,
}

pub(crate) fn never_called(args: Args) {
    write_line(Path::new("/called"), &args.count.to_string());
}

/// Cases: HS-02, PID-02, PID-15, STOP-01
fn launched_means_called_and_stopped_means_gone() {
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

/// Cases: FLT-C1, PID-03, PID-07, PID-08
fn what_a_crash_left_is_taken_over_unless_strict() {
    let bed = Bed::new();
    let options = || DaemonOptions::new(bed.pid_file(), rounds, bed.path("journal"));
    for content in ["", "0\n", "4194304\n", "1\n"] {
        fs::write(bed.pid_file(), content).unwrap();
        launch(options());
        assert!(matches!(stop_daemon(bed.pid_file()).unwrap(), StopStatus::Stopped { .. }));
    }
    // A file that was never a pid file may be dear to somebody, and is not touched.
    fs::write(bed.pid_file(), "garbage").unwrap();
    let error = start_daemon(options()).unwrap_err();
    assert!(matches!(error.cause(), LaunchCause::Setup { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "garbage");
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

/// Cases: CFG-01, PID-19
fn every_problem_is_told_at_once() {
    let bed = Bed::new();
    let options = DaemonOptions::of(bed.path("missing/d.pid"), Call::named("no:such", ()))
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
        "directory",
        "umask",
        "grace",
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
fn a_step_that_fails_is_named_and_undone() {
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
    let call = Call::named("it::starting:never_called", args);
    let error = start_daemon(DaemonOptions::of(bed.pid_file(), call)).unwrap_err();
    let LaunchCause::Options(problems) = error.cause() else { panic!("{error:?}") };
    let text = problems.to_string();
    for part in ["daemon_args", "`count`", "three", "u32"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
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
    // From a thread that ends right after it, and from a value that is dropped during a panic.
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

/// Each thread starts a daemon of its own, all in one process.
///
/// Case: CFG-11
fn sixty_four_threads_start_daemons_at_once() {
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
