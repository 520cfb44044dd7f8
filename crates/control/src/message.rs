//! Messages to calls, and replies to messages: what stands in the JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// What a client asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// With the name of its interface, as in `io.appkit.Service.Status`.
    pub method: String,
    /// Missing, null and `{}` are the same: no parameters.
    pub parameters: Map<String, Value>,
    /// The client wants no reply, not even an error.
    pub oneway: bool,
    /// The client takes several replies.
    pub more: bool,
}

/// Why a message is no call.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACall {
    /// What has sent it does not speak this protocol: nothing can be answered.
    #[error("no call of Varlink: {0}")]
    Malformed(String),
    /// It is a call that can be answered, with this.
    #[error(transparent)]
    Refused(Refusal),
}

/// As it stands in the message. Null is as good as missing; what else stands there is for later versions.
#[derive(Deserialize)]
struct Written {
    method: String,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    oneway: Option<bool>,
    #[serde(default)]
    more: Option<bool>,
    #[serde(default)]
    upgrade: Option<bool>,
}

impl Call {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// [`NotACall::Malformed`] for what is no object with a `method`, or wants no reply and several. Else
    /// [`NotACall::Refused`] with `InvalidParameter`: an upgrade (to another protocol on the same connection) is not
    /// offered, and parameters are an object.
    pub fn parse(message: &[u8]) -> Result<Call, NotACall> {
        let malformed = |error: serde_json::Error| NotACall::Malformed(error.to_string());
        check_object(message).map_err(malformed)?;
        let written: Written = serde_json::from_slice(message).map_err(malformed)?;
        let (oneway, more) = (written.oneway.unwrap_or(false), written.more.unwrap_or(false));
        if oneway && more {
            return Err(NotACall::Malformed("both `oneway` and `more`".to_owned()));
        }
        let refused = |parameter| match oneway {
            true => NotACall::Malformed(format!("`{parameter}` of a oneway call")),
            false => NotACall::Refused(Refusal::invalid(parameter)),
        };
        if written.upgrade.unwrap_or(false) {
            return Err(refused("upgrade"));
        }
        let parameters = match written.parameters {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(parameters)) => parameters,
            Some(_) => return Err(refused("parameters")),
        };
        Ok(Call { method: written.method, parameters, oneway, more })
    }

    /// Its parameters as a type.
    ///
    /// # Errors
    ///
    /// `InvalidParameter` with the name of the first that is wrong, or `parameters` where that cannot be told.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let parameters = Value::Object(self.parameters.clone());
        serde_path_to_error::deserialize(parameters).map_err(|error| {
            let path = error.path().to_string();
            // What is missing has no path of its own, and stands in the text.
            let text = error.inner().to_string();
            let missing =
                text.strip_prefix("missing field `").and_then(|name| name.split('`').next());
            Refusal::invalid(match (path.as_str(), missing) {
                (".", None) => "parameters".to_owned(),
                (".", Some(missing)) => missing.to_owned(),
                (_, None) => path,
                (path, Some(missing)) => format!("{path}.{missing}"),
            })
        })
    }

    /// The message that asks this, with its end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut call = Map::from_iter([("method".to_owned(), self.method.clone().into())]);
        if !self.parameters.is_empty() {
            call.insert("parameters".to_owned(), self.parameters.clone().into());
        }
        for (name, flag) in [("oneway", self.oneway), ("more", self.more)] {
            if flag {
                call.insert(name.to_owned(), true.into());
            }
        }
        ended(Value::Object(call).to_string().into_bytes())
    }
}

/// What a service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<T> {
    /// What is told, or why not.
    pub outcome: Result<T, Refusal>,
    /// Whether another reply to the same call follows.
    pub continues: bool,
}

/// As it stands in the message. What is told may be of thousands, and is read once, as what it is.
#[derive(Deserialize)]
struct WrittenReply<'a> {
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    #[serde(default)]
    continues: Option<bool>,
    #[serde(default)]
    error: Option<String>,
}

impl<T: DeserializeOwned> Reply<T> {
    /// Reads a message. `()` is for a reply without parameters.
    ///
    /// # Errors
    ///
    /// It is no object, or what stands in it is of another type.
    pub fn parse(message: &[u8]) -> Result<Reply<T>, serde_json::Error> {
        check_object(message)?;
        let WrittenReply { parameters, continues, error } = serde_json::from_slice(message)?;
        let continues = continues.unwrap_or(false) && error.is_none();
        let parameters = parameters.map_or("{}", RawValue::get);
        check_object(parameters.as_bytes())?;
        let outcome = match error {
            Some(error) => Err(Refusal::from_parts(error, serde_json::from_str(parameters)?)),
            None => Ok(read_parameters(parameters)?),
        };
        Ok(Reply { outcome, continues })
    }
}

fn read_parameters<T: DeserializeOwned>(parameters: &str) -> serde_json::Result<T> {
    serde_json::from_str(parameters).or_else(|error| {
        let is_empty = serde_json::from_str::<Map<String, Value>>(parameters)?.is_empty();
        // Whatever takes no parameters takes null.
        if is_empty { T::deserialize(Value::Null).map_err(|_| error) } else { Err(error) }
    })
}

/// Serde would take an array for a struct, too.
fn check_object(text: &[u8]) -> serde_json::Result<()> {
    match text.trim_ascii_start() {
        [b'{', ..] => Ok(()),
        _ => Err(serde::de::Error::custom("this is no object")),
    }
}

/// Whether another reply follows a message that is one.
pub(crate) fn continues(message: &[u8]) -> serde_json::Result<bool> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        continues: Option<bool>,
    }
    let head: Head = serde_json::from_slice(message)?;
    Ok(head.continues.unwrap_or(false))
}

/// The message of a reply, with its end. Nothing in it is ever null but what is so in the parameters, and an object of
/// parameters is always there: the Python client takes neither a missing one nor a null.
///
/// # Errors
///
/// The parameters are neither an object nor `()`, or refuse to be written.
pub(crate) fn reply(parameters: impl Serialize, continues: bool) -> serde_json::Result<Vec<u8>> {
    let mut bytes = b"{\"parameters\":".to_vec();
    let start = bytes.len();
    serde_json::to_writer(&mut bytes, &parameters)?;
    match &bytes[start..] {
        b"null" => {
            bytes.truncate(start);
            bytes.extend_from_slice(b"{}");
        }
        [b'{', ..] => (),
        _ => return Err(serde::ser::Error::custom("the parameters of a reply are an object")),
    }
    bytes.extend_from_slice(if continues { b",\"continues\":true}" } else { b"}" });
    Ok(ended(bytes))
}

/// The message of a refusal, with its end.
pub(crate) fn refusal(refusal: &Refusal) -> Vec<u8> {
    let parameters = Value::Object(refusal.parameters());
    let message = serde_json::json!({ "error": refusal.name(), "parameters": parameters });
    ended(message.to_string().into_bytes())
}

fn ended(mut message: Vec<u8>) -> Vec<u8> {
    message.push(0);
    message
}

#[cfg(test)]
mod tests;
