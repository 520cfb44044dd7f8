//! What guardian and executor log, and where.

use std::time::Duration;

use bed::zone_with_midnight_in;
use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::{AT_ONCE, bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        upon_a_signal_every_process_opens_its_files_anew,
        without_a_configuration_logging_is_left_alone,
        guardian_and_executor_log_by_the_configuration,
        the_default_format_shows_time_pid_level_target_and_message,
        an_error_of_the_entry_is_logged_with_its_causes,
        at_midnight_a_new_file_is_begun_and_nothing_is_lost,
        a_panic_is_logged_with_message_and_place,
    ]
}

/// Case: F-07
fn without_a_configuration_logging_is_left_alone() {
    let bed = bed();
    let daemon = bed.start(
        "{stdout_filename: out.txt, stderr_filename: err.txt, restart_interval: 0s, daemon_args: \
         [own_logger, log: [INFO, app, hello], in_run: [1, {exit: 1}], rounds]}",
    );
    // The application's own logger is the logger.
    bed.expect("executor logs hello, run 2");
    daemon.stop();
    assert_eq!(bed.times("executor has a logger already, run 1"), 0);
    // A crash and a restart, and the guardian has said nothing.
    assert_eq!(bed.read("out.txt") + &bed.read("err.txt"), "");
    bed.nothing_left();
}

/// Cases: F-07, LOG-11
fn guardian_and_executor_log_by_the_configuration() {
    let bed = bed();
    let daemon = bed.start(
        "{restart_interval: 0s, logging_config: {file: d.log, level: info, filters: {noisy: warn, \
         app::detail: debug}, format: '{role} {name} {level} {target}|{message}'}, daemon_args: [\
         own_logger, log: [INFO, app, shown], log: [DEBUG, app, hidden], \
         log: [DEBUG, 'app::detail::x', detail], log: [INFO, noisy, hidden], \
         log: [ERROR, noisy, loud], in_run: [1, {exit: 3}], rounds]}",
    );
    bed.expect("executor has a logger already, run 2");
    daemon.stop();
    assert!(bed.read("d.log").contains("asking executor to quit; it has 10s"), "the usual grace");
    let log: Vec<String> = bed.read("d.log").lines().map(without_numbers).collect();
    let said = [
        "executor d INFO app|shown",
        "executor d DEBUG app::detail::x|detail",
        "executor d ERROR noisy|loud",
    ];
    let guardian = |text: &str| format!("guardian d {text}");
    let expected: Vec<String> = [
        guardian("INFO slot::report|executor started, pid #"),
        guardian("INFO slot::report|executor is ready, pid #"),
        guardian("ERROR slot::report|executor, pid #, exited with code #; starting it again"),
        guardian("INFO slot::report|executor started, pid #, run #"),
        guardian("INFO slot::report|executor is ready, pid #"),
        guardian("INFO supervisor::runner|asked to quit: SIGTERM (#)"),
        guardian("INFO slot::report|asking executor to quit; it has #s"),
        guardian("INFO slot::report|executor, pid #, exited with code #"),
        guardian("INFO slot::report|executor is over: stopped"),
    ]
    .into();
    let by = |role: &str| log.iter().filter(|line| line.starts_with(role)).collect::<Vec<_>>();
    assert_eq!(by("guardian"), expected.iter().collect::<Vec<_>>());
    assert_eq!(by("executor"), [said, said].concat());
    assert_eq!(log.len(), expected.len() + 2 * said.len(), "{log:?}");
    bed.nothing_left();
}

fn without_numbers(line: &str) -> String {
    let mut text = String::new();
    for c in line.chars() {
        match c {
            '0'..='9' if text.ends_with('#') => (),
            '0'..='9' => text.push('#'),
            c => text.push(c),
        }
    }
    text
}

/// Cases: F-07, FLT-J4
fn the_default_format_shows_time_pid_level_target_and_message() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [log: [WARN, 'my::target', 'a message'], rounds]}",
    );
    bed.expect_in_file("d.log", "a message");
    // By its queue, so perhaps later.
    bed.expect_in_file("d.log", &format!(" {} d/guardian INFO ", daemon.pid()));
    let log = bed.read("d.log");
    let line = log.lines().find(|line| line.contains("a message")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let executor = daemon.executor().pid().to_string();
    assert_eq!(
        words[1..],
        [&executor, "d/executor", "WARN", "my::target:", "a", "message"],
        "{line}"
    );
    // 2026-11-22T13:44:48.123+01:00
    assert!(without_numbers(words[0]).starts_with("#-#-#T#:#:#.#"), "{line}");
    daemon.stop();
    bed.nothing_left();
}

/// Cases: HS-07, F-08
fn an_error_of_the_entry_is_logged_with_its_causes() {
    let bed = bed();
    let options = "{logging_config: {file: d.log}, daemon_args: [error: [cannot count, no sheep]]}";
    bed.run(["start", &bed.options(options)]).success();
    bed.wait_nobody_left();
    let log = bed.read("d.log");
    assert!(log.contains("returned an error: cannot count: no sheep"), "{log}");
    bed.nothing_left();
    // In the foreground it is what the call returns.
    let output = bed.run(["run", &bed.options_of("e", "{daemon_args: [error: [cannot count]]}")]);
    assert!(output.success().stdout.contains("cannot count"));
}

/// Case: F-08
fn a_panic_is_logged_with_message_and_place() {
    let bed = bed();
    let options = "{logging_config: {file: d.log}, daemon_args: [panic: boom]}";
    bed.run(["start", &bed.options(options)]).success();
    bed.wait_nobody_left();
    let log = bed.read("d.log");
    assert!(log.contains("panicked: boom, at tests/fixture/script.rs:"), "{log}");
    bed.nothing_left();
}

/// A zone is made up in which the day ends in a few seconds. Then an executor logs and dies again
/// and again, so that it and the guardian write to the same file before, at and after midnight.
///
/// Case: F-07
fn at_midnight_a_new_file_is_begun_and_nothing_is_lost() {
    // More time before midnight for a machine that needs it.
    for seconds in [2, 5, 15] {
        if around_midnight(seconds) {
            return;
        }
    }
    panic!("the daemon needs more than fifteen seconds to start");
}

fn around_midnight(seconds: i64) -> bool {
    let bed = bed();
    // More than are to be kept, to see the oldest go.
    for day in 1..=4 {
        bed.write(format!("d.log.2001-01-0{day}"), "old\n");
    }
    let file = bed.options(&format!(
        "{{{AT_ONCE}, logging_config: {{file: d.log, keep: 3, rotation: midnight, \
         format: '{{role}}|{{message}}'}}, daemon_args: [log_many: 20, exit: 1]}}",
    ));
    let mut start = bed.command(bed.fixture());
    start.args(["start", &file]).env("TZ", zone_with_midnight_in(seconds));
    bed.launch_command(start).finish().success();
    let limit = Duration::from_secs(seconds.unsigned_abs() + 5);
    let aside = bed.wait(limit, || {
        let mut names = bed.names().into_iter();
        names.find(|name| name.starts_with("d.log.") && !name.starts_with("d.log.2001"))
    });
    let Some(aside) = aside else { return false };
    // Enough of the new day.
    bed.expect_in_file("d.log", " record 20\n");
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();

    let (old, new) = (bed.read(&aside), bed.read("d.log"));
    assert!(!old.is_empty() && !new.is_empty());
    let mut runs = 0;
    let mut records = std::collections::BTreeMap::new();
    for line in old.lines().chain(new.lines()) {
        if let Some(record) = line.strip_prefix("executor|run ") {
            *records.entry(record.to_owned()).or_insert(0) += 1;
        } else if line.starts_with("guardian|executor started") {
            runs += 1;
        } else {
            assert!(line.starts_with("guardian|"), "torn: {line:?}");
        }
    }
    // The last run may have been stopped in the middle.
    for run in 1..runs {
        for record in 1..=20 {
            let name = format!("{run} record {record}");
            assert_eq!(records.remove(&name), Some(1), "{name} of {runs} runs");
        }
    }
    assert!(records.len() <= 20 && 2 < runs, "{records:?}");
    let kept: Vec<_> = bed.names().into_iter().filter(|name| name.starts_with("d.log.")).collect();
    assert_eq!(kept, ["d.log.2001-01-03".to_owned(), "d.log.2001-01-04".to_owned(), aside]);
    true
}

/// Also one that has nothing to write, and one whose output knows nothing of its file's name.
///
/// Case: LOG-04
fn upon_a_signal_every_process_opens_its_files_anew() {
    let bed = bed();
    let daemon = bed.start(
        "{stdout_filename: out.txt, logging_config: {file: d.log}, reopen_on: SIGUSR1, \
         daemon_args: [{workers: {workers: [\
         {name: red, stdout_filename: red.txt, logging_config: {file: red.log}, args: [rounds]}, \
         {name: blue, capture: {file: blue.txt}, args: [print: x, rounds]}]}}]}",
    );
    bed.expect("worker red started, run 1");
    bed.expect_in_file("blue.txt", "x");
    let files = ["out.txt", "d.log", "red.txt", "red.log", "blue.txt"];
    for file in files {
        std::fs::rename(bed.path(file), bed.path(format!("{file}.old"))).unwrap();
    }
    daemon.guardian().signal(Signal::USR1);
    for file in files {
        bed.expect_file(file);
    }
    let (executor, red) = (daemon.executor(), bed.process("worker red"));
    for (process, file) in
        [(daemon.guardian(), "out.txt"), (&executor, "out.txt"), (&red, "red.txt")]
    {
        let path = bed.path(file);
        bed.until("the new file", || (process.link("fd/1") == path).then_some(()));
    }
    daemon.stop();
    bed.nothing_left();
}
