//! Workers that are alike: a template, and how many of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy::{Problems, RecyclePolicy, RollPolicy, Share};
use proc_spawn::Call;
use surroundings::{Base, Files, Owner};

use super::WorkerStartInfo;

/// Workers that are alike, and how many there are to be: none, too, as a number that is changed while they run.
///
/// Their names are that of the template with a number, from 1 on: `web-1`, `web-2`. In the paths of the template
/// (pid file, output, log, capture, working directory) `{set}` is the template's name, `{index}` the number and `{name}`
/// both, as above. Pid file, output and log must have one of the last two in them, so that no two workers have the same;
/// a capture may be shared. A worker finds its number by [`current().index()`](proc_spawn::Current::index). It keeps it
/// for life: when there are to be fewer, those with the highest numbers go.
///
/// Others that come [`after`](WorkerStartInfo::after) the template's name come after all of them that there are at the
/// start.
///
/// ```
/// # use proc_spawn::Call;
/// # use workers::{WorkerSet, WorkerStartInfo};
/// # fn web(port: u32) {}
/// // All with the same arguments.
/// let alike = WorkerSet::new(4, WorkerStartInfo::new("web", ".data/{name}.pid", web, 8000));
/// // Each with its own.
/// let apart = WorkerSet::new(4, WorkerStartInfo::new("web", ".data/{name}.pid", web, 8000))
///     .calls(|index| Call::new(web, 8000 + index));
/// ```
///
/// From a configuration file with the fields of a worker, `count` (by default 1), `max_unavailable`, `roll`, `recycle` and
/// `memory_hard_limit`, with the feature `yaml`.
#[derive(Clone)]
#[cfg_attr(
    feature = "yaml",
    derive(serde::Deserialize),
    serde(try_from = "super::file::WorkerFile")
)]
pub struct WorkerSet {
    pub(super) count: u32,
    pub(super) template: WorkerStartInfo,
    pub(super) max_unavailable: Share,
    pub(super) roll: RollPolicy,
    /// In a box, so that what stands on a list takes not much more room than a worker.
    pub(super) recycle: Box<RecyclePolicy>,
    pub(super) memory_hard_limit: Option<u64>,
    calls: Option<Calls>,
}

/// A set that is larger is a slip: a machine has not so many processes (PID_MAX_LIMIT of proc(5) is 4 million, and the
/// limit of a user far less).
pub(crate) const MOST_OF_SET: u32 = 100_000;

type Calls = Arc<dyn Fn(u32) -> Call + Send + Sync>;

impl WorkerSet {
    /// So many workers like this one.
    pub fn new(count: u32, template: WorkerStartInfo) -> WorkerSet {
        let (max_unavailable, roll) = (Share::Count(1), RollPolicy::default());
        let recycle = Box::default();
        let (memory_hard_limit, calls) = (None, None);
        WorkerSet { count, template, max_unavailable, roll, recycle, memory_hard_limit, calls }
    }

    /// How many may be away by choice, that is while they are replaced one after another. What else ends uses the same
    /// up, and is waited for. Parts are rounded down, and are at least one unless a roll has surge. Default: one.
    #[must_use]
    pub fn max_unavailable(mut self, share: Share) -> WorkerSet {
        self.max_unavailable = share;
        self
    }

    /// How they are replaced one after another, where who asks for that says nothing else. Default: that of
    /// [`RollPolicy`].
    #[must_use]
    pub fn roll(mut self, policy: RollPolicy) -> WorkerSet {
        self.roll = policy;
        self
    }

    /// When they are replaced by themselves, each in its turn, as in a roll and by the same promise: one that leaks, or has
    /// cached too much, begins anew. That is no failure, and has no delay. Default: never.
    #[must_use]
    pub fn recycle(mut self, policy: RecyclePolicy) -> WorkerSet {
        *self.recycle = policy;
        self
    }

    /// How many bytes of memory each may have in any case. One that is seen to have more, as
    /// [`RecyclePolicy::memory`] counts it, is stopped at once, whoever is away: that is a failure
    /// ([`RunEnd::Memory`](policy::RunEnd::Memory)), with all that follows one. Default: any number.
    ///
    /// It is looked at every 30 seconds ([`RecyclePolicy::look_every`]): a worker that grows faster than that is the
    /// kernel's to stop, by a limit of its cgroup.
    #[must_use]
    pub fn memory_hard_limit(mut self, bytes: u64) -> WorkerSet {
        self.memory_hard_limit = Some(bytes);
        self
    }

    /// When a run is replaced, where that is counted by itself.
    pub(super) fn counts_itself(&self) -> Option<Arc<RecyclePolicy>> {
        self.recycle.jobs.map(|_| Arc::new((*self.recycle).clone()))
    }

    /// What each runs, by its number, in place of what the template says. It is called when the list is checked and when
    /// there are to be more, by the thread that asks for that, and may be called several times.
    #[must_use]
    pub fn calls(mut self, call: impl Fn(u32) -> Call + Send + Sync + 'static) -> WorkerSet {
        self.calls = Some(Arc::new(call));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.template.name
    }

    /// How many there are to be at the start.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Whether what each runs is said by a function.
    #[cfg(feature = "yaml")]
    pub(super) fn has_calls(&self) -> bool {
        self.calls.is_some()
    }

    pub(super) fn pid_filename(&self, index: u32) -> PathBuf {
        Names { set: self.name().to_owned(), index }.fill(&self.template.pid_filename)
    }

    /// The worker of this number, as it would be alone.
    pub(super) fn worker(&self, index: u32) -> WorkerStartInfo {
        let mut worker = self.template.clone();
        let names = Names { set: self.name().to_owned(), index };
        worker.name = names.name();
        worker.pid_filename = names.fill(&worker.pid_filename);
        worker.surroundings.rename(&mut |_, path| names.fill(path));
        if let Some(calls) = &self.calls {
            worker.call = calls(index);
        }
        worker
    }

    /// Takes note of the files that there would be with other numbers.
    pub(super) fn note_families(&self, files: &mut Files, base: &Base, entry: usize) {
        let mut note = |field: &'static str, path: &Path| {
            let (base, path, set) = (base.clone(), path.to_owned(), self.name().to_owned());
            files.note_family(Owner::Worker(entry), field, move |index| {
                let path = Names { set: set.clone(), index }.fill(&path);
                base.absolute(&mut Problems::new(), field, path).unwrap_or_default()
            });
        };
        note("pid_filename", &self.template.pid_filename);
        self.template.surroundings.clone().rename(&mut |field, path| {
            if needs_number(field, path) {
                note(field, path);
            }
            path.to_owned()
        });
    }

    /// Adds what is wrong with the set, and with the paths of the template.
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.count > MOST_OF_SET {
            problems.add("count", self.count, format!("more than {MOST_OF_SET}; give fewer"));
        }
        self.max_unavailable.check(problems, "max_unavailable");
        self.roll.check(problems, "roll", self.max_unavailable);
        self.recycle.check(problems, "recycle", self.memory_hard_limit);
        if let Some(what) = self.recycle.limits().filter(|_| self.max_unavailable.is_none()) {
            let reason = "with max_unavailable 0 none would ever be replaced; let one be away";
            problems.add("recycle", what, reason);
        }
        self.check_paths(problems);
    }

    /// Adds what is wrong with the paths of the template.
    pub(super) fn check_paths(&self, problems: &mut Problems) {
        let mut check = |field: &str, path: &Path| {
            // Who must have one is told so elsewhere.
            if path.as_os_str().is_empty() {
                return;
            }
            let text = path.to_string_lossy();
            if let Some(unknown) = placeholders(&text).find(|name| !KNOWN.contains(name)) {
                let reason = format!(
                    "`{{{unknown}}}` is unknown; known are {{set}}, {{index}} and {{name}}"
                );
                problems.add(field, &text, reason);
            } else if needs_number(field, path) && !placeholders(&text).any(|name| name != "set") {
                let reason = "is the same for all of the set; put {index} or {name} into it";
                problems.add(field, &text, reason);
            }
        };
        check("pid_filename", &self.template.pid_filename);
        self.template.surroundings.clone().rename(&mut |field, path| {
            check(field, path);
            path.to_owned()
        });
    }
}

/// Two streams into one file would be mixed, and a log would be put aside under another's hands.
fn needs_number(field: &str, path: &Path) -> bool {
    !matches!(field, "capture.file" | "directory") && !path.starts_with("/dev")
}

const KNOWN: [&str; 3] = ["set", "index", "name"];

/// What stands in braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split('{').skip(1);
    pieces.filter_map(|piece| piece.split_once('}')).map(|(name, _)| name)
}

/// What the placeholders of one worker stand for.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) set: String,
    pub(super) index: u32,
}

impl Names {
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.set, self.index)
    }

    /// A path that is no text is refused by who checks it.
    pub(super) fn fill(&self, path: &Path) -> PathBuf {
        let Some(mut rest) = path.to_str() else { return path.to_owned() };
        let mut filled = String::with_capacity(rest.len() + 16);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            // A name may have braces itself: what was filled in is not looked at again.
            rest = match after.split_once('}') {
                Some(("set", after)) => {
                    filled.push_str(&self.set);
                    after
                }
                Some(("index", after)) => {
                    filled.push_str(&self.index.to_string());
                    after
                }
                Some(("name", after)) => {
                    filled.push_str(&self.name());
                    after
                }
                Some(_) | None => {
                    filled.push('{');
                    after
                }
            };
        }
        filled.push_str(rest);
        filled.into()
    }
}

impl fmt::Debug for WorkerSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerSet")
            .field("count", &self.count)
            .field("template", &self.template)
            .field("max_unavailable", &self.max_unavailable)
            .field("roll", &self.roll)
            .field("recycle", &self.recycle)
            .field("memory_hard_limit", &self.memory_hard_limit)
            .field("calls", &self.calls.as_ref().map(|_| "…"))
            .finish()
    }
}

/// What stands on a list: a worker, or several that are alike.
///
/// From a configuration file: what has a `count` is a set.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "yaml",
    derive(serde::Deserialize),
    serde(try_from = "super::file::WorkerFile")
)]
#[non_exhaustive]
pub enum Listed {
    /// One.
    Worker(WorkerStartInfo),
    /// So many as it says.
    Set(WorkerSet),
}

impl Listed {
    /// The name of the worker or set.
    pub fn name(&self) -> &str {
        &self.template().name
    }

    pub(super) fn template(&self) -> &WorkerStartInfo {
        match self {
            Listed::Worker(worker) => worker,
            Listed::Set(set) => &set.template,
        }
    }

    /// How many workers it is at the start.
    pub(super) fn count(&self) -> u32 {
        match self {
            Listed::Worker(_) => 1,
            Listed::Set(set) => set.count,
        }
    }
}

impl From<WorkerStartInfo> for Listed {
    fn from(worker: WorkerStartInfo) -> Listed {
        Listed::Worker(worker)
    }
}

impl From<WorkerSet> for Listed {
    fn from(set: WorkerSet) -> Listed {
        Listed::Set(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_others_stay() {
        let names = Names { set: "w{index}".to_owned(), index: 7 };
        for (path, filled) in [
            ("{name}.pid", "w{index}-7.pid"),
            ("{set}/{index}/{index}", "w{index}/7/7"),
            ("{}{x}{ {index}", "{}{x}{ 7"),
            ("plain", "plain"),
        ] {
            assert_eq!(names.fill(Path::new(path)), Path::new(filled));
        }
    }

    /// Case: PL-02
    #[test]
    fn a_path_that_all_would_share_is_refused_whatever_the_number() {
        for count in [0, 1, 4] {
            let template = WorkerStartInfo::of("web", "{set}.pid", Call::named("a:b", ()))
                .stdout_filename("out")
                .stderr_filename("/dev/stderr")
                .directory("/srv/{index}/{pid}")
                .capture(capture::Capture::file("all.txt"))
                .logging_config(logging::LoggingConfig::file("{name}.log"));
            let mut problems = Problems::new();
            WorkerSet::new(count, template).check(&mut problems);
            let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let same = "is the same for all of the set; put {index} or {name} into it";
            assert_eq!(
                texts,
                [
                    format!("pid_filename `{{set}}.pid`: {same}"),
                    format!("stdout_filename `out`: {same}"),
                    "directory `/srv/{index}/{pid}`: `{pid}` is unknown; known are {set}, {index} and \
                     {name}"
                        .to_owned(),
                ]
            );
        }
    }

    #[test]
    fn each_has_its_own_names_and_call() {
        let set =
            WorkerSet::new(2, WorkerStartInfo::of("web", "{name}.pid", Call::named("a:b", 1)))
                .calls(|index| Call::named("a:b", 100 + index));
        let worker = set.worker(2);
        assert_eq!(worker.name, "web-2");
        assert_eq!(worker.pid_filename, Path::new("web-2.pid"));
        assert_eq!(worker.call.args::<u32>().unwrap(), 102);
    }
}
