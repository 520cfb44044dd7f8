//! Finds what MessagePack cannot tell from nothing: `Some` of a value that is itself written as nil.
//!
//! An option has no mark of its own there: `Some(x)` is written as `x` is, and `None` as nil. So
//! `Some(None)` and `Some(())` would arrive as `None`, and nobody would know.

use std::fmt;

use serde::Serialize;
use serde::ser::{self, Serializer};

/// Where something would be lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// The fields on the way there, the innermost first.
    path: Vec<&'static str>,
    /// What else went wrong: in the value's own code.
    other: Option<String>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(other) = &self.other {
            return f.write_str(other);
        }
        if !self.path.is_empty() {
            let path: Vec<_> = self.path.iter().rev().copied().collect();
            write!(f, "field `{}`: ", path.join("."))?;
        }
        f.write_str(
            "a `Some` of nothing (`Some(None)`, `Some(())`) would arrive as `None`; use an enum, or a \
             struct in the option",
        )
    }
}

impl std::error::Error for Lost {}

impl ser::Error for Lost {
    fn custom<T: fmt::Display>(text: T) -> Lost {
        Lost { path: Vec::new(), other: Some(text.to_string()) }
    }
}

impl Lost {
    fn below(mut self, field: &'static str) -> Lost {
        self.path.push(field);
        self
    }
}

/// Goes through the value, and writes nothing.
pub(super) fn check<T: Serialize + ?Sized>(value: &T) -> Result<(), Lost> {
    value.serialize(Check).map(drop)
}

/// A serializer whose result is whether the value that it was given is written as nil.
#[derive(Clone, Copy)]
struct Check;

macro_rules! something {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, _: $type) -> Result<bool, Lost> {
            Ok(false)
        }
    )*};
}

impl Serializer for Check {
    type Ok = bool;
    type Error = Lost;
    type SerializeSeq = Check;
    type SerializeTuple = Check;
    type SerializeTupleStruct = Check;
    type SerializeTupleVariant = Check;
    type SerializeMap = Check;
    type SerializeStruct = Check;
    type SerializeStructVariant = Check;

    something! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<bool, Lost> {
        Ok(true)
    }

    fn serialize_unit(self) -> Result<bool, Lost> {
        Ok(true)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Lost> {
        match value.serialize(self)? {
            true => Err(Lost { path: Vec::new(), other: None }),
            false => Ok(false),
        }
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<bool, Lost> {
        Ok(false)
    }

    /// Written as what is in it.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Lost> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<bool, Lost> {
        value.serialize(self).map_err(|lost| lost.below(variant))?;
        Ok(false)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Check, Lost> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Check, Lost> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Check, Lost> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Check, Lost> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Check, Lost> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Check, Lost> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Check, Lost> {
        Ok(self)
    }

    /// The same as the encoder says of itself, so that both see the same value.
    fn is_human_readable(&self) -> bool {
        true
    }
}

/// Each element is looked at; what holds them is written as something.
macro_rules! elements {
    ($($of:ident: $method:ident),* $(,)?) => {$(
        impl ser::$of for Check {
            type Ok = bool;
            type Error = Lost;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lost> {
                check(value)
            }

            fn end(self) -> Result<bool, Lost> {
                Ok(false)
            }
        }
    )*};
}

elements! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! fields {
    ($($of:ident),* $(,)?) => {$(
        impl ser::$of for Check {
            type Ok = bool;
            type Error = Lost;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Lost> {
                check(value).map_err(|lost| lost.below(key))
            }

            fn end(self) -> Result<bool, Lost> {
                Ok(false)
            }
        }
    )*};
}

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Check {
    type Ok = bool;
    type Error = Lost;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Lost> {
        check(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lost> {
        check(value)
    }

    fn end(self) -> Result<bool, Lost> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{decode, encode};

    /// A struct in place of an option's value has a mark of its own.
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Patch {
        limit: Option<Change>,
        unit: Option<Empty>,
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    enum Change {
        To(Option<u8>),
    }

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Empty;

    #[derive(serde::Serialize)]
    struct Outer<T> {
        inner: Vec<Inner<T>>,
    }

    #[derive(serde::Serialize)]
    struct Inner<T> {
        limit: T,
    }

    #[derive(serde::Serialize)]
    struct New<T>(T);

    #[track_caller]
    fn is_refused(value: &impl serde::Serialize) -> String {
        encode(value).unwrap_err().to_string()
    }

    /// Case: FLT-K1
    #[test]
    fn what_would_arrive_as_something_else_is_refused() {
        assert!(is_refused(&Some(None::<u8>)).starts_with(
            "they cannot be encoded: a `Some` of nothing (`Some(None)`, `Some(())`) would arrive"
        ));
        is_refused(&Some(()));
        is_refused(&Some(Some(None::<u8>)));
        is_refused(&New(Some(New(None::<u8>))));
        is_refused(&vec![Some(Some(1)), Some(None)]);
        is_refused(&BTreeMap::from([("a", (1, Some(None::<u8>)))]));
        is_refused(&BTreeMap::from([(Some(()), 1)]));
        is_refused(&Some(serde_json::Value::Null));
        let deep = |limit| Outer { inner: vec![Inner { limit }] };
        let text = is_refused(&deep(Some(None::<u8>)));
        assert!(text.contains("field `inner.limit`: a `Some` of nothing"), "{text}");
        encode(&deep(Some(Some(3)))).unwrap();
        encode(&deep(None)).unwrap();
    }

    /// Case: FLT-K1
    #[test]
    fn what_can_be_told_arrives_as_it_was() {
        let patches = [
            Patch { limit: None, unit: None },
            Patch { limit: Some(Change::To(None)), unit: Some(Empty) },
            Patch { limit: Some(Change::To(Some(1))), unit: None },
        ];
        for patch in patches {
            assert_eq!(decode::<Patch>(&encode(&patch).unwrap()).unwrap(), patch);
        }
        let some = Some(Some(Some(7)));
        assert_eq!(decode::<Option<Option<Option<u8>>>>(&encode(&some).unwrap()).unwrap(), some);
        let none: Option<Option<u8>> = None;
        assert_eq!(decode::<Option<Option<u8>>>(&encode(&none).unwrap()).unwrap(), none);
        let value = serde_json::json!({"a": null, "b": [null, 1]});
        assert_eq!(decode::<serde_json::Value>(&encode(&value).unwrap()).unwrap(), value);
        let wide = (u128::MAX, i128::MIN, f32::NEG_INFINITY, '\u{10ffff}', u64::MAX, i64::MIN);
        assert_eq!(
            decode::<(u128, i128, f32, char, u64, i64)>(&encode(&wide).unwrap()).unwrap(),
            wide
        );
    }
}
