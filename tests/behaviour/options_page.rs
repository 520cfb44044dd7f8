//! The page that says what may stand in YAML is right, and says all.

use appkit::{DaemonOptions, Listed, WorkerStartInfo, WorkersOptions};
use libtest_mimic::Trial;

use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![every_example_on_the_page_is_read, every_key_that_there_is_stands_on_the_page]
}

const PAGE: &str = include_str!("../../docs/options.md");

/// Each section with its heading.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut starts: Vec<usize> = PAGE.match_indices("\n#").map(|(at, _)| at + 1).collect();
    starts.push(PAGE.len());
    let texts: Vec<_> = starts.windows(2).map(|at| &PAGE[at[0]..at[1]]).collect();
    texts.into_iter().map(|text| {
        let (heading, text) = text.split_once('\n').unwrap();
        (heading.trim_start_matches(['#', ' ']), text)
    })
}

/// Reads what stands in a section: of a daemon, of workers, or a part of a daemon's options.
fn read(heading: &str, yaml: &str) -> Result<(), String> {
    let of = |error: serde_yaml::Error| error.to_string();
    match heading {
        "A worker" => serde_yaml::from_str::<Vec<WorkerStartInfo>>(yaml).map(drop).map_err(of),
        "A set of workers" | "roll" => {
            serde_yaml::from_str::<Vec<Listed>>(yaml).map(drop).map_err(of)
        }
        "All workers" => serde_yaml::from_str::<WorkersOptions>(yaml).map(drop).map_err(of),
        "A daemon" => daemon(yaml),
        _ => daemon(&format!("pid_filename: x\ndaemon_entry: a:b\n{yaml}")),
    }
}

fn daemon(yaml: &str) -> Result<(), String> {
    DaemonOptions::from_yaml_str(yaml).map(drop).map_err(|error| format!("{error:?}"))
}

fn every_example_on_the_page_is_read() {
    let mut count = 0;
    for (heading, text) in sections() {
        for example in text.split("```yaml\n").skip(1) {
            let (yaml, _) = example.split_once("```").unwrap();
            read(heading, yaml).unwrap_or_else(|error| panic!("{heading}: {error}\n{yaml}"));
            count += 1;
        }
    }
    assert!(10 < count, "{count} examples were found");
}

/// A key that there cannot be is refused with those that there are.
fn every_key_that_there_is_stands_on_the_page() {
    let wrong = "there_is_no_such_key: 1";
    for (heading, yaml) in [
        ("A daemon", wrong.to_owned()),
        ("A worker", format!("- {wrong}")),
        ("All workers", wrong.to_owned()),
        ("roll", format!("- {{roll: {{{wrong}}}}}")),
        ("restart", format!("restart: {{{wrong}}}")),
        ("backoff", format!("restart: {{backoff: {{{wrong}}}}}")),
        ("start", format!("start: {{{wrong}}}")),
        ("stop", format!("stop: {{{wrong}}}")),
        ("capture", format!("capture: {{{wrong}}}")),
        ("logging_config", format!("logging_config: {{{wrong}}}")),
    ] {
        let error = read(heading, &yaml).unwrap_err();
        let (_, known) = error.split_once("expected ").expect(&error);
        let (_, text) = sections().find(|(found, _)| *found == heading).unwrap();
        let mut keys: Vec<_> = known.split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty(), "{error}");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let mut rows: Vec<_> = rows.collect();
        keys.sort_unstable();
        rows.sort_unstable();
        assert_eq!(rows, keys, "{heading}");
    }
}
