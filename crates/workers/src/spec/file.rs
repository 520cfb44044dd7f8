//! A worker as a configuration file has it, both ways.

use std::path::PathBuf;

use logging::LoggingConfig;
use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};
use supervisor::{RestartPolicy, StartPolicy, StopPolicy};

use super::WorkerStartInfo;

/// What a configuration file may say; see [`WorkerStartInfo`] for what it means.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkerFile {
    name: String,
    pid_filename: PathBuf,
    entry: String,
    #[serde(default)]
    args: serde_yaml::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_filename: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_filename: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logging_config: Option<LoggingConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<RestartPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopPolicy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    after: Vec<String>,
    #[serde(default)]
    temporary: bool,
    #[serde(default)]
    significant: bool,
}

impl From<WorkerFile> for WorkerStartInfo {
    fn from(file: WorkerFile) -> WorkerStartInfo {
        WorkerStartInfo {
            name: file.name,
            pid_filename: file.pid_filename,
            call: proc_spawn::entry_named(file.entry, file.args),
            stdout_filename: file.stdout_filename,
            stderr_filename: file.stderr_filename,
            logging_config: file.logging_config,
            start: file.start,
            restart: file.restart,
            stop: file.stop,
            after: file.after,
            temporary: file.temporary,
            significant: file.significant,
        }
    }
}

impl Serialize for WorkerStartInfo {
    /// Fails if the entry is a function that `init` does not know: then it has no name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = self.clone();
        let file = WorkerFile {
            entry: info.call.name().map_err(S::Error::custom)?.to_owned(),
            args: info.call.args().map_err(S::Error::custom)?,
            name: info.name,
            pid_filename: info.pid_filename,
            stdout_filename: info.stdout_filename,
            stderr_filename: info.stderr_filename,
            logging_config: info.logging_config,
            start: info.start,
            restart: info.restart,
            stop: info.stop,
            after: info.after,
            temporary: info.temporary,
            significant: info.significant,
        };
        file.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::group::{EndWhen, Strategy};
    use crate::spec::WorkersOptions;

    #[test]
    fn workers_in_yaml_come_back_exactly() {
        let yaml = "
- name: red
  pid_filename: red.pid
  entry: app:paint
  args: { color: red }
  restart: { restart: always, backoff: { first: 100ms, growth: !linear 1s } }
- { name: blue, pid_filename: blue.pid, entry: 'app:mix', after: [red], significant: true }
- name: grey
  pid_filename: grey.pid
  entry: app:mix
  stdout_filename: out
  stderr_filename: err
  logging_config: { file: grey.log }
  start: { ready: told, timeout: 7s }
  stop: { steps: [{ by: SIGINT, wait: forever }], extend_up_to: forever }
  temporary: true
";
        let workers: Vec<WorkerStartInfo> = serde_yaml::from_str(yaml).unwrap();
        let written = serde_yaml::to_string(&workers).unwrap();
        let again: Vec<WorkerStartInfo> = serde_yaml::from_str(&written).unwrap();
        assert_eq!(format!("{workers:?}"), format!("{again:?}"), "{written}");
        let error = serde_yaml::from_str::<WorkerStartInfo>("{ name: a, colour: b }").unwrap_err();
        assert!(error.to_string().contains("unknown field `colour`"), "{error}");
    }

    #[test]
    fn options_in_yaml_are_those_in_rust() {
        let yaml = "
strategy: one-for-all
end_when: any-significant
in_order: true
start_stagger: 5ms
ready_when_all: true
restart: { restart: on-failure, backoff: { first: 20s } }
restart_limit: { times: 5, window: 10s }
stop: { steps: [{ by: quit, wait: 3s }] }
debug_filename: debug.json
";
        let expected = WorkersOptions::default()
            .strategy(Strategy::OneForAll)
            .end_when(EndWhen::AnySignificant)
            .in_order()
            .start_stagger(Duration::from_millis(5))
            .ready_when_all()
            .restart_interval(Duration::from_secs(20))
            .restart_limit(5, Duration::from_secs(10))
            .grace(Duration::from_secs(3))
            .debug_filename("debug.json");
        let options: WorkersOptions = serde_yaml::from_str(yaml).unwrap();
        assert_eq!(options, expected);
        let written = serde_yaml::to_string(&options).unwrap();
        assert_eq!(serde_yaml::from_str::<WorkersOptions>(&written).unwrap(), expected);
    }
}
