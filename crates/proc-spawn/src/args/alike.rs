//! Whether encoded arguments say the same: maps have no order, whatever order they were written in.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of any type, where equal ones are written alike.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Canonical {
    Nothing,
    Bool(bool),
    Int(i128),
    /// By its bits: what was a number that is none stays the same.
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Canonical>),
    Map(BTreeMap<Canonical, Canonical>),
}

/// Whether these arguments say the same. A list whose elements stand in another order says something else, also where
/// it was written from a set without an order (`HashSet`).
pub(super) fn are_alike(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    let read = |bytes| super::decode::<Canonical>(bytes).ok();
    // What cannot be read says nothing that could be the same.
    read(one).zip(read(other)).is_some_and(|(one, other)| one == other)
}

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Canonical, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Canonical;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Canonical, E> {
        Ok(Canonical::Nothing)
    }

    fn visit_none<E>(self) -> Result<Canonical, E> {
        Ok(Canonical::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Canonical, D::Error> {
        Canonical::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Canonical, D::Error> {
        Canonical::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Canonical, E> {
        Ok(Canonical::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Canonical, E> {
        Ok(Canonical::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Canonical, E> {
        Ok(Canonical::Int(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Canonical, E> {
        Ok(Canonical::Float(value.to_bits()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Canonical, E> {
        Ok(Canonical::Text(text.to_owned()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Canonical, E> {
        Ok(Canonical::Bytes(bytes.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Canonical, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = list.next_element()? {
            all.push(value);
        }
        Ok(Canonical::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Canonical, A::Error> {
        let mut all = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            all.insert(key, value);
        }
        Ok(Canonical::Map(all))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Serialize;

    use super::super::encode;
    use super::*;

    /// Case: PL-81
    #[test]
    fn a_map_says_the_same_in_any_order() {
        #[derive(Serialize)]
        struct One {
            ports: HashMap<String, u16>,
            name: Option<String>,
            half: f64,
        }
        let args = |ports: [u16; 40], half: f64| {
            let ports = ports.into_iter().map(|port| (format!("port-{port}"), port)).collect();
            encode(&One { ports, name: Some("x".to_owned()), half }).unwrap()
        };
        let ports: [u16; 40] = std::array::from_fn(|number| 8000 + number as u16);
        let once = args(ports, 0.5);
        // Each map has an order of its own, so some of these are written otherwise.
        let again: Vec<Vec<u8>> = (0..20).map(|_| args(ports, 0.5)).collect();
        assert!(again.iter().any(|other| *other != once));
        assert!(again.iter().all(|other| are_alike(&once, other)));
        let mut others = ports;
        others[7] = 1;
        assert!(!are_alike(&once, &args(others, 0.5)));
        assert!(!are_alike(&once, &args(ports, 0.25)));
    }

    #[test]
    fn what_cannot_be_read_is_like_nothing_else() {
        let list = |list: &[u8]| encode(&list).unwrap();
        assert!(!are_alike(&list(&[1, 2]), &list(&[2, 1])));
        assert!(!are_alike(&[0xc1], &[0xc1, 0xc1]));
        assert!(are_alike(&[0xc1], &[0xc1]));
        assert!(are_alike(&encode(&()).unwrap(), &encode(&None::<u8>).unwrap()));
    }
}
