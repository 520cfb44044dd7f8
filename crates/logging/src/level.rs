//! Levels in configuration files: lower case when written, any case when read.

use std::collections::BTreeMap;
use std::fmt;

use log::LevelFilter;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

#[derive(Clone, Copy)]
struct Level(LevelFilter);

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.as_str().to_ascii_lowercase())
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one of `off`, `error`, `warn`, `info`, `debug`, `trace`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
                text.parse().map(Level).map_err(|_| {
                    E::custom(format_args!("unknown level `{text}`, expected {}", Known))
                })
            }

            // An unquoted `off` is a boolean to readers of the older YAML; they write `false`.
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Level, E> {
                match value {
                    false => Ok(Level(LevelFilter::Off)),
                    true => {
                        Err(E::custom(format_args!("unknown level `true`, expected {}", Known)))
                    }
                }
            }
        }

        struct Known;

        impl fmt::Display for Known {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Text.expecting(f)
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// For `#[serde(with)]` on one level.
pub(crate) mod one {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(level: &LevelFilter, s: S) -> Result<S::Ok, S::Error> {
        Level(*level).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<LevelFilter, D::Error> {
        Ok(Level::deserialize(d)?.0)
    }
}

/// For `#[serde(with)]` on a mapping from target to level.
pub(crate) mod by_target {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        filters: &BTreeMap<String, LevelFilter>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_map(filters.iter().map(|(target, level)| (target, Level(*level))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<String, LevelFilter>, D::Error> {
        let levels = BTreeMap::<String, Level>::deserialize(d)?;
        Ok(levels.into_iter().map(|(target, level)| (target, level.0)).collect())
    }
}
