//! A daemon's options as a configuration file has them, both ways.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use logging::LoggingConfig;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};

use super::DaemonOptions;
use crate::capture::Capture;
use crate::guardian::ExistingFile;
use crate::policy::{Policy, StartPolicy, StopPolicy};
use crate::restart::RestartPolicy;
use crate::signal::Signal;

/// What a configuration file may say; see [`DaemonOptions`] for what it means.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DaemonFile {
    pid_filename: PathBuf,
    daemon_entry: String,
    #[serde(default)]
    daemon_args: serde_yaml::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_filename: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_filename: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logging_config: Option<LoggingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<Capture>,
    #[serde(default, with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    restart_interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<RestartPolicy>,
    #[serde(default, with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    grace: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopPolicy>,
    #[serde(default, with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    start_timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartPolicy>,
    #[serde(default)]
    existing: ExistingFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    umask: Option<Umask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reopen_on: Option<Signal>,
}

/// The file mode creation mask: a number (in YAML `0o027`; `027` would be decimal), or `inherit`.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Umask {
    Inherit,
    #[serde(untagged)]
    Bits(u32),
}

// By hand, since what is derived would not say what is expected, nor where.
impl<'de> Deserialize<'de> for Umask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Umask, D::Error> {
        deserializer.deserialize_any(UmaskVisitor)
    }
}

struct UmaskVisitor;

impl Visitor<'_> for UmaskVisitor {
    type Value = Umask;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permission bits like `0o022`, or `inherit`")
    }

    fn visit_u64<E: de::Error>(self, bits: u64) -> Result<Umask, E> {
        let unexpected = || E::invalid_value(Unexpected::Unsigned(bits), &self);
        u32::try_from(bits).map(Umask::Bits).map_err(|_| unexpected())
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Umask, E> {
        if word == "inherit" {
            Ok(Umask::Inherit)
        } else {
            Err(E::invalid_value(Unexpected::Str(word), &self))
        }
    }
}

impl Serialize for DaemonOptions {
    /// Fails if the entry is a function that `init` does not know: then it has no name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = self.clone();
        let file = DaemonFile {
            daemon_entry: options.call.name().map_err(S::Error::custom)?.to_owned(),
            daemon_args: options.call.args().map_err(S::Error::custom)?,
            pid_filename: options.pid_filename,
            name: options.name,
            stdout_filename: options.stdout_filename,
            stderr_filename: options.stderr_filename,
            logging_config: options.logging_config,
            capture: options.capture,
            restart_interval: None,
            restart: Some(options.policy.restart),
            grace: None,
            stop: Some(options.policy.stop),
            start_timeout: None,
            start: Some(options.policy.start),
            existing: options.existing,
            directory: options.directory,
            umask: Some(options.umask.map_or(Umask::Inherit, Umask::Bits)),
            reopen_on: options.reopen_on.map(Signal),
        };
        file.serialize(serializer)
    }
}

impl TryFrom<DaemonFile> for DaemonOptions {
    type Error = String;

    fn try_from(file: DaemonFile) -> Result<DaemonOptions, String> {
        let policy = Policy {
            must_launch: true,
            start: one_of(
                ("start", file.start),
                ("start_timeout", file.start_timeout),
                |timeout| StartPolicy { timeout, ..StartPolicy::default() },
            )?,
            restart: one_of(
                ("restart", file.restart),
                ("restart_interval", file.restart_interval),
                RestartPolicy::after,
            )?,
            stop: one_of(("stop", file.stop), ("grace", file.grace), StopPolicy::grace)?,
        };
        let call = proc_spawn::entry_named(file.daemon_entry, file.daemon_args);
        let default = DaemonOptions::of(file.pid_filename, call);
        Ok(DaemonOptions {
            name: file.name,
            stdout_filename: file.stdout_filename,
            stderr_filename: file.stderr_filename,
            logging_config: file.logging_config,
            capture: file.capture,
            policy,
            existing: file.existing,
            directory: file.directory,
            umask: match file.umask {
                Some(Umask::Bits(bits)) => Some(bits),
                Some(Umask::Inherit) => None,
                None => default.umask,
            },
            reopen_on: file.reopen_on.map(|signal| signal.0),
            ..default
        })
    }
}

/// A policy that is said in full, or by its simple form, but not by both.
fn one_of<T: Default, S>(
    full: (&str, Option<T>),
    simple: (&str, Option<S>),
    from_simple: impl Fn(S) -> T,
) -> Result<T, String> {
    match (full.1, simple.1) {
        (Some(_), Some(_)) => {
            Err(format!("`{}` is the simple form of `{}`: give one of them", simple.0, full.0))
        }
        (Some(full), None) => Ok(full),
        (None, Some(simple)) => Ok(from_simple(simple)),
        (None, None) => Ok(T::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_in_yaml_come_back_exactly() {
        let yaml = "
pid_filename: .data/foo.pid
daemon_entry: app:main
daemon_args: { foo: 1, bar: [two, 3.5, null] }
name: foo
stdout_filename: .data/out.txt
restart_interval: 50ms
stop: { steps: [{ by: SIGINT, wait: 2s }, { by: quit, wait: forever }] }
capture: { file: all.txt, buffer: 64 KiB, when_full: drop, streams: stderr, prefix: '' }
umask: inherit
reopen_on: SIGUSR1
";
        let options = DaemonOptions::from_yaml_str(yaml).unwrap();
        assert_eq!(options.umask, None);
        let written = serde_yaml::to_string(&options).unwrap();
        let again = DaemonOptions::from_yaml_str(&written).unwrap();
        assert_eq!(format!("{options:?}"), format!("{again:?}"), "{written}");
        let plain = DaemonOptions::of("x.pid", proc_spawn::entry_named("a:b", 7)).umask(0o27);
        let written = serde_yaml::to_string(&plain).unwrap();
        let again = DaemonOptions::from_yaml_str(&written).unwrap();
        assert_eq!(format!("{plain:?}"), format!("{again:?}"), "{written}");
    }

    #[test]
    fn a_simple_form_and_the_full_one_together_are_refused() {
        let yaml = "{ pid_filename: x, daemon_entry: a:b, grace: 1s, stop: { steps: [] } }";
        let error = format!("{:?}", DaemonOptions::from_yaml_str(yaml).unwrap_err());
        assert!(error.contains("`grace` is the simple form of `stop`"), "{error}");
    }

    #[test]
    fn a_function_that_is_not_listed_has_no_name_to_write() {
        fn nobody() {}
        let options = DaemonOptions::new("x.pid", nobody, ());
        let error = serde_yaml::to_string(&options).unwrap_err().to_string();
        assert!(error.contains("nobody"), "{error}");
    }
}
