//! How a child's environment differs from ours.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Variables that are set, replaced or removed in a child's environment, which is otherwise a copy
/// of ours. The verbs are those of [`Command`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    clear: bool,
    changes: BTreeMap<OsString, Option<OsString>>,
}

impl Environment {
    /// A copy of ours.
    pub fn new() -> Environment {
        Environment::default()
    }

    /// Sets a variable.
    pub fn set(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.changes.insert(key.as_ref().to_owned(), Some(value.as_ref().to_owned()));
    }

    /// Removes a variable.
    pub fn remove(&mut self, key: impl AsRef<OsStr>) {
        self.changes.insert(key.as_ref().to_owned(), None);
    }

    /// Leaves a variable as it is in ours, whatever was said of it before.
    pub fn forget(&mut self, key: impl AsRef<OsStr>) {
        self.changes.remove(key.as_ref());
        if self.changes.is_empty() {
            // A map that was emptied keeps a node with room for eleven entries; a new one has none.
            self.changes = BTreeMap::new();
        }
    }

    /// Removes all variables, those set before included.
    pub fn clear(&mut self) {
        *self = Environment { clear: true, changes: BTreeMap::new() };
    }

    /// Whether it begins empty.
    pub fn is_cleared(&self) -> bool {
        self.clear
    }

    /// What is set (`Some`) and removed (`None`), by key.
    pub fn changes(&self) -> impl Iterator<Item = (&OsStr, Option<&OsStr>)> {
        self.changes.iter().map(|(key, value)| (key.as_os_str(), value.as_deref()))
    }

    /// From a configuration file: whether all variables go first, and what is set (or, with no value,
    /// removed) then.
    pub fn from_texts(clear: bool, changes: &BTreeMap<String, Option<String>>) -> Environment {
        let os = |text: &String| OsString::from(text);
        let changes = changes.iter().map(|(key, value)| (os(key), value.as_ref().map(os)));
        Environment { clear, changes: changes.collect() }
    }

    /// The changes for a configuration file; `None` if one of them is no text.
    pub fn to_texts(&self) -> Option<BTreeMap<String, Option<String>>> {
        let text = |text: &OsStr| text.to_str().map(str::to_owned);
        let pairs = self.changes().map(|(key, value)| {
            Some((
                text(key)?,
                match value {
                    Some(value) => Some(text(value)?),
                    None => None,
                },
            ))
        });
        pairs.collect()
    }

    /// What no environment can hold (environ(7)): the key, and why.
    pub fn problems(&self) -> impl Iterator<Item = (&OsStr, &'static str)> {
        self.changes().filter_map(|(key, value)| {
            let has = |text: &OsStr, byte: u8| text.as_bytes().contains(&byte);
            let reason = if key.is_empty() {
                "a variable has no name; give it one"
            } else if has(key, b'=') {
                "a variable's name has a `=` in it; give one without"
            } else if has(key, 0) || value.is_some_and(|value| has(value, 0)) {
                "a variable has a NUL byte in its name or value; give it without"
            } else {
                return None;
            };
            Some((key, reason))
        })
    }

    pub(crate) fn apply_to(&self, command: &mut Command) {
        if self.clear {
            command.env_clear();
        }
        for (key, value) in self.changes() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn the_last_word_about_a_variable_counts() {
        let mut environment = Environment::new();
        environment.set("A", "1");
        environment.set("B", "1");
        environment.remove("B");
        environment.set("A", "2");
        let found: Vec<_> = environment.changes().collect();
        assert_eq!(found, [("A".as_ref(), Some("2".as_ref())), ("B".as_ref(), None)]);
        environment.forget("A");
        assert_eq!(environment.changes().collect::<Vec<_>>(), [("B".as_ref(), None)]);
        environment.clear();
        assert_eq!((environment.is_cleared(), environment.changes().count()), (true, 0));
    }

    #[test]
    fn what_no_environment_can_hold_is_named() {
        let mut environment = Environment::new();
        for (key, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("B", "x\0"), ("FINE", "a=b\n")]
        {
            environment.set(key, value);
        }
        let keys: Vec<_> = environment.problems().map(|(key, _)| key.to_str().unwrap()).collect();
        assert_eq!(keys, ["", "A\0", "A=B", "B"]);
    }

    #[test]
    fn bytes_that_are_no_text_cross_unchanged() {
        let mut environment = Environment::new();
        environment.clear();
        environment.set(OsStr::from_bytes(b"\xff"), OsStr::from_bytes(b"\xfe=\n"));
        environment.remove("GONE");
        let again: Environment = from_bytes(&to_bytes(&environment).unwrap()).unwrap();
        assert_eq!(again, environment);
    }
}
