//! Signals (kind G).

use std::path::PathBuf;
use std::process::Command;

use bed::TestBed;
use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_file_size_limit_ends_nobody,
        a_caller_that_ignores_faults_starts_a_daemon,
        what_a_library_does_ahead_of_us_is_its_own_affair,
    ]
}

/// A daemon with a worker, both of which say what they are.
const TIERS: &str = "{daemon_args: [say: 'is there', {workers: {workers: [{name: red, args: [say: 'is there', rounds]}]}}]}";

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
