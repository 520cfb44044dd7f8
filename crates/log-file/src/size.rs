//! Sizes in configuration files: `100 MiB`, a number of bytes, or `unlimited`. For
//! `#[serde(with = "log_file::size")]` at a field of bytes.

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

    deserializer.deserialize_any(Text)
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
}
