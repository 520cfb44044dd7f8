//! What only looks: status, list, events, metrics. None of it starts anything.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::{ALL_EVENTS, Daemon, Wanted};
use crate::output::{look, print};
use crate::render::text::safe;
use crate::render::units::Clock;
use crate::render::{self, json};
use crate::seen::{Answer, Seen, State};
use crate::target::Target;
use crate::words;

fn seen(daemons: &[&Daemon]) -> Vec<Seen> {
    daemons.iter().map(|daemon| daemon.look()).collect()
}

pub(crate) fn status(
    daemons: &[Daemon],
    targets: &[Target],
    words: &words::Show,
) -> Result<u8, Complaint> {
    let clock = Clock::of_machine();
    let (mut seen, mut workers) = (Vec::new(), Vec::new());
    for target in targets {
        let daemon = &daemons[target.daemon];
        match &target.worker {
            None => seen.push(daemon.look()),
            Some(worker) => {
                let name = target.called(&daemon.name);
                let found = daemon.look_at(worker).map_err(|complaint| complaint.of(&name))?;
                let none = || {
                    // It may have one of that name when it keeps some.
                    Complaint { code: code::STATUS_UNKNOWN, ..daemon.keeps_none() }.of(&name)
                };
                workers.push((daemon, name.clone(), found.ok_or_else(none)?));
            }
        }
    }
    let text = if words.form.json {
        let mut all = json::status(&seen, &clock);
        let rows = workers.iter().map(|(daemon, _, one)| json::worker(&daemon.name, one, &clock));
        all["workers"] = rows.collect();
        json::text(&all)
    } else {
        let look = look(words.wide);
        let daemons = seen.iter().map(|seen| render::status::status(seen, &clock, look));
        let workers =
            workers.iter().map(|(_, name, one)| render::status::worker(name, one, &clock, look));
        let each: Vec<String> = daemons.chain(workers).collect();
        // Trees are told apart by an empty line, lines are not.
        let one_line = each.iter().all(|text| text.lines().count() == 1);
        each.join(if one_line { "" } else { "\n" })
    };
    print(&text)?;
    let states = seen.iter().map(Seen::state);
    let states = states.chain(workers.iter().map(|(_, _, worker)| State::of_worker(worker)));
    Ok(code::worst(states.map(|state| state.code())))
}

pub(crate) fn list(daemons: &[&Daemon], words: &words::List) -> Result<u8, Complaint> {
    let (seen, clock) = (seen(daemons), Clock::of_machine());
    let text = match words.form.json {
        true => json::text(&json::list(&seen, &clock)),
        false => render::list::list(&seen, &clock, look(words.wide)),
    };
    print(&text)?;
    Ok(code::OK)
}

/// Of those who are named, or of all.
pub(crate) fn events(
    daemon: &Daemon,
    names: Vec<String>,
    words: &words::Events,
) -> Result<u8, Complaint> {
    daemon.check_names(&names)?;
    let (clock, look) = (Clock::of_machine(), look(words.wide));
    let wanted = Wanted { last: words.last.min(ALL_EVENTS), of: names, follow: !words.no_follow };
    let ended = daemon.events(&wanted, &mut |epoch, event| match words.json {
        true => print(&json::text(&json::event(epoch, event))),
        false => print(&format!("{}\n", render::events::event(event, &clock, look))),
    })?;
    if ended && !words.json {
        print(&format!("{}: stopped\n", safe(&daemon.name)))?;
    }
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
        let code = if daemon.denied { code::NOT_ALLOWED } else { code::FAILED };
        return Err(Complaint::new(code, why).of(&daemon.name));
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
    // A device that is replaced is a device less: root would make a file of `/dev/null`.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("it is no regular file, and no other is replaced"));
    }
    if fs::metadata(path).is_ok_and(|there| 0 < there.len()) && !is_of_metrics(path)? {
        return Err(io::Error::other("it holds something else than metrics, and is left as it is"));
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let other = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o644).open(&other);
    let mut file = match open() {
        // Somebody with our number was killed while he wrote: in a container it is the same each time.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&other)?;
            open()?
        }
        opened => opened?,
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&other, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&other);
    }
    written
}

/// Whether a file begins as every one in that format does which we write.
fn is_of_metrics(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(7).read_to_end(&mut begin)?;
    Ok(begin == b"# HELP ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-86
    #[test]
    fn what_one_with_our_number_has_left_hinders_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobd.prom");
        fs::write(folder.path().join(format!(".jobd.prom.{}", std::process::id())), "half")
            .unwrap();
        let whole = "# HELP appkit_up …";
        replace(&path, whole).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        replace(&path, whole).unwrap();
        // The pid file in place of the metrics.
        fs::write(&path, "4711\n").unwrap();
        let error = replace(&path, whole).unwrap_err().to_string();
        assert!(error.contains("something else than metrics"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "4711\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
