//! Pools for real: this test is the application, and executes itself anew.
//!
//! Each pool runs in a child of its own, since the quit flag belongs to a whole process; how it
//! went is what the child's `boss` returns.

#![expect(clippy::unwrap_used, reason = "tests; the lint knows them by `#[test]` only")]

#[path = "it/batches.rs"]
mod batches;
#[path = "it/events.rs"]
mod events;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/memory.rs"]
mod memory;
#[path = "it/reloading.rs"]
mod reloading;
#[path = "it/rolling.rs"]
mod rolling;
#[path = "it/scaling.rs"]
mod scaling;
#[path = "it/values.rs"]
mod values;
#[path = "it/watching.rs"]
mod watching;

use quit::Reason;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exit::Exit;
use libtest_mimic::{Arguments, Trial};
use policy::{
    Backoff, EndWhen, Ends, Readiness, Restart, RestartPolicy, StartPolicy, Strategy,
    WatchdogPolicy, WhenStopped,
};
use proc_spawn::{Call, Child, Spawn, Stdio, entries};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde::{Deserialize, Serialize};
use workers::{WorkerStartInfo, WorkersError, WorkersOptions, start_workers};

/// Far beyond what anything here takes, also on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(30);

fn main() {
    workers::init(entries![
        boss,
        worker,
        events::watched,
        events::asked_before,
        limits::two_pools,
        limits::gated,
        scaling::play,
        scaling::stays,
        scaling::deaf,
        scaling::fails,
        scaling::fails_once,
        rolling::good_or_bad,
        rolling::does_jobs,
        reloading::says,
        reloading::logs,
        memory::takes_memory,
        values::returns,
        batches::does,
        batches::returns_nothing,
        watching::goes,
    ]);
    let mut trials = vec![
        trial("a_pool_ends_when_all_are_done", a_pool_ends_when_all_are_done),
        trial("one_that_fails_comes_back_alone", one_that_fails_comes_back_alone),
        trial("one_that_cannot_be_started_comes_back", one_that_cannot_be_started_comes_back),
        trial("a_failure_for_good_is_an_error", a_failure_for_good_is_an_error),
        trial("a_quit_reaches_every_worker", a_quit_reaches_every_worker),
        trial("workers_go_with_their_parent", workers_go_with_their_parent),
        trial("every_problem_is_told_at_once", every_problem_is_told_at_once),
        trial("every_contradiction_is_told_in_full", every_contradiction_is_told_in_full),
        trial("more_workers_than_descriptors_is_told_first", too_many_workers),
        trial(
            "two_pools_count_their_descriptors_together",
            limits::two_pools_count_their_descriptors_together,
        ),
        trial("too_many_restarts_stop_them_all", too_many_restarts_stop_them_all),
        trial("one_for_all_starts_all_again", one_for_all_starts_all_again),
        trial("rest_for_one_starts_those_after_it_again", rest_for_one_starts_those_after_it_again),
        trial("an_order_holds_both_ways", an_order_holds_both_ways),
        trial("all_must_become_ready_or_none_stays", all_must_become_ready),
        trial("a_significant_end_ends_them_all", a_significant_end_ends_them_all),
        trial("eight_workers_have_eight_places", eight_workers_have_eight_places),
        trial("each_may_have_a_policy_of_its_own", each_may_have_a_policy_of_its_own),
        trial("a_pool_tells_its_own_program", events::a_pool_tells_its_own_program),
        trial("a_pool_that_ends_at_once_tells_that", events::a_pool_that_ends_at_once_tells_that),
        trial("a_tree_that_is_stopped_and_goes_on_loses_nobody", a_stopped_tree_loses_nobody),
        trial("starts_are_staggered", starts_are_staggered),
        trial("a_killed_worker_leaves_no_pid_file", a_killed_worker_leaves_no_pid_file),
    ];
    trials.extend(scaling::all_stories().map(|(name, _)| {
        Trial::test(*name, move || {
            scaling::run(name);
            Ok(())
        })
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}

/// What a pool is to do: workers by name and manner.
#[derive(Clone, Serialize, Deserialize)]
struct Orders {
    folder: PathBuf,
    workers: Vec<(String, Manner)>,
    options: WorkersOptions,
    /// Pairs of names: the first worker is to start after the second.
    after: Vec<(String, String)>,
    significant: Vec<String>,
    temporary: Vec<String>,
    /// The policies of workers that are kept otherwise than the rest.
    policies: Vec<(String, RestartPolicy)>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Manner {
    /// Returns well at once.
    Fine,
    /// Fails in its first run, is fine in its second.
    FailsOnce,
    /// Fails.
    Fails,
    /// Fails before it has said that it is ready.
    NeverReady,
    /// Works until it is asked to quit.
    Rounds,
    /// The same, and says again and again that it gets on; each second in the journal.
    Beats,
}

fn boss(orders: Orders) -> Result<(), WorkersError> {
    quit::install().unwrap();
    let list = orders.workers.iter().map(|(name, manner)| {
        let args = (orders.folder.clone(), *manner);
        let pid_filename = orders.folder.join(format!("{name}.pid"));
        let after = orders.after.iter().filter(|(later, _)| later == name);
        let mut info = WorkerStartInfo::new(name, pid_filename, worker, args)
            .stderr_filename(orders.folder.join("stderr"))
            .after(after.map(|(_, earlier)| earlier));
        if orders.significant.contains(name) {
            info = info.significant();
        }
        if orders.temporary.contains(name) {
            info = info.temporary();
        }
        if let Some((_, policy)) = orders.policies.iter().find(|(own, _)| own == name) {
            info = info.restart(policy.clone());
        }
        info
    });
    let options = orders.options.debug_filename(orders.folder.join("debug.json"));
    start_workers(list.collect::<Vec<_>>(), options)?.into_result()
}

fn worker((folder, manner): (PathBuf, Manner)) -> Result<(), Box<dyn Error>> {
    let current = proc_spawn::current();
    let note = |what: &str| {
        let line = format!("{} run {}: {what}\n", current.name, current.incarnation);
        let path = folder.join("journal");
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    };
    note("called");
    match manner {
        Manner::Fine => (),
        Manner::FailsOnce if current.incarnation > 1 => (),
        Manner::Fails | Manner::FailsOnce => return Err("it had to be".into()),
        Manner::NeverReady => return Err("not today".into()),
        Manner::Beats => {
            while !quit::quit_requested() {
                note("beats");
                watching::beat_for(Duration::from_secs(1))?;
            }
        }
        Manner::Rounds => {
            proc_spawn::tell_ready()?;
            while !quit::quit_requested() {
                quit::sleep(LIMIT);
            }
            note(match quit::reason() {
                Some(Reason::Restart) => "asked to quit for a restart",
                _ => "asked to quit",
            });
        }
    }
    Ok(())
}

/// A folder of its own, and a pool that does not outlive the test.
struct Bed {
    folder: tempfile::TempDir,
    boss: Child,
}

impl Bed {
    fn new(workers: &[(&str, Manner)], restart_interval: Option<Duration>) -> Bed {
        Bed::with(workers, WorkersOptions::default().restart_interval(restart_interval), |_| ())
    }

    fn with(
        workers: &[(&str, Manner)],
        options: WorkersOptions,
        change: impl FnOnce(&mut Orders),
    ) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let mut orders = Orders {
            folder: folder.path().to_owned(),
            workers: workers.iter().map(|(name, manner)| ((*name).to_owned(), *manner)).collect(),
            options,
            after: Vec::new(),
            significant: Vec::new(),
            temporary: Vec::new(),
            policies: Vec::new(),
        };
        change(&mut orders);
        let boss =
            Spawn::new(Call::new(boss, orders)).unwrap().stderr(Stdio::Inherit).spawn().unwrap();
        Bed { folder, boss }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of the journal, as they were written.
    fn story(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("journal")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn journal(&self) -> Vec<String> {
        let mut lines = self.story();
        lines.sort();
        lines
    }

    fn expect(&self, line: &str) {
        let expected = Instant::now() + LIMIT;
        while !self.journal().iter().any(|found| found == line) {
            assert!(Instant::now() < expected, "no `{line}` in {:?}", self.journal());
            quit::sleep(Duration::from_millis(5));
        }
    }

    fn pid_of(&self, name: &str) -> u32 {
        read_pid(&self.path(&format!("{name}.pid"))).unwrap()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // Its workers see it gone, and go. They may write down that they do while the folder is removed.
        let _ = self.boss.kill();
        let _ = self.boss.wait();
        let expected = Instant::now() + LIMIT;
        while fs::remove_dir_all(self.folder.path())
            .is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound)
            && Instant::now() < expected
        {
            std::thread::yield_now();
        }
    }
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn expect(what: &str, mut is_so: impl FnMut() -> bool) {
    let expected = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < expected, "not yet: {what}");
        // A short wait that no quit of this process ends.
        let _ = waiter::readable(&[], Some(Instant::now() + Duration::from_millis(5)));
    }
}

fn read_pid(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z ")
}

fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

const SOON: Option<Duration> = Some(Duration::from_millis(20));

/// Case: WRK-14
fn a_pool_ends_when_all_are_done() {
    let mut bed = Bed::new(&[("a", Manner::Fine), ("b", Manner::Fine)], SOON);
    assert_eq!(bed.boss.wait().unwrap(), Exit::Code(0));
    assert_eq!(bed.journal(), ["a run 1: called", "b run 1: called"]);
    assert!(!bed.path("a.pid").exists() && !bed.path("b.pid").exists());
    let status = fs::read_to_string(bed.path("debug.json")).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["workers"][1]["name"], "b");
    assert_eq!(status["workers"][1]["state"], "finished");
    assert_eq!(status["workers"][1]["last_exits"][0]["text"], "exited with code 0");
}

/// Who was stopped himself blames nobody for having been silent.
///
/// Case: PL-69
fn a_stopped_tree_loses_nobody() {
    use rustix::process::{Signal, kill_process};
    let limit = Duration::from_secs(2);
    let watchdog = WatchdogPolicy::after(limit).when_stopped(WhenStopped::Kill);
    let options = WorkersOptions::default().restart_interval(SOON).watchdog(watchdog);
    let bed = Bed::with(&[("a", Manner::Beats), ("b", Manner::Beats)], options, |_| ());
    bed.expect("a run 1: beats");
    bed.expect("b run 1: beats");
    let (boss, workers) = (bed.boss.id(), [bed.pid_of("a"), bed.pid_of("b")]);
    let send = |pid: u32, signal| {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    };
    send(boss, Signal::STOP);
    workers.into_iter().for_each(|worker| send(worker, Signal::STOP));
    // Longer than the limit, which is what is tried.
    quit::sleep(limit * 5 / 4);
    send(boss, Signal::CONT);
    // All of the limit begins anew: so long that what remained of it would have been over.
    quit::sleep(limit * 3 / 4);
    workers.into_iter().for_each(|worker| send(worker, Signal::CONT));
    let beats = || bed.journal().iter().filter(|line| line.ends_with("beats")).count();
    let before = beats();
    expect("they go on", || before + 8 <= beats());
    assert!(bed.journal().iter().all(|line| line.contains(" run 1: ")), "{:?}", bed.journal());
}

/// Case: WRK-02
fn one_that_fails_comes_back_alone() {
    let bed = Bed::new(&[("a", Manner::Rounds), ("b", Manner::FailsOnce)], SOON);
    bed.expect("b run 2: called");
    bed.expect("a run 1: called");
    assert!(!bed.journal().iter().any(|line| line.starts_with("a run 2")));
}

/// A restart that could not even begin was taken for one that had: nobody tried a third time.
///
/// Case: DIE-31
fn one_that_cannot_be_started_comes_back() {
    let bed = Bed::new(&[("a", Manner::Rounds)], SOON);
    bed.expect("a run 1: called");
    let boss = Pid::from_raw(i32::try_from(bed.boss.id()).unwrap());
    let before = getrlimit(Resource::Nofile);
    let none = Rlimit { current: Some(3), ..before };
    prlimit(boss, Resource::Nofile, none).unwrap();
    kill(bed.pid_of("a"));
    // Meanwhile starts are tried in vain. If this time were too short for one, the test would still pass,
    // but too easily.
    quit::sleep(Duration::from_millis(500));
    prlimit(boss, Resource::Nofile, before).unwrap();
    let expected = Instant::now() + LIMIT;
    while bed.journal().len() < 2 {
        assert!(Instant::now() < expected, "it does not run again");
        quit::sleep(Duration::from_millis(5));
    }
}

fn a_failure_for_good_is_an_error() {
    let mut bed = Bed::new(&[("a", Manner::Fine), ("b", Manner::Fails)], None);
    let exit = bed.boss.wait().unwrap().to_string();
    assert_eq!(exit, "returned an error: worker `b` returned an error: it had to be");
}

/// Case: STOP-01
fn a_quit_reaches_every_worker() {
    let mut bed = Bed::new(&[("a", Manner::Rounds), ("b", Manner::Rounds)], SOON);
    bed.expect("a run 1: called");
    bed.expect("b run 1: called");
    bed.boss.terminate().unwrap();
    assert_eq!(bed.boss.wait().unwrap(), Exit::Code(0));
    bed.expect("a run 1: asked to quit");
    bed.expect("b run 1: asked to quit");
    assert!(!bed.path("a.pid").exists() && !bed.path("b.pid").exists());
}

/// Case: ORP-01
fn workers_go_with_their_parent() {
    let mut bed = Bed::new(&[("a", Manner::Rounds), ("b", Manner::Rounds)], SOON);
    bed.expect("a run 1: called");
    bed.expect("b run 1: called");
    let pids = [bed.pid_of("a"), bed.pid_of("b")];
    bed.boss.kill().unwrap();
    bed.boss.wait().unwrap();
    bed.expect("a run 1: asked to quit");
    bed.expect("b run 1: asked to quit");
    let expected = Instant::now() + LIMIT;
    while !pids.iter().all(|pid| gone(*pid)) {
        assert!(Instant::now() < expected, "a worker outlives its parent");
        quit::sleep(Duration::from_millis(5));
    }
}

/// Cases: CFG-01, WRK-19
fn every_problem_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let info = |name: &str, file: &str| {
        WorkerStartInfo::new(name, at(file), worker, (PathBuf::new(), Manner::Fine))
    };
    let unknown = Call::named("no:such", ());
    let list = [
        info("a", "a.pid"),
        info("a", "a.pid"),
        info("b/c", "missing/b.pid"),
        WorkerStartInfo::of("d", at("d.pid"), unknown).stdout_filename(at("d.pid")),
    ];
    let options = WorkersOptions::default().grace(Duration::from_secs(1 << 40));
    let error = start_workers(list, options.restart_limit(1, Duration::ZERO)).unwrap_err();
    let WorkersError::Options(problems) = &error else { panic!("{error:?}") };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let expected = [
        "grace",
        "restart_limit.window",
        "workers[1].name",
        "workers[1].pid_filename",
        "workers[2].name",
        "workers[2].pid_filename",
        "workers[3].entry",
        "workers[3].stdout_filename",
    ];
    assert_eq!(fields, expected, "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
}

/// Cases: CFG-03, CFG-04, CFG-08
fn every_contradiction_is_told_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let info = |name: &str| {
        let pid_filename = folder.path().join(format!("{name}.pid"));
        WorkerStartInfo::new(name, pid_filename, worker, (PathBuf::new(), Manner::Fine))
    };
    let second = Duration::from_secs(1);
    let lists = RestartPolicy::new(Restart::Always)
        .prevent(Ends::codes([75, 78]).and(Ends::signals([9])))
        .force(Ends::codes([75]).and(Ends::signals([9])));
    let list = [
        info("a").after(["c"]).restart(lists),
        info("b").after(["a", "nobody"]).restart(RestartPolicy::default().limit(3, Duration::ZERO)),
        info("c").after(["b"]),
        info("d")
            .restart(RestartPolicy::default().backoff(Backoff::constant(2 * second).cap(second))),
        info("e").restart(
            RestartPolicy::default().backoff(Backoff::constant(second).jitter(2 * second)),
        ),
    ];
    let options = WorkersOptions::default()
        .restart_limit(5, Duration::ZERO)
        .end_when(EndWhen::AnySignificant);
    let WorkersError::Options(problems) = start_workers(list, options).unwrap_err() else {
        panic!("no problems");
    };
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "restart_limit.window `0s`: nothing happens within no time; give a longer one, or no \
             limit",
            "workers[0].restart.prevent.codes `75`: is in `force` too; leave it in one of them",
            "workers[0].restart.prevent.signals `9`: is in `force` too; leave it in one of them",
            "workers[1].restart.limit.window `0s`: nothing happens within no time; give a longer \
             one, or no limit",
            "workers[3].restart.backoff.cap `1s`: is under the first delay, 2s; give at least that",
            "workers[4].restart.backoff.jitter `2s`: is larger than the first delay, 1s; give less",
            "workers[1].after `nobody`: is no worker of the list; known are `a`, `b`, `c`, `d`, `e`",
            "workers.after `a after c after b after a`: each of these waits for the next for ever; \
             leave one `after` out",
            "end_when `any-significant`: no worker is significant; make one so, or let all end it",
        ]
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was started");
}

fn too_many_workers() {
    let folder = tempfile::tempdir().unwrap();
    let hard = getrlimit(Resource::Nofile).maximum;
    let Some(hard) = hard.filter(|hard| *hard <= 1 << 20) else {
        // Nothing that fits into memory could be too many here.
        return;
    };
    let list = (0..=hard / 2).map(|n| {
        let file = folder.path().join(format!("{n}.pid"));
        WorkerStartInfo::new(format!("w{n}"), file, worker, (PathBuf::new(), Manner::Fine))
    });
    let error = start_workers(list, WorkersOptions::default()).unwrap_err();
    assert!(matches!(error, WorkersError::TooManyWorkers { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was started");
}

/// Cases: RST-20, RST-24
fn too_many_restarts_stop_them_all() {
    let options = WorkersOptions::default().restart_interval(SOON).restart_limit(3, LIMIT);
    let list = [("a", Manner::Rounds), ("b", Manner::Fails), ("c", Manner::Fails)];
    let mut bed = Bed::with(&list, options, |orders| {
        orders.policies = vec![("c".into(), RestartPolicy::default())];
    });
    let exit = bed.boss.wait().unwrap();
    assert_eq!(
        exit.to_string(),
        "returned an error: gave up: more than 3 restarts within 30s in all: at last worker `b` \
         returned an error: it had to be"
    );
    assert_eq!(exit.code(), Some(policy::CODE_GAVE_UP));
    let runs = |name: &str| bed.journal().iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(
        [runs("b"), runs("c")],
        [4, 1],
        "a restart of each counts, an end for good does not"
    );
    assert!(!bed.path("a.pid").exists(), "who did nothing wrong is stopped too");
    let status = fs::read_to_string(bed.path("debug.json")).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let told = "more than 3 restarts within 30s in all: at last worker `b` returned an error: it \
                had to be";
    assert_eq!(status["gave_up"], told);
}

/// Workers that say when they are ready: after they have written that they were called.
fn told() -> WorkersOptions {
    WorkersOptions::default()
        .start(StartPolicy { ready: Readiness::Told, ..StartPolicy::default() })
}

/// Case: RST-28
fn one_for_all_starts_all_again() {
    let options = told().restart_interval(SOON).strategy(Strategy::OneForAll);
    let bed =
        Bed::with(&[("a", Manner::Rounds), ("b", Manner::Rounds)], options.in_order(), |_| ());
    bed.expect("b run 1: called");
    let before = [bed.pid_of("a"), bed.pid_of("b")];
    kill(before[0]);
    bed.expect("b run 2: called");
    assert!(before.iter().all(|pid| gone(*pid)));
    assert_eq!(
        bed.story(),
        [
            "a run 1: called",
            "b run 1: called",
            "b run 1: asked to quit for a restart",
            "a run 2: called",
            "b run 2: called"
        ]
    );
}

/// Cases: RST-29, RST-31
fn rest_for_one_starts_those_after_it_again() {
    let options = told().restart_interval(SOON).strategy(Strategy::RestForOne);
    let list = ["a", "b", "c", "d"].map(|name| (name, Manner::Rounds));
    let bed = Bed::with(&list, options, |orders| {
        orders.after = vec![("b".into(), "a".into()), ("d".into(), "b".into())];
        orders.temporary = vec!["c".into()];
    });
    bed.expect("d run 1: called");
    bed.expect("c run 1: called");
    let before = bed.pid_of("a");
    kill(bed.pid_of("b"));
    bed.expect("d run 2: called");
    assert_eq!(bed.pid_of("a"), before);
    let story = bed.story();
    let later: Vec<_> = story.iter().filter(|line| !line.contains("run 1: called")).collect();
    let [quits @ .., b, d] = &*later else { panic!("{story:?}") };
    assert_eq!([b.as_str(), d.as_str()], ["b run 2: called", "d run 2: called"]);
    let quits = quits.iter().map(|line| line.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(
        quits,
        BTreeSet::from(["c run 1: asked to quit", "d run 1: asked to quit for a restart"])
    );
}

/// Cases: WRK-22, STOP-01
fn an_order_holds_both_ways() {
    let options = told().restart_interval(SOON);
    let list = [("a", Manner::Rounds), ("b", Manner::Rounds), ("c", Manner::Rounds)];
    let mut bed = Bed::with(&list, options, |orders| {
        orders.after = vec![("a".into(), "b".into()), ("b".into(), "c".into())];
    });
    bed.expect("a run 1: called");
    bed.boss.terminate().unwrap();
    assert_eq!(bed.boss.wait().unwrap(), Exit::Code(0));
    assert_eq!(
        bed.story(),
        [
            "c run 1: called",
            "b run 1: called",
            "a run 1: called",
            "c run 1: asked to quit",
            "b run 1: asked to quit",
            "a run 1: asked to quit"
        ]
    );
}

/// Case: HS-22
fn all_must_become_ready() {
    let folder = tempfile::tempdir().unwrap();
    let options = told().restart_interval(SOON).ready_when_all();
    let orders = Orders {
        folder: folder.path().to_owned(),
        workers: vec![("a".into(), Manner::Rounds), ("b".into(), Manner::NeverReady)],
        options,
        after: Vec::new(),
        significant: Vec::new(),
        temporary: Vec::new(),
        policies: Vec::new(),
    };
    let mut boss = Spawn::new(Call::new(boss, orders)).unwrap().spawn().unwrap();
    let exit = boss.wait().unwrap().to_string();
    assert_eq!(
        exit,
        "returned an error: not all workers became ready: worker `b` returned an error: not today"
    );
    let lines = fs::read_to_string(folder.path().join("journal")).unwrap();
    assert!(!lines.contains("b run 2"), "{lines}");
    assert!(!folder.path().join("a.pid").exists());
}

/// Case: RST-32
fn a_significant_end_ends_them_all() {
    let options = WorkersOptions::default().end_when(EndWhen::AnySignificant);
    let list = [("a", Manner::Rounds), ("b", Manner::Fine)];
    let mut bed = Bed::with(&list, options, |orders| orders.significant = vec!["b".into()]);
    assert_eq!(bed.boss.wait().unwrap(), Exit::Code(0));
    assert!(
        bed.journal().contains(&"a run 1: asked to quit".to_owned()) || bed.journal().len() == 1
    );
}

/// Case: WRK-01
fn eight_workers_have_eight_places() {
    let names: Vec<_> = (0..8).map(|n| format!("w{n}")).collect();
    let list: Vec<_> = names.iter().map(|name| (name.as_str(), Manner::Rounds)).collect();
    let bed = Bed::new(&list, SOON);
    for name in &names {
        bed.expect(&format!("{name} run 1: called"));
    }
    let pids: BTreeSet<_> = names.iter().map(|name| bed.pid_of(name)).collect();
    assert_eq!(pids.len(), 8);
}

/// Case: WRK-15
fn each_may_have_a_policy_of_its_own() {
    let list = [("a", Manner::Fails), ("b", Manner::FailsOnce), ("c", Manner::Fails)];
    let options = WorkersOptions::default().restart_interval(SOON);
    let mut bed = Bed::with(&list, options, |orders| {
        let limited = RestartPolicy::after(Duration::from_millis(1)).limit(2, LIMIT);
        orders.policies = vec![("a".into(), RestartPolicy::default()), ("c".into(), limited)];
    });
    let exit = bed.boss.wait().unwrap().to_string();
    assert_eq!(
        exit,
        "returned an error: worker `a` returned an error: it had to be; worker `c` returned an \
         error: it had to be"
    );
    let runs = |name: &str| bed.journal().iter().filter(|line| line.starts_with(name)).count();
    assert_eq!([runs("a"), runs("b"), runs("c")], [1, 2, 3]);
}

/// Case: WRK-17
fn starts_are_staggered() {
    let stagger = Duration::from_millis(100);
    let options = WorkersOptions::default().start_stagger(stagger);
    let list = [("a", Manner::Fine), ("b", Manner::Fine), ("c", Manner::Fine)];
    let began = Instant::now();
    let mut bed = Bed::with(&list, options, |_| ());
    assert_eq!(bed.boss.wait().unwrap(), Exit::Code(0));
    assert!(2 * stagger <= began.elapsed(), "not before");
    assert_eq!(bed.journal().len(), 3);
}

/// Case: PID-24
fn a_killed_worker_leaves_no_pid_file() {
    let bed = Bed::new(&[("a", Manner::Rounds), ("b", Manner::Rounds)], Some(LIMIT));
    bed.expect("a run 1: called");
    bed.expect("b run 1: called");
    kill(bed.pid_of("a"));
    let expected = Instant::now() + LIMIT;
    while bed.path("a.pid").exists() {
        assert!(Instant::now() < expected, "the pid file is still there");
        quit::sleep(Duration::from_millis(5));
    }
    assert!(!gone(bed.pid_of("b")));
}
