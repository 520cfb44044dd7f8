//! A pool that is changed while it runs. Each runs in a child of its own, which is told in words what to do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capture::Capture;
use exit::Exit;
use policy::{
    Backoff, Readiness, RecyclePolicy, RestartPolicy, Share, StartPolicy, StopPolicy, Strategy,
};
use proc_spawn::{Call, Spawn, Stdio};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use workers::{Listed, Pool, RequestError, WaitError, WorkerSet, WorkerStartInfo, WorkersOptions};

use crate::LIMIT;

/// Which story a child plays.
pub(crate) type Story = fn(&Bed);

pub(crate) struct Bed {
    folder: PathBuf,
}

impl Bed {
    /// A worker that says that it is there, with its number and how many there are, and stays.
    fn template(&self, name: &str) -> WorkerStartInfo {
        WorkerStartInfo::new(name, self.path("{name}.pid"), stays, self.folder.clone())
            .stderr_filename("/dev/stderr")
    }

    fn alone(&self, name: &str) -> WorkerStartInfo {
        let path = self.path(&format!("{name}.pid"));
        WorkerStartInfo::new(name, path, stays, self.folder.clone()).stderr_filename("/dev/stderr")
    }

    fn set(&self, count: u32) -> WorkerSet {
        WorkerSet::new(count, self.template("web"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Who is there now, as the pid files say.
    pub(crate) fn there(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| Some(name.strip_suffix(".pid")?.to_owned())).collect()
    }

    pub(crate) fn pid(&self, name: &str) -> u32 {
        let path = self.path(&format!("{name}.pid"));
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }

    pub(crate) fn said(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.said"))).unwrap()
    }
}

pub(crate) fn options() -> WorkersOptions {
    let ready = StartPolicy { ready: Readiness::Told, ..StartPolicy::default() };
    WorkersOptions::default().start(ready)
}

pub(crate) fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

pub(crate) fn stays(folder: PathBuf) -> Result<(), std::io::Error> {
    let current = proc_spawn::current();
    let (index, count) = (current.index().unwrap_or(0), current.count().unwrap_or(0));
    fs::write(folder.join(format!("{}.said", current.name)), format!("{index} of {count}"))?;
    proc_spawn::tell_ready()?;
    while !quit::quit_requested() {
        quit::sleep(LIMIT);
    }
    Ok(())
}

/// Hears no request, and goes only when it is killed.
pub(crate) fn deaf(_: ()) -> Result<(), std::io::Error> {
    proc_spawn::tell_ready()?;
    loop {
        std::thread::park();
    }
}

pub(crate) fn fails(_: ()) -> Result<(), std::io::Error> {
    Err(std::io::Error::other("it had to be"))
}

pub(crate) fn play((name, folder): (String, PathBuf)) {
    quit::install().unwrap();
    let (_, story) = all_stories().find(|(known, _)| *known == name).unwrap();
    story(&Bed { folder });
}

pub(crate) fn all_stories() -> impl Iterator<Item = &'static (&'static str, Story)> {
    let all = STORIES.iter().chain(&crate::rolling::STORIES).chain(&crate::reloading::STORIES);
    let all = all.chain(&crate::memory::STORIES).chain(&crate::values::STORIES);
    all.chain(&crate::batches::STORIES).chain(&crate::watching::STORIES)
}

/// Each is a test of its own name.
pub(crate) const STORIES: [(&str, Story); 13] = [
    ("those_from_before_keep_their_limit", those_from_before_keep_their_limit),
    ("a_set_has_as_many_as_are_wanted", a_set_has_as_many_as_are_wanted),
    ("a_set_of_none_waits_for_the_first", a_set_of_none_waits_for_the_first),
    ("many_threads_ask_and_each_is_answered", many_threads_ask_and_each_is_answered),
    ("one_that_hangs_holds_up_nobody", one_that_hangs_holds_up_nobody),
    ("workers_come_and_go", workers_come_and_go),
    ("one_is_stopped_started_and_restarted", one_is_stopped_started_and_restarted),
    ("what_cannot_be_is_refused_and_nothing_happens", what_cannot_be_is_refused),
    ("too_many_are_refused_before_the_first", too_many_are_refused_before_the_first),
    ("a_storm_of_failures_ends_with_as_many", a_storm_of_failures_ends_with_as_many),
    ("pid_files_of_earlier_numbers_go", pid_files_of_earlier_numbers_go),
    ("what_those_say_who_come_later_is_for_their_owner", what_those_say_who_come_later),
    ("one_that_comes_later_need_not_be_ready_at_once", one_that_comes_later),
];

/// Plays a story in a child, which must come to its end.
pub(crate) fn run(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::new(play, (name.to_owned(), folder.path().to_owned()));
    let mut child = Spawn::new(call).unwrap().stderr(Stdio::Inherit).spawn().unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<_> =
        left.filter(|path| path.extension() == Some(Path::new("pid").as_os_str())).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Waits for what nothing tells of, by looking again.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let limit = std::time::Instant::now() + LIMIT;
    while !is_so() {
        assert!(std::time::Instant::now() < limit, "it did not come to be");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

pub(crate) fn end(pool: &Pool) {
    pool.quit();
    pool.wait().unwrap().into_result().unwrap();
    assert!(matches!(pool.scale("web", 1), Err(RequestError::Over)));
    assert!(matches!(pool.status(), Err(RequestError::Over)));
}

/// Cases: PL-04, PL-05, PL-09, PL-12, PL-29, WRK-03
fn a_set_has_as_many_as_are_wanted(bed: &Bed) {
    let pool = Pool::start([bed.set(4)], options()).unwrap();
    pool.scale("web", 4).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2", "web-3", "web-4"]));
    assert_eq!(bed.said("web-3"), "3 of 4");
    let first = bed.pid("web-1");
    pool.scale("web", 1).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1"]));
    let status = pool.status().unwrap();
    assert_eq!(status.workers.len(), 1);
    assert_eq!((status.sets[0].wanted, status.sets[0].ready), (1, 1));
    pool.scale_by("web", 3).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2", "web-3", "web-4"]));
    assert_eq!(bed.pid("web-1"), first);
    assert_eq!(bed.said("web-1"), "1 of 4");
    // What was once said is so for life, and the next run knows how many there are.
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.said("web-1"), "1 of 4");
    pool.restart("web-1").unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.said("web-1"), "1 of 2");
    let usage_aside = |mut status: workers::PoolStatus| {
        for worker in &mut status.workers {
            (worker.memory_bytes, worker.cpu_us) = (None, None);
        }
        status
    };
    let twice = [pool.status().unwrap(), pool.status().unwrap()].map(usage_aside);
    assert_eq!(twice[0], twice[1]);
    end(&pool);
}

/// Cases: PL-01, PL-26, WRK-04
fn a_set_of_none_waits_for_the_first(bed: &Bed) {
    let pool = Pool::start([bed.set(0)], options()).unwrap();
    let other = pool.clone();
    drop(pool);
    other.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    other.scale("web", 0).unwrap().wait(LIMIT).unwrap();
    assert!(bed.there().is_empty());
    end(&other);
}

/// Cases: PL-10, PL-19
fn many_threads_ask_and_each_is_answered(bed: &Bed) {
    let pool = Pool::start([bed.set(2)], options()).unwrap();
    let fewer = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for number in 0..40 {
            let (pool, fewer) = (pool.clone(), &fewer);
            scope.spawn(move || match number % 4 {
                0 => drop(pool.scale_by("web", 1).unwrap()),
                1 if pool.scale_by("web", -1).is_ok() => {
                    fewer.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                1 => (),
                2 => drop(pool.restart("web-1").map(|pending| pending.wait(LIMIT))),
                _ => drop(pool.status().unwrap()),
            });
        }
    });
    // Only those that would have been less than none were refused; each of the others counts.
    let wanted = pool.status().unwrap().sets[0].wanted;
    assert_eq!(wanted, 2 + 10 - fewer.into_inner());
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2", "web-3"]));
    end(&pool);
}

/// Cases: PL-14, PL-20
fn one_that_hangs_holds_up_nobody(bed: &Bed) {
    let grace = Duration::from_secs(3600);
    let deaf =
        WorkerStartInfo::new("deaf", bed.path("deaf.pid"), deaf, ()).stop(StopPolicy::grace(grace));
    let pool = Pool::start([Listed::from(deaf), bed.set(2).into()], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    pool.start_worker("deaf").unwrap().wait(LIMIT).unwrap();
    let going = pool.remove("deaf").unwrap();
    let missing = vec!["deaf stopping".to_owned()];
    let not_yet = WaitError::TimedOut { missing };
    assert_eq!(going.wait(Duration::from_millis(1)), Err(not_yet));
    pool.scale("web", 1).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["deaf", "web-1"]));
    // The request is in force all the time.
    pool.signal("deaf", 9).unwrap();
    going.wait(LIMIT).unwrap();
    assert_eq!(pool.status().unwrap().workers.len(), 1);
    end(&pool);
}

/// Cases: PL-22, PL-23, PL-24, PL-25, WRK-21
fn workers_come_and_go(bed: &Bed) {
    let pool = Pool::start([bed.alone("red")], options()).unwrap();
    pool.add(bed.alone("blue").after(["red"])).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["blue", "red"]));
    let needed = pool.remove("red").unwrap_err();
    assert_eq!(needed.to_string(), "others come after `red`: blue");
    let taken = pool.add(bed.alone("red")).unwrap_err().to_string();
    assert!(taken.contains("name `red`: is the name of another worker"), "{taken}");
    let stranger = pool.add(bed.alone("green").after(["grey"])).unwrap_err();
    assert!(matches!(stranger, RequestError::NoSuchWorker { name } if name == "grey"));
    // Of two that take one off the list one has done it.
    pool.remove("blue").unwrap().wait(LIMIT).unwrap();
    let again = pool.remove("blue").unwrap_err();
    assert!(matches!(again, RequestError::NoSuchWorker { name } if name == "blue"));
    pool.add(bed.alone("blue")).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["blue", "red"]));
    end(&pool);
}

fn one_is_stopped_started_and_restarted(bed: &Bed) {
    let pool = Pool::start([bed.alone("red"), bed.alone("blue")], options()).unwrap();
    for name in ["red", "blue"] {
        pool.start_worker(name).unwrap().wait(LIMIT).unwrap();
    }
    let before = (bed.pid("red"), bed.pid("blue"));
    pool.restart("red").unwrap().wait(LIMIT).unwrap();
    assert_ne!(bed.pid("red"), before.0);
    pool.stop_worker("red").unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["blue"]));
    let no_process = pool.signal("red", 1).unwrap_err();
    assert_eq!(no_process.to_string(), "`red` has no process: it is stopped");
    pool.start_worker("red").unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.pid("blue"), before.1);
    // What somebody else has asked for since is told, and not waited for.
    let ready = pool.restart("red").unwrap();
    pool.stop_worker("red").unwrap().wait(LIMIT).unwrap();
    let never = WaitError::Never { missing: vec!["red stopped".to_owned()] };
    assert_eq!(ready.wait(None), Err(never));
    end(&pool);
}

/// Cases: CC-63, PL-03, PL-25, WRK-05
fn what_cannot_be_is_refused(bed: &Bed) {
    let clash = Pool::start([Listed::from(bed.set(2)), bed.alone("web-3").into()], options());
    let clash = clash.unwrap_err().to_string();
    assert!(clash.contains("is number 3 of the set workers[0]"), "{clash}");
    let twice = Pool::start([bed.set(1), bed.set(1)], options()).unwrap_err().to_string();
    assert!(twice.contains("is the name of workers[0] too"), "{twice}");
    // By commands somebody else would be meant.
    for name in ["all", "executor", "guardian"] {
        let reserved = Pool::start([bed.alone(name)], options()).unwrap_err().to_string();
        assert!(reserved.contains(&format!("name `{name}`: means ")), "{reserved}");
    }
    let far = bed.alone("other").stdout_filename(bed.path("web-77.pid"));
    let far = Pool::start([Listed::from(bed.set(2)), far.into()], options()).unwrap_err();
    assert!(far.to_string().contains("where its number is 77"), "{far}");
    let bad = bed.template("web").directory(bed.path("{index}"));
    let bad = Pool::start([WorkerSet::new(3, bad)], options()).unwrap_err().to_string();
    // Of three that are alike it is said once.
    assert_eq!(bad.matches("no such folder").count(), 1, "{bad}");
    // Nobody could ever be replaced by his age.
    let old = RecyclePolicy::default().age(LIMIT);
    let none_away = bed.set(2).recycle(old.clone()).max_unavailable(Share::Count(0));
    let none_away = Pool::start([none_away], options()).unwrap_err().to_string();
    assert!(none_away.contains("recycle `age`: with max_unavailable 0 none"), "{none_away}");
    // Nor by its memory; and nobody would reach that limit before the hard one.
    let hard = bed.set(2).recycle(RecyclePolicy::default().memory(1 << 30));
    let hard = hard.max_unavailable(Share::Count(0)).memory_hard_limit(1 << 29);
    let hard = format!("{:?}", Pool::start([hard], options()).unwrap_err());
    for reason in ["is not more than recycle.memory (1 GiB)", "recycle `memory`: with max_unav"] {
        assert!(hard.contains(reason), "{hard}");
    }
    let together = options().strategy(Strategy::OneForAll);
    let together = Pool::start([bed.set(2).recycle(old)], together).unwrap_err().to_string();
    assert!(together.contains("strategy `one-for-all`: the workers of a set"), "{together}");
    assert!(bed.there().is_empty());

    let pool = Pool::start([bed.set(2)], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    let unknown = pool.scale("wep", 3).unwrap_err().to_string();
    assert_eq!(unknown, "there is no set `wep`; known are web");
    let fewer = pool.scale_by("web", -3).unwrap_err().to_string();
    assert_eq!(fewer, "`web` cannot have -1 workers: between 0 and 100000 it can");
    assert!(matches!(pool.scale("web", 100_001), Err(RequestError::Count { .. })));
    let of_set = pool.remove("web-2").unwrap_err().to_string();
    assert_eq!(of_set, "`web-2` is one of the set `web`: scale that");
    let reserved = pool.add(bed.alone("executor")).unwrap_err().to_string();
    assert!(reserved.contains("name `executor`: means "), "{reserved}");
    let name = pool.add(bed.alone("web-9")).unwrap_err().to_string();
    assert!(name.contains("is of the set `web`"), "{name}");
    let call = Call::new(stays, bed.folder.clone());
    let file = WorkerStartInfo::of("third", bed.path("web-1.pid"), call).after(["web"]);
    let file = pool.add(file).unwrap_err().to_string();
    assert!(file.contains("is the pid file of `web-1`"), "{file}");
    let lost = bed.alone("lost").directory("/nowhere/at/all");
    let lost = pool.add(lost).unwrap_err().to_string();
    assert!(lost.contains("directory `/nowhere/at/all`: no such folder"), "{lost}");
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    end(&pool);
}

/// The limit that is raised for more of them is not that of those who are started anew.
fn those_from_before_keep_their_limit(bed: &Bed) {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(100), maximum: hard }).unwrap();
    let pool = Pool::start([bed.set(1)], options()).unwrap();
    pool.scale("web", 30).unwrap().wait(LIMIT).unwrap();
    assert!(Some(100) < getrlimit(Resource::Nofile).current);
    pool.restart("web-1").unwrap().wait(LIMIT).unwrap();
    for name in ["web-1", "web-30"] {
        let limits = fs::read_to_string(format!("/proc/{}/limits", bed.pid(name))).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert_eq!(line.split_whitespace().nth(3), Some("100"), "{name}: {line}");
    }
    end(&pool);
}

/// Case: PL-15
fn too_many_are_refused_before_the_first(bed: &Bed) {
    let little = Some(200);
    setrlimit(Resource::Nofile, Rlimit { current: little, maximum: little }).unwrap();
    let pool = Pool::start([bed.set(2)], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    let refused = pool.scale("web", 200).unwrap_err();
    let why = exit::ErrorText::new(&refused).chain();
    assert!(why.contains("200 workers need") && why.contains("may have 200 at most"), "{why}");
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    assert_eq!(pool.status().unwrap().sets[0].wanted, 2);
    pool.scale("web", 5).unwrap().wait(LIMIT).unwrap();
    end(&pool);
    drop(pool);
    assert_eq!(getrlimit(Resource::Nofile).current, little);
}

/// Case: PL-11
fn a_storm_of_failures_ends_with_as_many(bed: &Bed) {
    let backoff = Backoff { first: Duration::ZERO, floor: Duration::ZERO, ..Backoff::default() };
    let restart = RestartPolicy { backoff, ..RestartPolicy::after(Duration::ZERO) };
    let template = WorkerStartInfo::new("bad", bed.path("{name}.pid"), fails, ());
    let bad = WorkerSet::new(3, template.restart(restart));
    let pool = Pool::start([bad, bed.set(1)], options()).unwrap();
    for count in [5, 1, 7, 0, 4, 2, 6, 3] {
        pool.scale("bad", count).unwrap();
        let status = pool.status().unwrap();
        let bad = status.workers.iter().filter(|worker| worker.name.starts_with("bad"));
        let running = bad.filter(|worker| worker.pid.is_some()).count();
        assert!(running <= 7, "{running}");
    }
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    pool.scale("bad", 0).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    pool.scale("bad", 2).unwrap();
    let names: Vec<_> =
        pool.status().unwrap().workers.into_iter().map(|worker| worker.name).collect();
    assert_eq!(names, ["web-1", "web-2", "bad-1", "bad-2"]);
    pool.quit();
    let _ = pool.wait().unwrap();
}

/// Of more that there once were, all killed together with who kept them, pid files are left that nobody waits for.
fn pid_files_of_earlier_numbers_go(bed: &Bed) {
    for stray in ["web-3", "web-17"] {
        fs::write(bed.path(&format!("{stray}.pid")), "4711\n").unwrap();
    }
    let others = ["web-0.pid", "web-017.pid", "web-x.pid", "db-3.pid"];
    for other in others {
        fs::write(bed.path(other), "4711\n").unwrap();
    }
    let pool = Pool::start([bed.set(2)], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    let until = std::time::Instant::now() + LIMIT;
    while bed.path("web-3.pid").exists() || bed.path("web-17.pid").exists() {
        assert!(std::time::Instant::now() < until, "they are still there");
        std::thread::yield_now();
    }
    for other in others {
        fs::remove_file(bed.path(other)).unwrap();
    }
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    end(&pool);
}

/// Their last words are told in the status file, which was public before.
fn what_those_say_who_come_later(bed: &Bed) {
    use std::os::unix::fs::PermissionsExt;
    let captured = || Capture::file(bed.path("captured.txt")).last_lines(3);
    let plain = |name: &str, pid: &str| {
        WorkerStartInfo::new(name, bed.path(pid), stays, bed.folder.clone()).capture(captured())
    };
    let none = WorkerSet::new(0, plain("web", "{name}.pid"));
    let path = bed.path("status.json");
    let mode = || fs::metadata(&path).map_or(0, |found| found.permissions().mode() & 0o077);
    let options = options().debug_filename(&path);
    let pool = Pool::start([none], options.clone()).unwrap();
    pool.scale("web", 1).unwrap().wait(LIMIT).unwrap();
    end(&pool);
    assert_eq!(mode(), 0);

    fs::remove_file(&path).unwrap();
    let pool = Pool::start([bed.alone("red")], options).unwrap();
    pool.add(plain("loud", "loud.pid")).unwrap().wait(LIMIT).unwrap();
    end(&pool);
    assert_eq!(mode(), 0);
}

/// Who waits until all are ready waits for those that were there then; one that comes later may fail, and comes again.
///
/// Case: WRK-22
fn one_that_comes_later(bed: &Bed) {
    let gate = options().ready_when_all().restart_interval(Duration::from_millis(1));
    let pool = Pool::start([bed.set(1)], gate).unwrap();
    pool.scale("web", 1).unwrap().wait(LIMIT).unwrap();
    let path = bed.path("bad.pid");
    let bad = WorkerStartInfo::new("bad", path, fails_once, bed.folder.clone());
    pool.add(bad).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["bad", "web-1"]));
    end(&pool);
}

pub(crate) fn fails_once(folder: PathBuf) -> Result<(), std::io::Error> {
    if proc_spawn::current().incarnation == 1 {
        return Err(std::io::Error::other("it had to be"));
    }
    stays(folder)
}
