//! A batch: each file of a folder is converted by a process of its own, a few at a time, and what each has found is in
//! the report. `capitals start`, `capitals status`, or in the foreground `capitals run`.

use std::error::Error;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use appkit::cli::Service;
use appkit::{Batch, DaemonOptions, Job, entries};
use serde::{Deserialize, Serialize};

/// What is to be done, as `daemon_args` in the configuration file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Folders {
    from: PathBuf,
    to: PathBuf,
    at_most: u32,
    tries: u32,
}

/// What one job has found, as it travels back.
#[derive(Serialize, Deserialize)]
struct Found {
    words: usize,
    longest: Option<String>,
}

/// Runs in a process of its own for each file: whatever it meets there costs this file alone.
fn convert((from, to): (PathBuf, PathBuf)) -> io::Result<Found> {
    let text = fs::read_to_string(from)?;
    fs::write(to, text.to_uppercase())?;
    let longest = text.split_whitespace().max_by_key(|word| word.len());
    Ok(Found { words: text.split_whitespace().count(), longest: longest.map(str::to_owned) })
}

/// Runs in the executor.
fn daemon_main(folders: Folders) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut files: Vec<_> = fs::read_dir(&folders.from)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    let jobs = files
        .iter()
        .map(|file| Job::new(convert, (file.path(), folders.to.join(file.file_name()))));
    let report = Batch::new(jobs)
        .name("convert")
        .at_most(folders.at_most)
        .tries(folders.tries)
        .stderr_filename("/dev/stderr")
        .run()?;
    let mut text = String::new();
    for (file, found) in files.iter().zip(&report) {
        let name = file.file_name();
        match found {
            Ok(Found { words, longest: Some(longest) }) => {
                writeln!(text, "{}: {words} words, the longest is {longest}", name.display())?;
            }
            Ok(Found { longest: None, .. }) => writeln!(text, "{}: empty", name.display())?,
            Err(why) => writeln!(text, "{}: {why}", name.display())?,
        }
    }
    fs::write(folders.to.join("report"), text)?;
    report.into_result()?; // If not all are done the daemon has failed.
    Ok(())
}

/// What is to be started, as the file in the caller's directory has it.
fn options() -> Result<DaemonOptions, Box<dyn Error + Send + Sync>> {
    for folder in [".data/in", ".data/out"] {
        fs::create_dir_all(folder)?;
    }
    Ok(DaemonOptions::from_yaml_file("capitals.yaml")?)
}

fn main() -> ExitCode {
    appkit::init(entries![daemon_main, convert]); // A child runs its entry here.
    Service::new("capitals", options).main()
}
