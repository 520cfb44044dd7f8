//! Two processes append to one file, each by a writer of its own, and one of them rotates it:
//! `two_writers app.log`.
//!
//! ```console
//! $ cargo run -p log-file --example two_writers -- app.log
//! $ ls app.log*
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example speaks to its user")]

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use log_file::{LogFile, Options, Precision, Rotation};

const LINES: u32 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let file = args.get(1).map_or("app.log", String::as_str);
    if let Some(name) = args.get(2) {
        return write_lines(file, name);
    }
    let start = |name| Command::new(&args[0]).args([file, name]).spawn();
    for mut child in [start("red")?, start("blue")?] {
        child.wait()?;
    }
    count(Path::new(file))
}

fn open(file: &str) -> Result<LogFile, log_file::Error> {
    Options::file(file).rotation(Rotation::Size).max_size(64 << 10).keep(9).open()
}

/// What a child does: half of its lines one by one, the other half as blocks of whole lines.
fn write_lines(file: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let mut log = open(file)?;
    let stamp = log.stamp(Precision::Micros);
    let line = |number: u32| {
        let mut line = String::new();
        stamp.write(&mut line);
        format!("{line} {name}: line {number}\n")
    };
    for number in 0..LINES / 2 {
        log.write_all(line(number).as_bytes())?;
    }
    // A buffer that is flushed between lines hands them over together.
    let mut blocks = BufWriter::with_capacity(8 << 10, &mut log);
    for number in LINES / 2..LINES {
        blocks.write_all(line(number).as_bytes())?;
        if number % 50 == 49 {
            blocks.flush()?;
        }
    }
    drop(blocks);
    for complaint in log.complaints() {
        eprintln!("{complaint}");
    }
    Ok(())
}

/// Looks at the file and at those that were put aside.
fn count(file: &Path) -> Result<(), Box<dyn Error>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(&name) {
            continue;
        }
        let text = fs::read_to_string(entry.path())?;
        let of = |who: &str| text.lines().filter(|line| line.contains(who)).count();
        let whole = text.lines().filter(|line| line.contains(": line ")).count();
        let (all, red, blue) = (text.lines().count(), of(" red: "), of(" blue: "));
        println!(
            "{}: {red} of red, {blue} of blue, {whole} of {all} whole",
            entry.path().display()
        );
    }
    Ok(())
}
