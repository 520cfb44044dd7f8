//! Arguments as bytes and back.
//!
//! The encoding is MessagePack with field names: it describes itself, so that a mapping read from
//! a file fits the struct that the entry declares, and tagged, untagged and flattened types work.

mod alike;
mod lossless;

use std::io::{self, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Arguments, or a value, that could not be encoded or decoded; the text names the field where it is known.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    text: String,
}

/// Nothing, as MessagePack writes it.
pub(crate) const NIL: u8 = 0xc0;

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let failed = |text: String| Error { text: format!("they cannot be encoded: {text}") };
    write(value, &mut bytes).map_err(failed)?;
    check(value, &bytes).map_err(failed)?;
    Ok(bytes)
}

/// The same for at most so many bytes; `None`: there would be more.
pub(crate) fn encode_within<T: Serialize + ?Sized>(
    value: &T,
    most: u64,
) -> Result<Vec<u8>, Option<Error>> {
    let mut bounded = Bounded { bytes: Vec::new(), most, is_full: false };
    let written = write(value, &mut bounded);
    if bounded.is_full {
        return Err(None);
    }
    written.and_then(|()| check(value, &bounded.bytes)).map_err(|text| Some(Error { text }))?;
    Ok(bounded.bytes)
}

fn write<T: Serialize + ?Sized>(value: &T, to: impl Write) -> Result<(), String> {
    // Human-readable on both sides, since arguments may come from a configuration file, where an
    // address or a date is written as text.
    let mut serializer = rmp_serde::Serializer::new(to).with_struct_map().with_human_readable();
    value.serialize(&mut serializer).map_err(|error| error.to_string())
}

/// Whether all of it has been written.
fn check<T: Serialize + ?Sized>(value: &T, written: &[u8]) -> Result<(), String> {
    // Only a nil can be taken for something else: without one nothing is lost.
    if written.contains(&NIL) {
        lossless::check(value).map_err(|lost| lost.to_string())?;
    }
    Ok(())
}

/// Bytes that do not become more than so many.
struct Bounded {
    bytes: Vec<u8>,
    most: u64,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether encoded arguments say the same, in whatever order their maps were written.
pub(crate) fn are_alike(one: &[u8], other: &[u8]) -> bool {
    alike::are_alike(one, other)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| in_words::<T>(bytes, error))
}

/// Says what is wrong by reading the same bytes as JSON values: MessagePack only knows that a marker was
/// wrong, JSON values tell what was found and what was expected.
fn in_words<T: DeserializeOwned>(
    bytes: &[u8],
    error: serde_path_to_error::Error<rmp_serde::decode::Error>,
) -> Error {
    let Ok(value) = rmp_serde::from_slice::<serde_json::Value>(bytes) else {
        return Error::at(error);
    };
    // In JSON every key is a text. So JSON does not see that a number was expected, or says it in words
    // of its own.
    let key_is_text = match serde_path_to_error::deserialize::<_, T>(value) {
        Ok(_) => matches!(error.inner(), rmp_serde::decode::Error::TypeMismatch(_)),
        Err(said) if said.inner().to_string().contains("expected key to be a number") => true,
        Err(said) => return Error::at(said),
    };
    if !key_is_text {
        return Error::at(error);
    }
    let path = error.path().to_string();
    // Where the key itself is wrong, the path ends in `?`: that key has no name yet.
    let path = path.trim_end_matches('?').trim_end_matches('.');
    let field = if path.is_empty() { String::new() } else { format!("field `{path}`: ") };
    let text = "a key is a text where a number is expected; write it without quotes";
    Error { text: format!("{field}{text}") }
}

impl Error {
    fn at(error: serde_path_to_error::Error<impl std::error::Error>) -> Error {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let text = match path.as_str() {
            "." => cause.to_string(),
            path => format!("field `{path}`: {cause}"),
        };
        Error { text }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        number: i128,
        nested: Vec<Inner>,
        tagged: Tagged,
        untagged: Untagged,
        address: IpAddr,
        unit: (),
        map: BTreeMap<u8, String>,
        float: f64,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        name: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { x: u8 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u64),
        Text(String),
    }

    #[test]
    fn what_serde_can_say_comes_back_the_same() {
        let value = || Everything {
            number: -5,
            nested: vec![Inner { name: None }, Inner { name: Some("ä\n\0".into()) }],
            tagged: Tagged::A { x: 1 },
            untagged: Untagged::Text("t".into()),
            address: "::1".parse().unwrap(),
            unit: (),
            map: BTreeMap::from([(7, "seven".into())]),
            float: f64::INFINITY,
            rest: BTreeMap::from([("more".into(), 9)]),
        };
        let bytes = encode(&value()).unwrap();
        assert_eq!(decode::<Everything>(&bytes).unwrap(), value());
    }

    #[test]
    fn a_mismatch_names_the_field() {
        #[derive(Serialize)]
        struct Other {
            nested: Vec<BTreeMap<&'static str, u8>>,
        }
        #[derive(Debug, Deserialize)]
        struct Wanted {
            #[serde(rename = "nested")]
            _nested: Vec<Inner>,
        }
        let bytes = encode(&Other { nested: vec![BTreeMap::from([("name", 3)])] }).unwrap();
        let error = decode::<Wanted>(&bytes).unwrap_err().to_string();
        let expected = "field `nested[0].name`: invalid type: integer `3`, expected a string";
        assert_eq!(error, expected);
        let error = decode::<Wanted>(&encode(&BTreeMap::<u8, u8>::new()).unwrap()).unwrap_err();
        assert!(error.to_string().contains("missing field `nested`"), "{error}");
    }

    /// Case: FLT-K3
    #[test]
    fn a_key_that_is_a_text_is_told_in_words() {
        #[derive(Debug, Serialize, Deserialize)]
        struct Wanted<K: Ord> {
            map: BTreeMap<K, u8>,
        }
        let bytes = encode(&Wanted { map: BTreeMap::from([("1", 3)]) }).unwrap();
        assert_eq!(
            decode::<Wanted<u8>>(&bytes).unwrap_err().to_string(),
            "field `map`: a key is a text where a number is expected; write it without quotes"
        );
        for key in ["1", "x"] {
            let bytes = encode(&BTreeMap::from([(key, 3)])).unwrap();
            let error = decode::<BTreeMap<i32, u8>>(&bytes).unwrap_err().to_string();
            assert_eq!(
                error,
                "a key is a text where a number is expected; write it without quotes"
            );
        }
    }

    #[test]
    fn nothing_at_all_is_an_error() {
        assert!(decode::<Inner>(&[]).is_err());
        assert!(decode::<()>(&encode(&()).unwrap()).is_ok());
    }
}
