//! Arguments and YAML (kind K).

use libtest_mimic::Trial;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        an_enum_in_the_arguments_is_written_in_either_form,
        options_are_read_with_a_byte_order_mark_and_enums_in_either_form,
        options_that_are_nested_too_deep_are_refused_before_anything_runs,
    ]
}

/// Case: FLT-K3
fn an_enum_in_the_arguments_is_written_in_either_form() {
    let bed = bed();
    let file = bed.options(
        "{daemon_entry: 'fixture:typed', \
         daemon_args: {foo: 7, nested: {a: [!Point , !Circle {radius: 2}, {Circle: {radius: 3}}]}}}",
    );
    bed.run(["start", &file]).success();
    bed.expect(
        "executor got Typed { foo: 7, bar: None, nested: {\"a\": [Point, Circle { radius: 2.0 }, \
         Circle { radius: 3.0 }]} }, run 1",
    );
    bed.wait_nobody_left();
    bed.nothing_left();
}

/// Cases: FLT-K2, FLT-K3
fn options_are_read_with_a_byte_order_mark_and_enums_in_either_form() {
    let bed = bed();
    for growth in ["!exponential 2", "{exponential: 2}"] {
        let restart = format!("restart: {{backoff: {{first: 1s, growth: {growth}}}}}");
        let file =
            bed.options(&format!("{{daemon_entry: 'fixture:ok', daemon_args: null, {restart}}}"));
        bed.write(&file, format!("\u{feff}{}", bed.read(&file)));
        bed.run(["start", &file]).success();
        bed.wait_nobody_left();
    }
    bed.expect_times("executor ok, run 1", 2);
    bed.nothing_left();
}

/// Case: FLT-E7
fn options_that_are_nested_too_deep_are_refused_before_anything_runs() {
    let bed = bed();
    bed.tell_of_children();
    bed.write("deep.yaml", format!("daemon_args: {}", "{a: ".repeat(100_000)));
    bed.run(["start", "deep.yaml"]).fails(&["brackets are nested deeper than 128"]);
    bed.nothing_left();
    assert_eq!(bed.journal(), [""; 0]);
}
