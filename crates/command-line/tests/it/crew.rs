//! A daemon with workers.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use libtest_mimic::Trial;
use policy::{Readiness, Restart, RestartPolicy, StartPolicy};
use serde_json::Value;
use workers::{WorkerStartInfo, WorkersError, WorkersOptions, start_workers};

use crate::bed::{self, Bed, expect};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        workers_are_shown_below_their_daemon,
        workers_are_asked_by_their_names,
        workers_are_stopped_and_started_by_their_names,
        a_worker_that_failed_for_good_has_its_code,
        a_worker_is_shown_alone,
        a_worker_that_fails_is_not_said_to_run,
        a_worker_of_several_daemons_needs_no_other_name,
        a_worker_that_is_not_there_yet_is_waited_for,
        an_executor_in_back_off_has_no_workers_and_says_so,
        events_of_some_are_shown_and_that_is_all,
        a_stop_tells_which_worker_was_killed,
        who_waited_for_his_next_run_has_not_failed_when_all_stops,
    ]
}

/// Two workers that stay, and so many that fail at once and are not started again.
pub(crate) fn crew(failing: usize) -> Result<(), WorkersError> {
    apart((PathBuf::new(), failing))
}

/// The same, with their pid files in this folder.
pub(crate) fn apart((folder, failing): (PathBuf, usize)) -> Result<(), WorkersError> {
    let pid = |name: &str| folder.join(format!("{name}.pid"));
    let stays =
        ["web-1", "web-2"].map(|name| WorkerStartInfo::new(name, pid(name), bed::rounds, ()));
    let frail = ["frail"].map(|name| WorkerStartInfo::new(name, pid(name), bed::fails, ()));
    // So that its start is one that fails, and no run.
    let frail = frail.map(|worker| {
        worker.start(StartPolicy { ready: Readiness::Told, ..StartPolicy::default() })
    });
    let all = stays.into_iter().chain(frail.into_iter().take(failing));
    let options = WorkersOptions::new().restart(RestartPolicy::new(Restart::Never));
    start_workers(all, options)?.into_result()
}

/// The same, when the file is there.
pub(crate) fn late(go: PathBuf) -> Result<(), WorkersError> {
    while !go.exists() && !quit::quit_requested() {
        quit::sleep(Duration::from_millis(5));
    }
    crew(0)
}

/// A worker that has to be killed.
pub(crate) fn stubborn() -> Result<(), WorkersError> {
    let deaf = WorkerStartInfo::new("deaf", "deaf.pid", bed::deaf, ());
    start_workers([deaf], WorkersOptions::new().grace(Duration::from_millis(100)))?.into_result()
}

/// One worker that goes when the file is there, and one that waits for its next run.
pub(crate) fn leaving(go: PathBuf) -> Result<(), WorkersError> {
    let slow = WorkerStartInfo::new("slow", "slow.pid", bed::lingers, go);
    let frail = WorkerStartInfo::new("frail", "frail.pid", bed::fails, ());
    let options = WorkersOptions::new().restart_interval(bed::LIMIT * 100).grace(bed::LIMIT * 2);
    start_workers([slow, frail], options)?.into_result()
}

pub(crate) fn with_crew(failing: usize) -> Bed {
    let bed = Bed::new();
    let folder = serde_json::to_string(&bed.path("")).unwrap();
    let options = "{ pid_filename: jobd.pid, daemon_entry: 'it::crew:crew', daemon_args: ";
    bed.write("jobd.yaml", &format!("{options}{failing}, directory: {folder} }}"));
    assert_eq!(bed.one("start").code, 0);
    bed
}

/// The rows of its workers.
fn workers(bed: &Bed) -> Vec<Value> {
    let read: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    read["daemons"][0]["workers"].as_array().cloned().unwrap_or_default()
}

fn phases(bed: &Bed) -> String {
    let phase = |worker: &Value| worker["phase"].as_str().unwrap_or_default().to_owned();
    workers(bed).iter().map(phase).collect::<Vec<_>>().join(" ")
}

/// Cases: CTL-01, CC-40
fn workers_are_shown_below_their_daemon() {
    let bed = with_crew(0);
    expect("both run", || phases(&bed) == "running running");
    let shown = bed.one("status");
    assert_eq!(shown.code, 0);
    assert!(shown.stdout.contains("\n  workers: 2 of 2 ready\n  |- web-1  running  "), "{shown:?}");
    assert!(shown.stdout.contains("\n  `- web-2  running  "), "{shown:?}");
    let row = bed.one("list").stdout.lines().nth(1).unwrap().to_owned();
    assert!(row.contains("  2/2  "), "{row}");
    let read: Value = serde_json::from_str(&bed.one("list --json").stdout).unwrap();
    assert_eq!(read["daemons"][0]["workers_ready"], 2);
    let metrics = bed.one("metrics").stdout;
    let line = "appkit_restarts_total{daemon=\"jobd\",role=\"worker\",name=\"web-2\"} 0\n";
    assert!(metrics.contains(line), "{metrics}");
}

/// Cases: CC-25, CC-60, CTL-13
fn workers_are_asked_by_their_names() {
    let bed = with_crew(0);
    expect("both run", || phases(&bed) == "running running");
    bed.one("signal TERM web-9")
        .complains(2, "jobd/web-9: no worker `web-9`; there are web-1, web-2\n");
    bed.one("signal KILL jobd/web-2").says(0, "jobd/web-2: sent SIGKILL (9)\n");
    expect("it was killed", || phases(&bed) == "running finished");
    assert_eq!(bed.one("status").code, 153);
    let refused = "jobd/web-2: that cannot be done now: web-2 is finished\n";
    bed.one("signal HUP web-2").complains(1, refused);
}

/// Case: CC-23
fn workers_are_stopped_and_started_by_their_names() {
    let bed = with_crew(0);
    expect("both run", || phases(&bed) == "running running");
    let pid = |name: &str| bed.pid(&format!("{name}.pid"));
    bed.one("start web-1").says(0, &format!("jobd/web-1: already running, pid {}\n", pid("web-1")));
    let first = pid("web-1");
    bed.one("stop web-1").says(0, &format!("jobd/web-1: stopped, pid was {first}\n"));
    assert_eq!(phases(&bed), "stopped running", "it has been waited for");
    bed.one("stop web-1").says(0, "jobd/web-1: not running\n");
    bed.one("wait web-1 --until stopped").says(0, "");
    bed.one("wait web-1").complains(7, "jobd/web-1: not running\n");
    let shown = bed.one("status");
    assert_eq!(shown.code, 0, "somebody wanted it so");
    assert!(shown.stdout.contains("\n  |- web-1  stopped  -  "), "{shown:?}");
    let started = bed.one("start jobd/web-1");
    started.says(0, &format!("jobd/web-1: running, pid {}\n", pid("web-1")));
    assert_eq!(phases(&bed), "running running");
    bed.one("wait web-1").says(0, "");
    bed.one("wait web-1 --until stopped --timeout 10ms")
        .complains(99, "jobd/web-1: still running when the time was over\n");
    let first = pid("web-2");
    let again = bed.one("restart web-2");
    again.says(0, &format!("jobd/web-2: running, pid {}\n", pid("web-2")));
    assert_ne!(pid("web-2"), first);
}

/// Cases: CC-44, CC-85
fn a_worker_that_failed_for_good_has_its_code() {
    let bed = with_crew(1);
    expect("it has failed", || phases(&bed) == "running running finished");
    let shown = bed.one("status");
    assert_eq!(shown.code, 153);
    let head = shown.stdout.lines().next().unwrap();
    assert!(head.ends_with(", but worker frail has failed"), "{head}");
    assert!(
        shown.stdout.contains("\n  `- frail  failed   -  ") && shown.stdout.contains("no such key")
    );
    let metrics = bed.one("metrics").stdout;
    for (cause, count) in [("error", 1), ("killed", 0)] {
        let series = "appkit_ends_total{daemon=\"jobd\",role=\"worker\",name=\"frail\"";
        let line = format!("{series},cause=\"{cause}\"}} {count}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

/// Case: CC-63
fn a_worker_is_shown_alone() {
    let bed = with_crew(0);
    expect("both run", || phases(&bed) == "running running");
    let shown = bed.one("status web-2");
    let pid = bed.pid("web-2.pid");
    assert_eq!(shown.code, 0);
    assert!(
        shown.stdout.starts_with(&format!("jobd/web-2: running, pid {pid}, since ")),
        "{shown:?}"
    );
    let read: Value = serde_json::from_str(&bed.one("status web-2 --json").stdout).unwrap();
    assert_eq!(read["daemons"], Value::Array(Vec::new()));
    let told = &read["workers"][0];
    assert_eq!((&told["daemon"], &told["name"]), (&"jobd".into(), &"web-2".into()));
    assert_eq!((&told["state"], &told["code"]), (&"running".into(), &0.into()));
    bed.one("stop web-2");
    assert_eq!(bed.one("status web-2").code, 3);
    bed.one("status web-9").complains(4, "jobd/web-9: no worker `web-9`; there are web-1, web-2\n");
}

/// Case: CC-60
fn a_worker_that_fails_is_not_said_to_run() {
    let bed = with_crew(1);
    expect("it has failed", || phases(&bed) == "running running finished");
    let refused = bed.one("restart frail");
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""), "{refused:?}");
    assert!(refused.stderr.contains("no such key"), "{refused:?}");
    let ended = bed.one("wait frail");
    assert_eq!((ended.code, ended.stdout.as_str()), (102, ""));
    assert!(ended.stderr.contains("no such key"), "{ended:?}");
}

/// Case: CC-63
fn a_worker_of_several_daemons_needs_no_other_name() {
    let bed = Bed::new();
    let daemon = |name: &str, failing: usize| {
        let folder = bed.path(&format!("{name}.d"));
        std::fs::create_dir(&folder).unwrap();
        let folder = serde_json::to_string(&folder).unwrap();
        let entry = "daemon_entry: 'it::crew:apart', daemon_args:";
        format!("{name}: {{ pid_filename: {name}.pid, {entry} [{folder}, {failing}] }}\n")
    };
    bed.write("daemons.yaml", &format!("{}{}", daemon("a", 0), daemon("b", 1)));
    assert_eq!(bed.several("start all").code, 0);
    for name in ["a/web-1", "b/web-1", "frail --until stopped"] {
        expect("it is so", || bed.several(&format!("wait {name}")).code == 0);
    }
    assert!(bed.several("status frail").stdout.starts_with("b/frail: failed, since "));
    let text = "several have a worker `web-1`; did you mean a/web-1 or b/web-1?\n";
    let refused = bed.several("stop web-1");
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.ends_with(text), "{refused:?}");
}

/// That nothing was known of workers was not said, or that the daemon did not run.
///
/// Cases: CC-60, CC-88
fn an_executor_in_back_off_has_no_workers_and_says_so() {
    let bed = Bed::new();
    let log = "logging_config: { file: jobd.log }, restart_interval: 5h";
    let options = "{ pid_filename: jobd.pid, daemon_entry: 'it::bed:fails', ";
    let folder = serde_json::to_string(&bed.path("")).unwrap();
    bed.write("jobd.yaml", &format!("{options}{log}, directory: {folder} }}"));
    assert_eq!(bed.one("start").code, 0);
    expect("it waits", || bed.one("status").code == 152);
    let why = "its executor is in back-off, next start in ";
    let shown = bed.one("logs");
    assert_eq!(shown.code, 0, "{shown:?}");
    let lack = format!("jobd: the files of its workers are not known: {why}");
    assert!(shown.stderr.starts_with(&lack), "{shown:?}");
    let refused = bed.one("logs web-1");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.ends_with("jobd/web-1: its files are not known now\n"), "{refused:?}");
    for words in ["restart web-1", "signal HUP web-1", "stop web-1"] {
        let refused = bed.one(words);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stderr.starts_with(&format!("jobd/web-1: {why}")), "{refused:?}");
    }
    let refused = bed.one("scale web 3");
    assert!(refused.code == 1 && refused.stderr.contains(why), "{refused:?}");
    assert_eq!(bed.one("status web-1").code, 4);
}

/// Case: CTL-10
fn events_of_some_are_shown_and_that_is_all() {
    let bed = with_crew(1);
    expect("it has failed", || phases(&bed) == "running running finished");
    let kinds = |words: &str| -> Vec<(String, String)> {
        let shown = bed.one(words);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{words}");
        let read = |line| serde_json::from_str::<Value>(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let each = |event: Value| (text(&event["name"]), text(&event["kind"]));
        shown.stdout.lines().map(read).map(each).collect()
    };
    let of_one = kinds("events frail --no-follow --json -n 100");
    assert!(of_one.iter().all(|(name, _)| name == "frail"), "{of_one:?}");
    assert!(of_one.iter().any(|(_, kind)| kind == "ended"), "{of_one:?}");
    // The last of them, also where others have had many since.
    assert_eq!(kinds("events jobd/frail --no-follow --json --lines 1"), of_one[of_one.len() - 1..]);
    let all = kinds("events --no-follow --json -n 1000");
    for name in ["jobd", "web-1", "frail"] {
        assert!(all.iter().any(|(of, _)| of == name), "{name}: {all:?}");
    }
    assert_eq!(kinds("events executor --no-follow --json -n 1").len(), 1);
    bed.one("events --no-follow -n 0").says(0, "");
    let unknown = "no worker `web-9`; there are guardian, executor, web-1, web-2, frail\n";
    bed.one("events web-9").complains(2, &format!("jobd/web-9: {unknown}"));
    // Who follows one begins with the same.
    let mut follow = bed.command("one", "events -f frail").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(follow.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains(" frail "), "{line}");
    bed.one("stop");
    assert_eq!(follow.wait().unwrap().code(), Some(0));
}

/// Case: CC-60
fn a_stop_tells_which_worker_was_killed() {
    let bed = Bed::new();
    let folder = serde_json::to_string(&bed.path("")).unwrap();
    let options = "{ pid_filename: jobd.pid, daemon_entry: 'it::crew:stubborn', directory: ";
    bed.write("jobd.yaml", &format!("{options}{folder} }}"));
    assert_eq!(bed.one("start").code, 0);
    expect("it runs", || phases(&bed) == "running");
    let pid = bed.pid("deaf.pid");
    let stopped = bed.one("stop deaf");
    let text = format!("jobd/deaf: stopped, pid was {pid}; it was killed after ");
    assert!(stopped.code == 0 && stopped.stdout.starts_with(&text), "{stopped:?}");
    assert_eq!(bed.one("start deaf").code, 0);
    let pid = bed.pid("jobd.pid");
    let stopped = bed.one("stop");
    let text = format!("jobd: stopped, pid was {pid}; worker deaf was killed after ");
    assert!(stopped.code == 0 && stopped.stdout.starts_with(&text), "{stopped:?}");
}

/// Case: CC-44
fn who_waited_for_his_next_run_has_not_failed_when_all_stops() {
    let bed = Bed::new();
    let go = serde_json::to_string(&bed.path("go")).unwrap();
    let options = "{ pid_filename: jobd.pid, grace: 90s, daemon_entry: 'it::crew:leaving', ";
    bed.write("jobd.yaml", &format!("{options}daemon_args: {go} }}"));
    assert_eq!(bed.one("start").code, 0);
    expect("it waits", || phases(&bed) == "running waiting");
    assert!(bed.one("list").stdout.contains("  1/2  "));
    let stop = bed.command("one", "stop").stdout(Stdio::null()).spawn().unwrap();
    expect("it is over", || phases(&bed) == "stopping finished");
    let shown = bed.one("status");
    assert_eq!(shown.code, 151);
    assert!(!shown.stdout.contains("failed"), "{shown:?}");
    bed.write("go", "");
    assert_eq!(stop.wait_with_output().unwrap().status.code(), Some(0));
}

/// Case: CC-90
fn a_worker_that_is_not_there_yet_is_waited_for() {
    let bed = Bed::new();
    let (go, folder) = (bed.path("go"), bed.path(""));
    let [go, folder] = [go, folder].map(|path| serde_json::to_string(&path).unwrap());
    let entry = "daemon_entry: 'it::crew:late'";
    bed.write(
        "jobd.yaml",
        &format!("{{ pid_filename: jobd.pid, {entry}, daemon_args: {go}, directory: {folder} }}"),
    );
    assert_eq!(bed.one("start").code, 0);
    bed.one("wait web-1 --timeout 10ms")
        .complains(99, "jobd/web-1: not ready when the time was over\n");
    bed.one("wait web-1 --until stopped").complains(7, "jobd/web-1: it keeps no workers now\n");
    let wait = bed.command("one", "wait web-1").spawn().unwrap();
    expect("it is asked", || bed.has_connection(wait.id()));
    bed.write("go", "");
    assert_eq!(wait.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(bed.one("stop").code, 0);
}
