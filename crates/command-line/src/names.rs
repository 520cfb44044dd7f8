//! Names of daemons and workers for a shell that completes what a person types: whatever is wrong, nothing is said, and
//! within a moment.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use clap::{Arg, Subcommand};

use crate::daemon::Daemon;
use crate::logs::ROLES;
use crate::target::ALL;
use crate::words::Words;

/// How long daemons are asked, all together. Nobody waits longer for a completion.
const LIMIT: Duration = Duration::from_millis(200);

/// Who can be named somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One daemon, or several where `all` means something.
    Daemons { several: bool },
    /// Also workers.
    Workers,
    /// Also guardian and executor.
    Roles,
}

/// The names that can stand in place of the last of these words, of which the first is a command. `None`: a name cannot
/// stand there.
pub(crate) fn fitting(
    words: &[String],
    daemons: impl FnOnce() -> Vec<Daemon>,
) -> Option<Vec<String>> {
    let kind = kind(words)?;
    let daemons = daemons();
    let deadline = Instant::now() + LIMIT;
    let asked = |daemon: &Daemon| {
        let mut names = Vec::new();
        if kind == Kind::Roles {
            names.extend(ROLES.map(str::to_owned));
        }
        if !matches!(kind, Kind::Daemons { .. }) {
            names.extend(
                daemon.worker_names_within(deadline.saturating_duration_since(Instant::now())),
            );
        }
        (daemon.name.clone(), names)
    };
    let known: Vec<(String, Vec<String>)> = daemons.iter().map(asked).collect();
    Some(among(kind, words, &known))
}

/// Those of them that fit. Only names that mean nothing to a shell, which must not run what a process is called.
fn among(kind: Kind, words: &[String], known: &[(String, Vec<String>)]) -> Vec<String> {
    let Some((begun, before)) = words.split_last() else { return Vec::new() };
    let mut names: Vec<String> = known.iter().map(|(daemon, _)| daemon.clone()).collect();
    if 1 < known.len() && kind != (Kind::Daemons { several: false }) {
        names.push(ALL.to_owned());
    }
    let mut owners: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (daemon, workers) in known {
        for worker in workers {
            owners.entry(worker).or_default().insert(daemon);
        }
    }
    let mut taken: HashSet<&str> = known.iter().map(|(daemon, _)| daemon.as_str()).collect();
    taken.insert(ALL);
    for (daemon, workers) in known {
        for worker in workers {
            let several = owners.get(worker.as_str()).is_some_and(|owners| 1 < owners.len());
            // What a bare name means is another: every daemon, a daemon, or the worker of another one.
            if !taken.insert(worker) || several || begun.contains('/') {
                names.push(format!("{daemon}/{worker}"));
            } else {
                names.push(worker.clone());
            }
        }
    }
    let before: HashSet<&String> = before.iter().skip(1).collect();
    let plain = |c: char| c.is_alphanumeric() || "._-+,/".contains(c);
    names.retain(|name| {
        name.starts_with(begun)
            && !name.starts_with('-')
            && name.chars().all(plain)
            && !before.contains(name)
    });
    names
}

/// Who can be named by the last of these words.
fn kind(words: &[String]) -> Option<Kind> {
    let (begun, before) = words.split_last()?;
    let (command, before) = before.split_first()?;
    let parser = Words::augment_subcommands(clap::Command::new(""));
    let parser = parser.find_subcommand(command)?;
    let mut positionals: Vec<&Arg> = parser.get_positionals().collect();
    let (mut is_value, mut is_option) = (false, true);
    for word in before {
        if std::mem::take(&mut is_value) {
            continue;
        }
        match word.strip_prefix('-').filter(|_| is_option) {
            Some("-") => is_option = false,
            Some(rest) => is_value = takes_the_next(parser, rest),
            None if 1 < positionals.len() => drop(positionals.remove(0)),
            None => {
                let many = positionals.first()?.get_num_args()?;
                if many.max_values() < 2 {
                    return None;
                }
            }
        }
    }
    if is_value || (is_option && begun.starts_with('-')) {
        return None;
    }
    match (positionals.first()?.get_id().as_str(), command.as_str()) {
        ("names", "logs" | "events") => Some(Kind::Roles),
        ("names", "list" | "metrics" | "reopen" | "reload") => {
            Some(Kind::Daemons { several: true })
        }
        ("names", _) => Some(Kind::Workers),
        ("name", _) => Some(Kind::Daemons { several: false }),
        _ => None,
    }
}

/// The commands that take names, those that are hidden aside.
pub(crate) fn takes_names() -> Vec<String> {
    let parser = Words::augment_subcommands(clap::Command::new(""));
    let shown = parser.get_subcommands().filter(|command| !command.is_hide_set());
    let names_one = |arg: &Arg| ["name", "names"].contains(&arg.get_id().as_str());
    let taking = shown.filter(|command| command.get_positionals().any(names_one));
    taking.map(|command| command.get_name().to_owned()).collect()
}

/// Whether the word after this option, given without its first dash, is its value.
fn takes_the_next(parser: &clap::Command, option: &str) -> bool {
    let is_it = |arg: &&Arg| match option.strip_prefix('-') {
        Some(long) => arg.get_long() == Some(long),
        // Of short ones together the last can have a value.
        None => option.chars().last().is_some_and(|short| arg.get_short() == Some(short)),
    };
    parser.get_opts().find(is_it).is_some_and(|arg| arg.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(words: &str) -> Vec<String> {
        words.split(' ').map(str::to_owned).collect()
    }

    /// Case: CC-59
    #[test]
    fn names_are_completed_where_a_name_can_stand() {
        for (words, expected) in [
            ("start ", Some(Kind::Workers)),
            ("start a b ", Some(Kind::Workers)),
            ("start --json w", Some(Kind::Workers)),
            ("start -", None),
            ("start -- -", Some(Kind::Workers)),
            ("", None),
            ("sta", None),
            ("import ", None),
            ("signal ", None),
            ("signal TERM ", Some(Kind::Workers)),
            ("wait --timeout ", None),
            ("wait --timeout 3 ", Some(Kind::Workers)),
            ("wait --timeout=3 ", Some(Kind::Workers)),
            ("logs -n ", None),
            ("logs -fn ", None),
            ("logs -n 3 ", Some(Kind::Roles)),
            ("logs -n3 ", Some(Kind::Roles)),
            ("list ", Some(Kind::Daemons { several: true })),
            ("events ", Some(Kind::Roles)),
            ("events -n 3 a ", Some(Kind::Roles)),
            ("run ", Some(Kind::Daemons { several: false })),
            ("run a ", None),
            ("completions ", None),
            ("man ", None),
        ] {
            assert_eq!(kind(&owned(words)), expected, "{words:?}");
        }
    }

    /// Case: CC-59
    #[test]
    fn a_name_that_several_have_is_completed_with_its_daemon() {
        let one = [("jobd".to_owned(), owned("web-1 jobd all web-2 $(reboot)"))];
        let of_one = |words: &str| among(Kind::Workers, &owned(words), &one).join(" ");
        assert_eq!(of_one("stop "), "jobd web-1 jobd/jobd jobd/all web-2");
        assert_eq!(of_one("stop web-1 w"), "web-2");
        assert_eq!(of_one("stop jobd/w"), "jobd/web-1 jobd/web-2");
        let roles = [("jobd".to_owned(), owned("guardian executor web-1 executor"))];
        let of_roles = among(Kind::Roles, &owned("logs "), &roles).join(" ");
        assert_eq!(of_roles, "jobd guardian executor web-1 jobd/executor");
        let two = [("a".to_owned(), owned("x twin")), ("b".to_owned(), owned("twin"))];
        let of_two = |words: &str| among(Kind::Workers, &owned(words), &two).join(" ");
        assert_eq!(of_two("stop "), "a b all x a/twin b/twin");
        assert_eq!(of_two("stop b/"), "b/twin");
        let none = [("a".to_owned(), Vec::new()), ("b".to_owned(), Vec::new())];
        let kind = Kind::Daemons { several: false };
        assert_eq!(among(kind, &owned("run "), &none), ["a", "b"]);
    }
}
