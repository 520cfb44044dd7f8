//! What a child does. Each part installs the logger that it is given as YAML.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::Duration;
use std::{fs, thread};

use logging::{Handle, LoggingConfig, Process, install, install_queued};

use super::lines;

/// The first argument of a child.
pub(crate) const MARK: &str = "play-the-part-of";

pub(crate) fn play(args: &[String]) {
    let [part, yaml, name, rest @ ..] = args else { panic!("part, configuration and name") };
    let config = LoggingConfig::from_yaml_str(yaml).unwrap();
    // The same parts are there for a process that must not wait for its log.
    let (install, part): (fn(&_, _) -> _, _) = match part.strip_prefix("queued-") {
        Some(part) => (install_queued, part),
        None => (install, part.as_str()),
    };
    let handle = match install(&config, Process::new(name)) {
        Ok(handle) => handle,
        Err(error) => return say(&format!("error {error}")),
    };
    say("ready");
    match part {
        "last-words" => last_words(rest[0].parse().unwrap()),
        "others-words" => others_words(rest[0].parse().unwrap()),
        "elsewhere" => elsewhere(&rest[0]),
        "script" => script(&handle, &config),
        "fill" => fill(&handle, config.file_path().unwrap()),
        other => panic!("there is no part {other}"),
    }
}

fn say(text: &str) {
    let mut out = stdout();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

/// Does what it is told, line by line.
fn script(handle: &Handle, config: &LoggingConfig) {
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("log", text) => log::info!("{text}"),
            ("flood", records) => {
                for number in 0..records.parse().unwrap() {
                    log::info!("{}", lines::record("flood", number, 100));
                }
            }
            ("flood-until-dropped", _) => {
                let before = handle.dropped();
                let mut numbers = 0..;
                let mut log =
                    || log::info!("{}", lines::record("flood", numbers.next().unwrap(), 100));
                // Until the thread that writes stands at one record: then nothing makes room any more.
                while handle.flush(Duration::from_secs(30)) {
                    log();
                }
                while handle.dropped() == before {
                    log();
                }
                let number = numbers.start;
                say(&format!("logged {number}"));
            }
            ("queue-this-thread", _) => handle.queue_this_thread().unwrap(),
            ("elsewhere", text) => {
                let text = text.to_owned();
                // Not waited for: the record may never get there.
                thread::spawn(move || log::info!("{text}"));
            }
            ("reopen", _) => handle.reopen().unwrap(),
            ("flush", _) => say(&format!("flushed {}", handle.flush(Duration::from_secs(30)))),
            ("install", name) => {
                let error = install(config, Process::new(name)).unwrap_err();
                say(&format!("error {error}"));
            }
            (other, _) => panic!("nobody knows how to {other}"),
        }
        say(&format!("dropped {}", handle.dropped()));
    }
}

/// Another thread logs, and is there until `main` returns.
fn others_words(records: u64) {
    let (done, wait) = std::sync::mpsc::channel();
    thread::spawn(move || {
        (0..records).for_each(|number| log::info!("{}", lines::record("last", number, 100)));
        done.send(()).unwrap();
        loop {
            thread::park();
        }
    });
    wait.recv().unwrap();
}

/// Goes to another folder between two records.
#[expect(clippy::disallowed_methods, reason = "this process is there to do it")]
fn elsewhere(folder: &str) {
    log::info!("here");
    std::env::set_current_dir(folder).unwrap();
    log::info!("there");
}

/// Logs so many records and ends the process at once, from a place that returns nowhere.
#[expect(clippy::disallowed_methods, reason = "what is tried is the end of a process")]
fn last_words(records: u64) {
    for number in 0..records {
        log::info!("{}", lines::record("last", number, 100));
    }
    std::process::exit(0);
}

/// Logs until the disk is full, makes room, logs one more, and shows the file: the disk is its own.
fn fill(handle: &Handle, path: &std::path::Path) {
    let filler = path.with_file_name("filler");
    fs::write(&filler, vec![0; 16 * 1024]).unwrap();
    let mut number = 0;
    while handle.dropped() < 3 {
        log::info!("{}", lines::record("filler", number, 1_500));
        number += 1;
    }
    fs::remove_file(&filler).unwrap();
    log::info!("again");
    say(&format!("wrote {number}"));
    say(&format!("dropped {}", handle.dropped()));
    say(&fs::read_to_string(path).unwrap());
}
