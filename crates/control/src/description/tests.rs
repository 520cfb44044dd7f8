//! Whom a call is for, and whether what we say of our types is so.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;
use crate::service;

fn services() -> Services {
    let interfaces = vec![service::DESCRIPTION.into(), "nothing".into(), String::new()];
    Services::new(Info { interfaces, ..Info::default() })
}

fn dispatch(method: &str) -> Dispatched {
    services().dispatch(Call { method: method.into(), ..Call::default() })
}

#[test]
fn a_call_is_for_the_owner_if_the_description_has_its_method() {
    for method in ["Status", "Workers", "Events", "Stop", "Upgrade"] {
        let method = format!("io.appkit.Service.{method}");
        assert!(matches!(dispatch(&method), Dispatched::Call(call) if call.method == method));
    }
    // Types and errors are no methods, nor is what a comment says.
    for method in ["Process", "NoSuchWorker", "code", "status", "Statu", "Status "] {
        let method = format!("io.appkit.Service.{method}");
        let refusal = Refusal::MethodNotFound { method: method.clone() };
        assert_eq!(dispatch(&method), Dispatched::Refused(refusal));
    }
    for (method, interface) in
        [("nothing.X", "nothing"), ("io.appkit.Status", "io.appkit"), (".X", "")]
    {
        assert_eq!(dispatch(method), Dispatched::Refused(not_found(interface)));
    }
}

#[test]
fn names_are_found_however_a_description_is_laid_out() {
    let named = |text| names(text).map(|(name, methods)| (name, Vec::from_iter(methods)));
    let some = |methods: &[&str]| {
        Some(("a.b".to_owned(), methods.iter().map(|name| (*name).to_owned()).collect()))
    };
    assert_eq!(named("interface a.b"), some(&[]));
    assert_eq!(
        named("# interface c.d\ninterface a.b#\nmethod A()->()method B ( ) -> ( )"),
        some(&["A", "B"])
    );
    assert_eq!(named("interface a.b\r\nmethod\r\nA(\n)\n->\n()"), some(&["A"]));
    let nested = "interface a.b type T (x: (method: (method: int), y: int)) method A(method: T) -> (error: T)";
    assert_eq!(named(nested), some(&["A"]));
    for none in ["", "interface", "type T ()", "method A() -> ()", "(interface a.b)"] {
        assert_eq!(named(none), None, "{none}");
    }
}

proptest! {
    #[test]
    fn any_text_has_names_or_not(text in any::<String>(), words in "(interface |method |[a-z.]{1,3}|[()#\n ]){0,30}") {
        let _ = (names(&text), names(&words));
    }
}

/// The fields of a type, or of what a method replies, with their types.
fn fields(head: &str) -> BTreeMap<String, String> {
    let lines = service::DESCRIPTION.lines().filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    let found = text.find(head).unwrap_or_else(|| panic!("{head}"));
    let inside = text[found + head.len()..].split(')').next().unwrap();
    let field = |field: &str| {
        let (name, of) = field.split_once(':').unwrap();
        (name.trim().to_owned(), of.trim().to_owned())
    };
    inside.split(',').map(field).collect()
}

/// A value of a type, by its name in the description.
fn example(of: &str) -> Value {
    match of {
        "int" => json!(1),
        "string" => json!("x"),
        _ if of.starts_with('?') => example(&of[1..]),
        _ if of.starts_with("[]") => json!([example(&of[2..])]),
        _ => object(&format!("type {of} (")),
    }
}

fn object(head: &str) -> Value {
    Value::Object(fields(head).iter().map(|(name, of)| (name.clone(), example(of))).collect())
}

fn is_as_described<T: Default + Serialize + DeserializeOwned>(head: &str) {
    let described = fields(head);
    let Value::Object(written) = serde_json::to_value(T::default()).unwrap() else { panic!() };
    // What the Rust type has is described, with its type, and null only where that is said.
    for (name, value) in &written {
        let of = described.get(name).unwrap_or_else(|| panic!("{head}: {name} is not described"));
        let is_so = match value {
            Value::Null => of.starts_with('?'),
            Value::Number(_) => of == "int",
            Value::String(_) => of == "string",
            Value::Array(_) => of.starts_with("[]"),
            Value::Object(_) => of.starts_with(char::is_uppercase),
            Value::Bool(_) => of == "bool",
        };
        assert!(is_so, "{head}: {name} is {of}, and by default {value}");
    }
    // What is described can be read, and nothing of it is lost: the Rust type has all of it.
    let whole = object(head);
    let read: T = serde_json::from_value(whole.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), whole, "{head}");
}

/// Case: CC-21
#[test]
fn the_rust_types_are_what_is_described() {
    is_as_described::<service::RunEnd>("type RunEnd (");
    is_as_described::<service::Process>("type Process (");
    is_as_described::<service::Event>("type Event (");
    is_as_described::<service::Status>("method Status() -> (");
    is_as_described::<service::Workers>("method Workers(names: ?[]string, usage: ?bool) -> (");
    is_as_described::<service::Batch>("type Batch (");
    is_as_described::<service::Events>("method Events(last: ?int) -> (");
}

/// What Python's reader of descriptions fails on.
/// Case: CC-21
#[test]
fn descriptions_keep_to_what_all_clients_read() {
    for text in [service::DESCRIPTION, SERVICE_DESCRIPTION] {
        assert!(!text.contains('\r') && text.is_ascii());
        assert!(!text.contains(",\n)") && !text.contains(" ,"));
    }
}

/// The errors that the server gives by itself are described.
#[test]
fn errors_of_the_server_are_described() {
    for error in ["TooManyConnections (most: int, most_of_one: int)", "ReplyTooLong (bytes: int)"] {
        assert!(service::DESCRIPTION.contains(&format!("\nerror {error}\n")));
    }
}
