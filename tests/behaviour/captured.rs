//! Output that the parent reads from a pipe, and keeps.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::time::Duration;

use bed::TestBed;
use libtest_mimic::Trial;
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use serde_json::Value;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        each_line_has_a_prefix_and_a_line_without_its_end_gets_one,
        without_a_prefix_bytes_are_kept_as_they_are,
        a_line_of_a_mebibyte_is_one_line,
        a_line_written_right_before_a_kill_is_kept,
        a_run_has_pipes_of_its_own_and_nobody_waits_for_who_holds_an_old_one,
        the_last_lines_are_told_with_the_end,
        a_launch_that_fails_tells_the_last_lines,
        a_slow_reader_holds_up_who_blocks_and_nobody_else,
        a_reader_that_never_reads_does_not_hold_up_the_stop,
        in_the_foreground_output_passes_through_to_the_callers,
        a_full_disk_is_counted_and_no_worker_notices,
        what_a_full_disk_has_lost_is_told_at_the_end,
        a_reader_that_goes_is_counted_and_told_when_another_comes,
        a_worker_whose_parent_was_killed_is_told_by_an_error,
        eight_workers_at_full_speed_lose_nothing,
        everything_wrong_with_captures_is_told_at_once,
    ]
}

/// A daemon that starts these workers.
fn pool(workers: &str) -> String {
    format!(
        "{{daemon_args: [{{workers: {{debug_filename: debug.json, restart: never, \
         workers: [{workers}]}}}}]}}"
    )
}

/// What the status says of the first worker.
fn status(bed: &TestBed) -> Value {
    let status = serde_json::from_str::<Value>(&bed.read("debug.json")).unwrap_or_default();
    status["workers"][0].clone()
}

/// The end of a fifo that reads, and waits when there is nothing.
fn reader(bed: &TestBed, fifo: &str) -> File {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::open(bed.path(fifo), flags, Mode::empty()).unwrap();
    rustix::fs::fcntl_setfl(&fd, OFlags::RDONLY).unwrap();
    File::from(fd)
}

/// The next so many bytes of a fifo. As long as nobody has it open for writing it is at its end, for a reader
/// that came first.
fn next_of(bed: &TestBed, mut fifo: &File, length: usize) -> String {
    let mut text = Vec::new();
    bed.until("all of it in the fifo", || {
        let mut rest = vec![0; length - text.len()];
        let read = fifo.read(&mut rest).unwrap();
        text.extend_from_slice(&rest[..read]);
        (text.len() == length).then_some(())
    });
    String::from_utf8(text).unwrap()
}

/// Cases: LOG-07, IO-14
fn each_line_has_a_prefix_and_a_line_without_its_end_gets_one() {
    let bed = bed();
    bed.write("all.txt", "of yesterday\n");
    let daemon = bed.start(
        "{name: foo, capture: {file: all.txt, prefix: '{name} {pid} {stream}| '}, \
         restart_interval: 0s, daemon_args: \
         [print: \"one\\ntwo\", eprint: three, in_run: [1, {raw: [52, 27, 91]}], \
         in_run: [1, {exit: 1}], rounds]}",
    );
    let text = |pid| format!("{pid} stdout| one\nfoo {pid} stdout| two\n");
    bed.expect("executor foo started, run 2");
    let second = daemon.executor().pid();
    bed.until("the second run's lines", || {
        let all = bed.read("all.txt");
        (all.contains(&format!("foo {}", text(second)))
            && all.contains(&format!("foo {second} stderr| three\n")))
        .then_some(())
    });
    let all = bed.read("all.txt");
    let first: u32 = all.lines().nth(1).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    assert!(all.starts_with("of yesterday\n"), "{all}");
    assert!(all.contains(&format!("foo {}", text(first))), "{all}");
    assert!(
        all.contains(&format!("foo {first} stderr| three\nfoo {first} stderr| 4\x1b[\n")),
        "{all}"
    );
    assert_eq!(all.lines().count(), 8, "{all}");
    assert_eq!(daemon.guardian().link("fd/1").to_str(), Some("/dev/null"));
    daemon.stop();
    bed.nothing_left();
}

/// Cases: IO-14, LOG-10, LOG-12
fn without_a_prefix_bytes_are_kept_as_they_are() {
    let bed = bed();
    let file = bed.options(
        "{capture: {file: out.bin, prefix: '', streams: stdout}, stderr_filename: err.txt, \
         daemon_args: [binary, binary, eprint: x, signal: 9]}",
    );
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    let all: Vec<u8> = (0..=255).chain(0..=255).collect();
    assert_eq!(std::fs::read(bed.path("out.bin")).unwrap(), all);
    assert_eq!(bed.read("err.txt"), "x\n");
}

/// Case: LOG-07
fn a_line_of_a_mebibyte_is_one_line() {
    let bed = bed();
    let file = bed.options(
        "{capture: {file: out.txt, prefix: '{stream} '}, \
         daemon_args: [long_line: 1048577, print: next]}",
    );
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    assert_eq!(bed.read("out.txt"), format!("stdout {}\nstdout next\n", "x".repeat(1 << 20)));
}

/// Case: LOG-12
fn a_line_written_right_before_a_kill_is_kept() {
    let bed = bed();
    let file = bed.options(&pool(
        "{name: red, capture: {file: red.txt, prefix: ''}, args: [print: last, raw: [33], signal: 9]}, \
         {name: blue, capture: {file: blue.txt, prefix: '{name} {stream}: '}, \
         args: [print: last, raw: [33], signal: 9]}",
    ));
    bed.run(["start", &file]).success();
    bed.wait_nobody_left();
    let red = bed.read("red.txt");
    assert!(red == "last\n!" || red == "!last\n", "{red:?}");
    let mut blue: Vec<_> = bed.read("blue.txt").lines().map(str::to_owned).collect();
    blue.sort();
    assert_eq!(blue, ["blue stderr: !", "blue stdout: last"]);
    bed.nothing_left();
}

/// A run that waited for the end of its pipe would wait for whoever has inherited it.
///
/// Cases: IO-13, IO-14, LOG-12
fn a_run_has_pipes_of_its_own_and_nobody_waits_for_who_holds_an_old_one() {
    let bed = bed();
    bed.gate("late");
    let daemon = bed.start(
        "{daemon_args: [{workers: {restart: at_once, leftovers: keep, debug_filename: debug.json, \
         workers: [{name: red, capture: {file: red.txt, prefix: '{pid}: '}, args: [print: hello, \
         in_run: [1, {command: [sh, -c, 'read x < \"$APPKIT_BED_FOLDER/late\"; echo late']}], \
         in_run: [1, {raw: [33]}], in_run: [1, {signal: 9}], rounds]}]}}]}",
    );
    bed.expect("worker red started, run 2");
    let second = bed.process("worker red").pid();
    bed.expect_in_file("red.txt", &format!("{second}: hello\n"));
    let first = bed.read("red.txt").split(':').next().unwrap().to_owned();
    // Its last line has no end, and its pipe has not either.
    assert!(bed.read("red.txt").contains(&format!("{first}: !\n")));
    let expected = serde_json::json!({"stdout": ["hello"], "stderr": ["!"]});
    bed.until("its last lines", || (status(&bed)["last_lines"] == expected).then_some(()));
    bed.open_gate("late");
    bed.expect_in_file("red.txt", &format!("{first}: late\n"));
    daemon.stop();
    bed.nothing_left();
}

/// Case: IO-11
fn the_last_lines_are_told_with_the_end() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log, format: '{message}'}, daemon_args: [{workers: \
         {debug_filename: debug.json, restart: never, workers: [{name: red, \
         capture: {file: red.txt, last_lines: 2}, \
         args: [print: out, eprint: \"one\\ntwo\\nthree\", exit: 3]}, {name: blue}]}}, rounds]}",
    );
    let status = bed.until("the end in the status", || {
        Some(status(&bed)).filter(|status| status["last_exits"].get(0).is_some())
    });
    let expected = serde_json::json!({"stdout": ["out"], "stderr": ["two", "three"]});
    assert_eq!(status["last_lines"], expected);
    assert_eq!(status["lost"], serde_json::json!({"lines": 0, "bytes": 0}));
    bed.expect_in_file("d.log", "exited with code 3; its last words:\n    | two\n    | three\n");
    daemon.stop();
    bed.nothing_left();
}

/// Cases: F-09, IO-11
fn a_launch_that_fails_tells_the_last_lines() {
    let bed = bed();
    bed.write("before-executor", "[eprint: 'oh no', print: hidden, exit: 4]");
    let file = bed.options("{capture: {file: all.txt, prefix: '{stream} '}}");
    let expected = ["exited with code 4", "since the launch:\n    oh no\n"];
    let output = bed.run(["start", &file]).fails(&expected);
    assert!(!output.stderr.contains("hidden"), "{output:?}");
    assert!(bed.read("all.txt").contains("stderr oh no\n"));
    bed.nothing_left();
}

/// Case: LOG-09
fn a_slow_reader_holds_up_who_blocks_and_nobody_else() {
    let bed = bed();
    const LINES: u64 = 40_000; // 2.5 MB: more than all the pipes on the way take.
    bed.gate("drop.fifo");
    bed.gate("block.fifo");
    let (mut drops, mut blocks) = (reader(&bed, "drop.fifo"), reader(&bed, "block.fifo"));
    let worker = |name: &str, file: &str| {
        format!(
            "{{name: {name}, capture: {{file: {file}, prefix: '', buffer: 64 KiB, when_full: {}}}, \
             args: [flood: {LINES}, say: flooded, rounds]}}",
            if name == "drop" { "drop" } else { "block" },
        )
    };
    let workers =
        [worker("drop", "drop.fifo"), worker("block", "block.fifo"), worker("fast", "fast.txt")];
    let daemon = bed.start(&pool(&workers.join(", ")));
    // Nobody reads yet, neither of the two.
    bed.expect("worker drop flooded, run 1");
    bed.expect("worker fast flooded, run 1");
    bed.until("all lines of the fast one", || {
        let length = std::fs::metadata(bed.path("fast.txt")).ok()?.len();
        (length == 64 * LINES).then_some(())
    });
    let lost = bed.until("lost lines in the status", || {
        status(&bed)["lost"]["bytes"].as_u64().filter(|lost| *lost > 0)
    });
    assert_eq!(bed.times("worker block flooded, run 1"), 0);
    let read = std::thread::spawn(move || {
        let mut all = Vec::new();
        blocks.read_to_end(&mut all).map(|_| all)
    });
    bed.expect("worker block flooded, run 1");
    let dropped = std::thread::spawn(move || {
        let mut all = Vec::new();
        drops.read_to_end(&mut all).map(|_| all)
    });
    daemon.stop();
    let text = String::from_utf8(read.join().unwrap().unwrap()).unwrap();
    assert!(text.lines().map(number).eq(0..LINES), "every line of who blocks, in order");
    let text = dropped.join().unwrap().unwrap();
    let left = status(&bed)["lost"]["bytes"].as_u64().unwrap();
    assert!(lost <= left, "{lost} {left}");
    assert_eq!(text.len() as u64 + left, 64 * LINES, "what is not there is counted");
    bed.nothing_left();
}

/// The number at the end of a line of the flood.
fn number(line: &str) -> u64 {
    line.rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("a torn line: {line:?}"))
}

/// Neither the worker, which waits for room, nor its pool, which waits for the file, nor the guardian.
///
/// Cases: LOG-09, F-10
fn a_reader_that_never_reads_does_not_hold_up_the_stop() {
    let bed = bed();
    bed.gate("one.fifo");
    bed.gate("two.fifo");
    let _readers = [reader(&bed, "one.fifo"), reader(&bed, "two.fifo")];
    let daemon = bed.start(
        "{grace: 5s, logging_config: {file: d.log}, capture: {file: one.fifo}, \
         daemon_args: [eprint: x, {workers: {workers: [{name: red, \
         capture: {file: two.fifo, buffer: 4 KiB}, args: [say: floods, flood: 40000]}]}}]}",
    );
    bed.expect("worker red floods, run 1");
    daemon.stop();
    assert_eq!(bed.times("worker red finished, run 1"), 0);
    // How much of it is lost is told.
    let log = bed.read("d.log");
    let (before, _) = log.split_once(" bytes of output still wait for `").expect(&log);
    let bytes = before.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert!(0 < bytes, "{log}");
    bed.nothing_left();
}

/// Case: IO-14
fn in_the_foreground_output_passes_through_to_the_callers() {
    let bed = bed();
    let file = bed.options(
        "{capture: {file: /dev/stdout, prefix: '{name} {stream}> '}, daemon_args: [print: x, raw: [33]]}",
    );
    let output = bed.run(["run", &file]).success();
    assert!(output.stdout.contains("d stdout> x\n"), "{output:?}");
    assert!(output.stdout.contains("d stderr> !\n"), "{output:?}");
}

/// Case: IO-10
fn a_full_disk_is_counted_and_no_worker_notices() {
    let bed = bed();
    let daemon = bed.start(&pool(
        "{name: red, capture: {file: /dev/full}, \
         args: [print: one, eprint: two, flood: 1000, say: went on, rounds]}",
    ));
    bed.expect("worker red went on, run 1");
    bed.until("every line in the status", || (status(&bed)["lost"]["lines"] == 1002).then_some(()));
    assert_eq!(status(&bed)["state"], "running");
    daemon.stop();
    bed.nothing_left();
}

/// How much was lost was told with what was written next, and nothing was.
///
/// Case: IO-10
fn what_a_full_disk_has_lost_is_told_at_the_end() {
    let bed = bed();
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {workers: [{name: red, capture: {file: /dev/full}, \
         args: [flood: 1000, say: went on, rounds]}]}}]}",
    );
    bed.expect("worker red went on, run 1");
    daemon.stop();
    let log = bed.read("d.log");
    assert!(log.contains("1000 lines ("), "{log}");
    assert!(log.contains(" bytes) of the output of red could not be written\n"), "{log}");
    bed.nothing_left();
}

/// Cases: IO-10, IO-15
fn a_reader_that_goes_is_counted_and_told_when_another_comes() {
    let bed = bed();
    bed.gate("fifo");
    for gate in ["again", "last"] {
        bed.gate(gate);
    }
    let first = reader(&bed, "fifo");
    let daemon = bed.start(&pool(
        "{name: red, capture: {file: fifo, prefix: '{stream}: '}, \
         args: [print: one, gate: again, print: two, print: three, gate: last, print: four, rounds]}",
    ));
    assert_eq!(next_of(&bed, &first, "stdout: one\n".len()), "stdout: one\n");
    drop(first);
    // Another test's child may have a copy until its exec: as long as that is so, what is written is taken.
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let nobody = || rustix::fs::open(bed.path("fifo"), flags, Mode::empty()).is_err();
    bed.until("the reader's end", || nobody().then_some(()));
    bed.open_gate("again");
    bed.until("both lines in the status", || (status(&bed)["lost"]["lines"] == 2).then_some(()));
    let second = reader(&bed, "fifo");
    bed.open_gate("last");
    let expected = "capture: 2 lines (26 bytes) could not be written\nstdout: four\n";
    assert_eq!(next_of(&bed, &second, expected.len()), expected);
    daemon.stop();
    bed.nothing_left();
}

/// Case: IO-15
fn a_worker_whose_parent_was_killed_is_told_by_an_error() {
    let bed = bed();
    let daemon = bed.start(&pool(
        "{name: red, capture: {file: red.txt}, args: [print: here, write_until_failure, rounds]}",
    ));
    bed.expect_in_file("red.txt", "here");
    daemon.executor().signal(Signal::KILL);
    bed.expect("worker red cannot write: BrokenPipe, run 1");
    bed.wait_nobody_left();
}

/// Cases: IO-13, LOG-01
fn eight_workers_at_full_speed_lose_nothing() {
    let bed = bed();
    let lines: u64 = bed_lines();
    let worker = |index: u32| {
        format!(
            "{{name: w{index}, args: [flood: {lines}], capture: {{file: all.txt, \
             prefix: '{{pid}} ', rotation: size, max_size: 8 MiB, keep: 100000, keep_size: unlimited}}}}"
        )
    };
    let workers: Vec<_> = (0..8).map(worker).collect();
    let file = bed.options(&format!(
        "{{daemon_args: [{{workers: {{restart: never, workers: [{}]}}}}, say: all done, \
         report_memory: memory]}}",
        workers.join(", ")
    ));
    bed.run(["start", &file]).success();
    let limit = Duration::from_secs(600);
    let ended = bed.wait(limit, || bed.processes().is_empty().then_some(()));
    assert!(ended.is_some(), "they go on and on\n{}", bed.scene());
    let mut names: Vec<_> =
        bed.names().into_iter().filter(|name| name.starts_with("all.txt")).collect();
    // The file that is written to sorts first, and is the last.
    names.rotate_left(1);
    assert!(names.len() as u64 > 8 * 64 * lines / (8 << 20), "{names:?}");
    let mut next = BTreeMap::new();
    for name in names {
        let text = std::fs::read(bed.path(&name)).unwrap();
        assert!(text.len() <= 8 << 20, "{name} has {} bytes", text.len());
        for line in String::from_utf8(text).unwrap().lines() {
            let name = line.split([' ', '-']).nth(1).unwrap().to_owned();
            let expected = next.entry(name).or_insert(0);
            assert_eq!(number(line), *expected, "{line}");
            *expected += 1;
        }
    }
    assert_eq!(next.len(), 8);
    assert!(next.values().all(|count| *count == lines), "{next:?}");
    // What all eight may have in their buffers, twice, and what the program is itself.
    let memory: u64 = bed.read("memory").trim().parse().unwrap();
    assert!(memory < 64 << 10, "{memory} KiB");
}

/// How many lines each of the eight writes: 8 MiB, 64 together, or what is asked for.
fn bed_lines() -> u64 {
    let mebibytes = std::env::var("FLOOD_MIB").ok().and_then(|text| text.parse().ok());
    mebibytes.unwrap_or(8) * (1 << 20) / 64
}

/// Cases: CFG-01, CFG-05
fn everything_wrong_with_captures_is_told_at_once() {
    let bed = bed();
    let file = bed.options(
        "{stdout_filename: out.txt, capture: {file: d.pid, buffer: 0, prefix: '{when}', \
         max_size: 0, last_lines: 5000}}",
    );
    bed.run(["start", &file]).fails(&[
        "capture.max_size `0`",
        "capture.prefix `{when}`: unknown placeholder",
        "capture.buffer `0`: give from 4 KiB to 1 GiB",
        "capture.last_lines `5000`: give at most 1000",
        "d.pid`: is the pid_filename too; give another file",
        "out.txt`: the stream is captured; leave it out",
    ]);
    bed.write(
        "w.yaml",
        "
debug_filename: debug.json
workers:
  - {name: a, capture: {file: a.txt}, stderr_filename: a.txt}
  - {name: b, capture: {file: a.pid}}
  - {name: c, capture: {file: shared.txt, keep: 1}}
  - {name: d, capture: {file: shared.txt, keep: 2}}
  - {name: e, capture: {file: shared.txt, prefix: ''}}
  - {name: f, capture: {file: debug.json}}
  - {name: g, capture: {file: ''}}
",
    );
    bed.run(["workers", "w.yaml"]).fails(&[
        "workers[0].stderr_filename",
        "workers[0].capture.file",
        "a.pid`: is the pid_filename of workers[0] too",
        "workers[3].capture.file",
        "is that of workers[2] too, with another rotation",
        "is that of workers[2] too, a file for several needs a prefix",
        "debug.json`: is the debug_filename too",
        "workers[6].capture.file ``: empty",
    ]);
    assert_eq!(bed.names(), ["d.yaml", "w.yaml"]);
    bed.nothing_left();
}
