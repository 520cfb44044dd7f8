//! What a service says of itself: `org.varlink.service`, and which methods there are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::Call;
use crate::refusal::Refusal;

/// The description of the interface that every service has.
pub const SERVICE_DESCRIPTION: &str = include_str!("org.varlink.service.varlink");

/// Who a service is, and the descriptions of its interfaces, in the language of <https://varlink.org/Interface-Definition>.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Who made it.
    pub vendor: String,
    /// What it is.
    pub product: String,
    /// Which version of that.
    pub version: String,
    /// Where more is told of it.
    pub url: String,
    /// What can be asked, beside `org.varlink.service`.
    pub interfaces: Vec<String>,
}

/// An answer to `GetInfo`.
#[derive(Serialize)]
struct GotInfo<'a> {
    vendor: &'a str,
    product: &'a str,
    version: &'a str,
    url: &'a str,
    interfaces: Vec<&'a str>,
}

/// What `GetInterfaceDescription` is called with, and says.
#[derive(Deserialize)]
struct WhichInterface {
    interface: String,
}

/// What is to be done with a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Dispatched {
    /// It is for whoever owns the server.
    Call(Call),
    /// It is done, with this reply.
    Answered(Value),
    /// It cannot be done.
    Refused(Refusal),
}

#[derive(Debug)]
struct Interface {
    description: String,
    methods: BTreeSet<String>,
}

/// Who answers what, without any socket.
#[derive(Debug)]
pub(crate) struct Services {
    info: Info,
    interfaces: BTreeMap<String, Interface>,
}

impl Services {
    /// A text that names no interface is left out.
    pub(crate) fn new(info: Info) -> Services {
        let texts = info.interfaces.iter().map(String::as_str);
        let interfaces = texts.chain([SERVICE_DESCRIPTION]).filter_map(|text| {
            let (name, methods) = names(text)?;
            Some((name, Interface { description: text.to_owned(), methods }))
        });
        let interfaces = interfaces.collect();
        Services { info, interfaces }
    }

    pub(crate) fn dispatch(&self, call: Call) -> Dispatched {
        // Without a dot it names an interface at most.
        let (interface, method) = call.method.rsplit_once('.').unwrap_or((&call.method, ""));
        let Some(known) = self.interfaces.get(interface) else {
            return Dispatched::Refused(not_found(interface));
        };
        if !known.methods.contains(method) {
            return Dispatched::Refused(Refusal::MethodNotFound { method: call.method });
        }
        match call.method.as_str() {
            "org.varlink.service.GetInfo" => Dispatched::Answered(self.info()),
            "org.varlink.service.GetInterfaceDescription" => match self.describe(&call) {
                Ok(reply) => Dispatched::Answered(reply),
                Err(refusal) => Dispatched::Refused(refusal),
            },
            _ => Dispatched::Call(call),
        }
    }

    fn info(&self) -> Value {
        let Info { vendor, product, version, url, .. } = &self.info;
        let interfaces = self.interfaces.keys().map(String::as_str).collect();
        // Texts and a list of texts can always be written.
        serde_json::to_value(GotInfo { vendor, product, version, url, interfaces })
            .unwrap_or_else(|_| Value::Object(Map::new()))
    }

    fn describe(&self, call: &Call) -> Result<Value, Refusal> {
        let WhichInterface { interface } = call.read()?;
        match self.interfaces.get(&interface) {
            Some(known) => Ok(serde_json::json!({ "description": known.description })),
            None => Err(not_found(&interface)),
        }
    }
}

fn not_found(interface: &str) -> Refusal {
    Refusal::InterfaceNotFound { interface: interface.to_owned() }
}

/// The name of the interface that a text describes, and those of its methods.
fn names(description: &str) -> Option<(String, BTreeSet<String>)> {
    let uncommented = description.lines().map(|line| line.split('#').next().unwrap_or_default());
    // Methods stand outside of all parentheses: what is inside are fields, whatever they are called.
    let (mut depth, mut outside) = (0_usize, String::new());
    for c in uncommented.flat_map(|line| line.chars().chain(['\n'])) {
        match c {
            '(' => {
                depth += 1;
                outside.push(' ');
            }
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => (),
        }
    }
    let words: Vec<&str> = outside.split_whitespace().collect();
    let ["interface", interface, rest @ ..] = words.as_slice() else { return None };
    let methods = rest.windows(2).filter(|pair| pair[0] == "method").map(|pair| pair[1].to_owned());
    Some(((*interface).to_owned(), methods.collect()))
}

#[cfg(test)]
mod tests;
