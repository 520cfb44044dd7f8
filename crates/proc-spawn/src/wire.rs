//! What crosses between parent and child.
//!
//! Both sides are the same executable, so the format may change with every build. The version is
//! there for the one case where they are not: a program given by path was replaced while the
//! parent was running. A child that meets an unknown version of the payload says so and exits; it does not
//! guess. A word that one side does not know, since the other one is newer, is passed over.

use std::fmt;
use std::time::Duration;

use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::current::Current;
use crate::link::{from_bytes, to_bytes};
use exit::{Failure, Panic, SetupError};

/// The first argument of a child: this, and a number that must be in the payload too.
pub(crate) const MARKER: &str = "--proc-spawn-child=";

const MAGIC: &[u8] = b"proc-spawn ";
/// Raised whenever a message changes its shape.
const PROTOCOL: u32 = 2;

/// Everything that a child needs to know.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// The same as on the command line: a payload for somebody else is not taken.
    pub(crate) nonce: u64,
    pub(crate) current: Current,
    /// The process that is to be watched, none if the child is to outlive it.
    pub(crate) parent: Option<u32>,
    pub(crate) entry: Option<String>,
    pub(crate) args: ByteBuf,
    /// For the role's own handler.
    pub(crate) setup: ByteBuf,
}

impl Payload {
    pub(crate) fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = [MAGIC, &PROTOCOL.to_le_bytes()].concat();
        bytes.extend(to_bytes(self)?);
        Ok(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Payload, PayloadError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(PayloadError::Foreign)?;
        let (protocol, body) = rest.split_first_chunk().ok_or(PayloadError::Foreign)?;
        let theirs = u32::from_le_bytes(*protocol);
        if theirs != PROTOCOL {
            return Err(PayloadError::Version { theirs });
        }
        from_bytes(body).map_err(|source| PayloadError::Malformed { source })
    }
}

/// Why a payload was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error("what came is no payload")]
    Foreign,
    #[error(
        "the payload has version {theirs}, this program speaks version {PROTOCOL}: parent and \
         child are different builds"
    )]
    Version { theirs: u32 },
    #[error("the payload cannot be decoded")]
    Malformed { source: std::io::Error },
    #[error("nothing has been sent")]
    Missing,
    #[error("the payload is for another process")]
    NotForUs,
}

/// A word of one of the sides.
pub(crate) trait Word: DeserializeOwned {
    /// What those that are known are called.
    const NAMES: &[&str];

    /// Reads one; `None`: it is whole, and of a kind that only a newer build knows.
    ///
    /// # Errors
    ///
    /// It is no word, or one that is known and says what it cannot.
    fn read(bytes: &[u8]) -> std::io::Result<Option<Self>> {
        match from_bytes(bytes) {
            Ok(word) => Ok(Some(word)),
            Err(_) if name(bytes).is_some_and(|name| !Self::NAMES.contains(&name.as_str())) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What a word is called, whatever it says: alone, or as the key of what it says.
fn name(bytes: &[u8]) -> Option<String> {
    from_bytes::<Name>(bytes).ok().map(|name| name.0)
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Name, A::Error> {
        let none = || de::Error::custom("a map with nothing in it");
        let (name, IgnoredAny) = map.next_entry::<String, IgnoredAny>()?.ok_or_else(none)?;
        match map.next_key::<IgnoredAny>()? {
            None => Ok(Name(name)),
            Some(IgnoredAny) => Err(de::Error::custom("more than one word")),
        }
    }
}

impl Word for Down {
    const NAMES: &[&str] = &["Quit", "Reopen"];
}

impl Word for Up {
    const NAMES: &[&str] =
        &["Ready", "SetupFailed", "PanicSeen", "Extend", "Status", "Verdict", "Told"];
}

/// From parent to child, after the payload.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Down {
    Quit { reason: String, remaining: Option<Duration> },
    Reopen,
}

/// From child to parent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Up {
    /// The entry is about to be called.
    Ready,
    SetupFailed(SetupError),
    /// A panic was seen. No verdict: it may have been caught.
    PanicSeen(Panic),
    /// It needs more time for what it is doing, its start or its stop: this much from now.
    Extend(Duration),
    /// What it is doing, for people.
    Status(String),
    /// The last word before the exit.
    Verdict(Verdict),
    /// Whatever the role's handler has to say to its starter.
    Told(ByteBuf),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Error(Failure),
    Panic(Panic),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::current::Role;

    fn payload() -> Payload {
        Payload {
            nonce: 7,
            current: Current { role: Role::Worker, name: "red".into(), incarnation: 2 },
            parent: Some(1),
            entry: Some("a:b".into()),
            args: ByteBuf::from(vec![0; 10]),
            setup: ByteBuf::new(),
        }
    }

    #[test]
    fn a_payload_of_another_version_is_refused_by_name() {
        let mut bytes = payload().encode().unwrap();
        assert_eq!(Payload::decode(&bytes).unwrap(), payload());
        bytes[MAGIC.len()] = 99;
        let text = Payload::decode(&bytes).unwrap_err().to_string();
        assert!(text.contains("version 99") && text.contains("version 2"), "{text}");
    }

    /// What a newer build says is passed over; what cannot be read of what is known is an error.
    #[test]
    fn a_word_of_a_newer_build_is_no_word_and_no_error() {
        #[derive(Serialize)]
        enum Newer {
            Reload,
            Scale { to: u32 },
            Quit(u8),
        }
        let read = |word: &Newer| Down::read(&to_bytes(word).unwrap());
        assert_eq!(read(&Newer::Reload).unwrap(), None);
        assert_eq!(read(&Newer::Scale { to: 7 }).unwrap(), None);
        read(&Newer::Quit(7)).unwrap_err();
        Down::read(&[]).unwrap_err();
        Down::read(&to_bytes(&7).unwrap()).unwrap_err();
        let quit = Down::Quit { reason: "stop".into(), remaining: None };
        assert_eq!(Down::read(&to_bytes(&quit).unwrap()).unwrap(), Some(quit));
    }

    #[test]
    fn each_word_has_its_name_in_the_list() {
        let failed = SetupError::new("x", &fmt::Error);
        let panic = Panic { message: "x".into(), place: String::new() };
        let up = [
            Up::Ready,
            Up::SetupFailed(failed),
            Up::PanicSeen(panic.clone()),
            Up::Extend(Duration::ZERO),
            Up::Status("x".into()),
            Up::Verdict(Verdict::Panic(panic)),
            Up::Told(ByteBuf::new()),
        ];
        let names: Vec<_> = up.iter().map(|word| name(&to_bytes(word).unwrap()).unwrap()).collect();
        assert_eq!(names, Up::NAMES);
        let down = [Down::Quit { reason: String::new(), remaining: None }, Down::Reopen];
        let names: Vec<_> =
            down.iter().map(|word| name(&to_bytes(word).unwrap()).unwrap()).collect();
        assert_eq!(names, Down::NAMES);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = Payload::decode(&bytes);
            let _ = Payload::decode(&[MAGIC, &PROTOCOL.to_le_bytes(), &bytes].concat());
            let _ = Up::read(&bytes);
            let _ = Down::read(&bytes);
        }

        /// Nearer to what is right than chance gets: one byte of it is another.
        #[test]
        fn a_payload_with_a_wrong_byte_is_an_error_or_another_payload(at: usize, byte: u8) {
            let mut bytes = payload().encode().unwrap();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(other) = Payload::decode(&bytes) {
                prop_assert_eq!(Payload::decode(&other.encode().unwrap()).unwrap(), other);
            }
        }

        #[test]
        fn a_cut_payload_is_an_error(at in 0..100usize) {
            let bytes = payload().encode().unwrap();
            let at = at % bytes.len();
            prop_assert!(Payload::decode(&bytes[..at]).is_err());
        }
    }
}
