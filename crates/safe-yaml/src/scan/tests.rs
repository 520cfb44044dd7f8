//! Where brackets are seen: compared with what the parser makes of the same text.

use proptest::prelude::*;
use serde_yaml::Value;

use super::*;

fn depth(text: &str) -> usize {
    (0..).find(|most| !matches!(Scanner::new(text, *most).run(), Err(TooMuch::Depth(_)))).unwrap()
}

/// Case: FLT-E7
#[test]
fn brackets_are_counted_where_they_are_some() {
    for (text, expected) in [
        ("", 0),
        ("a: b", 0),
        ("[]", 1),
        ("a: [b, {c: [d]}, [e]]", 3),
        ("[[[", 3),
        ("{a: {b: {c: ", 3),
        ("[a[b{c", 3),
        ("[\n[\n[", 3),
        ("- - [[\n - {", 3),
        ("[a: [b]: [c", 2),
        ("[a: [b], [c", 2),
        ("!t [!t {!<[[[[> a: [", 3),
        ("&a [*b , &c[", 2),
        ("[\"]\", ']', [", 2),
        ("[# ]\n[", 2),
        ("\u{feff}[[", 2),
        ("--- [[[\n...\n--- [", 4),
    ] {
        assert_eq!(depth(text), expected, "{text:?}");
    }
}

/// Texts with brackets that mean nothing, as the value of a key.
const TEXTS: &[&str] = &[
    "x[[[[",
    "http://[[[[",
    "'[[[['",
    "'it''s [[[['",
    "\"[[[[\"",
    r#""\" [[[[""#,
    r#""\\" # [[[["#,
    "\"two\n  lines [[[[\"",
    "x # [[[[",
    "x\n  [[[[ of the same text",
    "x\n  # [[[[",
    "|\n  [[[[\n\n  ' [[[[",
    "|\n    further\n    [[[[\n   ",
    "|2\n     [[[[\n  \" [[[[",
    ">-\n  ' [[[[",
    "|+ # [[[[\n  [[[[\n\n",
    "!t |\n  ' [[[[",
    "&a |\n  [[[[\n  '",
    "\n  |\n [[[[",
    "\n- |\n [[[[",
    "\n- - |\n   ' [[[[\n - x",
    "\n- k: |\n     ' [[[[\n  l: |\n   [[[[",
    "\n  k: |\n   ' [[[[",
    "\n  ? |\n   ' [[[[\n  : |\n   ' [[[[",
    "\n  'k': |\n   [[[[",
    "\n  !t k: |\n   [[[[ '",
    "\n  [k]: |\n   [[[[ '",
    "\n  ä: |\n   [[[[ '",
    "x\r  [[[[\u{2028}  [[[[",
];

/// Case: FLT-E7
#[test]
fn brackets_in_texts_and_comments_are_none_and_hide_none() {
    for text in TEXTS {
        let own = usize::from(text.contains("[k]"));
        let before = format!("a: {text}");
        assert_eq!(depth(&before), own, "{before:?}");
        let after = format!("a: {text}\nz: [[[[[x]]]]]\n");
        assert_eq!(depth(&after), 5, "{after:?}");
        // If the parser accepts the text, it must have seen the same brackets.
        if let Ok(value) = serde_yaml::from_str::<Value>(&after) {
            assert_eq!(nested(&value["z"]), 5, "{after:?}");
        }
    }
}

/// Case: FLT-E7
#[test]
fn the_place_is_told() {
    let deep = format!("ä: x\nö: {}", "[".repeat(200));
    assert_eq!(scan(&deep), Err(TooMuch::Depth(At { line: 2, column: 4 + MAX_DEPTH })));
    let many = "%TAG !a! b\n".repeat(100);
    assert_eq!(scan(&many), Err(TooMuch::Directives(At { line: 1 + MAX_DIRECTIVES, column: 1 })));
    assert_eq!(scan(&"x: '\n %TAG'\n".repeat(100)), Ok(()));
    assert_eq!(scan(&"[".repeat(MAX_DEPTH)), Ok(()));
}

/// How many collections there are around the innermost value.
fn nested(value: &Value) -> usize {
    match value {
        Value::Sequence(values) => 1 + values.iter().map(nested).max().unwrap_or(0),
        Value::Mapping(mapping) => {
            1 + mapping.iter().map(|(k, v)| nested(k).max(nested(v))).max().unwrap_or(0)
        }
        Value::Tagged(tagged) => nested(&tagged.value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Whatever the parser takes is seen with at most as many brackets as there are collections, and
/// what stands after it is not hidden.
fn check(text: &str) -> bool {
    let after = format!("{text}\nzz: [[[[[[[x]]]]]]]\n");
    let Ok(value) = serde_yaml::from_str::<Value>(&after) else { return false };
    if nested(&value["zz"]) != 7 {
        return false;
    }
    let seen = depth(&after);
    assert!(7 <= seen, "{after:?} has brackets that are not seen");
    assert!(seen <= nested(&value), "{after:?} is not so deep as {seen}");
    true
}

proptest! {
    #[test]
    fn what_is_written_is_seen_as_it_is(
        texts in prop::collection::btree_map("[a-y]{1,3}", "[\\[\\]{}'\"#:|>\\-?! \\\\\na-c]{0,30}", 1..8),
    ) {
        let yaml = serde_yaml::to_string(&texts).unwrap();
        prop_assert!(depth(&yaml) == 0, "{}", yaml);
        prop_assert!(check(&yaml), "{}", yaml);
    }

    #[test]
    fn what_the_parser_takes_is_seen_as_it_is(
        pieces in prop::collection::vec(prop::sample::select(&[
            "a: ", "b: ", "- ", "? ", ": ", "\n", "\n", "\n ", "\n  ", "\n   ", "[", "]", "{", "}", ", ",
            "x", "'", "\"", "|\n", ">2\n", "#", " #", "!t ", "&a ", "*a", "\\", "''", "---\n", "\t", "%", "\r",
        ][..]), 0..25),
    ) {
        check(&format!("q: 1\n{}", pieces.concat()));
    }
}
