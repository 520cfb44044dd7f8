//! What a call is answered with when it is not done.

use serde::Serialize;
use serde_json::{Map, Value};

/// An error, as it goes over the socket. The first ones are those that `org.varlink.service` has for everybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody here has this interface.
    #[error("there is no interface `{interface}` here")]
    InterfaceNotFound {
        /// As it was asked for.
        interface: String,
    },
    /// The interface has no such method.
    #[error("there is no method `{method}` here")]
    MethodNotFound {
        /// With the name of its interface.
        method: String,
    },
    /// The interface has it, and this service does not do it.
    #[error("the method `{method}` is not implemented here")]
    MethodNotImplemented {
        /// With the name of its interface.
        method: String,
    },
    /// A parameter is missing, of the wrong type, or has a value that is not allowed.
    #[error("the parameter `{parameter}` is missing or wrong")]
    InvalidParameter {
        /// Its name.
        parameter: String,
    },
    /// The method has several replies, which the call did not ask for.
    #[error("the method has several replies: ask for more")]
    ExpectedMore,
    /// Who asks may not.
    #[error("permission denied")]
    PermissionDenied,
    /// One that an interface has of its own.
    #[error("{error} {}", Value::Object(parameters.clone()))]
    Other {
        /// With the name of its interface.
        error: String,
        /// What it says besides.
        parameters: Map<String, Value>,
    },
}

/// The interface whose errors are everybody's.
const SERVICE: &str = "org.varlink.service.";

impl Refusal {
    /// An error of an interface's own, with its parameters: a struct, a map, or `()` for none. What is no object
    /// counts as none.
    pub fn new(error: impl Into<String>, parameters: impl Serialize) -> Refusal {
        let parameters = match serde_json::to_value(parameters) {
            Ok(Value::Object(parameters)) => parameters,
            Ok(_) | Err(_) => Map::new(),
        };
        Refusal::Other { error: error.into(), parameters }
    }

    /// A parameter is missing or wrong.
    pub fn invalid(parameter: impl Into<String>) -> Refusal {
        Refusal::InvalidParameter { parameter: parameter.into() }
    }

    /// Its name, with that of its interface.
    pub fn name(&self) -> String {
        let name = match self {
            Refusal::InterfaceNotFound { .. } => "InterfaceNotFound",
            Refusal::MethodNotFound { .. } => "MethodNotFound",
            Refusal::MethodNotImplemented { .. } => "MethodNotImplemented",
            Refusal::InvalidParameter { .. } => "InvalidParameter",
            Refusal::ExpectedMore => "ExpectedMore",
            Refusal::PermissionDenied => "PermissionDenied",
            Refusal::Other { error, .. } => return error.clone(),
        };
        format!("{SERVICE}{name}")
    }

    /// What it says besides.
    pub fn parameters(&self) -> Map<String, Value> {
        let one = |name: &str, value: &str| Map::from_iter([(name.to_owned(), value.into())]);
        match self {
            Refusal::InterfaceNotFound { interface } => one("interface", interface),
            Refusal::MethodNotFound { method } => one("method", method),
            Refusal::MethodNotImplemented { method } => one("method", method),
            Refusal::InvalidParameter { parameter } => one("parameter", parameter),
            Refusal::ExpectedMore | Refusal::PermissionDenied => Map::new(),
            Refusal::Other { parameters, .. } => parameters.clone(),
        }
    }

    /// From what a service has answered.
    pub fn from_parts(error: String, parameters: Map<String, Value>) -> Refusal {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
        let known = match error.strip_prefix(SERVICE) {
            Some("InterfaceNotFound") => {
                text("interface").map(|interface| Refusal::InterfaceNotFound { interface })
            }
            Some("MethodNotFound") => {
                text("method").map(|method| Refusal::MethodNotFound { method })
            }
            Some("MethodNotImplemented") => {
                text("method").map(|method| Refusal::MethodNotImplemented { method })
            }
            Some("InvalidParameter") => {
                text("parameter").map(|parameter| Refusal::InvalidParameter { parameter })
            }
            Some("ExpectedMore") => Some(Refusal::ExpectedMore),
            Some("PermissionDenied") => Some(Refusal::PermissionDenied),
            Some(_) | None => None,
        };
        known.unwrap_or(Refusal::Other { error, parameters })
    }
}
