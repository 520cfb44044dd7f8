//! A daemon's options as a configuration file has them, both ways.

use std::path::PathBuf;
use std::time::Duration;

use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};

use super::{ControlOptions, DaemonOptions};
use crate::guardian::ExistingFile;
use policy::RestartPolicy;
use policy::signal::Signal;
use policy::{Leftovers, Policy, StartPolicy, StopPolicy, WatchdogPolicy};
use surroundings::Surroundings;

surroundings::surroundings_form! {
/// What a configuration file may say; see [`DaemonOptions`] for what it means.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with the options of a daemon")]
pub(super) struct DaemonFile {
    pid_filename: PathBuf,
    daemon_entry: String,
    #[serde(default)]
    daemon_args: serde_yaml::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(
        default,
        with = "policy::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    restart_interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<RestartPolicy>,
    #[serde(
        default,
        with = "policy::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    grace: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopPolicy>,
    #[serde(
        default,
        with = "policy::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    start_timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartPolicy>,
    #[serde(default)]
    leftovers: Leftovers,
    #[serde(skip_serializing_if = "Option::is_none")]
    watchdog: Option<WatchdogPolicy>,
    #[serde(default)]
    existing: ExistingFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    reopen_on: Option<Signal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reload_on: Option<Signal>,
    #[serde(default)]
    control: ControlOptions,
}
}

impl Serialize for DaemonOptions {
    /// Fails if the entry is a function that `init` does not know: then it has no name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = self.clone();
        let no_text = || S::Error::custom("a variable of the environment is no text");
        let said = options.surroundings.into_form().ok_or_else(no_text)?;
        let file = surroundings::surroundings_form!(write said into DaemonFile {
            daemon_entry: options.call.name().map_err(S::Error::custom)?.to_owned(),
            daemon_args: options.call.args().map_err(S::Error::custom)?,
            pid_filename: options.pid_filename,
            name: options.name,
            restart_interval: None,
            restart: Some(options.policy.restart),
            grace: None,
            stop: Some(options.policy.stop),
            start_timeout: None,
            start: Some(options.policy.start),
            leftovers: options.policy.leftovers,
            watchdog: options.policy.watchdog,
            existing: options.existing,
            reopen_on: options.reopen_on.map(Signal),
            reload_on: options.reload_on.map(Signal),
            control: options.control,
        });
        file.serialize(serializer)
    }
}

impl TryFrom<DaemonFile> for DaemonOptions {
    type Error = String;

    fn try_from(file: DaemonFile) -> Result<DaemonOptions, String> {
        let policy = Policy {
            must_launch: true,
            leftovers: file.leftovers,
            watchdog: file.watchdog,
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
        let call =
            proc_spawn::Call::named(file.daemon_entry, safe_yaml::untagged(file.daemon_args));
        let default = DaemonOptions::of(file.pid_filename, call);
        let said = surroundings::surroundings_form!(read file);
        Ok(DaemonOptions {
            name: file.name,
            surroundings: Surroundings::from_form(said, default.surroundings.umask)?,
            policy,
            existing: file.existing,
            reopen_on: file.reopen_on.map(|signal| signal.0),
            reload_on: file.reload_on.map(|signal| signal.0),
            control: file.control,
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
    use proptest::prelude::*;

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
env: { COLOR: red, LANG: null }
env_clear: true
reopen_on: SIGUSR1
reload_on: SIGUSR2
";
        let options = DaemonOptions::from_yaml_str(yaml).unwrap();
        assert_eq!(options.surroundings.umask, None);
        let written = serde_yaml::to_string(&options).unwrap();
        let again = DaemonOptions::from_yaml_str(&written).unwrap();
        assert_eq!(format!("{options:?}"), format!("{again:?}"), "{written}");
        let plain = DaemonOptions::of("x.pid", proc_spawn::Call::named("a:b", 7)).umask(0o27);
        let written = serde_yaml::to_string(&plain).unwrap();
        let again = DaemonOptions::from_yaml_str(&written).unwrap();
        assert_eq!(format!("{plain:?}"), format!("{again:?}"), "{written}");
    }

    /// No line says the default, so a field that is lost in writing shows.
    #[test]
    fn every_option_is_written() {
        let yaml = "\
pid_filename: .data/foo.pid
daemon_entry: app:main
daemon_args: { foo: 1 }
name: foo
stdout_filename: .data/out.txt
stderr_filename: .data/err.txt
trust_folder_owner: true
logging_config: { file: .data/d.log }
restart: { restart: always, limit: { times: 3, window: 1min } }
stop: { steps: [{ by: quit, wait: 3s }] }
start: { ready: told, timeout: 7s }
existing: means_running
directory: /tmp
umask: 0o027
control: { socket: false, group: adm, group_may: act }
";
        let options = DaemonOptions::from_yaml_str(yaml).unwrap();
        let written = serde_yaml::to_string(&options).unwrap();
        let again = DaemonOptions::from_yaml_str(&written).unwrap();
        assert_eq!(format!("{options:?}"), format!("{again:?}"), "{written}");
        let default = DaemonOptions::of(".data/foo.pid", proc_spawn::Call::named("app:main", 1));
        let default = serde_yaml::to_value(&default).unwrap();
        let value = serde_yaml::to_value(&again).unwrap();
        for line in yaml.lines().skip(2) {
            let name = line.split(':').next().unwrap();
            assert!(value.get(name).is_some() && value.get(name) != default.get(name), "{name}");
        }
    }

    #[test]
    fn aliases_that_make_a_giant_of_a_few_lines_are_refused() {
        let (long, names) = ("x".repeat(1 << 16), "*a,".repeat(1100));
        let yaml = format!(
            "{{ pid_filename: x, daemon_entry: a:b, daemon_args: {{ a: &a {long}, b: [{names}] }} }}"
        );
        let error = format!("{:?}", DaemonOptions::from_yaml_str(&yaml).unwrap_err());
        assert!(error.contains("larger than 64 MiB when its aliases are followed"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-z0-9 :,.{}\\[\\]&*!'\"|>~\n-]{0,200}") {
            let _ = DaemonOptions::from_yaml_str(&text);
        }

        /// Texts that are nearly right: a piece is missing, or another stands in its place.
        #[test]
        fn what_is_nearly_right_is_refused_or_read(at: usize, cut in 0..20usize, text in ".{0,10}") {
            const YAML: &str = "
pid_filename: .data/foo.pid
daemon_entry: app:main
daemon_args: { foo: &a 1, bar: [*a, 3.5, null] }
logging_config: { level: info, file: a.log, rotation: daily }
restart: { restart: always, backoff: { first: 100ms, growth: !linear 1s } }
stop: { steps: [{ by: SIGINT, wait: 2s }, { by: quit, wait: forever }] }
start_timeout: 30s
umask: 0o027
";
            let at = at % YAML.len();
            let end = (at + cut).min(YAML.len());
            let yaml = [&YAML[..at], &text, &YAML[end..]].concat();
            if let Ok(options) = DaemonOptions::from_yaml_str(&yaml) {
                let written = serde_yaml::to_string(&options).unwrap();
                let again = DaemonOptions::from_yaml_str(&written).unwrap();
                prop_assert_eq!(format!("{:?}", options), format!("{:?}", again), "{}", written);
            }
        }
    }

    /// The error shows a form that is right.
    #[test]
    fn a_short_form_that_there_is_not_is_told_what_to_write() {
        for (name, short) in [
            ("restart", "on-failure"),
            ("restart", "{success: 3}"),
            ("restart", "{backoff: 1s}"),
            ("restart", "{limit: 5}"),
            ("start", "told"),
            ("stop", "SIGTERM"),
            ("stop", "{steps: [SIGTERM]}"),
            ("capture", "d/x.txt"),
            ("logging_config", "d/l.log"),
            ("control", "off"),
        ] {
            let read = |value: &str| {
                let yaml = format!("{{ pid_filename: x, daemon_entry: a:b, {name}: {value} }}");
                DaemonOptions::from_yaml_str(&yaml)
            };
            let error = format!("{:?}", read(short).unwrap_err());
            let (_, told) = error.split_once("expected a mapping like `").expect(&error);
            let (example, _) = told.split_once('`').unwrap();
            // An example of a part is put where the part stands.
            let example = match short.split_once(": ").filter(|_| short.starts_with('{')) {
                Some((part, rest)) if rest.starts_with('[') => format!("{part}: [{example}]}}"),
                Some((part, _)) => format!("{part}: {example}}}"),
                None => example.to_owned(),
            };
            read(&example).unwrap_or_else(|error| panic!("{example}: {error:?}"));
        }
        let error = format!("{:?}", DaemonOptions::from_yaml_str("- x").unwrap_err());
        assert!(error.contains("expected a mapping with the options of a daemon"), "{error}");
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
