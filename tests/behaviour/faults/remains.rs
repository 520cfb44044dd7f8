//! What is known of what is left below, and what it does to what is told (kind F).

use std::os::unix::process::CommandExt;

use libtest_mimic::Trial;
use rustix::process::Signal;

use super::leftovers::{becomes_root, gone_before_the_next, sleepers};
use super::traced::seize;
use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        what_has_a_name_that_is_no_text_is_gone_before_the_next_begins,
        who_bears_the_mark_of_another_executor_is_left_alone,
        a_sibling_that_is_not_dead_yet_hides_no_other,
        how_an_executor_ended_is_told_whatever_it_has_left,
        what_does_not_go_though_it_was_killed_is_named,
        nobody_is_signalled_by_a_number_that_was_reaped,
    ]
}

/// Its state and parent stand behind its name in /proc (proc_pid_stat(5)), so it had none, and no children.
///
/// Case: FLT-F1
fn what_has_a_name_that_is_no_text_is_gone_before_the_next_begins() {
    let renamed = "printf \"\\377\" > /proc/$$/comm; sleep 777; :";
    gone_before_the_next(&format!("[setsid, sh, -c, '{renamed}']"), 1);
}

/// In a pid namespace of its own it may have the same number, and so may its worker's run.
///
/// Case: FLT-F1
fn who_bears_the_mark_of_another_executor_is_left_alone() {
    let bed = bed();
    bed.gate("go");
    let other = "run=${APPKIT_RUN#*.*.}; pid=${APPKIT_RUN%%.*}; APPKIT_RUN=$pid.0.$run exec setsid sleep 777";
    let daemon = bed.start(&format!(
        "{{daemon_args: [{{workers: {{restart: {{after: 0}}, workers: [{{name: red, args: [in_run: [1, {{command: \
         [sh, -c, '{other}']}}], in_run: [1, {{command: [setsid, sleep, '778']}}], in_run: [1, {{gate: go}}], \
         in_run: [1, {{exit: 3}}], rounds]}}]}}}}]}}"
    ));
    bed.until("what it leaves", || (sleepers(&bed).len() == 2).then_some(()));
    bed.open_gate("go");
    bed.expect("worker red started, run 2");
    let left = sleepers(&bed);
    assert!(left.len() == 1 && left[0].title() == "sleep 777", "{}", bed.scene());
    daemon.stop();
    bed.nothing_left();
}

/// That a worker had made children for the executor (clone(2), `CLONE_PARENT`) was known only when one of those in
/// its group could be reaped; until then those that had left it were not looked for among the executor's. Here one
/// cannot, since a tracer holds it.
///
/// Case: FLT-F1
fn a_sibling_that_is_not_dead_yet_hides_no_other() {
    const SCRIPT: &str = "import ctypes, os\n\
        clone = lambda: ctypes.CDLL(None).syscall(56, 0x8000 | 17, 0, 0, 0, 0)\n\
        if clone() == 0:\n    os.execvp('sleep', ['sleep', '778'])\n\
        if clone() == 0:\n    os.setsid()\n    os.execvp('sleep', ['sleep', '779'])\n\
        open(os.environ['APPKIT_BED_FOLDER'] + '/go').read()\n\
        os._exit(3)\n";
    let python = std::process::Command::new("python3").arg("-V").output();
    if !cfg!(target_arch = "x86_64") || python.is_err() {
        return eprintln!("skipped: python3 makes the system call by its number on x86-64");
    }
    let bed = bed();
    bed.gate("go");
    let script = bed.write("clone.py", SCRIPT);
    let daemon = bed.start(&format!(
        "{{daemon_args: [{{workers: {{restart: {{after: 0}}, workers: [{{name: red, args: [in_run: [1, {{become: \
         [python3, {script:?}]}}], rounds]}}]}}}}]}}"
    ));
    let sleeper = |title: &str| sleepers(&bed).into_iter().find(|it| it.title() == title);
    let (held, left) =
        bed.until("what it leaves", || sleeper("sleep 778").zip(sleeper("sleep 779")));
    let tracer = seize(&bed, &held);
    bed.open_gate("go");
    bed.expect("worker red started, run 2");
    assert!(!left.is_alive(), "{}", bed.scene());
    tracer.finish().success();
    daemon.stop();
    bed.nothing_left();
}

/// It ended in time; what it has left used up the rest, and it was said to have been killed itself.
///
/// Case: FLT-F1
fn how_an_executor_ended_is_told_whatever_it_has_left() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, grace: 60s, daemon_args: [{command: [sh, -c, 'trap \"\" TERM; exec sleep 777']}, \
         rounds]}",
    );
    bed.until("what it leaves", || (sleepers(&bed).len() == 1).then_some(()));
    let executor = daemon.executor();
    let stopping = bed.launch(["stop", "d.pid"]);
    bed.wait_gone(&executor);
    bed.expect("executor finished, run 1");
    // Somebody is in a hurry, so that nobody waits for all of it.
    daemon.guardian().signal(Signal::INT);
    stopping.finish().success();
    let log = bed.read("d.log");
    assert!(
        log.contains(&format!("executor, pid {}, exited with code 0", executor.pid())),
        "{log}"
    );
    assert!(log.contains("executor is over: stopped\n"), "{log}");
    assert!(!log.contains("was killed") && !log.contains("killing"), "{log}");
    assert!(log.contains("the executor has left process "), "{log}");
    bed.nothing_left();
}

/// A guardian waited for it for ever without a word, while a start said that the daemon runs already. Here it is
/// root's, and the guardian is not.
///
/// Case: STOP-18
fn what_does_not_go_though_it_was_killed_is_named() {
    if !is_root() {
        return eprintln!("skipped: only root can have a program become root");
    }
    let mut bed = bed();
    bed.open_to_others();
    let root = becomes_root(&bed);
    let options = format!(
        "{{grace: 100ms, directory: {:?}, logging_config: {{file: d.log}}, daemon_args: [{{command: [sh, -c, \
         'exec {root} sleep 777']}}, rounds]}}",
        bed.path("").display().to_string()
    );
    let as_nobody = |args: [&str; 2]| {
        let mut command = bed.command(bed.fixture());
        command.args(args).uid(NOBODY).gid(NOBODY);
        bed.launch_command(command)
    };
    as_nobody(["start", &bed.options(&options)]).finish().success();
    let left = bed.until("what it leaves", || sleepers(&bed).pop());
    let stopping = as_nobody(["stop", "d.pid"]);
    bed.expect_in_file("d.log", &format!("control group: process {}", left.pid()));
    left.signal(Signal::KILL);
    stopping.finish().success();
    bed.nothing_left();
}

/// Who is killed is reaped while the others are looked for; the number was signalled all the same, whoever had it by
/// then.
///
/// Case: FLT-F1
fn nobody_is_signalled_by_a_number_that_was_reaped() {
    let bed = bed();
    let many = "trap \"\" TERM; for i in $(seq 200); do sleep 777 & done";
    let daemon = bed.start(&format!(
        "{{logging_config: {{file: d.log}}, grace: 300ms, daemon_args: [{{command: [sh, -c, '{many}']}}, rounds]}}"
    ));
    bed.until("what it leaves", || (sleepers(&bed).len() == 200).then_some(()));
    daemon.stop();
    let log = bed.read("d.log");
    assert!(!log.contains("cannot signal"), "{log}");
    bed.nothing_left();
}
