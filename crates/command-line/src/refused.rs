//! Why a daemon has not done what it was asked for: in words, and as a code.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use control::{ClientError, Refusal};
use serde_json::{Map, Value};

use crate::code;
use crate::render::text::safe;
use crate::render::units::short;

/// The interface whose errors these are.
const INTERFACE: &str = "io.appkit.Service.";

pub(crate) const NO_SUCH_WORKER: &str = "NoSuchWorker";
pub(crate) const NO_WORKERS: &str = "NoWorkers";

/// The name of an error of the interface, without the interface's own.
pub(crate) fn name(error: &ClientError) -> Option<&str> {
    let ClientError::Refused(Refusal::Other { error, .. }) = error else { return None };
    error.strip_prefix(INTERFACE)
}

/// The exit code, of every command but `status`.
pub(crate) fn code(error: &ClientError) -> u8 {
    use Refusal::{InterfaceNotFound, MethodNotFound, MethodNotImplemented, PermissionDenied};
    if let ClientError::Io { source, .. } = error {
        let denied = source.kind() == ErrorKind::PermissionDenied;
        return if denied { code::NOT_ALLOWED } else { code::FAILED };
    }
    if matches!(error, ClientError::NotExpected { .. } | ClientError::Refused(PermissionDenied)) {
        return code::NOT_ALLOWED;
    }
    let older = |refusal: &Refusal| {
        matches!(
            refusal,
            InterfaceNotFound { .. } | MethodNotFound { .. } | MethodNotImplemented { .. }
        )
    };
    if matches!(error, ClientError::Refused(refusal) if older(refusal)) {
        return code::NOT_YET;
    }
    match name(error) {
        Some("NotYet") => code::NOT_YET,
        Some("NotAllowed") => code::NOT_ALLOWED,
        Some(NO_SUCH_WORKER | "NoSuchSignal" | "NoSuchSet" | "NoSuchCount") => code::USAGE,
        Some(NO_WORKERS) => code::NOT_RUNNING,
        Some(_) | None => code::FAILED,
    }
}

/// For people, as the end of a sentence.
pub(crate) fn in_words(error: &ClientError, socket: &Path, patience: Duration) -> String {
    let at = safe(&socket.to_string_lossy());
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not said better here says it itself"
    )]
    match error {
        ClientError::NotThere { .. } => {
            format!("nobody listens at {at}; has it `control: {{ socket: false }}`?")
        }
        ClientError::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            let hint = "it lets in a group that is given by `control: { group: … }`";
            format!("{at}: {}; {hint}", chain(error))
        }
        ClientError::NoAnswer => format!("{at} gives no answer for {} s", patience.as_secs()),
        ClientError::Gone => format!("{at} ended the connection"),
        ClientError::NotExpected { uid, .. } => format!("{at} is of user {uid}"),
        ClientError::Refused(Refusal::Other { parameters, .. }) => {
            own(name(error), parameters).unwrap_or_else(|| chain(error))
        }
        ClientError::Refused(_) => chain(error),
        other => format!("{at}: {}", chain(other)),
    }
}

fn chain(error: &ClientError) -> String {
    safe(&exit::ErrorText::new(error).chain())
}

/// The errors of the interface.
fn own(name: Option<&str>, parameters: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| parameters.get(key).and_then(Value::as_str).map(safe);
    let number = |key: &str| parameters.get(key).and_then(Value::as_u64);
    Some(match name? {
        NO_SUCH_WORKER => no_such_worker(&text("name")?, []),
        "NotInPhase" => format!("that cannot be done now: {} is {}", text("name")?, text("phase")?),
        "NoAnswer" => format!("its executor gives no answer for {}", short(number("waited_us")?)),
        NO_WORKERS => "it keeps no workers now".to_owned(),
        "Stopping" => "it is stopping".to_owned(),
        "NotYet" => format!("this version of appkit ({}) cannot do that yet", text("version")?),
        "NotAllowed" => format!("user {} may look, and not act", number("uid")?),
        "TooManyConnections" => "too many others ask it now".to_owned(),
        "ReplyTooLong" => format!("its answer has {} bytes, which is too much", number("bytes")?),
        "NoSuchSet" => {
            let known = parameters.get("sets").and_then(Value::as_array);
            let known = known.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            no_such_set(parameters.get("name")?.as_str()?, &known.collect::<Vec<_>>())
        }
        "NoSuchCount" => {
            let count = parameters.get("count").and_then(Value::as_i64)?;
            let (set, most) = (text("set")?, number("most")?);
            format!("`{set}` cannot have {count} workers: between 0 and {most} it can")
        }
        "Rolling" => {
            let (set, done, total) = (text("set")?, number("done")?, number("total")?);
            format!("`{set}` is being rolled: {done} of {total} are replaced")
        }
        "NotRolling" => format!("`{}` is not being rolled", text("set")?),
        "NotReloadable" => {
            "it has nothing to reload: no list is read anew, and nobody listens".to_owned()
        }
        "Reloading" => "a reload is under way".to_owned(),
        "NoList" => format!("all stays as it is: {}", text("why")?),
        "Refused" => text("why")?,
        "NoSuchSignal" => format!("there is no signal {}", number("signal")?),
        _ => return None,
    })
}

/// With the names that there are.
pub(crate) fn no_such_set(name: &str, known: &[String]) -> String {
    let name = safe(name);
    match known {
        [] => format!("no set `{name}`; it has none"),
        [one] => format!("no set `{name}`; there is {}", safe(one)),
        many => {
            let known: Vec<String> = many.iter().map(|name| safe(name)).collect();
            format!("no set `{name}`; there are {}", known.join(", "))
        }
    }
}

/// With the names that there are, if they are known.
pub(crate) fn no_such_worker<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<String> = known.into_iter().map(safe).collect();
    let there = match known.as_slice() {
        [] => String::new(),
        [one] => format!("; there is {one}"),
        many => format!("; there are {}", many.join(", ")),
    };
    format!("no worker `{}`{there}", safe(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Cases: CC-25, CC-43, CC-60, CTL-13, CTL-14
    #[test]
    fn each_refusal_has_words_and_a_code() {
        let own = |name: &str, parameters: Value| {
            ClientError::Refused(Refusal::new(format!("io.appkit.Service.{name}"), parameters))
        };
        let cases = [
            (own("NoSuchWorker", json!({ "name": "a\x1b" })), 2, "no worker `a\\x1b`"),
            (
                own("NotInPhase", json!({ "name": "web", "phase": "waiting" })),
                1,
                "that cannot be done now: web is waiting",
            ),
            (
                own("NoAnswer", json!({ "waited_us": 2_000_000 })),
                1,
                "its executor gives no answer for 2s",
            ),
            (own("NoWorkers", json!({})), 7, "it keeps no workers now"),
            (own("Stopping", json!({})), 1, "it is stopping"),
            (
                own("NotYet", json!({ "version": "1" })),
                3,
                "this version of appkit (1) cannot do that yet",
            ),
            (own("NotAllowed", json!({ "uid": 7 })), 4, "user 7 may look, and not act"),
            (own("NoSuchSet", json!({ "name": "w", "sets": [] })), 2, "no set `w`; it has none"),
            (
                own("NoSuchSet", json!({ "name": "w\x1b", "sets": ["web", "db"] })),
                2,
                "no set `w\\x1b`; there are web, db",
            ),
            (
                own("NoSuchCount", json!({ "set": "web", "count": -1, "most": 100_000 })),
                2,
                "`web` cannot have -1 workers: between 0 and 100000 it can",
            ),
            (
                own("Rolling", json!({ "set": "web", "done": 1, "total": 4 })),
                1,
                "`web` is being rolled: 1 of 4 are replaced",
            ),
            (own("NotRolling", json!({ "set": "web" })), 1, "`web` is not being rolled"),
            (
                own("NotReloadable", json!({})),
                1,
                "it has nothing to reload: no list is read anew, and nobody listens",
            ),
            (own("Reloading", json!({})), 1, "a reload is under way"),
            (own("NoList", json!({ "why": "no file" })), 1, "all stays as it is: no file"),
            (own("Refused", json!({ "why": "no room" })), 1, "no room"),
            (own("NoSuchSignal", json!({ "signal": 99 })), 2, "there is no signal 99"),
            (own("TooManyConnections", json!({ "most": 9 })), 1, "too many others ask it now"),
            (
                own("ReplyTooLong", json!({ "bytes": 7 })),
                1,
                "its answer has 7 bytes, which is too much",
            ),
            (own("Newer", json!({ "x": 1 })), 1, r#"io.appkit.Service.Newer {"x":1}"#),
            (ClientError::NoAnswer, 1, "d.sock gives no answer for 3 s"),
            (
                ClientError::Io { step: "connect", source: ErrorKind::PermissionDenied.into() },
                4,
                "d.sock: cannot connect: permission denied; it lets in a group that is given by \
                 `control: { group: … }`",
            ),
            (ClientError::Gone, 1, "d.sock ended the connection"),
            (
                ClientError::Refused(Refusal::MethodNotFound { method: "a.B".into() }),
                3,
                "there is no method `a.B` here",
            ),
            (ClientError::Refused(Refusal::PermissionDenied), 4, "permission denied"),
        ];
        for (error, expected, words) in cases {
            let told = in_words(&error, Path::new("d.sock"), Duration::from_secs(3));
            assert_eq!((code(&error), told.as_str()), (expected, words), "{error:?}");
        }
        assert_eq!(
            no_such_worker("x", ["web-1", "web-2"]),
            "no worker `x`; there are web-1, web-2"
        );
    }
}
