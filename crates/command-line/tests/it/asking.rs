//! What a daemon says of itself, and what is said of one that does not answer.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bed::{Bed, expect};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        a_daemon_is_shown_as_a_tree,
        a_daemon_that_is_starting_is_not_running,
        one_that_does_not_answer_is_shown_by_its_lock,
        one_without_a_socket_runs,
        one_that_gave_up_is_shown_with_what_it_said_last,
        events_are_lines_until_the_daemon_ends,
        what_cannot_be_done_has_its_code,
        a_wait_tells_what_came_of_it,
    ]
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// Cases: CTL-01, CC-40
fn a_daemon_is_shown_as_a_tree() {
    let bed = Bed::with_one();
    bed.one("start");
    let pid = bed.pid("jobd.pid");
    let shown = bed.one("status");
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    assert!(shown.stdout.starts_with("* jobd - running, ready since "), "{shown:?}");
    assert!(shown.stdout.contains(&format!("\n  guardian {pid}, executor ")), "{shown:?}");
    let read: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    let daemon = &read["daemons"][0];
    assert_eq!((&daemon["state"], &daemon["guardian"]["pid"]), (&"running".into(), &pid.into()));
    assert!(daemon["executor"]["uptime_us"].is_u64(), "{daemon}");
    let metrics = bed.one("metrics").stdout;
    let line =
        "appkit_phase{daemon=\"jobd\",role=\"executor\",name=\"jobd\",phase=\"running\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

/// Case: CC-42
fn a_daemon_that_is_starting_is_not_running() {
    let bed = Bed::slow();
    let mut start = bed.command("one", "start").stdout(Stdio::null()).spawn().unwrap();
    expect("it is starting", || bed.one("status").code == 150);
    let shown = bed.one("status").stdout;
    assert!(shown.starts_with("* jobd - starting since "), "{shown}");
    bed.one("wait --timeout 10ms").complains(99, "jobd: not ready when the time was over\n");
    let wait = bed.command("one", "wait").spawn().unwrap();
    bed.write("go", "");
    assert_eq!(wait.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(start.wait().unwrap().code(), Some(0));
    assert_eq!(bed.one("status").code, 0);
}

/// Cases: CC-08, CC-43, CTL-05
fn one_that_does_not_answer_is_shown_by_its_lock() {
    let bed = Bed::with_one();
    bed.one("start");
    let pid = bed.pid("jobd.pid");
    signal(pid, Signal::STOP);
    let text =
        format!("jobd: running ({pid} holds jobd.pid); jobd.pid.sock gives no answer for 3 s\n");
    bed.one("status").says(4, &text);
    bed.one("metrics").complains(1, "jobd: jobd.pid.sock gives no answer for 3 s\n");
    bed.one("restart web-1").complains(1, "jobd/web-1: jobd.pid.sock gives no answer for 3 s\n");
    // A stop wakes it.
    bed.one("stop").says(0, &format!("jobd: stopped, pid was {pid}\n"));
}

/// Cases: CC-04, CC-43
fn one_without_a_socket_runs() {
    let bed = Bed::with_one();
    bed.one("start");
    let pid = bed.pid("jobd.pid");
    std::fs::remove_file(bed.path("jobd.pid.sock")).unwrap();
    let text = format!(
        "jobd: running ({pid} holds jobd.pid); nobody listens at jobd.pid.sock; has it `control: {{ socket: false }}`?\n"
    );
    bed.one("status").says(0, &text);
    bed.one("events").complains(
        1,
        "jobd: nobody listens at jobd.pid.sock; has it `control: { socket: false }`?\n",
    );
}

/// Case: CC-45
fn one_that_gave_up_is_shown_with_what_it_said_last() {
    let bed = Bed::new();
    bed.write("jobd.yaml", "{ pid_filename: jobd.pid, daemon_entry: 'it::bed:fails' }");
    assert_eq!(bed.one("start").code, 0);
    assert_eq!(bed.one("wait --until stopped").code, 0);
    let shown = bed.one("status");
    assert_eq!(shown.code, 3);
    let mut lines = shown.stdout.lines();
    assert_eq!(lines.next(), Some("jobd: not running; it has failed"));
    let why = lines.next().unwrap_or_default();
    assert!(why.starts_with("  it ended "), "{shown:?}");
    assert_eq!(lines.next(), Some("  it returned an error: no such key"));
    assert_eq!(shown.stdout.matches("no such key").count(), 1, "{shown:?}");
    assert!(bed.one("list").stdout.contains("\njobd  failed  "));
    let read: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    assert_eq!(read["daemons"][0]["state"], "failed");
    assert_eq!(read["daemons"][0]["last_words"]["executor"]["ends"][0]["cause"], "error");
}

/// Case: CTL-10
fn events_are_lines_until_the_daemon_ends() {
    let bed = Bed::with_one();
    bed.one("start");
    let mut events = bed.command("one", "events --json").stdout(Stdio::piped()).spawn().unwrap();
    let mut also = bed.command("one", "events").stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(also.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let mut lines = BufReader::new(events.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(first["number"], 1);
    assert!(first["epoch"].as_str().is_some_and(|epoch| !epoch.is_empty()), "{first}");
    bed.one("stop");
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let ended = |event: &Value| event["kind"] == "ended" && event["role"] == "executor";
    assert!(rest.iter().any(ended), "{rest:?}");
    assert_eq!(events.wait().unwrap().code(), Some(0));
    assert_eq!(also.wait().unwrap().code(), Some(0));
    let told = line + &std::io::read_to_string(told).unwrap();
    assert!(told.ends_with("\njobd: stopped\n"), "{told}");
    assert!(!told.contains('\x1b') && !told.contains('{'), "{told}");
}

/// Cases: CTL-07, CTL-14, CC-60
fn what_cannot_be_done_has_its_code() {
    let bed = Bed::with_one();
    bed.one("start");
    // Nobody in it listens.
    let nothing = "jobd: it has nothing to reload: no list is read anew, and nobody listens\n";
    bed.one("reload").complains(1, nothing);
    bed.one("reload --dry-run").complains(1, nothing);
    // Nobody below it keeps workers.
    bed.one("restart web-1").complains(7, "jobd/web-1: it keeps no workers now\n");
}

/// Case: CTL-09
fn a_wait_tells_what_came_of_it() {
    let bed = Bed::with_one();
    bed.one("start");
    bed.one("wait").says(0, "");
    assert_eq!(
        bed.one("wait --json").stdout,
        "{\"results\":[{\"code\":0,\"name\":\"jobd\",\"text\":\"ready\"}]}\n"
    );
    bed.one("stop");
    bed.one("wait").complains(7, "jobd: not running\n");
    let bed = Bed::slow();
    let mut start = bed.command("one", "start").stderr(Stdio::null()).spawn().unwrap();
    expect("it is starting", || bed.one("status").code == 150);
    let wait = bed.command("one", "wait").stderr(Stdio::piped()).spawn().unwrap();
    expect("it is asked", || bed.has_connection(wait.id()));
    bed.one("stop");
    let ended = wait.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "jobd: it has ended\n");
    assert_eq!(ended.status.code(), Some(102));
    assert_eq!(start.wait().unwrap().code(), Some(1), "it was stopped while it was being launched");
}
