//! `org.varlink.certification`: each call has to bring what the last reply has told, and comes in its order.

use control::{Refusal, Request, Server};
use serde_json::{Map, Value, json};

pub(crate) const DESCRIPTION: &str = include_str!("org.varlink.certification.varlink");

/// What a client has to send next.
#[derive(Default)]
pub(crate) struct Certification {
    step: usize,
    /// How many have come to the end.
    pub(crate) passed: usize,
}

const ID: &str = "the client";

/// The methods in their order, with what each replies.
fn steps() -> Vec<(&'static str, Value)> {
    let four = json!({"bool": false, "int": 2, "float": std::f64::consts::PI, "string": "a lot of string"});
    let mytype = json!({
        "object": {"method": "org.varlink.certification.Test09", "parameters": {"map": {"foo": "Foo"}}},
        "enum": "two",
        "struct": {"first": 1, "second": "2"},
        "array": ["one", "two", "three"],
        "dictionary": {"foo": "Foo", "bar": "Bar"},
        "stringset": {"one": {}, "two": {}, "three": {}},
        "nullable": null,
        "nullable_array_struct": null,
        "interface": {
            "foo": [null, {"foo": "foo", "bar": "bar"}, null, {"one": "foo", "two": "bar"}],
            "anon": {"foo": true, "bar": false}
        }
    });
    vec![
        ("Start", json!({"client_id": ID})),
        ("Test01", json!({"bool": true})),
        ("Test02", json!({"int": 1})),
        ("Test03", json!({"float": 1.0})),
        ("Test04", json!({"string": "ping"})),
        ("Test05", four.clone()),
        ("Test06", json!({ "struct": four })),
        ("Test07", json!({"map": {"foo": "Foo", "bar": "Bar"}})),
        ("Test08", json!({"set": {"one": {}, "two": {}, "three": {}}})),
        ("Test09", json!({ "mytype": mytype })),
        ("Test10", json!({"last_more_replies": numbered()})),
        ("Test11", json!({})),
        ("End", json!({"all_ok": true})),
    ]
}

fn numbered() -> Vec<String> {
    (1..=10).map(|number| format!("Reply number {number}")).collect()
}

impl Certification {
    pub(crate) fn answer(&mut self, server: &mut Server, request: &Request) {
        let (steps, call, ticket) = (steps(), &request.call, &request.ticket);
        let (method, reply) = &steps[self.step];
        let mut wanted = match self.step {
            0 => Map::new(),
            step => steps[step - 1].1.as_object().unwrap().clone(),
        };
        if self.step > 0 {
            wanted.insert("client_id".to_owned(), ID.into());
        }
        let got = without_nulls(Value::Object(call.parameters.clone()));
        let wanted = without_nulls(Value::Object(wanted));
        let flags = (call.more, call.oneway) == (*method == "Test10", *method == "Test11");
        if call.method != format!("org.varlink.certification.{method}") || got != wanted || !flags {
            let told = json!({"wants": {"method": method, "parameters": wanted}, "got": got});
            let error = "org.varlink.certification.CertificationError";
            return server.refuse(ticket, &Refusal::new(error, told));
        }
        self.step = (self.step + 1) % steps.len();
        match *method {
            "Test10" => {
                for text in &numbered()[..9] {
                    server.reply_continues(ticket, json!({ "string": text }));
                }
                server.reply(ticket, json!({ "string": numbered()[9] }));
            }
            "End" => {
                self.passed += 1;
                server.reply(ticket, reply);
            }
            _ => server.reply(ticket, reply),
        }
    }
}

/// A field that is null may as well be missing. What is null in an array stays.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
