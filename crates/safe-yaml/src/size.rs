//! How large a YAML text is, in all ways that cost: a few lines can be gigabytes, or take minutes.
//!
//! Its brackets are looked at first (see [`scan`](crate::scan)). The parser bounds how deep a text is and
//! how often it follows an alias, but not how large the value is that an alias stands for: a list of a
//! thousand aliases of one list of a thousand values is a million values.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess};
use serde::de::{VariantAccess, Visitor};

use crate::scan::{self, At, MAX_DEPTH, MAX_DIRECTIVES, TooMuch};

/// The most that a configuration may be, as a file and as what it means, in bytes: far above what
/// anybody writes, far below what a machine has.
pub const MAX: usize = 64 << 20;

/// What a value takes at least, whatever it is.
const NODE: usize = 64;

/// Why a YAML text is refused before anybody looks at what it means.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TooLarge {
    /// With its aliases followed the text is too large: a few lines with aliases can mean any size.
    #[error("it is larger than {} MiB when its aliases are followed", MAX >> 20)]
    Size,
    /// Brackets in brackets, more than are read.
    #[error("brackets are nested deeper than {MAX_DEPTH}")]
    Depth {
        /// The line of the first bracket that is too deep, counted from 1.
        line: usize,
        /// Its column, in characters, counted from 1.
        column: usize,
    },
    /// Too many lines with `%` before the document.
    #[error("it has more than {MAX_DIRECTIVES} directives")]
    Directives {
        /// The line of the first directive that is too many, counted from 1.
        line: usize,
    },
}

impl TooLarge {
    /// The line and column where it is too much, both counted from 1; the beginning of the text if it is
    /// too large as a whole.
    pub fn place(&self) -> (usize, usize) {
        match *self {
            TooLarge::Depth { line, column } => (line, column),
            TooLarge::Directives { line } => (line, 1),
            TooLarge::Size => (1, 1),
        }
    }
}

/// The same text without the byte order mark that some editors begin a file with, if it can be read in
/// time and memory that are in proportion to it: if it stays below [`MAX`] when its aliases are
/// followed, as they are by whatever is made of it, and its brackets are not nested too deep.
///
/// Keeps nothing in memory but the text's events. A text that is no YAML is not too large: its parser
/// says what is wrong with it.
///
/// # Errors
///
/// The text cannot be read so: see [`TooLarge`].
pub fn check(text: &str) -> Result<&str, TooLarge> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match scan::scan(text) {
        Err(TooMuch::Depth(At { line, column })) => Err(TooLarge::Depth { line, column }),
        Err(TooMuch::Directives(At { line, .. })) => Err(TooLarge::Directives { line }),
        Ok(()) if !is_at_most(MAX, text) => Err(TooLarge::Size),
        Ok(()) => Ok(text),
    }
}

fn is_at_most(most: usize, text: &str) -> bool {
    let left = Cell::new(Some(most));
    // Other errors are left to whoever parses the text for its meaning, who tells them better.
    let _ = Weigh(&left).deserialize(serde_yaml::Deserializer::from_str(text));
    left.get().is_some()
}

/// Goes through a value and takes its size from what is left; `None` when that is too little.
#[derive(Clone, Copy)]
struct Weigh<'a>(&'a Cell<Option<usize>>);

impl Weigh<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        self.0.set(self.0.get().and_then(|left| left.checked_sub(NODE + bytes)));
        self.0.get().map(drop).ok_or_else(|| E::custom(TooLarge::Size))
    }
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.take(0)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.take(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.take(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.take(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.take(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.take(text.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.take(0)?;
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.take(0)?;
        while map.next_entry_seed(self, self)?.is_some() {}
        Ok(())
    }

    /// A value with a tag.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let ((), value) = tagged.variant_seed(self)?;
        value.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_followed_and_what_grows_by_them_is_too_large() {
        let times = |times| format!("[&a {}, {}]", "x".repeat(1 << 16), "*a,".repeat(times));
        assert!(check(&times(1000)).is_ok());
        assert!(check(&times(1100)).is_err());
        // The same by many values, below a tag, and as keys.
        let most = |text: &str| is_at_most(100_000, text);
        let (list, long) = ("x,".repeat(100), "x".repeat(1000));
        assert!(!most(&format!("[&a [{list}], {}]", "*a,".repeat(100))));
        assert!(most(&format!("[&a {long}, {}]", "*a,".repeat(10))));
        for (tag, alias) in [("", "*a,"), ("!t ", "*a,"), ("", "{*a : 1},")] {
            assert!(!most(&format!("{tag}[&a {long}, {}]", alias.repeat(100))), "{tag}{alias}");
        }
    }

    #[test]
    fn every_kind_of_value_is_gone_through() {
        // A kind of value that the visitor does not know would end the walk there, and what follows would
        // not be counted.
        for kind in [
            "null",
            "~",
            "true",
            "-1",
            "1",
            "1.5",
            ".inf",
            "text",
            "[]",
            "{}",
            "!tag {a: b}",
            "!tag",
            "{1: 2}",
            "18446744073709551616",
            "-9223372036854775809",
        ] {
            let after = "x,".repeat(100);
            assert!(!is_at_most(50 * NODE, &format!("[{kind}, {after}]")), "{kind}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_for_others_to_refuse() {
        for text in ["", "[", "a: b: c", "*nobody", "\0", "--- a\n--- b\n"] {
            assert!(check(text).is_ok(), "{text:?}");
        }
    }

    /// In time that no test has to measure: each of these took minutes.
    ///
    /// Case: FLT-E7
    #[test]
    fn what_the_parser_would_take_minutes_for_is_refused_before() {
        let deep = |text: &str| matches!(check(text), Err(TooLarge::Depth { .. }));
        for opening in ["[", "{", "{a: ", "[a, ", "[? ", "- [", "[\"x\", [", "{[a]: "] {
            assert!(deep(&opening.repeat(200_000)), "{opening}");
        }
        let directives = "%TAG !a! b\n".repeat(200_000);
        assert!(matches!(check(&directives), Err(TooLarge::Directives { line: 65 })));
        // Many brackets beside each other are not nested, and so not too deep.
        assert!(check(&format!("[{}]", "[[]],".repeat(10_000))).is_ok());
    }

    /// Case: FLT-K2
    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(check("\u{feff}a: b").unwrap(), "a: b");
        assert_eq!(check("a: b").unwrap(), "a: b");
    }
}
