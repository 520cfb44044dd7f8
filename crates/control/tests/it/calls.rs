//! Calls, and the replies to them.

use control::Refusal;
use serde_json::{Value, json};

use crate::bed::{Bed, echo, hear, hears_nothing, hold, is_closed, many, message, say};

fn call(method: &str) -> Vec<u8> {
    message(&json!({ "method": method }))
}

fn refused(name: &str, parameters: Value) -> Value {
    json!({ "error": format!("org.varlink.service.{name}"), "parameters": parameters })
}

/// Case: CC-10
#[test]
fn parameters_that_are_missing_null_or_empty_are_the_same() {
    let mut bed = Bed::new();
    let client = bed.connect();
    for parameters in [json!({}), json!({"parameters": null}), json!({"parameters": {}})] {
        let mut call = json!({"method": "org.example.trial.Echo"});
        call.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        say(&client, &message(&call));
        let request = bed.request();
        assert!(request.call.parameters.is_empty());
        bed.server.reply(&request.ticket, json!({"text": ""}));
        assert_eq!(hear(&client), json!({"parameters": {"text": ""}}));
        call["method"] = "org.varlink.service.GetInfo".into();
        say(&client, &message(&call));
        bed.run();
        assert_eq!(hear(&client)["parameters"]["vendor"], "the vendor");
    }
}

/// Case: CC-11
#[test]
fn replies_have_no_null_and_no_other_key() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &many());
    let request = bed.request();
    bed.server.reply_continues(&request.ticket, json!({"number": 1}));
    assert_eq!(hear(&client), json!({"parameters": {"number": 1}, "continues": true}));
    bed.server.reply(&request.ticket, ());
    assert_eq!(hear(&client), json!({"parameters": {}}));
    assert!(!bed.server.is_open(&request.ticket));
    // No more than one last reply.
    bed.server.reply(&request.ticket, ());
    assert!(hears_nothing(&client));
    say(&client, &many());
    let request = bed.request();
    bed.server.refuse(&request.ticket, &Refusal::new("org.example.trial.No", ()));
    assert_eq!(hear(&client), json!({"error": "org.example.trial.No", "parameters": {}}));
}

/// Case: CC-12
#[test]
fn several_replies_are_given_only_to_who_asks_for_them() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &call("org.example.trial.Many"));
    let request = bed.request();
    let room = bed.server.reply_continues(&request.ticket, json!({"number": 1}));
    assert_eq!(room, control::Room::NotAsked);
    bed.server.refuse(&request.ticket, &Refusal::ExpectedMore);
    assert_eq!(hear(&client), refused("ExpectedMore", json!({})));
    say(&client, &many());
    let request = bed.request();
    bed.server.reply(&request.ticket, json!({"number": 1}));
    assert_eq!(hear(&client), json!({"parameters": {"number": 1}}));
}

/// Case: CC-14
#[test]
fn a_call_that_wants_no_reply_gets_not_a_byte() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let methods = ["org.example.trial.Nothing", "org.nowhere.X", "org.varlink.service.GetInfo"];
    for method in methods {
        say(&client, &message(&json!({"method": method, "oneway": true})));
    }
    bed.run();
    assert_eq!(bed.requests.len(), 0);
    let oneway = message(&json!({"method": "org.example.trial.Hold", "oneway": true}));
    say(&client, &oneway);
    let request = bed.request();
    bed.server.reply(&request.ticket, json!({"x": 1}));
    say(&client, &oneway);
    let request = bed.request();
    bed.server.refuse(&request.ticket, &Refusal::PermissionDenied);
    assert!(hears_nothing(&client));
    say(&client, &echo("mine"));
    let request = bed.request();
    bed.server.reply(&request.ticket, json!({"text": "yours"}));
    assert_eq!(hear(&client), json!({"parameters": {"text": "yours"}}));
}

/// Case: CC-15
#[test]
fn ten_calls_in_one_write_are_answered_in_their_order_one_at_a_time() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let calls: Vec<u8> = (0..10).flat_map(|number| echo(&number.to_string())).collect();
    say(&client, &calls);
    for number in 0..10 {
        let request = bed.request();
        bed.run();
        assert_eq!(bed.requests.len(), 0, "the next one before the answer to this one");
        bed.server.reply(&request.ticket, &request.call.parameters);
        assert_eq!(hear(&client), json!({"parameters": {"text": number.to_string()}}));
    }
    assert!(hears_nothing(&client));
}

/// Case: CC-15
#[test]
fn a_call_may_come_byte_by_byte() {
    let mut bed = Bed::new();
    let client = bed.connect();
    let whole = echo("slowly");
    for byte in &whole[..whole.len() - 1] {
        say(&client, &[*byte]);
        bed.run();
        assert_eq!(bed.requests.len(), 0);
    }
    say(&client, &[0]);
    assert_eq!(bed.request().call.parameters["text"], "slowly");
}

#[test]
fn what_nobody_has_is_not_found() {
    let mut bed = Bed::new();
    let client = bed.connect();
    for (method, error, parameter) in [
        (
            "org.example.trial.NotThis",
            "MethodNotFound",
            json!({"method": "org.example.trial.NotThis"}),
        ),
        ("org.example.trial.", "MethodNotFound", json!({"method": "org.example.trial."})),
        ("org.example.other.Echo", "InterfaceNotFound", json!({"interface": "org.example.other"})),
        ("Echo", "InterfaceNotFound", json!({"interface": "Echo"})),
        ("", "InterfaceNotFound", json!({"interface": ""})),
    ] {
        say(&client, &call(method));
        bed.run();
        assert_eq!(hear(&client), refused(error, parameter), "{method}");
    }
    let upgrade = json!({"method": "org.example.trial.Hold", "upgrade": true});
    say(&client, &message(&upgrade));
    bed.run();
    assert_eq!(hear(&client), refused("InvalidParameter", json!({"parameter": "upgrade"})));
    say(&client, &message(&json!({"method": "org.example.trial.Hold", "parameters": [1]})));
    bed.run();
    assert_eq!(hear(&client), refused("InvalidParameter", json!({"parameter": "parameters"})));
}

#[test]
fn it_describes_itself() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &call("org.varlink.service.GetInfo"));
    bed.run();
    let info = hear(&client);
    assert_eq!(
        info["parameters"]["interfaces"],
        json!(["org.example.trial", "org.varlink.service"])
    );
    let ask = |interface: &str| {
        let method = "org.varlink.service.GetInterfaceDescription";
        message(&json!({"method": method, "parameters": {"interface": interface}}))
    };
    say(&client, &ask("org.example.trial"));
    bed.run();
    assert_eq!(hear(&client)["parameters"]["description"], crate::bed::DESCRIPTION);
    say(&client, &ask("org.varlink.service"));
    bed.run();
    assert_eq!(hear(&client)["parameters"]["description"], control::SERVICE_DESCRIPTION);
    say(&client, &ask("org.example.other"));
    bed.run();
    let nobody = json!({"interface": "org.example.other"});
    assert_eq!(hear(&client), refused("InterfaceNotFound", nobody));
    say(&client, &call("org.varlink.service.GetInterfaceDescription"));
    bed.run();
    assert_eq!(hear(&client), refused("InvalidParameter", json!({"parameter": "interface"})));
}

#[test]
fn one_client_in_work_holds_up_no_other() {
    let mut bed = Bed::new();
    let (first, second) = (bed.connect(), bed.connect());
    say(&first, &hold());
    let held = bed.request();
    say(&second, &echo("x"));
    let request = bed.request();
    bed.server.reply(&request.ticket, json!({"text": "x"}));
    assert_eq!(hear(&second)["parameters"]["text"], "x");
    bed.server.reply(&held.ticket, ());
    assert_eq!(hear(&first), json!({"parameters": {}}));
}

#[test]
fn a_mistake_of_the_owner_closes_the_connection() {
    let mut bed = Bed::new();
    let client = bed.connect();
    say(&client, &hold());
    let request = bed.request();
    bed.server.reply(&request.ticket, 7);
    assert!(is_closed(&client));
    assert!(!bed.server.is_open(&request.ticket));
}
