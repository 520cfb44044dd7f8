//! Sets of workers by commands: another number, and new ones in place of the old.

use std::path::PathBuf;

use libtest_mimic::Trial;
use policy::{Readiness, RestartPolicy, StartPolicy};
use serde_json::Value;
use workers::{WorkerSet, WorkerStartInfo, WorkersError, WorkersOptions, start_workers};

use crate::bed::{self, Bed, LIMIT, expect};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        a_set_is_scaled_and_shown,
        a_set_is_rolled_and_a_bad_one_is_told,
        what_cannot_be_is_said_and_changes_nothing,
        who_does_not_wait_is_told_what_was_asked,
        the_executor_begins_with_the_number_of_its_list,
    ]
}

/// A set, and one beside it.
pub(crate) fn crowd(folder: PathBuf) -> Result<(), WorkersError> {
    let pid = |name: &str| folder.join(format!("{name}.pid"));
    let web = WorkerStartInfo::new("web", pid("{name}"), good_or_bad, folder.clone());
    let db = WorkerStartInfo::new("db", pid("db"), good_or_bad, folder.clone());
    let ready = StartPolicy { ready: Readiness::Told, ..StartPolicy::default() };
    let options = WorkersOptions::new().start(ready).restart(RestartPolicy::after(LIMIT * 100));
    start_workers([WorkerSet::new(2, web).into(), workers::Listed::from(db)], options)?
        .into_result()
}

/// Ready, unless the file `bad` is there: then it fails, or hangs if that says so.
pub(crate) fn good_or_bad(folder: PathBuf) -> Result<(), String> {
    match std::fs::read_to_string(folder.join("bad")).as_deref() {
        Ok("hang") => (),
        Ok(_) => return Err("it had to be".to_owned()),
        Err(_) => drop(proc_spawn::tell_ready()),
    }
    bed::rounds();
    Ok(())
}

fn with_crowd() -> Bed {
    let bed = Bed::new();
    let folder = serde_json::to_string(&bed.path("")).unwrap();
    let options = "{ pid_filename: jobd.pid, daemon_entry: 'it::sets:crowd', daemon_args: ";
    bed.write("jobd.yaml", &format!("{options}{folder}, directory: {folder} }}"));
    assert_eq!(bed.one("start").code, 0);
    bed.one("wait web-1 web-2 db").says(0, "");
    bed
}

fn set(bed: &Bed) -> Value {
    let read: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    read["daemons"][0]["sets"][0].clone()
}

/// Cases: PL-04, PL-12
fn a_set_is_scaled_and_shown() {
    let bed = with_crowd();
    let first = bed.pid("web-1.pid");
    bed.one("scale web 4").says(0, "jobd/web: 4 ready, before 2\n");
    assert!(bed.path("web-4.pid").exists());
    let status = bed.one("status");
    assert!(
        status.stdout.contains("\n  workers: 5 of 5 ready\n  set web: 4 of 4 ready\n"),
        "{status:?}"
    );
    bed.one("scale jobd/web -3").says(0, "jobd/web: 1 ready, before 4\n");
    assert!(!bed.path("web-2.pid").exists());
    bed.one("scale web +1 --json").says(
        0,
        "{\"results\":[{\"code\":0,\"name\":\"jobd/web\",\"pid\":null,\"text\":\"2 ready, before 1\"}]}\n",
    );
    assert_eq!(bed.pid("web-1.pid"), first);
    let metrics = bed.one("metrics").stdout;
    assert!(metrics.contains("appkit_set_wanted{daemon=\"jobd\",set=\"web\"} 2\n"), "{metrics}");
    assert!(metrics.contains("appkit_set_ready{daemon=\"jobd\",set=\"web\"} 2\n"), "{metrics}");
    bed.one("scale web 0").says(0, "jobd/web: 0 ready, before 2\n");
    bed.one("stop");
}

/// Cases: PL-31, PL-33, PL-50
fn a_set_is_rolled_and_a_bad_one_is_told() {
    let bed = with_crowd();
    let pids = || [bed.pid("web-1.pid"), bed.pid("web-2.pid"), bed.pid("db.pid")];
    let before = pids();
    bed.one("roll web").says(0, "jobd/web: all have been replaced\n");
    let after = pids();
    assert!(before[0] != after[0] && before[1] != after[1] && before[2] == after[2]);
    bed.write("bad", "");
    let ended = bed.one("roll web --surge 1 --tries 1");
    let why = "jobd: the new web-3 returned an error: it had to be; the others are as they were\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (1, why));
    assert_eq!(pids(), after);
    let status = bed.one("status").stdout;
    assert!(status.contains("set web: 2 of 2 ready, last roll: the new web-3"), "{status}");
    std::fs::remove_file(bed.path("bad")).unwrap();
    bed.one("roll web --surge 1 --settle 1ms").says(0, "jobd/web: all have been replaced\n");
    assert!(pids()[..2].iter().all(|pid| !after.contains(pid)));
    bed.one("stop");
}

/// Cases: PL-39, PL-40, PL-50
fn who_does_not_wait_is_told_what_was_asked() {
    let bed = with_crowd();
    bed.write("bad", "hang");
    bed.one("roll web --no-wait").says(0, "jobd/web: 2 are replaced one after another\n");
    let second = bed.one("roll web");
    let rolling = "jobd: `web` is being rolled: 0 of 2 are replaced\n";
    assert_eq!((second.code, second.stderr.as_str()), (1, rolling));
    assert_eq!(set(&bed)["roll"], serde_json::json!({ "done": 0, "total": 2 }));
    bed.one("roll web --cancel").says(0, "jobd/web: no other is replaced; 0 of 2 were\n");
    let late = bed.one("scale web 3 --timeout 1ms");
    assert_eq!((late.code, late.stderr.as_str()), (99, "jobd: not all are ready; it goes on\n"));
    // What hangs is started anew, well.
    std::fs::remove_file(bed.path("bad")).unwrap();
    bed.one("restart web-2 web-3");
    expect("the roll is over", || set(&bed)["roll"].is_null());
    let again = bed.one("roll web --cancel");
    assert_eq!((again.code, again.stderr.as_str()), (1, "jobd: `web` is not being rolled\n"));
    bed.one("scale web 3").says(0, "jobd/web: 3 ready, before 3\n");
    bed.one("stop");
}

fn what_cannot_be_is_said_and_changes_nothing() {
    let bed = with_crowd();
    for (words, code, why) in [
        ("scale wep 3", 2, "jobd: no set `wep`; there is web\n"),
        ("scale web -3", 2, "jobd: -3 of 2 would be fewer than none\n"),
        (
            "scale web 100001",
            2,
            "jobd: `web` cannot have 100001 workers: between 0 and 100000 it can\n",
        ),
        ("scale db 3", 2, "jobd: no set `db`; there is web\n"),
        ("roll jobd", 2, "jobd: `jobd` is a daemon; name a set\n"),
        (
            "roll web --tries 0",
            1,
            "jobd: web.tries `0`: none would ever be started; give at least 1\n",
        ),
    ] {
        let ended = bed.one(words);
        assert_eq!((ended.code, ended.stderr.as_str()), (code, why), "{words}");
    }
    assert_eq!(bed.one("scale web many").code, 2);
    assert_eq!(set(&bed)["wanted"], 2);
    bed.one("stop");
    let gone = bed.one("scale web 3");
    assert_eq!(gone.code, 7, "{gone:?}");
}

/// Case: PL-18
fn the_executor_begins_with_the_number_of_its_list() {
    let bed = with_crowd();
    bed.one("scale web 3").says(0, "jobd/web: 3 ready, before 2\n");
    let read: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    let executor = i32::try_from(read["daemons"][0]["executor"]["pid"].as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(executor).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    bed.one("restart");
    bed.one("wait web-1 web-2").says(0, "");
    assert_eq!(set(&bed)["wanted"], 2);
    bed.one("stop");
}
