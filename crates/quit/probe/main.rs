//! The program that the tests of this crate run as a child, in one of several roles.
//!
//! Signals, handlers and descriptors are process-wide: what is done here is done to nobody else. A
//! role speaks in lines on stdout and is spoken to in lines on stdin; a panic is a failed test.

#![expect(clippy::print_stdout, reason = "the lines are what the tests wait for")]

mod idle;
mod shortage;
mod stop;
mod wait;

use std::io::{BufRead, stdin};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["rounds"] => stop::rounds(),
        ["answer", how] => stop::answer(how),
        ["answer-after-request"] => stop::answer_after_request(),
        ["first-look"] => stop::first_look(),
        ["reason"] => stop::reason(),
        ["without-install"] => stop::without_install(),
        ["crowd"] => wait::crowd(),
        ["interrupted"] => wait::interrupted(),
        ["receiver"] => wait::receiver(),
        ["child-token"] => wait::child_token(),
        ["descriptors"] => shortage::descriptors(),
        ["no-descriptors"] => shortage::no_descriptors(),
        ["false-alarm"] => shortage::false_alarm(),
        ["idle"] => idle::idle(),
        ref unknown => panic!("no such role: {unknown:?}"),
    }
}

/// Tells the test, which waits for this line.
fn say(line: &str) {
    println!("{line}");
}

/// What the test says next; `None` when it has closed our stdin.
fn hear() -> Option<String> {
    stdin().lock().lines().next().transpose().expect("stdin is a pipe of ours")
}

/// `asked: <reason>`, the line with which most roles notice a quit.
fn say_asked() {
    let reason = quit::reason().expect("a quit has a reason");
    say(&format!("asked: {reason}"));
}
