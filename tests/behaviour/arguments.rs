//! Which function runs, and what reaches it.

use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        an_entry_is_found_by_its_name,
        an_unknown_name_is_answered_with_the_known_ones,
        arguments_as_rust_values_reach_the_entry,
        arguments_from_yaml_reach_the_entry_as_its_own_struct,
        arguments_that_do_not_fit_are_told_with_the_field_before_anything_runs,
        ten_mebibytes_of_arguments_reach_the_entry,
        arguments_and_environment_are_not_to_be_read_by_others,
    ]
}

/// Case: F-04
fn an_entry_is_found_by_its_name() {
    let bed = bed();
    for (times, name) in [(1, "fixture:ok"), (2, "test1:daemon_entry")] {
        let file = bed.options(&format!("{{daemon_entry: '{name}', daemon_args: null}}"));
        bed.run(["start", &file]).success();
        bed.expect_times("executor ok, run 1", times);
        bed.wait_nobody_left();
        bed.nothing_left();
    }
}

/// Case: F-04
fn an_unknown_name_is_answered_with_the_known_ones() {
    let bed = bed();
    bed.tell_of_children();
    let file = bed.options("{daemon_entry: 'fixture:skript'}");
    bed.run(["start", &file]).fails(&[
        "daemon_entry `fixture:skript`: unknown entry",
        "`fixture:script`, `fixture:ok`, `fixture:typed`, `fixture:measure`, `test1:daemon_entry`",
    ]);
    bed.nothing_left();
    assert_eq!(bed.journal(), [""; 0]);
}

/// Cases: F-05, F-07
fn arguments_as_rust_values_reach_the_entry() {
    let bed = bed();
    bed.run(["start-typed"]).success();
    bed.expect(
        "executor got Typed { foo: -3, bar: Some(\"ä\\n\"), nested: {\"shapes\": [Point, Circle { \
         radius: 0.5 }]} }, run 1",
    );
    bed.wait_nobody_left();
    bed.nothing_left();
    // The logging configuration was a Rust value, too.
    let log = bed.read("d.log");
    assert!(log.contains("guardian executor started"), "{log}");
}

/// Case: F-05
fn arguments_from_yaml_reach_the_entry_as_its_own_struct() {
    let bed = bed();
    let file = bed.options(
        "{daemon_entry: 'fixture:typed', \
         daemon_args: {foo: 7, nested: {a: [Point, {Circle: {radius: 2}}]}}}",
    );
    bed.run(["start", &file]).success();
    bed.expect(
        "executor got Typed { foo: 7, bar: None, nested: {\"a\": [Point, Circle { radius: 2.0 \
         }]} }, run 1",
    );
    bed.wait_nobody_left();
    bed.nothing_left();
}

/// Cases: F-05, CFG-06
fn arguments_that_do_not_fit_are_told_with_the_field_before_anything_runs() {
    let bed = bed();
    bed.tell_of_children();
    let cases = [
        ("{foo: three}", "field `foo`: invalid type: string \"three\", expected i64"),
        ("{foo: 1.5}", "field `foo`: invalid type: floating point `1.5`, expected i64"),
        ("{bar: x}", "missing field `foo`"),
        ("{foo: 1, baz: 2}", "unknown field `baz`"),
        ("{foo: 1, nested: {a: [Square]}}", "field `nested.a[0]`: unknown variant `Square`"),
        ("[1, 2, 3, 4]", "invalid"),
        ("null", "invalid"),
    ];
    for (args, part) in cases {
        let options = format!("{{daemon_entry: 'fixture:typed', daemon_args: {args}}}");
        let file = bed.options(&options);
        let output = bed.run(["start", &file]).fails(&["daemon_args", "entry `fixture:typed`"]);
        assert!(output.stderr.contains(part), "no {part:?} in {output:?}");
        bed.nothing_left();
    }
    assert_eq!(bed.journal(), [""; 0]);
}

/// Over what a command line may hold.
///
/// Case: HYG-18
fn ten_mebibytes_of_arguments_reach_the_entry() {
    let bed = bed();
    let text = "appkit".repeat((10 << 20) / 6);
    let sum = text.bytes().map(u64::from).sum::<u64>();
    let options = format!("{{daemon_entry: 'fixture:measure', daemon_args: {text}}}");
    bed.run(["start", &bed.options(&options)]).success();
    bed.expect(&format!("executor got {} bytes, sum {sum}, run 1", text.len()));
    bed.wait_nobody_left();
    // Too big for what is shown when this fails.
    std::fs::remove_file(bed.path("d.yaml")).unwrap();
    bed.nothing_left();
}

/// Cases: SEC-09, HYG-16
fn arguments_and_environment_are_not_to_be_read_by_others() {
    let bed = bed();
    let options = "{logging_config: {file: d.log, level: trace}, daemon_args: [{workers: {\
                   debug_filename: debug.json, workers: [{name: red, args: [say: s3cret, rounds]}]}}]}";
    let file = bed.options(options);
    let mut start = bed.command(bed.fixture());
    start.args(["start", &file]).env("PASSWORD", "s3cret");
    bed.launch_command(start).finish().success();
    bed.expect("worker red s3cret, run 1");
    bed.expect_in_file("debug.json", "\"running\"");
    for process in bed.processes() {
        assert!(!process.title().contains("s3cret"), "{}", process.title());
    }
    for (who, short) in
        [("guardian d", "guardian"), ("executor d", "executor"), ("worker red", "red")]
    {
        assert_eq!(bed.process(who).status("Name"), short);
    }
    assert!(!bed.read("debug.json").contains("s3cret") && !bed.read("d.log").contains("s3cret"));
    bed.run(["stop", "d.pid"]).success();
    bed.nothing_left();
}
