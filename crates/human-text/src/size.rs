//! Sizes in configuration files: `100 MiB`, a number of bytes, or `unlimited`. For
//! `#[serde(with = "human_text::size")]` at a field of bytes.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

/// A size that is never reached.
pub const UNLIMITED: u64 = u64::MAX;

const UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Writes a size.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(size: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    match *size {
        UNLIMITED => serializer.serialize_str("unlimited"),
        size => serializer.serialize_u64(size),
    }
}

/// Reads a size.
///
/// # Errors
///
/// It is none; the error says what would be one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Text)
}

struct Text;

impl Visitor<'_> for Text {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes, one with B, kB, MB, GB, KiB, MiB, GiB or TiB like `100 MiB`, or `unlimited`")
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<u64, E> {
        Ok(bytes)
    }

    /// For formats whose integers all have a sign.
    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<u64, E> {
        let unexpected = || E::invalid_value(de::Unexpected::Signed(bytes), &self);
        u64::try_from(bytes).map_err(|_| unexpected())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// The same for a size that may be left out; `unlimited` is the same as nothing.
pub mod option {
    use super::*;

    /// See [`serialize`](super::serialize).
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(size: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        match size {
            Some(size) => super::serialize(size, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// See [`deserialize`](super::deserialize).
    ///
    /// # Errors
    ///
    /// It is none; the error says what would be one.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        struct Maybe;

        impl<'de> Visitor<'de> for Maybe {
            type Value = Option<u64>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Text.expecting(f)
            }

            fn visit_none<E: de::Error>(self) -> Result<Option<u64>, E> {
                Ok(None)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Option<u64>, E> {
                Ok(None)
            }

            fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Option<u64>, D::Error> {
                Ok(Some(super::deserialize(d)?).filter(|size| *size != UNLIMITED))
            }
        }

        deserializer.deserialize_option(Maybe)
    }
}

/// A size in a sentence, to a tenth of its largest unit: `512 MiB`, `1.2 GiB`, `700 B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BINARY: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        // In tenths of the unit, so that no float is needed; 1023.95 KiB and more are 1 MiB.
        let (mut tenths, mut unit) = (u128::from(self.0) * 10, 0);
        while 10_240 <= tenths && unit + 1 < BINARY.len() {
            tenths /= 1024;
            unit += 1;
        }
        match tenths % 10 {
            0 => write!(f, "{} {}", tenths / 10, BINARY[unit]),
            tenth => write!(f, "{}.{tenth} {}", tenths / 10, BINARY[unit]),
        }
    }
}

fn parse(text: &str) -> Option<u64> {
    if text == "unlimited" {
        return Some(UNLIMITED);
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.trim_start();
    let (_, factor) = UNITS.iter().find(|(known, _)| *known == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// TOML gives all integers with a sign.
    #[test]
    fn a_number_with_a_sign_is_one() {
        use de::value::{Error, I64Deserializer};
        let read = |number| deserialize(I64Deserializer::<Error>::new(number));
        assert_eq!(read(1000), Ok(1000));
        let refused = read(-1).unwrap_err().to_string();
        assert!(refused.contains("`-1`") && refused.contains("a number of bytes"), "{refused}");
    }

    #[test]
    fn sizes_have_the_usual_units() {
        for (text, size) in [
            ("10 MiB", Some(10 << 20)),
            ("10MiB", Some(10 << 20)),
            ("5 kB", Some(5_000)),
            ("1 TiB", Some(1 << 40)),
            ("0 B", Some(0)),
            ("unlimited", Some(u64::MAX)),
            ("ten MiB", None),
            ("10 miles", None),
            ("-1 B", None),
            ("1.5 GiB", None),
            ("", None),
            ("99999999999 GiB", None),
        ] {
            assert_eq!(parse(text), size, "{text}");
        }
    }

    #[test]
    fn one_that_may_be_left_out_is_read_and_written() {
        #[derive(Debug, PartialEq, Deserialize, Serialize)]
        struct Options {
            #[serde(default, with = "option", skip_serializing_if = "Option::is_none")]
            size: Option<u64>,
        }
        for (yaml, size) in [
            ("{ size: 512MiB }", Some(512 << 20)),
            ("{ size: 7 }", Some(7)),
            ("{ size: null }", None),
            ("{ size: unlimited }", None),
            ("{}", None),
        ] {
            let options: Options = serde_yaml::from_str(yaml).unwrap();
            assert_eq!(options, Options { size }, "{yaml}");
            let written = serde_yaml::to_string(&options).unwrap();
            assert_eq!(serde_yaml::from_str::<Options>(&written).unwrap(), options, "{written}");
        }
        let refused = serde_yaml::from_str::<Options>("{ size: much }").unwrap_err().to_string();
        assert!(refused.contains("like `100 MiB`"), "{refused}");
    }

    #[test]
    fn a_size_is_said_in_its_largest_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (512 << 20, "512 MiB"),
            ((1 << 30) + (1 << 28), "1.2 GiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
