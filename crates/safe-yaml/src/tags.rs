//! Enums in values of which nobody knows the type yet.

/// Gives a value with a tag, such as `!Circle {radius: 2}`, by which YAML writes an enum, the form that
/// all other formats have: `Circle: {radius: 2}`. So it can be sent on in another format, and be read as
/// the type that it is for.
pub fn untagged(value: serde_yaml::Value) -> serde_yaml::Value {
    use serde_yaml::Value;
    match value {
        Value::Tagged(tagged) => {
            let name = Value::String(tagged.tag.to_string().trim_start_matches('!').to_owned());
            let value = untagged(tagged.value);
            if value.is_null() {
                name
            } else {
                Value::Mapping([(name, value)].into_iter().collect())
            }
        }
        Value::Sequence(values) => Value::Sequence(values.into_iter().map(untagged).collect()),
        Value::Mapping(mapping) => {
            Value::Mapping(mapping.into_iter().map(|(k, v)| (untagged(k), untagged(v))).collect())
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: FLT-K3
    #[test]
    fn the_enums_in_arguments_are_as_entries_read_them() {
        let value = |yaml: &str| serde_yaml::from_str::<serde_yaml::Value>(yaml).unwrap();
        for (tagged, plain) in [
            ("!A {x: 1}", "{A: {x: 1}}"),
            ("[!A 1, !B [!C 2], !D ]", "[{A: 1}, {B: [{C: 2}]}, D]"),
            ("{a: !A {b: !B 1}, !C c: d}", "{a: {A: {b: {B: 1}}}, {C: c}: d}"),
            ("[1, x, null, true, 1.5, !!str 2]", "[1, x, null, true, 1.5, '2']"),
        ] {
            assert_eq!(untagged(value(tagged)), value(plain), "{tagged}");
        }
    }
}
