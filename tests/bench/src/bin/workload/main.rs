//! The program that `bench` measures: a daemon with workers, built on the facade alone,
//! and the plain loop that it is compared with.
//!
//! Who measures does it from outside: by lines with the time in a journal, which the functions here
//! append first thing, and by what /proc tells. `BENCH_JOURNAL` names the journal.

mod caller;
mod floor;
mod journal;
mod pool;

use std::error::Error;

use appkit::entries;

fn main() -> Result<(), Box<dyn Error>> {
    // The floor knows nothing of the library, also not its `init`. A supervisor of another make
    // finds this program under the name `run`.
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    let is = |word: &str| words.first().is_some_and(|first| first == word);
    if is("line") || name.ends_with("run") {
        return floor::line(words.get(1).map_or("line", String::as_str));
    }
    if is("floor") {
        return floor::spawn_and_wait(&words[1..]);
    }

    appkit::init(entries![pool::daemon, pool::worker, pool::big]);
    let number = |at: usize| words.get(at).map_or(Ok(0), |word| word.parse());
    match words.first().map(String::as_str) {
        Some("caller") => caller::obey(number(1)?, number(2)?),
        Some("arguments") => pool::with_arguments(number(1)?),
        _ => Err("usage: workload line|floor|caller|arguments …".into()),
    }
}
