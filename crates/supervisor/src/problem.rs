//! What is wrong with what the caller said: all of it at once, before anything happens.

use std::fmt;
use std::path::{Component, Path};
use std::time::Duration;

/// One thing that is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which option: `pid_filename`, `workers[2].name`, …
    pub field: String,
    /// What was said.
    pub value: String,
    /// Why it cannot be, and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Escaped, since a value may come from anywhere and a message is one line.
        write!(f, "{} `{}`: {}", self.field, logging::escaped(&self.value), self.reason)
    }
}

/// Everything that is wrong, in the order of the options. Nothing has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None so far.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Adds one.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        value: impl fmt::Display,
        reason: impl fmt::Display,
    ) {
        self.0.push(Problem {
            field: field.into(),
            value: value.to_string(),
            reason: reason.to_string(),
        });
    }

    /// Adds those of a part, whose fields are named after it: `workers[2].pid_filename`.
    pub fn add_part(&mut self, part: &str, problems: Problems) {
        self.0.extend(
            problems
                .0
                .into_iter()
                .map(|problem| Problem { field: format!("{part}.{}", problem.field), ..problem }),
        );
    }

    /// Adds others, with other names for some of the fields.
    pub(crate) fn add_renamed(&mut self, others: Problems, names: &[(&str, &str)]) {
        self.0.extend(others.0.into_iter().map(|problem| {
            let new = names.iter().find(|(old, _)| problem.field == *old);
            match new {
                Some((_, new)) => Problem { field: (*new).to_owned(), ..problem },
                None => problem,
            }
        }));
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// `value` if there are none.
    ///
    /// # Errors
    ///
    /// There are some: these.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// No service waits that long; whoever says so has mixed up his units.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Checks a span of time that is waited for. [`Duration::MAX`] means for ever, and is legal.
pub fn check_duration(problems: &mut Problems, field: &str, duration: Duration) {
    if duration > LONGEST && duration != Duration::MAX {
        problems.add(
            field,
            format_args!("{duration:?}"),
            "longer than 100 years; give less, or Duration::MAX for ever",
        );
    }
}

/// Checks the path of a file that is to be created: `field` says which.
pub fn check_file(problems: &mut Problems, field: &str, path: &Path) {
    if let Err(reason) = file_can_be(path) {
        problems.add(field, path.display(), reason);
    }
}

fn file_can_be(path: &Path) -> Result<(), String> {
    use std::os::unix::ffi::OsStrExt;
    if path.as_os_str().is_empty() {
        return Err("empty; give the path of a file".to_owned());
    }
    if path.as_os_str().as_bytes().contains(&0) {
        return Err("contains a NUL byte, which no path can".to_owned());
    }
    if path.to_str().is_none() {
        return Err("is not UTF-8, and cannot be handed to a child; rename it".to_owned());
    }
    let named = matches!(path.components().next_back(), Some(Component::Normal(_)));
    if !named || path.as_os_str().as_bytes().ends_with(b"/") {
        return Err("names a folder; give the path of a file".to_owned());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    match std::fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(format!("`{}` is not a folder", folder.display()));
        }
        // It cannot be looked at: whether it can be written to is for the acting one to find out.
        Ok(_) => (),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = folder.display();
            return Err(format!("the folder `{folder}` does not exist; create it first"));
        }
        Err(_) => return Ok(()),
    }
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err("is a folder; give the path of a file".to_owned()),
        _ => Ok(()),
    }
}

/// Checks the name of a daemon or worker: it becomes part of titles and log lines.
pub fn check_name(problems: &mut Problems, field: &str, name: &str) {
    const LONGEST_NAME: usize = 100;
    let reason = if name.is_empty() {
        "empty; give it a name"
    } else if name.len() > LONGEST_NAME {
        "longer than 100 bytes; give a shorter one"
    } else if name == "." || name == ".." {
        "stands for a folder; give another name"
    } else if let Some(bad) = name.chars().find(|c| *c == '/' || c.is_control()) {
        if bad == '/' {
            "contains `/`; leave it out"
        } else {
            "contains a control character (or NUL); leave it out"
        }
    } else {
        return;
    };
    problems.add(field, name, reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(check: impl FnOnce(&mut Problems)) -> Vec<String> {
        let mut problems = Problems::new();
        check(&mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    /// Case: CFG-01
    #[test]
    fn names_that_would_fool_somebody_are_refused() {
        let long = "x".repeat(101);
        for bad in ["", "a/b", "..", "a\0", "a\nb", &long] {
            assert_eq!(texts(|p| check_name(p, "name", bad)).len(), 1, "{bad:?}");
        }
        for good in ["worker-1", "größe", "a b", "..."] {
            assert_eq!(texts(|p| check_name(p, "name", good)), [""; 0], "{good:?}");
        }
        assert_eq!(
            texts(|p| check_name(p, "name", "a\0")),
            ["name `a\\x00`: contains a control character (or NUL); leave it out"]
        );
    }

    #[test]
    fn paths_that_cannot_be_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        let cases = [
            (Path::new(""), "empty"),
            (Path::new("/"), "names a folder"),
            (Path::new("a/.."), "names a folder"),
            (folder.path(), "is a folder"),
            (&at("missing/x.pid"), "does not exist"),
            (&at("file/x.pid"), "is not a folder"),
            (&at("nul\0"), "NUL"),
        ];
        for (path, part) in cases {
            let found = texts(|p| check_file(p, "pid_filename", path));
            assert!(found.len() == 1 && found[0].contains(part), "{path:?}: {found:?}");
            assert!(found[0].starts_with("pid_filename `"), "{found:?}");
        }
        assert_eq!(texts(|p| check_file(p, "pid_filename", &at("new.pid"))), [""; 0]);
    }

    #[test]
    fn absurd_durations_are_refused() {
        let absurd = Duration::from_secs(1 << 40);
        assert_eq!(texts(|p| check_duration(p, "grace", absurd)).len(), 1);
        for good in [Duration::ZERO, Duration::from_millis(50), Duration::MAX] {
            assert_eq!(texts(|p| check_duration(p, "grace", good)).len(), 0);
        }
    }
}
