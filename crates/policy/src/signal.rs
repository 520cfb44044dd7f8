//! Signals in configuration files: by name or by number; written by name where there is one.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// For `#[serde(with = …)]`: by name where there is one.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(signals: &BTreeSet<i32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(signals.iter().map(|number| Signal(*number)))
}

/// For `#[serde(with = …)]`: by name, with or without its `SIG`, or by number.
///
/// # Errors
///
/// What is given is no signal.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<i32>, D::Error> {
    let signals: Vec<Signal> = Vec::deserialize(deserializer)?;
    Ok(signals.into_iter().map(|signal| signal.0).collect())
}

/// One signal, by name or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub i32);

impl Serialize for Signal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match exit::signal::name(self.0) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_i32(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Signal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Signal, D::Error> {
        deserializer.deserialize_any(SignalVisitor).map(Signal)
    }
}

struct SignalVisitor;

impl Visitor<'_> for SignalVisitor {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signal: its name, like `SIGTERM`, or its number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::custom(format!("`{number}` is no signal")))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::custom(format!("`{number}` is no signal")))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<i32, E> {
        exit::signal::number(name)
            .ok_or_else(|| E::custom(format!("`{name}` is no signal; give a name like `SIGTERM`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_name_or_a_number() {
        let read = |yaml: &str| {
            serde_yaml::from_str::<Signal>(yaml).map(|signal| signal.0).map_err(|e| e.to_string())
        };
        assert_eq!(read("SIGTERM"), Ok(15));
        assert_eq!(read("2"), Ok(2));
        assert_eq!(read("-7"), Ok(-7));
        for (wrong, text) in [
            ("SIGNONE", "give a name like `SIGTERM`"),
            ("9999999999", "`9999999999` is no signal"),
            ("-9999999999", "`-9999999999` is no signal"),
            ("[1]", "a signal: its name, like `SIGTERM`, or its number"),
        ] {
            let error = read(wrong).unwrap_err();
            assert!(error.contains(text), "{wrong}: {error}");
        }
    }
}
