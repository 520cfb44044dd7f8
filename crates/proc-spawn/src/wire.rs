//! What crosses between parent and child.
//!
//! Both sides are the same executable, so the format may change with every build. The version is
//! there for the one case where they are not: a program given by path was replaced while the
//! parent was running. A child that meets an unknown version says so and exits; it does not guess.

use std::time::Duration;

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

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = Payload::decode(&bytes);
            let _ = Payload::decode(&[MAGIC, &PROTOCOL.to_le_bytes(), &bytes].concat());
            let _ = from_bytes::<Up>(&bytes);
            let _ = from_bytes::<Down>(&bytes);
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
