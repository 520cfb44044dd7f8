//! Names that a person gives: which daemon or worker each of them means.

use std::collections::BTreeMap;
use std::path::Path;

use crate::complaint::Complaint;
use crate::logs::ROLES;
use crate::render::text::safe;

/// Every daemon, in the place of names. So no daemon is called that.
pub(crate) const ALL: &str = "all";

/// Somebody who was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Index of the daemon.
    pub(crate) daemon: usize,
    /// One of its workers, or the daemon itself.
    pub(crate) worker: Option<String>,
}

impl Target {
    /// What it is called, with the name of its daemon.
    pub(crate) fn called(&self, daemon: &str) -> String {
        match &self.worker {
            None => daemon.to_owned(),
            Some(worker) => format!("{daemon}/{worker}"),
        }
    }
}

/// What is meant if nobody is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// All of them: looking does no harm.
    All,
    /// The only one; where there are several names must be given.
    Only,
    /// The same, and no more than one can be.
    One,
}

/// Whom these words mean, each once, in their order. Of several daemons is asked what their workers are called, if a
/// word is the name of none of them.
pub(crate) fn find(
    daemons: &[String],
    words: &[String],
    unnamed: Unnamed,
    workers: impl Fn(usize) -> Vec<String>,
) -> Result<Vec<Target>, Complaint> {
    let whole = |daemon| Target { daemon, worker: None };
    let mut found: Vec<Target> = Vec::new();
    if words.is_empty() {
        match unnamed {
            Unnamed::Only if daemons.len() != 1 => {
                let there = known(daemons);
                let text = format!("name those that are meant, or `{ALL}`; there {there}");
                return Err(Complaint::usage(text));
            }
            Unnamed::One if daemons.len() != 1 => {
                return Err(Complaint::usage(format!(
                    "name the one that is meant; there {}",
                    known(daemons)
                )));
            }
            Unnamed::All | Unnamed::Only | Unnamed::One => (),
        }
        found.extend((0..daemons.len()).map(whole));
    }
    for word in words {
        let of = |name: &str| daemons.iter().position(|daemon| daemon == name);
        if word == ALL {
            found.extend((0..daemons.len()).map(whole));
        } else if let Some(daemon) = of(word) {
            found.push(whole(daemon));
        } else if let Some((Some(daemon), worker)) =
            word.split_once('/').map(|(daemon, worker)| (of(daemon), worker))
        {
            found.push(Target { daemon, worker: Some(worker.to_owned()) });
        } else if daemons.len() == 1 && !word.contains('/') {
            found.push(Target { daemon: 0, worker: Some(word.clone()) });
        } else {
            let has_it = |daemon: &usize| workers(*daemon).contains(word);
            let asked = 0..if word.contains('/') { 0 } else { daemons.len() };
            match asked.filter(has_it).collect::<Vec<usize>>().as_slice() {
                [] => return Err(unknown(daemons, word)),
                [daemon] => found.push(Target { daemon: *daemon, worker: Some(word.clone()) }),
                several => return Err(ambiguous(daemons, several, word)),
            }
        }
    }
    let mut once = Vec::new();
    for target in found {
        if !once.contains(&target) {
            once.push(target);
        }
    }
    Ok(once)
}

/// The one daemon of these targets, and who of it was named; nobody: all of it.
pub(crate) fn of_one(
    daemons: &[String],
    targets: &[Target],
) -> Result<(usize, Vec<String>), Complaint> {
    let Some(first) = targets.first() else { return Err(one_at_a_time(daemons)) };
    if targets.iter().any(|target| target.daemon != first.daemon) {
        return Err(one_at_a_time(daemons));
    }
    let names: Option<Vec<String>> = targets.iter().map(|target| target.worker.clone()).collect();
    Ok((first.daemon, names.unwrap_or_default()))
}

pub(crate) fn one_at_a_time(daemons: &[String]) -> Complaint {
    Complaint::usage(format!("one at a time; there {}", known(daemons)))
}

/// Whom these words mean, for what is done with daemons only.
pub(crate) fn find_daemons(
    daemons: &[String],
    words: &[String],
    unnamed: Unnamed,
) -> Result<Vec<usize>, Complaint> {
    let targets = find(daemons, words, unnamed, |_| Vec::new())?;
    let daemon = |target: Target| match target.worker {
        None => Ok(target.daemon),
        Some(worker) => Err(unknown(daemons, &worker)),
    };
    targets.into_iter().map(daemon).collect()
}

/// Why these daemons cannot be told apart by their names.
pub(crate) fn check(daemons: &[String]) -> Result<(), Complaint> {
    for (index, name) in daemons.iter().enumerate() {
        let why = if name == ALL {
            "means every daemon; give it another name"
        } else if name.is_empty() || name.contains('/') || name.starts_with('-') {
            "is no name: it must not be empty, begin with `-` or contain `/`, before which a daemon's name stands"
        } else if daemons[..index].contains(name) {
            "is there twice; give each a name of its own"
        } else {
            continue;
        };
        let text = format!("a daemon called `{}`: that {why}", safe(name));
        return Err(Complaint::new(crate::code::CONFIGURATION, text));
    }
    Ok(())
}

/// Daemons with one pid file would be one: each would be taken for the other.
pub(crate) fn check_files<'a>(
    daemons: impl Iterator<Item = (&'a str, &'a Path)>,
) -> Result<(), Complaint> {
    let mut seen = BTreeMap::new();
    for (name, path) in daemons {
        // Where there is no directory to begin at, the paths themselves are compared.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if let Some(other) = seen.insert(whole, name) {
            let (path, name, other) = (safe(&path.to_string_lossy()), safe(name), safe(other));
            let text = format!("pid_filename `{path}` is that of `{other}` and of `{name}`");
            let text = format!("{text}; give each daemon its own");
            return Err(Complaint::new(crate::code::CONFIGURATION, text));
        }
    }
    Ok(())
}

fn unknown(daemons: &[String], word: &str) -> Complaint {
    Complaint::usage(format!("no daemon `{}`; there {}", safe(word), known(daemons)))
}

/// A worker that several have.
fn ambiguous(daemons: &[String], having: &[usize], word: &str) -> Complaint {
    let names = having.iter().map(|daemon| safe(&format!("{}/{word}", daemons[*daemon])));
    let (names, word) = (names.collect::<Vec<_>>().join(" or "), safe(word));
    let text = match ROLES.contains(&word.as_str()) {
        true => format!("each daemon has its `{word}`; did you mean {names}?"),
        false => format!("several have a worker `{word}`; did you mean {names}?"),
    };
    Complaint::usage(text)
}

fn known(daemons: &[String]) -> String {
    let names: Vec<String> = daemons.iter().map(|name| safe(name)).collect();
    match names.as_slice() {
        [] => "is none".to_owned(),
        [one] => format!("is {one}"),
        many => format!("are {}", many.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn found(daemons: &[&str], words: &[&str], unnamed: Unnamed) -> Result<String, String> {
        let shown = |target: &Target| match &target.worker {
            Some(worker) => format!("{}/{worker}", target.daemon),
            None => target.daemon.to_string(),
        };
        // Of two daemons both have a worker `twin`, and the second has `poll`.
        let workers = |daemon| owned(if daemon == 1 { &["twin", "poll"] } else { &["twin"] });
        find(&owned(daemons), &owned(words), unnamed, workers)
            .map(|all| all.iter().map(shown).collect::<Vec<_>>().join(" "))
            .map_err(|complaint| complaint.text)
    }

    /// Case: CC-63
    #[test]
    fn a_name_is_that_of_a_daemon_or_of_a_worker_of_the_only_one() {
        let one = |words: &[&str]| found(&["jobd"], words, Unnamed::Only);
        assert_eq!(one(&[]), Ok("0".into()));
        assert_eq!(
            one(&["jobd", "web-1", "jobd/jobd", "all", "web-1"]),
            Ok("0 0/web-1 0/jobd".into())
        );
        assert_eq!(one(&["x/web-1"]), Err("no daemon `x/web-1`; there is jobd".into()));
        let two = |words: &[&str]| found(&["a", "b"], words, Unnamed::Only);
        assert_eq!(two(&["b", "a/web"]), Ok("1 0/web".into()));
        assert_eq!(two(&["all"]), Ok("0 1".into()));
        assert_eq!(two(&["c"]), Err("no daemon `c`; there are a, b".into()));
        assert_eq!(two(&["poll", "b/poll"]), Ok("1/poll".into()));
        let twin = "several have a worker `twin`; did you mean a/twin or b/twin?";
        assert_eq!(two(&["twin"]), Err(twin.into()));
        let unnamed = "name those that are meant, or `all`; there are a, b";
        assert_eq!(two(&[]), Err(unnamed.into()));
        assert_eq!(found(&["a", "b"], &[], Unnamed::All), Ok("0 1".into()));
        let one = "name the one that is meant; there are a, b";
        assert_eq!(found(&["a", "b"], &[], Unnamed::One), Err(one.into()));
        assert_eq!(found(&["a"], &[], Unnamed::One), Ok("0".into()));
        let of_one = |targets: &[Target]| of_one(&owned(&["a", "b"]), targets);
        let target =
            |daemon, worker: Option<&str>| Target { daemon, worker: worker.map(str::to_owned) };
        assert_eq!(of_one(&[target(1, Some("x"))]), Ok((1, owned(&["x"]))));
        assert_eq!(of_one(&[target(1, Some("x")), target(1, None)]), Ok((1, Vec::new())));
        let refused = of_one(&[target(0, None), target(1, None)]).unwrap_err();
        assert_eq!(refused.text, "one at a time; there are a, b");
        assert!(find_daemons(&owned(&["a"]), &owned(&["w"]), Unnamed::All).is_err());
    }

    /// Case: CC-63
    #[test]
    fn a_daemon_whose_name_means_something_else_is_refused() {
        assert_eq!(check(&owned(&["a", "b"])), Ok(()));
        let all = check(&owned(&["a", "all"])).unwrap_err();
        assert_eq!(all.code, 6);
        assert_eq!(
            all.text,
            "a daemon called `all`: that means every daemon; give it another name"
        );
        for wrong in [["a", "a"], ["a", ""], ["a", "b/c"], ["a", "-b"]] {
            assert!(check(&owned(&wrong)).is_err(), "{wrong:?}");
        }
    }
}
