//! What is a call and what is not, and how replies are written.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(value: &Value) -> Result<Call, NotACall> {
    Call::parse(value.to_string().as_bytes())
}

#[test]
fn a_call_is_read_as_it_is_written() {
    let parameters = Map::from_iter([("a".to_owned(), json!([1, null]))]);
    for (oneway, more) in [(false, false), (true, false), (false, true)] {
        for parameters in [Map::new(), parameters.clone()] {
            let call = Call { method: "a.b.C".into(), parameters, oneway, more };
            let bytes = call.to_bytes();
            let (end, message) = bytes.split_last().unwrap();
            assert_eq!((*end, Call::parse(message)), (0, Ok(call)));
        }
    }
}

/// Case: CC-10
#[test]
fn null_is_as_good_as_missing() {
    let call = json!({"method": "a.b.C", "parameters": null, "oneway": null, "more": null, "upgrade": null});
    assert_eq!(parse(&call), parse(&json!({"method": "a.b.C"})));
    assert_eq!(parse(&json!({"method": "a.b.C", "later": [1]})), parse(&call));
    assert_eq!(parse(&json!({"method": "a.b.C", "upgrade": false})), parse(&call));
}

#[test]
fn which_parameter_is_wrong_is_told() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Wanted {
        name: String,
        inner: Option<Inner>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        number: i64,
    }
    let read = |parameters| {
        let Value::Object(parameters) = parameters else { unreachable!() };
        Call { method: "a.b.C".into(), parameters, ..Call::default() }.read::<Wanted>()
    };
    let wanted = Wanted { name: "x".into(), inner: Some(Inner { number: 1 }) };
    assert_eq!(read(json!({"name": "x", "inner": {"number": 1}, "new": 1})), Ok(wanted));
    for (parameters, parameter) in [
        (json!({}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": "x", "inner": {}}), "inner.number"),
        (json!({"name": "x", "inner": {"number": "1"}}), "inner.number"),
        (json!({"name": "x", "inner": {"number": u64::MAX}}), "inner.number"),
    ] {
        assert_eq!(read(parameters.clone()), Err(Refusal::invalid(parameter)), "{parameters}");
    }
}

/// Case: CC-11
#[test]
fn a_refusal_is_read_as_it_is_written() {
    let own = json!({"name": "x", "more": null});
    for written in [
        Refusal::InterfaceNotFound { interface: "a.b".into() },
        Refusal::MethodNotFound { method: "a.b.C".into() },
        Refusal::MethodNotImplemented { method: "a.b.C".into() },
        Refusal::invalid("x"),
        Refusal::ExpectedMore,
        Refusal::PermissionDenied,
        Refusal::new("a.b.Own", own),
        Refusal::new("a.b.Own", ()),
        Refusal::new("a.b.Own", [1]),
    ] {
        let bytes = refusal(&written);
        let message = &bytes[..bytes.len() - 1];
        let value: Map<String, Value> = serde_json::from_slice(message).unwrap();
        assert_eq!(value.keys().collect::<Vec<_>>(), ["error", "parameters"]);
        assert!(value["parameters"].is_object());
        let reply = Reply::<()> { outcome: Err(written), continues: false };
        assert_eq!(Reply::parse(message).unwrap(), reply);
    }
    // One without what it should say is still told.
    let bare = Reply::<()>::parse(b"{\"error\":\"org.varlink.service.MethodNotFound\"}").unwrap();
    let name = "org.varlink.service.MethodNotFound";
    assert_eq!(bare.outcome, Err(Refusal::new(name, ())));
}

#[test]
fn a_reply_is_read_as_what_it_tells() {
    assert_eq!(Reply::parse(b"{}").unwrap(), Reply { outcome: Ok(()), continues: false });
    let null = Reply::parse(b" {\"parameters\": null, \"continues\": true, \"new\": [1]}").unwrap();
    assert_eq!(null, Reply { outcome: Ok(()), continues: true });
    let two = Reply::parse(b"{\"parameters\": {\"a\": 1, \"b\": [2]}}").unwrap();
    let expected = json!({"a": 1, "b": [2]}).as_object().unwrap().clone();
    assert_eq!(two, Reply { outcome: Ok(expected), continues: false });
    for wrong in
        ["[]", "7", "{\"parameters\": [1]}", "{\"parameters\": \"{\"}", "{\"parameters\": {}"]
    {
        Reply::<Value>::parse(wrong.as_bytes()).unwrap_err();
    }
    Reply::<Vec<u8>>::parse(b"{\"parameters\": {}}").unwrap_err();
}

#[test]
fn parameters_of_a_reply_are_an_object() {
    assert_eq!(reply((), false).unwrap(), b"{\"parameters\":{}}\0");
    assert_eq!(reply(json!({}), true).unwrap(), b"{\"parameters\":{},\"continues\":true}\0");
    for wrong in [json!([]), json!("{"), json!(7), json!(true)] {
        reply(wrong, false).unwrap_err();
    }
}

proptest! {
    #[test]
    fn any_text_is_written_in_one_message(text in any::<String>()) {
        let bytes = reply(json!({ "text": text }), true).unwrap();
        prop_assert_eq!(bytes.iter().position(|byte| *byte == 0), Some(bytes.len() - 1));
        let reply = Reply::<Map<String, Value>>::parse(&bytes[..bytes.len() - 1]).unwrap();
        prop_assert_eq!(&reply.outcome.unwrap()["text"], &json!(text));
        prop_assert!(reply.continues);
    }

    #[test]
    fn any_bytes_are_a_call_or_not(bytes in any::<Vec<u8>>()) {
        let _ = Call::parse(&bytes);
        let _ = Reply::<Map<String, Value>>::parse(&bytes);
    }
}
