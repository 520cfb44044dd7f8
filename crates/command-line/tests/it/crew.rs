//! A daemon with workers.

use libtest_mimic::Trial;
use policy::{Restart, RestartPolicy};
use serde_json::Value;
use workers::{WorkerStartInfo, WorkersError, WorkersOptions, start_workers};

use crate::bed::{self, Bed, expect};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        workers_are_shown_below_their_daemon,
        workers_are_asked_by_their_names,
        workers_are_stopped_and_started_by_their_names,
        a_worker_that_failed_for_good_has_its_code,
    ]
}

/// Two workers that stay, and so many that fail at once and are not started again.
pub(crate) fn crew(failing: usize) -> Result<(), WorkersError> {
    let stays =
        ["web-1", "web-2"].map(|name| WorkerStartInfo::new(name, pid(name), bed::rounds, ()));
    let frail = ["frail"].map(|name| WorkerStartInfo::new(name, pid(name), bed::fails, ()));
    let all = stays.into_iter().chain(frail.into_iter().take(failing));
    let options = WorkersOptions::new().restart(RestartPolicy::new(Restart::Never));
    start_workers(all, options)?.into_result()
}

fn pid(name: &str) -> String {
    format!("{name}.pid")
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
    bed.one("stop web-1").says(0, "jobd/web-1: asked to stop\n");
    expect("it is stopped", || phases(&bed) == "stopped running");
    bed.one("stop web-1").says(0, "jobd/web-1: asked to stop\n");
    let shown = bed.one("status");
    assert_eq!(shown.code, 0, "somebody wanted it so");
    assert!(shown.stdout.contains("\n  |- web-1  stopped  -  "), "{shown:?}");
    bed.one("start jobd/web-1").says(0, "jobd/web-1: asked to start\n");
    expect("it runs again", || phases(&bed) == "running running");
    bed.one("start web-1").says(0, "jobd/web-1: asked to start\n");
    let first = bed.pid("web-2.pid");
    bed.one("restart web-2").says(0, "jobd/web-2: asked to start anew\n");
    let now = || workers(&bed)[1]["pid"].as_u64();
    expect("it is another one", || now().is_some_and(|now| now != u64::from(first)));
}

/// Case: CC-44
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
}
