//! The two ways in which people write an enum in a file: `!linear 1s`, the only one that the YAML parser
//! takes by itself, and `{linear: 1s}`, which is usual elsewhere.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// Reads an enum in both forms: for `#[serde(deserialize_with)]`.
pub fn either<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(Either(deserializer))
}

struct Either<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Either<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let _ = name;
        self.0.deserialize_any(EitherVisitor { variants, visitor, lifetime: PhantomData })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct EitherVisitor<'de, V> {
    variants: &'static [&'static str],
    visitor: V,
    lifetime: PhantomData<&'de ()>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for EitherVisitor<'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of `{}`, alone or as the key of a value", self.variants.join("`, `"))
    }

    fn visit_str<E: Error>(self, variant: &str) -> Result<V::Value, E> {
        self.visitor.visit_enum(variant.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(MapAccessDeserializer::new(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(tagged)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{Backoff, Growth};

    fn growth(yaml: &str) -> Result<Growth, String> {
        let backoff: Result<Backoff, _> = serde_yaml::from_str(&format!("growth: {yaml}"));
        backoff.map(|backoff| backoff.growth).map_err(|error| error.to_string())
    }

    /// Case: FLT-K3
    #[test]
    fn an_enum_is_read_in_both_forms_and_what_is_wrong_says_which_there_are() {
        for yaml in ["!exponential 2", "{exponential: 2}", "\n  exponential: 2.0"] {
            assert_eq!(growth(yaml), Ok(Growth::Exponential(2.0)), "{yaml}");
        }
        for yaml in ["!linear 2s", "{linear: 2s}"] {
            assert_eq!(growth(yaml), Ok(Growth::Linear(Duration::from_secs(2))), "{yaml}");
        }
        for yaml in ["constant", "!constant", "{constant: null}"] {
            assert_eq!(growth(yaml), Ok(Growth::Constant), "{yaml}");
        }
        let known = "expected one of `constant`, `linear`, `exponential`";
        for yaml in ["quadratic", "!quadratic 2", "{quadratic: 2}", "7", "[exponential, 2]"] {
            let error = growth(yaml).unwrap_err();
            assert!(error.contains(known) && error.contains("line 1 column "), "{yaml}: {error}");
        }
        for yaml in ["exponential", "{exponential: fast}", "{}", "{linear: 1s, exponential: 2}"] {
            growth(yaml).unwrap_err();
        }
    }
}
