//! What only looks: status, list, events, metrics. None of it starts anything.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::output::{look, print};
use crate::render::units::Clock;
use crate::render::{self, json};
use crate::seen::{Answer, Seen};
use crate::words;

fn seen(daemons: &[&Daemon]) -> Vec<Seen> {
    daemons.iter().map(|daemon| daemon.look()).collect()
}

pub(crate) fn status(daemons: &[&Daemon], words: &words::Show) -> Result<u8, Complaint> {
    let (seen, clock) = (seen(daemons), Clock::of_machine());
    let text = if words.form.json {
        json::text(&json::status(&seen, &clock))
    } else {
        let look = look(words.wide);
        let each: Vec<String> =
            seen.iter().map(|seen| render::status::status(seen, &clock, look)).collect();
        // Trees are told apart by an empty line, lines are not.
        let one_line = each.iter().all(|text| text.lines().count() == 1);
        each.join(if one_line { "" } else { "\n" })
    };
    print(&text)?;
    Ok(code::worst(seen.iter().map(|seen| seen.state().code())))
}

pub(crate) fn list(daemons: &[&Daemon], words: &words::Show) -> Result<u8, Complaint> {
    let (seen, clock) = (seen(daemons), Clock::of_machine());
    let text = match words.form.json {
        true => json::text(&json::list(&seen, &clock)),
        false => render::list::list(&seen, &clock, look(words.wide)),
    };
    print(&text)?;
    Ok(code::OK)
}

pub(crate) fn events(daemon: &Daemon, words: &words::Events) -> Result<u8, Complaint> {
    let (clock, look) = (Clock::of_machine(), look(words.wide));
    daemon.events(words.last, &mut |event| match words.json {
        true => print(&json::text(&json::plain(event))),
        false => print(&format!("{}\n", render::events::event(event, &clock, look))),
    })?;
    Ok(code::OK)
}

pub(crate) fn metrics(daemons: &[&Daemon], output: Option<&Path>) -> Result<u8, Complaint> {
    let seen = seen(daemons);
    for daemon in &seen {
        let why = match (&daemon.lock, &daemon.answer) {
            (Err(why), _) | (_, Answer::Failed(why)) => why,
            (Ok(_), Answer::NotAsked | Answer::NoSocket(_) | Answer::Given(_)) => continue,
        };
        // Half of the numbers would look as if the rest had ceased to be.
        return Err(Complaint::new(code::FAILED, format!("{}: {why}", daemon.name)));
    }
    let text = render::metrics::metrics(&seen);
    match output {
        None => print(&text).map(|_| code::OK),
        Some(path) => match replace(path, &text) {
            Ok(()) => Ok(code::OK),
            Err(error) => {
                let text = format!("cannot write `{}`: {error}", path.display());
                Err(Complaint::new(code::FAILED, text))
            }
        },
    }
}

/// The file with this text, all at once for whoever reads it. Its other name, beside it, does not end in `.prom`, by
/// which the collector finds files.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let other = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&other)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&other, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&other);
    }
    written
}
