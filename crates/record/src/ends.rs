//! The end of a run, as it is told.

use control::service;
use exit::Exit;
use jiff::Timestamp;
use policy::RunEnd;

use crate::time::stamp;

/// How a run ended, as a client of the daemon is told: the type in the description of
/// `io.appkit.Service`.
pub fn run_end(end: &RunEnd, at: Timestamp, run: u64, pid: Option<u32>) -> service::RunEnd {
    let exit = exit_of(end);
    // All of it is in the log.
    let mut text = end.to_string();
    exit::cut(&mut text, LONGEST_TEXT);
    service::RunEnd {
        at: stamp(at),
        run,
        pid,
        cause: cause(end).to_owned(),
        text,
        code: exit.and_then(Exit::code),
        signal: exit.and_then(Exit::signal),
        place: exit.and_then(place),
        value_bytes: None,
    }
}

/// The most characters of an end's text: there may be ten of each of thousands of workers.
const LONGEST_TEXT: usize = 1000;

fn exit_of(end: &RunEnd) -> Option<&Exit> {
    if let RunEnd::Killed { exit, .. }
    | RunEnd::Hung { exit, .. }
    | RunEnd::Outgrown { exit }
    | RunEnd::Memory { exit, .. } = end
    {
        exit.as_ref()
    } else {
        end.exited()
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what a newer exit says is unknown here")]
pub(crate) fn cause(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Killed { .. } => "killed",
        RunEnd::NotReady { .. } => "not_ready",
        RunEnd::Hung { .. } => "watchdog",
        RunEnd::Outgrown { .. } => "outgrown",
        RunEnd::Memory { .. } => "memory",
        RunEnd::NotStarted(_) => "not_started",
        end if end.is_success() => "success",
        end => match end.exited() {
            Some(Exit::Code(_)) => "code",
            Some(Exit::Signal { .. }) => "signal",
            Some(Exit::Panic(_)) => "panic",
            Some(Exit::Error(_)) => "error",
            Some(Exit::SetupFailed(_)) => "setup",
            Some(Exit::NoValue(_)) => "no_value",
            Some(_) | None => "unknown",
        },
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "others have no place")]
fn place(exit: &Exit) -> Option<String> {
    match exit {
        Exit::Panic(panic) | Exit::Signal { panic: Some(panic), .. } => Some(panic.place.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exit::{ErrorText, Failure, NoValue, Panic, SetupError};
    use policy::MemoryUse;

    use super::*;

    #[test]
    fn every_end_has_a_cause_and_what_is_known_of_its_exit() {
        let error = || ErrorText::new(&std::fmt::Error);
        let panic = || Panic { message: "boom".into(), place: "a.rs:1".into() };
        let after = Duration::from_secs(1);
        let signal = |panic| Exit::Signal { signal: 9, core: false, out_of_memory: false, panic };
        let failure = Failure { error: error(), permanent: false, code: 69 };
        let setup = SetupError::new("entry", &std::fmt::Error);
        let place = Some("a.rs:1".to_owned());
        let used = MemoryUse { bytes: 2, limit: 1 };
        for (end, cause, code, signal, place) in [
            (RunEnd::Exited(Exit::Code(0)), "success", Some(0), None, None),
            (RunEnd::Exited(Exit::Code(3)), "code", Some(3), None, None),
            (RunEnd::Succeeded(Exit::Code(3)), "success", Some(3), None, None),
            (
                RunEnd::QuitBySignal { signal: 15, exit: Exit::Code(0) },
                "success",
                Some(0),
                None,
                None,
            ),
            (RunEnd::Exited(signal(None)), "signal", None, Some(9), None),
            (RunEnd::Exited(signal(Some(panic()))), "signal", None, Some(9), place.clone()),
            (RunEnd::Exited(Exit::Panic(panic())), "panic", Some(101), None, place),
            (RunEnd::Exited(Exit::Error(failure)), "error", Some(69), None, None),
            (RunEnd::Exited(Exit::SetupFailed(setup)), "setup", Some(exit::CODE_SETUP), None, None),
            (RunEnd::Exited(Exit::NoValue(NoValue::Missing)), "no_value", Some(0), None, None),
            (RunEnd::Exited(Exit::Unknown), "unknown", None, None, None),
            (RunEnd::NotStarted(error()), "not_started", None, None, None),
            (RunEnd::NotReady { after, to_tell: false }, "not_ready", None, None, None),
            (RunEnd::Killed { after, exit: None }, "killed", None, None, None),
            (RunEnd::Outgrown { exit: Some(Exit::Code(0)) }, "outgrown", Some(0), None, None),
            (RunEnd::Memory { used, exit: Some(Exit::Code(0)) }, "memory", Some(0), None, None),
            (RunEnd::Hung { after, exit: Some(Exit::Code(0)) }, "watchdog", Some(0), None, None),
            (RunEnd::Killed { after, exit: Some(Exit::Code(0)) }, "killed", Some(0), None, None),
        ] {
            let told = run_end(&end, Timestamp::UNIX_EPOCH, 7, Some(4711));
            assert_eq!(told.cause, cause, "{end:?}");
            assert_eq!((told.code, told.signal, told.place), (code, signal, place), "{end:?}");
            assert_eq!((told.run, told.pid, told.text), (7, Some(4711), end.to_string()));
        }
    }
}
