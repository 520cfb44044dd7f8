//! A worker as a configuration file has it, both ways.

use std::path::PathBuf;

use policy::{
    Leftovers, RecyclePolicy, RestartPolicy, RollPolicy, Share, StartPolicy, StopPolicy,
    WatchdogPolicy,
};
use safe_yaml::untagged;
use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};
use surroundings::Surroundings;

use super::{Listed, WorkerSet, WorkerStartInfo};

surroundings::surroundings_form! {
/// What a configuration file may say; see [`WorkerStartInfo`] for what it means.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping with the options of a worker")]
pub(super) struct WorkerFile {
    name: String,
    pid_filename: PathBuf,
    /// Of a set alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// Of a set alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_unavailable: Option<Share>,
    /// Of a set alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    roll: Option<RollPolicy>,
    /// Of a set alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    recycle: Option<RecyclePolicy>,
    /// Of a set alone.
    #[serde(default, with = "human_text::size::option", skip_serializing_if = "Option::is_none")]
    memory_hard_limit: Option<u64>,
    entry: String,
    #[serde(default)]
    args: serde_yaml::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart: Option<RestartPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leftovers: Option<Leftovers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_value: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watchdog: Option<WatchdogPolicy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    after: Vec<String>,
    #[serde(default)]
    temporary: bool,
    #[serde(default)]
    significant: bool,
}
}

impl TryFrom<WorkerFile> for WorkerStartInfo {
    type Error = String;

    fn try_from(file: WorkerFile) -> Result<WorkerStartInfo, String> {
        if let Some(count) = file.count {
            return Err(format!("`count: {count}` makes it a set, which cannot stand here"));
        }
        if file.max_unavailable.is_some()
            || file.roll.is_some()
            || file.recycle.is_some()
            || file.memory_hard_limit.is_some()
        {
            let fields = "`max_unavailable`, `roll`, `recycle` and `memory_hard_limit`";
            return Err(format!("{fields} are for sets, which have a `count`"));
        }
        let said = surroundings::surroundings_form!(read file);
        Ok(WorkerStartInfo {
            name: file.name,
            pid_filename: file.pid_filename,
            call: proc_spawn::Call::named(file.entry, untagged(file.args)),
            surroundings: Surroundings::from_form(said, None)?,
            start: file.start,
            restart: file.restart,
            stop: file.stop,
            leftovers: file.leftovers,
            keep_value: file.keep_value,
            watchdog: file.watchdog,
            after: file.after,
            temporary: file.temporary,
            significant: file.significant,
        })
    }
}

impl TryFrom<WorkerFile> for WorkerSet {
    type Error = String;

    fn try_from(mut file: WorkerFile) -> Result<WorkerSet, String> {
        let count = file.count.take().unwrap_or(1);
        let (max_unavailable, roll) = (file.max_unavailable.take(), file.roll.take());
        let recycle = file.recycle.take().unwrap_or_default();
        let memory_hard_limit = file.memory_hard_limit.take();
        let mut set = WorkerSet::new(count, file.try_into()?);
        set.memory_hard_limit = memory_hard_limit;
        let set = set.roll(roll.unwrap_or_default()).recycle(recycle);
        Ok(match max_unavailable {
            Some(share) => set.max_unavailable(share),
            None => set,
        })
    }
}

impl TryFrom<WorkerFile> for Listed {
    type Error = String;

    fn try_from(file: WorkerFile) -> Result<Listed, String> {
        Ok(match file.count {
            Some(_) => Listed::Set(file.try_into()?),
            None => Listed::Worker(file.try_into()?),
        })
    }
}

/// Fails if the entry is a function that `init` does not know: then it has no name.
fn file_of<E: Error>(info: &WorkerStartInfo) -> Result<WorkerFile, E> {
    let info = info.clone();
    let no_text = || E::custom("a variable of the environment is no text");
    let said = info.surroundings.into_form().ok_or_else(no_text)?;
    Ok(surroundings::surroundings_form!(write said into WorkerFile {
        entry: info.call.name().map_err(E::custom)?.to_owned(),
        args: info.call.args().map_err(E::custom)?,
        name: info.name,
        pid_filename: info.pid_filename,
        start: info.start,
        restart: info.restart,
        stop: info.stop,
        leftovers: info.leftovers,
        keep_value: info.keep_value,
        watchdog: info.watchdog,
        after: info.after,
        temporary: info.temporary,
        significant: info.significant,
        count: None,
        max_unavailable: None,
        roll: None,
        recycle: None,
        memory_hard_limit: None,
    }))
}

impl Serialize for WorkerStartInfo {
    /// Fails if the entry is a function that `init` does not know: then it has no name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        file_of(self)?.serialize(serializer)
    }
}

impl Serialize for WorkerSet {
    /// Fails as that of a worker does, and if what each runs is said by a function.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.has_calls() {
            return Err(S::Error::custom("what each of the set runs is said by a function"));
        }
        let mut file = file_of(&self.template)?;
        file.count = Some(self.count);
        file.max_unavailable = Some(self.max_unavailable);
        file.roll = Some(self.roll.clone());
        file.recycle = Some((*self.recycle).clone());
        file.memory_hard_limit = self.memory_hard_limit;
        file.serialize(serializer)
    }
}

impl Serialize for Listed {
    /// Fails as those of a worker and of a set do.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Listed::Worker(worker) => worker.serialize(serializer),
            Listed::Set(set) => set.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::spec::WorkersOptions;
    use policy::{EndWhen, Strategy};

    #[test]
    fn workers_in_yaml_come_back_exactly() {
        let yaml = "
- name: red
  pid_filename: red.pid
  entry: app:paint
  args: { color: red }
  directory: /var/tmp
  env: { COLOR: red, LANG: null }
  env_clear: true
  restart: { restart: always, backoff: { first: 100ms, growth: !linear 1s } }
- { name: blue, pid_filename: blue.pid, entry: 'app:mix', after: [red], significant: true, capture: { file: blue.txt, keep: 2 } }
- { name: green, pid_filename: green.pid, entry: 'app:mix', stdout: inherit, stderr: 'null' }
- { name: white, pid_filename: white.pid, entry: 'app:mix', stdout: { file: a.txt }, stderr: !file b.txt }
- name: grey
  pid_filename: grey.pid
  entry: app:mix
  stdout_filename: out
  stderr_filename: err
  trust_folder_owner: true
  logging_config: { file: grey.log }
  start: { ready: told, timeout: 7s }
  stop: { steps: [{ by: SIGINT, wait: forever }], extend_up_to: forever }
  leftovers: keep
  keep_value: 1048576
  watchdog: { after: 30s, when_stopped: kill }
  temporary: true
";
        let workers: Vec<WorkerStartInfo> = serde_yaml::from_str(yaml).unwrap();
        let written = serde_yaml::to_string(&workers).unwrap();
        let again: Vec<WorkerStartInfo> = serde_yaml::from_str(&written).unwrap();
        assert_eq!(format!("{workers:?}"), format!("{again:?}"), "{written}");
        let error = serde_yaml::from_str::<WorkerStartInfo>("{ name: a, colour: b }").unwrap_err();
        assert!(error.to_string().contains("unknown field `colour`"), "{error}");
    }

    /// What has a number is a set; a number is no worker's.
    #[test]
    fn sets_stand_beside_workers() {
        let yaml = "
- { name: red, pid_filename: red.pid, entry: 'app:paint' }
- { name: web, count: 0, pid_filename: '{name}.pid', entry: 'app:web', after: [red], args: { port: 8000 } }
";
        let list: Vec<Listed> = serde_yaml::from_str(yaml).unwrap();
        let written = serde_yaml::to_string(&list).unwrap();
        let again: Vec<Listed> = serde_yaml::from_str(&written).unwrap();
        assert_eq!(format!("{list:?}"), format!("{again:?}"), "{written}");
        let found: Vec<_> = list.iter().map(|listed| (listed.name(), listed.count())).collect();
        assert_eq!(found, [("red", 1), ("web", 0)]);
        assert!(matches!(list[1], Listed::Set(_)));
        let full = "{ name: web, count: 4, pid_filename: '{name}.pid', entry: 'app:web', max_unavailable: 25%, roll: { surge: 1, pause: 2s }, recycle: { age: 24h, memory: 512MiB }, memory_hard_limit: 1 GiB }";
        let set: WorkerSet = serde_yaml::from_str(full).unwrap();
        let again: WorkerSet = serde_yaml::from_str(&serde_yaml::to_string(&set).unwrap()).unwrap();
        assert_eq!(format!("{set:?}"), format!("{again:?}"));
        let by_function = set.clone().calls(|_| proc_spawn::Call::named("app:web", ()));
        serde_yaml::to_string(&by_function).unwrap_err();
        assert_eq!((set.max_unavailable, set.roll.surge), (Share::Percent(25), Share::Count(1)));
        assert_eq!((set.recycle.memory, set.memory_hard_limit), (Some(512 << 20), Some(1 << 30)));
        let limited = "{ name: web, pid_filename: a, entry: 'app:web', memory_hard_limit: 1GiB }";
        let error = serde_yaml::from_str::<Listed>(limited).unwrap_err().to_string();
        assert!(error.contains("`recycle` and `memory_hard_limit` are for sets"), "{error}");
        let error = serde_yaml::from_str::<Listed>(&full.replace("count: 4, ", "")).unwrap_err();
        assert!(error.to_string().contains("are for sets, which have a `count`"), "{error}");
        let alone = "{ name: web, pid_filename: '{name}.pid', entry: 'app:web' }";
        assert_eq!(serde_yaml::from_str::<WorkerSet>(alone).unwrap().count(), 1);
        let error = serde_yaml::from_str::<Vec<WorkerStartInfo>>(yaml).unwrap_err().to_string();
        assert!(error.contains("`count: 0` makes it a set"), "{error}");
        for wrong in ["-1", "4294967296", "two", "1.5"] {
            let yaml = alone.replace("{ name", &format!("{{ count: {wrong}, name"));
            serde_yaml::from_str::<WorkerSet>(&yaml).unwrap_err();
        }
    }

    /// Texts that are nearly right, for both readers: a piece is missing, or another stands in its place.
    /// No reader may panic.
    #[test]
    fn what_is_nearly_right_is_refused_or_read() {
        const WORKERS: &str = "
- { name: red, pid_filename: red.pid, entry: 'app:paint', args: &a { color: red }, after: [blue] }
- name: blue
  pid_filename: blue.pid
  entry: app:mix
  args: *a
  significant: true
  restart: { restart: always, backoff: { first: 100ms, growth: !linear 1s } }
  stop: { steps: [{ by: quit, wait: 3s }] }
";
        const OPTIONS: &str = "
strategy: one-for-all
end_when: any-significant
in_order: true
start_stagger: 5ms
restart: { restart: on-failure, backoff: { first: 20s } }
debug_filename: debug.json
";
        proptest!(|(at: usize, cut in 0..20usize, text in ".{0,10}")| {
            let nearly = |yaml: &str| {
                let at = at % yaml.len();
                [&yaml[..at], &text, &yaml[(at + cut).min(yaml.len())..]].concat()
            };
            if let Ok(workers) = serde_yaml::from_str::<Vec<WorkerStartInfo>>(&nearly(WORKERS)) {
                let written = serde_yaml::to_string(&workers).unwrap();
                let again: Vec<WorkerStartInfo> = serde_yaml::from_str(&written).unwrap();
                prop_assert_eq!(format!("{:?}", workers), format!("{:?}", again), "{}", written);
            }
            if let Ok(options) = serde_yaml::from_str::<WorkersOptions>(&nearly(OPTIONS)) {
                let written = serde_yaml::to_string(&options).unwrap();
                prop_assert_eq!(serde_yaml::from_str::<WorkersOptions>(&written).unwrap(), options);
            }
        });
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
