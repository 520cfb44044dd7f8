//! The last ten lines of some files, and those that follow: `follow app.log other.log`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use log_reader::{Line, Source, last};

fn main() {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let sources = paths.iter().map(|path| Source::log_file(path, path));
    let show = |line: Line| println!("{}: {}", paths[line.source], line.for_terminal());
    let mut last = last(sources, 10);
    last.by_ref().for_each(show);
    let mut follower = last.follow();
    loop {
        for problem in follower.problems() {
            eprintln!("{problem}");
        }
        follower.next(None).into_iter().for_each(show);
    }
}
