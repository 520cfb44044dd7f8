//! The options of a list of workers as a configuration file says them, in full or in their simple form.

use std::path::PathBuf;
use std::time::Duration;

use policy::limit;
use policy::{Leftovers, RestartPolicy, StartPolicy, StopPolicy, WatchdogPolicy};
use serde::Deserialize;

use super::WorkersOptions;
use policy::{EndWhen, Strategy};

/// What a configuration file may say; see [`WorkersOptions`] for what it means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with the options of workers")]
pub(super) struct OptionsFile {
    start: Option<StartPolicy>,
    #[serde(default, with = "policy::duration::option")]
    start_timeout: Option<Duration>,
    restart: Option<RestartPolicy>,
    #[serde(default, with = "policy::duration::option")]
    restart_interval: Option<Duration>,
    restart_limit: Option<limit::RestartLimit>,
    stop: Option<StopPolicy>,
    #[serde(default, with = "policy::duration::option")]
    grace: Option<Duration>,
    #[serde(default)]
    leftovers: Leftovers,
    watchdog: Option<WatchdogPolicy>,
    #[serde(default)]
    strategy: Strategy,
    #[serde(default)]
    end_when: EndWhen,
    #[serde(default)]
    in_order: bool,
    #[serde(default, with = "policy::duration::option")]
    start_stagger: Option<Duration>,
    #[serde(default)]
    ready_when_all: bool,
    debug_filename: Option<PathBuf>,
    #[serde(default)]
    trust_folder_owner: bool,
}

impl TryFrom<OptionsFile> for WorkersOptions {
    type Error = String;

    fn try_from(file: OptionsFile) -> Result<WorkersOptions, String> {
        let both = |full: &str, simple: &str| {
            Err(format!("`{simple}` is the simple form of `{full}`: give one of them"))
        };
        let mut options = WorkersOptions::default();
        match (file.start, file.start_timeout) {
            (Some(_), Some(_)) => return both("start", "start_timeout"),
            (Some(start), None) => options = options.start(start),
            (None, Some(timeout)) => options = options.start_timeout(timeout),
            (None, None) => (),
        }
        match (file.restart, file.restart_interval) {
            (Some(_), Some(_)) => return both("restart", "restart_interval"),
            (Some(restart), None) => options = options.restart(restart),
            (None, Some(interval)) => options = options.restart_interval(interval),
            (None, None) => (),
        }
        match (file.stop, file.grace) {
            (Some(_), Some(_)) => return both("stop", "grace"),
            (Some(stop), None) => options = options.stop(stop),
            (None, Some(grace)) => options = options.grace(grace),
            (None, None) => (),
        }
        Ok(WorkersOptions {
            restart_limit: file.restart_limit,
            leftovers: file.leftovers,
            watchdog: file.watchdog,
            strategy: file.strategy,
            end_when: file.end_when,
            in_order: file.in_order,
            start_stagger: file.start_stagger.unwrap_or_default(),
            ready_when_all: file.ready_when_all,
            debug_filename: file.debug_filename,
            trust_folder_owner: file.trust_folder_owner,
            ..options
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_forms_are_those_of_rust_and_go_with_no_full_one() {
        let read = |yaml: &str| serde_yaml::from_str::<WorkersOptions>(yaml);
        let yaml = "{ restart_interval: 20s, grace: 3s, start_timeout: 7s }";
        let expected = WorkersOptions::default()
            .restart_interval(Duration::from_secs(20))
            .grace(Duration::from_secs(3))
            .start_timeout(Duration::from_secs(7));
        assert_eq!(read(yaml).unwrap(), expected);
        assert_eq!(read("{}").unwrap(), WorkersOptions::default());
        for (yaml, names) in [
            ("{ grace: 1s, stop: {} }", "`grace` is the simple form of `stop`"),
            ("{ restart_interval: 1s, restart: {} }", "`restart_interval` is the simple form of"),
            ("{ start_timeout: 1s, start: {} }", "`start_timeout` is the simple form of `start`"),
        ] {
            let error = read(yaml).unwrap_err().to_string();
            assert!(error.contains(names), "{error}");
        }
        let error = read("fast").unwrap_err().to_string();
        assert!(error.contains("expected a mapping with the options of workers"), "{error}");
    }
}
