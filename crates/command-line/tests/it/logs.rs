//! The last lines of a daemon and its workers.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use libtest_mimic::Trial;
use policy::{Restart, RestartPolicy};
use rustix::process::{Pid, Signal, getpid, kill_process};
use serde_json::Value;
use workers::{WorkerStartInfo, WorkersError, WorkersOptions, start_workers};

use crate::bed::{self, Bed, expect};

/// The size of a log that nobody would read from its beginning.
const HUGE: u64 = 10 << 30;

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        lines_of_all_are_merged_and_named,
        those_who_are_named_are_shown_alone,
        a_daemon_that_does_not_run_is_shown_by_its_options,
        the_last_lines_are_found_across_rotations,
        of_a_huge_log_only_the_end_is_read,
        log_files_are_opened_anew,
        files_of_a_worker_that_nobody_tells_have_the_code_of_why,
        what_commands_a_terminal_is_shown_as_text,
        a_daemon_that_writes_no_file_is_an_error,
    ]
}

/// Keeps workers that write to files of their own: two, and `late` if there is a file `more`.
pub(crate) fn talkers() -> Result<(), WorkersError> {
    let names = ["web-1", "web-2", "late"].into_iter();
    let names = names.filter(|name| *name != "late" || Path::new("more").exists());
    let worker = |(second, name): (usize, &str)| {
        let lines = (0..3).map(|ms| format!("2026-01-01T00:00:0{ms}.{second}00Z {name} {ms}\n"));
        let text: String = lines.collect();
        let pid = format!("{name}.pid");
        WorkerStartInfo::new(name, pid, talk, text).stdout_filename(format!("{name}.out"))
    };
    let options = WorkersOptions::new().restart(RestartPolicy::new(Restart::Never));
    start_workers(names.enumerate().map(worker), options)?.into_result()
}

/// Writes this; `web-1` kills itself in the middle of a line when there is a file `die`.
pub(crate) fn talk(text: String) {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).unwrap();
    while !quit::quit_requested() {
        if text.contains("web-1") && Path::new("die").exists() {
            stdout.write_all(b"last words").unwrap();
            stdout.flush().unwrap();
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        quit::sleep(Duration::from_millis(5));
    }
}

/// The folder of a daemon with talkers, which runs.
pub(crate) fn with_talkers() -> Bed {
    let bed = Bed::new();
    let folder = serde_json::to_string(&bed.path("")).unwrap();
    let log = "logging_config: { file: jobd.log, time: utc }, restart_interval: 0s";
    let entry = "pid_filename: jobd.pid, daemon_entry: 'it::logs:talkers'";
    bed.write("jobd.yaml", &format!("{{ {entry}, {log}, directory: {folder} }}"));
    assert_eq!(bed.one("start").code, 0);
    let written = |name: &str| fs::read_to_string(bed.path(name)).unwrap_or_default();
    let is_written = |name: &str| written(name).lines().count() == 3;
    expect("both have written", || is_written("web-1.out") && is_written("web-2.out"));
    bed
}

/// Cases: CC-73, CC-87
fn lines_of_all_are_merged_and_named() {
    let bed = with_talkers();
    let shown = bed.one("logs -n 100");
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let of_workers: String = shown
        .stdout
        .lines()
        .filter(|line| line.starts_with("web-"))
        .fold(String::new(), |all, line| format!("{all}{line}\n"));
    let line = |second: usize, name: usize| {
        format!(
            "web-{} | 2026-01-01T00:00:0{second}.{name}00Z web-{} {second}\n",
            name + 1,
            name + 1
        )
    };
    let expected: String = (0..3).flat_map(|second| [line(second, 0), line(second, 1)]).collect();
    assert_eq!(of_workers, expected);
    // Guardian and executor have one log.
    let others: Vec<_> = shown.stdout.lines().filter(|line| !line.starts_with("web-")).collect();
    assert!(
        !others.is_empty() && others.iter().all(|line| line.starts_with("jobd  | ")),
        "{others:?}"
    );
    assert_eq!(bed.one("logs -n 3").stdout.lines().count(), 3);
    bed.one("logs -n 0").says(0, "");
}

/// Cases: CC-47, CC-87
fn those_who_are_named_are_shown_alone() {
    let bed = with_talkers();
    bed.one("logs web-2 -n 1").says(0, "2026-01-01T00:00:02.100Z web-2 2\n");
    bed.one("logs jobd/web-2 web-1 -n 2").says(
        0,
        "web-1 | 2026-01-01T00:00:02.000Z web-1 2\nweb-2 | 2026-01-01T00:00:02.100Z web-2 2\n",
    );
    let all = fs::read_to_string(bed.path("jobd.log")).unwrap();
    bed.one("logs guardian -n 100").says(0, &all);
    let object = bed.one("logs web-2 --json -n 1");
    let object: Value = serde_json::from_str(&object.stdout).unwrap();
    assert_eq!(object["time"], "2026-01-01T00:00:02.1Z");
    assert_eq!((&object["name"], &object["continued"]), (&"web-2".into(), &false.into()));
    assert_eq!(object["text"], "2026-01-01T00:00:02.100Z web-2 2");
    assert!(object["file"].as_str().unwrap().ends_with("/web-2.out"), "{object}");
    let unknown =
        "jobd: jobd/web-9: no worker `web-9`; there are guardian, executor, web-1, web-2\n";
    bed.one("logs web-9").complains(2, unknown);
    bed.one("logs no/web-1").complains(2, "jobd: no daemon `no/web-1`; there is jobd\n");
}

/// Case: CC-88
fn a_daemon_that_does_not_run_is_shown_by_its_options() {
    let bed = with_talkers();
    bed.one("stop");
    let lack =
        "jobd: shown are the files in its options; those of workers are not known: not running\n";
    let all = fs::read_to_string(bed.path("jobd.log")).unwrap();
    for words in ["logs -n 100", "logs -n 100 executor", "logs -n 100 --follow"] {
        let shown = bed.one(words);
        assert_eq!((shown.code, shown.stdout.as_str()), (0, all.as_str()), "{words}");
        assert_eq!(shown.stderr, lack, "{words}");
    }
    let refused = bed.one("logs web-1");
    assert_eq!((refused.code, refused.stdout.as_str()), (7, ""));
    assert!(refused.stderr.ends_with("web-1: its files are known to the running daemon only\n"));
}

/// Case: CC-68
fn the_last_lines_are_found_across_rotations() {
    let bed = with_talkers();
    bed.one("stop");
    fs::remove_file(bed.path("jobd.log")).unwrap();
    bed.write("jobd.log.2026-01-01", "a\nb\n");
    bed.write("jobd.log.2026-01-02", "c\nd\n");
    bed.write("jobd.log", "e\n");
    assert_eq!(bed.one("logs -n 4").stdout, "b\nc\nd\ne\n");
    assert_eq!(bed.one("logs --last all").stdout, "a\nb\nc\nd\ne\n");
}

/// Case: CC-48
fn of_a_huge_log_only_the_end_is_read() {
    let bed = with_talkers();
    let log = OpenOptions::new().append(true).open(bed.path("web-1.out")).unwrap();
    // What was never written takes no room, and is read as anything is.
    log.set_len(HUGE).unwrap();
    (&log).write_all(b"\nlast but one\nlast one\n").unwrap();
    bed.one("logs web-1 -n 2").says(0, "last but one\nlast one\n");
    for words in ["logs web-1 -f -n 2", "logs web-1 -f -n 0"] {
        let shown = File::create(bed.path("shown")).unwrap();
        let mut command = bed.command("one", words).stdout(shown).spawn().unwrap();
        // Who follows shows what is written from now on, whenever now was.
        expect("it follows", || {
            (&log).write_all(b"new\n").unwrap();
            fs::read_to_string(bed.path("shown")).unwrap().contains("new\n")
        });
        let (read, memory) =
            (number_of(&command, "io", "rchar"), 1024 * number_of(&command, "status", "VmHWM"));
        assert!(read < 1 << 24 && memory < 1 << 28, "{words}: {read} bytes read, {memory} used");
        kill_process(Pid::from_child(&command), Signal::KILL).unwrap();
        command.wait().unwrap();
    }
    assert_eq!(bed.one("stop").code, 0);
}

/// What proc(5) says of it under this name.
fn number_of(child: &Child, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

/// That they could not be asked for is no word on whether it runs.
///
/// Case: CC-88
fn files_of_a_worker_that_nobody_tells_have_the_code_of_why() {
    let bed = with_talkers();
    let status: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    let executor =
        i32::try_from(status["daemons"][0]["executor"]["pid"].as_i64().unwrap()).unwrap();
    let executor = Pid::from_raw(executor).unwrap();
    kill_process(executor, Signal::STOP).unwrap();
    let refused = bed.one("logs web-1");
    kill_process(executor, Signal::CONT).unwrap();
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("its executor gives no answer for "), "{refused:?}");
    assert!(refused.stderr.ends_with("jobd/web-1: its files are not known now\n"), "{refused:?}");
}

/// Case: CC-60
fn log_files_are_opened_anew() {
    let bed = with_talkers();
    fs::rename(bed.path("jobd.log"), bed.path("old.log")).unwrap();
    bed.one("reopen").says(0, "jobd: its log files are opened anew\n");
    expect("it has a new one", || bed.path("jobd.log").exists());
    let text =
        "log files are opened anew by a whole daemon, its workers with it; name the daemon\n";
    bed.one("reopen web-1").complains(2, &format!("jobd/web-1: {text}"));
    let text = "signals are for workers; a daemon is told by start, stop, restart, reopen\n";
    bed.one("signal HUP jobd").complains(2, &format!("jobd: {text}"));
}

/// Case: CC-75
fn what_commands_a_terminal_is_shown_as_text() {
    let bed = with_talkers();
    bed.one("stop");
    fs::write(bed.path("jobd.log"), b"\x1b[31mred \xff\n").unwrap();
    assert_eq!(bed.one("logs").stdout, "\\x1b[31mred \\xff\n");
    let raw = bed.command("one", "logs --raw").output().unwrap();
    assert_eq!(raw.stdout, b"\x1b[31mred \xff\n");
}

/// Case: CC-88
fn a_daemon_that_writes_no_file_is_an_error() {
    let bed = Bed::with_one();
    bed.one("start");
    bed.one("logs").complains(1, "jobd: jobd: its options name no file that could be read\n");
    bed::expect_file(&bed.path("jobd.pid"));
    bed.write("jobd.yaml", "{ pid_filename: jobd.pid, daemon_entry: nowhere }");
    assert_eq!(bed.one("logs").code, 1, "while it runs it says so itself");
    bed.one("stop");
    assert_eq!(bed.one("logs").code, 6);
}
