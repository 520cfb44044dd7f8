//! How a child was called: what its arguments say, before there is a payload.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use crate::wire::MARKER;

/// The words of a child's command line, after its title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    /// What the payload has to repeat.
    pub(crate) nonce: OsString,
    /// The name that `top` shows.
    pub(crate) comm: OsString,
    /// The link does not lead to the process that starts this one: that is a launcher, and goes.
    pub(crate) relayed: bool,
    /// The child has executed itself anew in its place already, and must not do it again: see
    /// `inherited`.
    pub(crate) anew: bool,
    /// The descriptors from 3 on that it inherits, as far as its starter knows.
    pub(crate) inherited: Option<Vec<i32>>,
    /// There may be others, which another thread of the starter has opened meanwhile.
    pub(crate) and_others: bool,
}

const RELAYED: &str = "relayed";
const ANEW: &str = "anew";
const AND_OTHERS: &str = "and-others";
const INHERITED: &str = "inherited=";

impl Called {
    /// With this number to be repeated, and nothing else.
    pub(crate) fn of(nonce: u64) -> Called {
        Called { nonce: format!("{nonce:016x}").into(), ..Called::default() }
    }

    /// `None`: these are the arguments of no child.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Option<Called> {
        let mut args = args.into_iter();
        let marker = args.next()?;
        let nonce = OsStr::from_bytes(marker.as_bytes().strip_prefix(MARKER.as_bytes())?);
        let mut called = Called { nonce: nonce.to_owned(), ..Called::default() };
        called.comm = args.next().unwrap_or_default();
        for word in args {
            // A word that is no text is none of ours, and is passed over.
            let Some(word) = word.to_str() else { continue };
            match word {
                RELAYED => called.relayed = true,
                ANEW => called.anew = true,
                AND_OTHERS => called.and_others = true,
                _ => {
                    if let Some(list) = word.strip_prefix(INHERITED) {
                        let numbers = list.split(',').filter_map(|number| number.parse().ok());
                        called.inherited = Some(numbers.filter(|number| *number >= 3).collect());
                    }
                }
            }
        }
        Some(called)
    }

    /// The same as arguments.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut marker = OsString::from(MARKER);
        marker.push(&self.nonce);
        let mut args = vec![marker, self.comm.clone()];
        args.extend(self.relayed.then(|| RELAYED.into()));
        args.extend(self.anew.then(|| ANEW.into()));
        args.extend(self.and_others.then(|| AND_OTHERS.into()));
        args.extend(self.inherited.as_deref().map(|numbers| {
            let mut word = INHERITED.to_owned();
            for (at, number) in numbers.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                // A `String` takes whatever comes.
                let _ = write!(word, "{comma}{number}");
            }
            word.into()
        }));
        args
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_said_is_understood(
            relayed: bool, anew: bool, and_others: bool, inherited in proptest::option::of(proptest::collection::vec(3..99i32, 0..4))
        ) {
            let called = Called { nonce: "7".into(), comm: "a b".into(), relayed, anew, and_others, inherited };
            prop_assert_eq!(Called::parse(called.to_args()), Some(called));
        }

        #[test]
        fn no_words_make_it_panic(words: Vec<String>) {
            let words = words.into_iter().map(OsString::from);
            let _ = Called::parse([OsString::from(MARKER)].into_iter().chain(words.clone()));
            prop_assert_eq!(Called::parse(words), None);
        }
    }
}
