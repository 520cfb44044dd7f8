//! Functions and their names.

use std::error::Error;

use super::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Args {
    foo: i64,
    bar: Option<String>,
}

fn plain() {}
fn typed(_: Args) -> Result<(), std::io::Error> {
    Ok(())
}
fn boxed(_: u8) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err("boxed".into())
}
fn local(_: u8) -> Result<(), Box<dyn Error>> {
    Err("local".into())
}
fn text() -> Result<(), String> {
    Err("text".into())
}

/// An error in a box of its own, which it lends, as `anyhow::Error` does.
struct Hidden(Box<dyn Error + Send + Sync>);
impl AsRef<dyn Error> for Hidden {
    fn as_ref(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}
fn hidden() -> Result<(), Hidden> {
    Err(Hidden(Box::new(std::fmt::Error)))
}
fn borrowed() -> Result<(), &'static str> {
    Err("borrowed")
}

fn counts(from: u8) -> Result<Vec<u8>, std::io::Error> {
    Ok(vec![from, from + 1])
}

#[expect(clippy::unnecessary_wraps, reason = "this is what is tried")]
fn nested(_: ()) -> Result<Option<Option<u8>>, String> {
    Ok(Some(None))
}

/// It cannot be encoded, and whoever tries that is told so.
struct Untold;

impl Serialize for Untold {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it was encoded"))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "this is what is tried")]
fn untold() -> Result<Untold, String> {
    Ok(Untold)
}

fn table() -> Entries {
    crate::entries![plain, typed, boxed, local, "by:hand" => text, "h" => hidden, "b" => borrowed]
        .exit_code_if(69, |_: &std::fmt::Error| true)
}

#[test]
fn a_function_is_named_after_where_it_stands() {
    assert_eq!(
        table().names().collect::<Vec<_>>(),
        [
            "proc_spawn::entries::tests:plain",
            "proc_spawn::entries::tests:typed",
            "proc_spawn::entries::tests:boxed",
            "proc_spawn::entries::tests:local",
            "by:hand",
            "h",
            "b"
        ]
    );
    assert_eq!(item_name("app::a", "crate :: jobs :: run"), "app::jobs:run");
    assert_eq!(item_name("app", "run::<u8>"), "app:run::<u8>");
    assert_eq!(item_name("app", "jobs::run::<a::B>"), "app::jobs:run::<a::B>");
}

#[test]
fn a_function_item_finds_its_name() {
    assert_eq!(table().resolve(&Call::new(boxed, 3)).unwrap(), "proc_spawn::entries::tests:boxed");
    assert_eq!(table().resolve(&Call::new(text, ())).unwrap(), "by:hand");
}

/// Case: FLT-H8
#[test]
fn an_unknown_name_lists_the_known_ones() {
    let error = Entries::new().named("a:b", plain).resolve(&Call::named("a:c", ())).unwrap_err();
    assert_eq!(error.to_string(), "unknown entry `a:c`; known are `a:b`; add it to `entries![…]`");
    let error = Entries::new().resolve(&Call::new(plain, ())).unwrap_err();
    assert!(error.to_string().contains("tests::plain"), "{error}");
}

#[test]
fn arguments_of_a_name_are_checked_against_the_function() {
    let named = "proc_spawn::entries::tests:typed";
    let good = Call::named(named, std::collections::BTreeMap::from([("foo", 3)]));
    assert!(table().resolve(&good).is_ok());

    let bad = Call::named(named, std::collections::BTreeMap::from([("foo", "three")]));
    let error = table().resolve(&bad).unwrap_err();
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("foo") && cause.contains("three"), "{cause}");
}

#[test]
fn a_name_for_two_functions_is_refused() {
    let table = Entries::new().named("a:b", plain).named("a:b", text);
    let error = table.resolve(&Call::new(plain, ())).unwrap_err();
    assert!(error.to_string().contains("two functions"), "{error}");
}

/// Case: FLT-H12
#[test]
fn every_kind_of_error_arrives_with_its_text_and_is_seen() {
    let table: &'static Entries = Box::leak(Box::new(table()));
    let run = |call: Call| {
        let name = table.resolve(&call).unwrap();
        let bound = table.bind(name, &call.into_args()).unwrap();
        let verdict = bound(&move |error| table.judge(error), None).unwrap_err();
        let Verdict::Error(failure) = verdict else { panic!("{verdict:?}") };
        format!("{} {}", failure.code, failure.error)
    };
    assert_eq!(run(Call::new(boxed, 1)), "1 boxed");
    assert_eq!(run(Call::new(local, 1)), "1 local");
    assert_eq!(run(Call::new(text, ())), "1 text");
    assert_eq!(run(Call::new(borrowed, ())), "1 borrowed");
    assert_eq!(run(Call::new(hidden, ())), format!("69 {}", std::fmt::Error));
}

/// What nobody has asked for is not even encoded.
///
/// Case: PL-94
#[test]
fn what_an_entry_returns_is_encoded_for_who_has_asked() {
    let table = crate::entries![plain, counts, nested, untold];
    let table: &'static Entries = Box::leak(Box::new(table));
    let run = |call: Call, most: Option<u32>| {
        let name = table.resolve(&call).unwrap();
        let bound = table.bind(name, &call.into_args()).unwrap();
        bound(&|error| table.judge(error), most)
    };
    let value = run(Call::new(counts, 3), Some(100)).unwrap().unwrap();
    assert_eq!(args::decode::<Vec<u8>>(&value).unwrap(), [3, 4]);
    assert_eq!(run(Call::new(plain, ()), Some(100)), Ok(Some(vec![args::NIL])));
    let no_value = |call: Call, most| match run(call, Some(most)) {
        Err(Verdict::NoValue(why)) => why.to_string(),
        other => panic!("{other:?}"),
    };
    let large = "returned a value of more than 2 bytes, which is all that it may have";
    assert_eq!(no_value(Call::new(counts, 3), 2), large);
    let text = no_value(Call::new(nested, ()), 100);
    assert!(text.contains("would arrive as `None`"), "{text}");
    let text = no_value(Call::new(untold, ()), 100);
    assert!(text.contains("it was encoded"), "{text}");
    for call in [Call::new(counts, 3), Call::new(nested, ()), Call::new(untold, ())] {
        assert_eq!(run(call, None), Ok(None));
    }
}
