//! What crosses between parent and child.
//!
//! Both sides are the same executable, so the format may change with every build. The version is
//! there for the one case where they are not: a program given by path was replaced while the
//! parent was running. A child that meets an unknown version of the payload says so and exits; it does not
//! guess. A word that one side does not know, since the other one is newer, is passed over.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::current::Current;
use exit::{Failure, NoValue, Panic, SetupError};
use quit::Reason;

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
    pub(crate) entry: Option<Cow<'static, str>>,
    pub(crate) args: ByteBuf,
    /// For the role's own handler.
    pub(crate) setup: ByteBuf,
    /// The most bytes that are wanted of what the entry returns; `None`: nobody wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<u32>,
    /// Whether the last descriptor that comes with it is for the role's own handler.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) given: bool,
}

impl Payload {
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
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

/// As everything crosses: MessagePack, with names of fields.
pub(crate) fn to_bytes<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    // Room for what crosses to a child, as a rule. A buffer that grows bit by bit leaves holes in the
    // heap between what is kept, which counts in a parent of thousands.
    let mut bytes = Vec::with_capacity(4096);
    rmp_serde::encode::write_named(&mut bytes, message).map_err(io::Error::other)?;
    Ok(bytes)
}

pub(crate) fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
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
    Malformed { source: io::Error },
    #[error("nothing has been sent")]
    Missing,
    #[error("the payload is for another process")]
    NotForUs,
}

/// Reads a word; `None`: it is whole, and of a kind that only a newer build knows.
///
/// # Errors
///
/// It is no word, or a known one whose content cannot be read.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<Option<T>> {
    from_bytes(bytes).map(Some).or_else(|error| {
        let unknown = name(bytes)
            .zip(known::<T>())
            .is_some_and(|(name, known)| !known.contains(&name.as_str()));
        if unknown { Ok(None) } else { Err(error) }
    })
}

/// What the words of a kind are called, as serde asks for them; `None`: it is no enumeration.
fn known<T: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut known = None;
    let _ = T::deserialize(Names(&mut known));
    known
}

/// Reads nothing, and notes what could be read.
struct Names<'a>(&'a mut Option<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("no enumeration"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = Some(variants);
        Err(de::Error::custom("nothing to read"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// The name of a word, whatever its content is: it stands alone, or is the only key of a map.
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

/// From parent to child, after the payload.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Down {
    Quit {
        #[serde(deserialize_with = "known_reason")]
        reason: Reason,
        remaining: Option<Duration>,
    },
    Reopen,
    Reload,
    /// A word of whoever is built on this.
    Told(ByteBuf),
    /// Somebody wants to ask: a connected socket comes with it.
    Connection,
}

/// A reason that only a newer build knows counts as a stop.
fn known_reason<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Reason, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Any {
        Known(Reason),
        Unknown(IgnoredAny),
    }
    Ok(match Any::deserialize(deserializer)? {
        Any::Known(reason) => reason,
        Any::Unknown(IgnoredAny) => Reason::Stop,
    })
}

/// From child to parent.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Up {
    /// The entry is about to be called, or the process can do its work again.
    Ready,
    /// It cannot do its work just now.
    NotReady,
    SetupFailed(SetupError),
    /// A panic was seen. No verdict: it may have been caught.
    PanicSeen(Panic),
    /// It needs more time for what it is doing, its start or its stop: this much from now.
    Extend(Duration),
    /// What it is doing, for people.
    Status(String),
    /// The last word before the exit.
    Verdict(Verdict),
    /// A word of whoever is built on this, [encoded](crate::tell).
    Told(ByteBuf),
    /// A piece of what the entry has returned: [so large](crate::value::PIECE), but for the last.
    Value {
        bytes: ByteBuf,
        more: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Error(Failure),
    Panic(Panic),
    NoValue(NoValue),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::current::Role;

    fn payload() -> Payload {
        Payload {
            nonce: 7,
            current: Current { incarnation: 2, ..Current::new(Role::Worker, "red") },
            parent: Some(1),
            entry: Some("a:b".into()),
            args: ByteBuf::from(vec![0; 10]),
            setup: ByteBuf::new(),
            value: Some(7),
            given: true,
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
            Later,
            Scale { to: u32 },
            Quit(u8),
        }
        let down = |bytes: &[u8]| read::<Down>(bytes);
        let read = |word: &Newer| down(&to_bytes(word).unwrap());
        assert_eq!(read(&Newer::Later).unwrap(), None);
        assert_eq!(read(&Newer::Scale { to: 7 }).unwrap(), None);
        read(&Newer::Quit(7)).unwrap_err();
        down(&[]).unwrap_err();
        down(&to_bytes(&7).unwrap()).unwrap_err();
    }

    #[test]
    fn every_reason_arrives_as_it_was_and_an_unknown_one_is_a_stop() {
        let down = |word: &Down| read::<Down>(&to_bytes(word).unwrap()).unwrap();
        for reason in [
            Reason::Signal(15),
            Reason::Stop,
            Reason::Restart,
            Reason::ParentDied,
            Reason::Scale,
            Reason::Reload,
            Reason::Requested,
        ] {
            let quit = || Down::Quit { reason, remaining: Some(Duration::from_secs(7)) };
            assert_eq!(down(&quit()), Some(quit()));
        }
        #[derive(Serialize)]
        enum Newer {
            Quit { reason: NewerReason, remaining: Option<Duration> },
        }
        #[derive(Serialize)]
        enum NewerReason {
            Eclipse,
            Flood { by: u32 },
        }
        for reason in [NewerReason::Eclipse, NewerReason::Flood { by: 7 }] {
            let quit = to_bytes(&Newer::Quit { reason, remaining: None }).unwrap();
            let stop = Down::Quit { reason: Reason::Stop, remaining: None };
            assert_eq!(read::<Down>(&quit).unwrap(), Some(stop));
        }
    }

    #[test]
    fn what_is_known_is_what_serde_knows() {
        assert_eq!(known::<Down>(), Some(&["Quit", "Reopen", "Reload", "Told", "Connection"][..]));
        assert!(known::<Up>().is_some_and(|names| names.contains(&"Told")));
        assert_eq!(known::<String>(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = Payload::decode(&bytes);
            let _ = Payload::decode(&[MAGIC, &PROTOCOL.to_le_bytes(), &bytes].concat());
            let _ = read::<Up>(&bytes);
            let _ = read::<Down>(&bytes);
        }

        /// Such bytes come nearer to a payload than chance gets: one byte of a right one is another.
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
