//! One daemon, from its start to its stop.

use std::process::Stdio;

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::bed::{Bed, Ended, expect};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        a_daemon_is_started_shown_and_stopped,
        a_restart_starts_what_is_stopped,
        what_a_crash_has_left_has_its_code,
        what_cannot_be_read_or_looked_at_has_its_code,
        words_that_are_wrong_have_their_code,
        in_json_there_is_one_text_whatever_happens,
        it_runs_in_the_foreground_too,
        what_needs_a_running_daemon_says_so,
        options_may_be_made_in_rust,
        a_stop_tells_who_was_killed,
        a_start_waits_for_one_that_is_stopping,
        a_restart_looks_at_the_options_first,
    ]
}

/// Cases: CTL-05, CTL-06, CTL-12, CC-50, CC-60
fn a_daemon_is_started_shown_and_stopped() {
    let bed = Bed::with_one();
    bed.one("status").says(3, "jobd: not running\n");
    bed.one("stop").says(0, "jobd: not running\n");
    assert!(!bed.path("jobd.pid").exists(), "looking starts nothing");

    let started = bed.one("start");
    let pid = bed.pid("jobd.pid");
    assert_eq!((started.code, started.stderr.as_str()), (0, ""));
    assert!(started.stdout.starts_with(&format!("jobd: running, pid {pid}")), "{started:?}");
    bed.one("start").says(0, &format!("jobd: already running, pid {pid}\n"));

    let shown = bed.one("status");
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    assert!(
        shown.stdout.contains("running") && shown.stdout.contains(&pid.to_string()),
        "{shown:?}"
    );
    let listed = bed.one("list");
    let row: Vec<&str> = listed.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..3], ["jobd", "running", &pid.to_string()], "{listed:?}");

    bed.one("stop").says(0, &format!("jobd: stopped, pid was {pid}\n"));
    bed.one("status").says(3, "jobd: not running\n");
}

/// Case: CC-60
fn a_restart_starts_what_is_stopped() {
    let bed = Bed::with_one();
    assert_eq!(bed.one("restart").code, 0);
    let first = bed.pid("jobd.pid");
    assert_eq!(bed.one("restart").code, 0);
    assert_ne!(bed.pid("jobd.pid"), first);
}

/// Case: CTL-06
fn what_a_crash_has_left_has_its_code() {
    let bed = Bed::with_one();
    bed.one("start");
    let guardian = i32::try_from(bed.pid("jobd.pid")).unwrap();
    kill_process(Pid::from_raw(guardian).unwrap(), Signal::KILL).unwrap();
    // Until its executor has quit not all of it is gone, for which there is a code of its own (2).
    expect("the rest is gone", || bed.one("status").code == 1);
    bed.one("status").says(1, "jobd: not running; a crash has left jobd.pid\n");
    bed.one("stop").says(0, "jobd: not running\n");
    assert_eq!(bed.one("status").code, 3);
}

/// Cases: CC-43, CC-60
fn what_cannot_be_read_or_looked_at_has_its_code() {
    let bed = Bed::new();
    let missing = "jobd: cannot read `jobd.yaml`: No such file or directory (os error 2)\n";
    bed.one("start").complains(6, missing);
    bed.one("status").complains(4, missing);
    bed.write("jobd.yaml", "{ pid_filename: jobd.pid, daemon_entry: nobody, name: 'a/b' }");
    let wrong = bed.one("start");
    assert_eq!(wrong.code, 6);
    // Each problem has a line.
    assert!(wrong.stderr.contains("\n    daemon_entry `nobody`"), "{wrong:?}");
    assert!(wrong.stderr.contains("\n    name `a/b`"), "{wrong:?}");
    bed.write("jobd.pid", "no pid file\n");
    let none = bed.one("status");
    assert_eq!(none.code, 4);
    assert!(none.stdout.contains("is not a pid file and was left as it is"), "{none:?}");
    let none = bed.one("stop");
    assert_eq!((none.code, none.stdout.as_str()), (1, ""));
    assert!(none.stderr.contains("is not a pid file and was left as it is"), "{none:?}");
    std::fs::remove_file(bed.path("jobd.pid")).unwrap();
}

/// Cases: CC-43, CC-60
fn words_that_are_wrong_have_their_code() {
    let bed = Bed::with_one();
    for (words, code) in [
        ("", 2),
        ("strat", 2),
        ("start --nonsense", 2),
        ("status --nonsense", 4),
        ("--nonsense status", 4),
        ("list nobody", 2),
        ("signal NONSENSE web-1", 2),
        ("signal USR1 jobd", 2),
        ("wait --timeout soon", 2),
        ("wait --timeout -1s", 2),
        ("logs -n -5", 2),
        ("events -n many", 2),
        ("run nobody", 2),
        ("man nobody", 2),
    ] {
        let refused = bed.one(words);
        assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{words}: {refused:?}");
        assert!(refused.stderr.starts_with("jobd"), "{words}: {refused:?}");
        // Which would be a name.
        assert!(!refused.stderr.contains("use '-- "), "{words}: {refused:?}");
    }
    bed.one("status nobody").complains(3, "jobd/nobody: not running\n");
    let help = bed.one("--help");
    assert_eq!(help.code, 0);
    assert!(bed.one("--version").stdout.contains("(appkit 0."));
    let version = bed.command("in-rust", "--version").output().unwrap().stdout;
    assert!(String::from_utf8(version).unwrap().ends_with(" 1.2.3\n"));
}

/// Case: CC-39
fn in_json_there_is_one_text_whatever_happens() {
    let bed = Bed::with_one();
    let read = |words: &str, code: i32| -> serde_json::Value {
        let ended = bed.one(words);
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{words}");
        serde_json::from_str(&ended.stdout).unwrap()
    };
    assert_eq!(read("status --json", 3)["daemons"][0]["state"], "stopped");
    assert_eq!(read("list --json", 0)["daemons"][0]["pid"], serde_json::Value::Null);
    let started = read("start --json", 0);
    let pid = bed.pid("jobd.pid");
    assert_eq!(started["results"][0]["pid"], pid);
    assert_eq!(read("status --json", 0)["daemons"][0]["pid"], pid);
    assert_eq!(read("restart web/9 --json", 2)["error"]["code"], 2);
    assert_eq!(read("status nobody --json", 4)["error"]["text"], "it keeps no workers now");
    assert_eq!(read("start --json --nonsense", 2)["error"]["code"], 2);
    assert_eq!(read("wait --until stopped --timeout 0 --json", 99)["results"][0]["code"], 99);
    let stopped = read("stop --json", 0);
    assert_eq!(stopped["results"][0]["text"], format!("stopped, pid was {pid}"));
    std::fs::remove_file(bed.path("jobd.yaml")).unwrap();
    assert_eq!(read("start --json", 6)["error"]["code"], 6);
}

fn it_runs_in_the_foreground_too() {
    let bed = Bed::with_one();
    let command = bed.command("one", "run").stderr(Stdio::piped()).spawn().unwrap();
    expect("it runs", || bed.one("status").code == 0);
    let again = format!("jobd: it runs already, pid {}: nothing was run here\n", command.id());
    bed.one("run").complains(1, &again);
    bed.one("stop").says(0, &format!("jobd: stopped, pid was {}\n", command.id()));
    let ended = command.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "jobd: stopped\n");
    assert_eq!(ended.status.code(), Some(0));
}

/// Case: CC-60
fn what_needs_a_running_daemon_says_so() {
    let bed = Bed::with_one();
    for words in ["reload", "reopen", "events", "wait"] {
        bed.one(words).complains(7, "jobd: not running\n");
    }
    for words in ["restart web-1", "signal HUP web-1"] {
        bed.one(words).complains(7, "jobd/web-1: not running\n");
    }
    // With its daemon a worker is stopped, too.
    bed.one("stop web-1").says(0, "jobd/web-1: not running\n");
    bed.one("wait web-1 --until stopped").says(0, "");
}

fn options_may_be_made_in_rust() {
    let bed = Bed::new();
    assert_eq!(bed.command("in-rust", "start").output().unwrap().status.code(), Some(0));
    assert_eq!(bed.command("in-rust", "status").output().unwrap().status.code(), Some(0));
    assert_eq!(bed.command("in-rust", "stop").output().unwrap().status.code(), Some(0));
}

/// Case: CC-60
fn a_stop_tells_who_was_killed() {
    let bed = Bed::new();
    let options = "{ pid_filename: jobd.pid, daemon_entry: 'it::bed:deaf', grace: 100ms }";
    bed.write("jobd.yaml", options);
    assert_eq!(bed.one("start").code, 0);
    let pid = bed.pid("jobd.pid");
    let stopped = bed.one("stop");
    assert_eq!((stopped.code, stopped.stderr.as_str()), (0, ""));
    let text = format!("jobd: stopped, pid was {pid}; it was killed after ");
    assert!(stopped.stdout.starts_with(&text), "{stopped:?}");
}

/// Case: CC-60
fn a_start_waits_for_one_that_is_stopping() {
    let bed = Bed::new();
    let go = serde_json::to_string(&bed.path("go")).unwrap();
    let entry = "daemon_entry: 'it::bed:lingers', grace: 60s";
    bed.write("jobd.yaml", &format!("{{ pid_filename: jobd.pid, {entry}, daemon_args: {go} }}"));
    assert_eq!(bed.one("start").code, 0);
    let first = bed.pid("jobd.pid");
    let stop = bed.command("one", "stop").stdout(Stdio::null()).spawn().unwrap();
    expect("it is stopping", || bed.one("status").code == 151);
    let start = bed.command("one", "start").stdout(Stdio::piped()).spawn().unwrap();
    expect("it has asked", || bed.has_connection(start.id()));
    bed.write("go", "");
    let started = Ended::of(start.wait_with_output().unwrap());
    let now = bed.pid("jobd.pid");
    assert!(started.stdout.starts_with(&format!("jobd: running, pid {now}")), "{started:?}");
    assert_ne!(now, first);
    assert_eq!(stop.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(bed.one("status").code, 0);
}

/// Case: CC-60
fn a_restart_looks_at_the_options_first() {
    let bed = Bed::with_one();
    bed.one("start");
    let pid = bed.pid("jobd.pid");
    bed.write("jobd.yaml", "{ pid_filename: jobd.pid, daemon_entry: nobody }");
    let refused = bed.one("restart");
    assert_eq!(refused.code, 6);
    assert!(refused.stderr.contains("daemon_entry `nobody`"), "{refused:?}");
    assert_eq!(bed.pid("jobd.pid"), pid);
    assert_eq!(bed.one("status").code, 0, "it goes on as it was");
}
