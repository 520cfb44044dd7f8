//! What an entry has returned: bytes that its parent keeps until somebody asks for them by type.

use std::fmt;
use std::sync::Arc;

use exit::{ErrorText, NoValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args;
use crate::speaker::Speaker;

/// The most bytes of a value that are asked for where nobody says another number: a mebibyte.
pub const DEFAULT_VALUE: u64 = 1 << 20;

/// The most that a value may have, whatever was asked for: 64 MiB. What is larger belongs into a file, whose name is
/// then the value.
pub const LONGEST_VALUE: u64 = 64 << 20;

/// A value crosses in words of this size, but for the last one.
pub(crate) const PIECE: usize = 256 << 10;

/// What an entry has returned with `Ok`, encoded as its arguments were.
///
/// It is the child's own word: what is made of it fits the type that is asked for, and no more is known of it. Clones
/// share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Arc<[u8]>);

impl Value {
    /// What an entry returns that returns nothing.
    pub fn nothing() -> Value {
        Value([args::NIL].into())
    }

    /// The value, as a type of one's own.
    ///
    /// # Errors
    ///
    /// It is of another type: the error names the field where that is known.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, args::Error> {
        args::decode(&self.0)
    }

    /// How many bytes it has, encoded: one at least.
    pub fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.0.len())
    }
}

/// Encodes what an entry has returned, if it has no more bytes than this.
pub(crate) fn encode<T: Serialize>(value: &T, most: u64) -> Result<Vec<u8>, NoValue> {
    args::encode_within(value, most).map_err(|refused| match refused {
        Some(error) => NoValue::Unencodable(ErrorText::new(&error)),
        None => NoValue::TooLarge { most },
    })
}

/// What has come of a value so far.
#[derive(Debug)]
pub(crate) struct Collected {
    /// The most that it may have.
    most: u32,
    /// Who has to have sent it.
    pid: u32,
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Collected {
    /// Nothing yet of a value of at most so many bytes, which this process is to send.
    pub(crate) fn new(most: u32, pid: u32) -> Collected {
        Collected { most, pid, bytes: Vec::new(), is_whole: false }
    }

    /// Takes one more piece. What another process says that has the child's socket is passed over. `false`: nobody of
    /// ours sends such a piece.
    pub(crate) fn take(&mut self, piece: &[u8], more: bool, by: Option<Speaker>) -> bool {
        if by.is_none_or(|speaker| speaker.pid != self.pid) {
            return true;
        }
        let is_too_much = self.bytes.len() + piece.len() > self.most as usize;
        if self.is_whole || is_too_much || more && piece.len() != PIECE {
            return false;
        }
        self.bytes.extend_from_slice(piece);
        self.is_whole = !more;
        true
    }

    /// The value, if all of it has come.
    pub(crate) fn whole(self) -> Option<Value> {
        self.is_whole.then(|| Value(self.bytes.into()))
    }

    /// How much is kept.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(pid: u32) -> Option<Speaker> {
        Some(Speaker { pid, user: 0, group: 0 })
    }

    /// Case: PL-92
    #[test]
    fn half_a_value_is_none() {
        let mut collected = Collected::new(1 << 20, 7);
        assert!(collected.take(&[1; PIECE], true, by(7)));
        assert_eq!(Collected { bytes: vec![1; PIECE], ..collected }.whole(), None);
        let mut collected = Collected::new(1 << 20, 7);
        assert!(collected.take(&[1; PIECE], true, by(7)));
        assert!(collected.take(&[2; 3], true, by(8)), "somebody else's is passed over");
        assert!(collected.take(&[2; 3], true, None), "and nobody's");
        assert!(collected.take(&[3; 2], false, by(7)));
        let whole = collected.whole().unwrap();
        assert_eq!(*whole.0, [&[1; PIECE][..], &[3; 2]].concat());
    }

    /// Case: PL-94
    #[test]
    fn what_nobody_of_ours_sends_is_refused() {
        for pieces in [
            &[(PIECE + 1, true)][..],
            &[(0, true)],
            &[(1 << 20, false), (1, false)],
            &[((1 << 20) + 1, false)],
            &[(PIECE, true), (PIECE, true), (PIECE, true), (PIECE, true), (1, false)],
        ] {
            let mut collected = Collected::new(1 << 20, 7);
            let (last, before) = pieces.split_last().unwrap();
            for (length, more) in before {
                assert!(collected.take(&vec![0; *length], *more, by(7)), "{pieces:?}");
            }
            assert!(!collected.take(&vec![0; last.0], last.1, by(7)), "{pieces:?}");
            assert!(collected.size() <= 1 << 20);
        }
    }

    /// Case: PL-94
    #[test]
    fn what_is_too_large_is_not_encoded_to_its_end() {
        assert_eq!(encode(&[7_u8; 3], 4).unwrap().len(), 4);
        assert_eq!(encode(&[7_u8; 4], 4), Err(NoValue::TooLarge { most: 4 }));
        let lost = encode(&Some(()), 4).unwrap_err();
        assert!(matches!(&lost, NoValue::Unencodable(_)) && lost.is_permanent(), "{lost}");
        assert!(lost.to_string().contains("would arrive as `None`"), "{lost}");
    }

    #[test]
    fn nothing_is_what_an_entry_without_a_value_returns() {
        assert_eq!(Value(encode(&(), 1).unwrap().into()), Value::nothing());
        Value::nothing().read::<()>().unwrap();
        assert_eq!(Value::nothing().size(), 1);
        Value::nothing().read::<u8>().unwrap_err();
    }
}
