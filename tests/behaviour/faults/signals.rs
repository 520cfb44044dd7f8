//! Signals (kind G).

use std::path::PathBuf;
use std::process::Command;

use bed::TestBed;
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        on_a_terminal_an_entry_may_change_its_mode,
        a_key_on_a_terminal_is_one_request,
        ctrl_z_on_a_terminal_stops_who_supervises_and_not_the_workers,
        a_shorter_time_goes_down_to_the_last_worker,
        a_shorter_time_goes_down_in_the_foreground_too,
        one_that_quits_by_a_signal_from_outside_is_named_so,
        a_file_size_limit_ends_nobody,
        a_caller_that_ignores_faults_starts_a_daemon,
        what_a_library_does_ahead_of_us_is_its_own_affair,
    ]
}

/// A daemon with a worker, both of which say what they are.
const TIERS: &str = "{daemon_args: [say: 'is there', {workers: {workers: [{name: red, args: [say: 'is there', rounds]}]}}]}";

/// Where the caller's own process is the guardian, somebody in it may ask again.
///
/// Case: FLT-G5
fn a_shorter_time_goes_down_in_the_foreground_too() {
    let bed = bed();
    let file = bed.options("{grace: 600s, daemon_args: [say: 'is there', park]}");
    let mut program = bed.launch(["run", &file, "--quit-by-lines"]);
    bed.expect("executor is there, run 1");
    program.say("");
    bed.expect("caller has asked");
    program.say("");
    program.finish();
    bed.nothing_left();
}

/// By a caller that a shell has put into this condition.
#[track_caller]
fn start(bed: &TestBed, shell: &str, options: &str) {
    let mut command = bed.command("sh");
    command.args(["-c", &format!(r#"{shell}; exec "$@""#), "sh"]).arg(bed.fixture());
    command.args(["start", &bed.options(options)]);
    bed.launch_command(command).finish().success();
}

/// The log is at its limit for guardian and executor alike; each write would be a SIGXFSZ.
///
/// Case: FLT-G1
fn a_file_size_limit_ends_nobody() {
    let bed = bed();
    // In blocks of 512 bytes; the journal is a file, too.
    let options = "{logging_config: {file: d.log}, daemon_args: [log_many: 200, \
                   {workers: {workers: [{name: red, logging_config: {file: d.log}, \
                   args: [log_many: 200, say: 'has written', rounds]}]}}]}";
    start(&bed, "ulimit -f 4", options);
    bed.expect("worker red has written, run 1");
    let guardian = bed.pid_of("d.pid");
    bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({guardian}) }}"));
    assert!(bed.read("d.log").len() <= 2048);
    bed.run(["stop", "d.pid"]).says(&format!("stopped, pid was {guardian}"));
    bed.nothing_left();
}

/// Case: FLT-G2
fn a_caller_that_ignores_faults_starts_a_daemon() {
    for signals in ["SEGV", "ILL", "FPE", "BUS", "SEGV ILL FPE BUS XFSZ TERM"] {
        let bed = bed();
        start(&bed, &format!("trap '' {signals}"), TIERS);
        bed.expect("worker red is there, run 1");
        bed.run(["stop", "d.pid"]).success();
        bed.nothing_left();
    }
}

/// A library with a constructor, which the dynamic linker runs ahead of `main` in every process. `None`
/// without a C compiler.
fn library(bed: &TestBed, constructor: &str) -> Option<PathBuf> {
    let source = bed.write(
        "library.c",
        format!(
            "#include <signal.h>\n#include <fcntl.h>\n#include <unistd.h>\n\
             __attribute__((constructor)) static void ahead(void) {{ {constructor} }}\n"
        ),
    );
    let library = bed.path("library.so");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    compiled.is_ok_and(|status| status.success()).then_some(library)
}

/// It may ignore a signal, which cannot be undone by executing the program once more; and open a file
/// that it needs, without close-on-exec, in each process anew.
///
/// Cases: FLT-G3, FLT-G9
fn what_a_library_does_ahead_of_us_is_its_own_affair() {
    const IGNORES: &str = "signal(SIGUSR2, SIG_IGN);";
    const OPENS: &str = "open(\"/dev/zero\", O_RDONLY);";
    for (constructor, opened) in [
        (IGNORES.to_owned(), 0),
        (OPENS.to_owned(), 1),
        (format!("{IGNORES}{OPENS}"), 1),
        (format!("{OPENS}{IGNORES}{OPENS}{OPENS}"), 3),
    ] {
        let bed = bed();
        let Some(library) = library(&bed, &constructor) else {
            eprintln!("skipped: no C compiler for a library with a constructor");
            return;
        };
        start(&bed, &format!("export LD_PRELOAD={}", library.display()), TIERS);
        bed.expect("worker red is there, run 1");
        for who in ["guardian d", "executor d", "worker red"] {
            let process = bed.process(who);
            let own: Vec<_> =
                process.inherited_descriptors().into_iter().filter(|fd| *fd > 2).collect();
            let zeros = process.descriptors().iter().filter(|to| *to == "/dev/zero").count();
            assert_eq!((own.len(), zeros), (opened, opened), "{who}, after {constructor}: {own:?}");
        }
        bed.run(["stop", "d.pid"]).success();
        bed.nothing_left();
    }
}

/// In its own process group it is in the background of the terminal, and was stopped; what it had
/// started to change the mode, too.
///
/// Case: FLT-G4
fn on_a_terminal_an_entry_may_change_its_mode() {
    let bed = bed();
    let executor = "command: [sh, -c, 'stty -echo < /dev/tty && stty tostop < /dev/tty && echo > /dev/tty \
                    && echo > executor.quiet']";
    // It has a group of its own, in the background. (A shell may change what it has inherited.)
    let worker = "command: [find, /dev/tty, -exec, stty, -F, /dev/tty, echo, ';', -exec, touch, \
                  worker.quiet, ';']";
    let file = bed.options(&format!(
        "{{grace: 60s, daemon_args: [{executor}, {{workers: {{workers: [{{name: red, args: [{worker}, rounds]}}]}}}}]}}"
    ));
    // It gives what it starts a terminal of its own.
    let mut command = bed.command("script");
    command.args(["-q", "-e", "-c"]).arg(format!("exec {} run {file}", bed.fixture().display()));
    command.arg("/dev/null");
    let terminal = bed.launch_command(command);
    bed.expect_file("executor.quiet");
    bed.expect_file("worker.quiet");
    for who in ["executor d", "worker red"] {
        assert_ne!(bed.process(who).stat().state, 'T', "{who} is stopped");
        assert_ne!(bed.process(who).stat().terminal, 0, "{who} has no terminal");
    }
    bed.kill(bed.pid_of("d.pid"), Signal::TERM);
    let output = terminal.finish().success();
    assert!(output.stdout.contains("Stopped"), "{output:?}");
    bed.expect("worker red asked to quit: stop, run 1");
    bed.nothing_left();
}

/// It goes to the executor too, in the same group, which would have been ended by a second one.
///
/// Case: FLT-G4
fn a_key_on_a_terminal_is_one_request() {
    let bed = bed();
    let file = bed.options("{grace: 60s, daemon_args: [until_little_time: 3000]}");
    let mut command = bed.command("script");
    command.args(["-q", "-e", "-c"]).arg(format!("exec {} run {file}", bed.fixture().display()));
    command.arg("/dev/null");
    let mut terminal = bed.launch_command(command);
    bed.expect("executor started, run 1");
    let guardian = bed.by_pid(bed.pid_of("d.pid"));
    assert_eq!(bed.process("executor d").stat().group, guardian.stat().group);
    terminal.say("\u{3}");
    bed.expect("executor asked to quit, run 1");
    assert_eq!(bed.times("executor has little time, run 1"), 0);
    // In a hurry; to the executor it is a word, and no second signal.
    terminal.say("\u{3}");
    bed.expect("executor has little time, run 1");
    let output = terminal.finish().success();
    assert!(output.stdout.contains("Stopped"), "{output:?}");
    bed.expect("executor finished, run 1");
    bed.nothing_left();
}

/// As any job of a shell; so a worker that ends meanwhile has no successor until it goes on.
///
/// Case: FLT-G4
fn ctrl_z_on_a_terminal_stops_who_supervises_and_not_the_workers() {
    let bed = bed();
    let file = bed.options(
        "{grace: 60s, daemon_args: [{workers: {restart: {after: 0}, workers: [{name: red}, {name: blue}]}}]}",
    );
    bed.gate("go");
    // With job control, as somebody types it.
    let program = bed.fixture().display();
    let job = bed
        .write("job", format!("set -m\n{program} run {file}\n: > stopped\nread -r _ < go\nfg\n"));
    let mut command = bed.command("script");
    command.args(["-q", "-e", "-c"]).arg(format!("exec sh {}", job.display())).arg("/dev/null");
    let mut terminal = bed.launch_command(command);
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    let blue = bed.process("worker blue");
    let executor = bed.process("executor d");
    terminal.say("\u{1a}");
    bed.expect_file("stopped");
    for process in [&bed.by_pid(bed.pid_of("d.pid")), &executor] {
        bed.until("a stop", || (process.stat().state == 'T').then_some(()));
    }
    let red = bed.process("worker red");
    red.signal(Signal::KILL);
    bed.wait_gone(&red);
    assert!(blue.is_alive() && blue.stat().state != 'T', "{}", bed.scene());
    assert_eq!(bed.times("worker red started, run 2"), 0);
    bed.open_gate("go");
    bed.expect("worker red started, run 2");
    bed.kill(bed.pid_of("d.pid"), Signal::TERM);
    let output = terminal.finish().success();
    assert!(output.stdout.contains("Stopped"), "{output:?}");
    bed.nothing_left();
}

/// A second Ctrl-C leaves two seconds of a minute; a worker that had been told of the minute was
/// killed.
///
/// Case: FLT-G5
fn a_shorter_time_goes_down_to_the_last_worker() {
    let bed = bed();
    let daemon = bed.start(
        "{grace: 60s, daemon_args: [{workers: {grace: 60000, workers: [\
         {name: red, args: [until_little_time: 3000]}, {name: blue, args: [until_little_time: 3000]}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect("worker blue started, run 1");
    daemon.guardian().signal(Signal::INT);
    bed.expect("worker red asked to quit, run 1");
    bed.expect("worker blue asked to quit, run 1");
    assert_eq!(bed.times("worker red has little time, run 1"), 0);
    daemon.guardian().signal(Signal::INT);
    daemon.wait_gone();
    for worker in ["red", "blue"] {
        assert_eq!(bed.times(&format!("worker {worker} has little time, run 1")), 1);
        let end = format!(
            "executor workers: worker `{worker}` exited with code 0, started 1 times, run 1"
        );
        assert_eq!(bed.times(&end), 1, "{:#?}", bed.journal());
    }
    bed.nothing_left();
}

/// "Exited with code 0", and nobody knew why it was not there any more.
///
/// Case: FLT-G8
fn one_that_quits_by_a_signal_from_outside_is_named_so() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {restart: {after: 0}, workers: \
         [{name: red}, {name: blue, restart: {restart: always}}, {name: grey}]}}]}",
    );
    for worker in ["red", "blue", "grey"] {
        bed.expect(&format!("worker {worker} started, run 1"));
    }
    let (red, blue) = (bed.process("worker red"), bed.process("worker blue"));
    red.signal(Signal::TERM);
    blue.signal(Signal::INT);
    let end = |name: &str, pid: u32, signal: &str| {
        format!(
            "worker {name}, pid {pid}, was asked to quit by {signal} from outside, and exited with code 0"
        )
    };
    bed.expect_in_file("d.log", &end("red", red.pid(), "SIGTERM (15)"));
    bed.expect_in_file("d.log", &end("blue", blue.pid(), "SIGINT (2)"));
    // What follows is what follows its code.
    bed.expect("worker blue started, run 2");
    bed.expect_in_file(
        "d.log",
        "worker red is over: it was asked to quit by SIGTERM (15) from outside",
    );
    daemon.stop();
    assert_eq!(bed.times("worker red started, run 2"), 0);
    let log = bed.read("d.log");
    assert!(log.contains("worker grey is over: stopped\n"), "{log}");
    bed.nothing_left();
}
