//! A newer list takes the place of the one in force, for real: stories as in `scaling`.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capture::Capture;
use log::LevelFilter;
use logging::LoggingConfig;
use policy::{OnBad, RestartPolicy, RollPolicy, Share, StopPolicy};
use serde::{Deserialize, Serialize};
use workers::{
    ChangePart, Listed, Pool, RequestError, WaitError, WorkerSet, WorkerStartInfo, WorkersOptions,
};

use crate::LIMIT;
use crate::scaling::{Bed, Story, end, names, options};

/// Each is a test of its own name.
pub(crate) const STORIES: [(&str, Story); 15] = [
    ("a_list_that_says_the_same_changes_nothing", a_list_that_says_the_same_changes_nothing),
    ("what_is_only_policy_touches_no_process", what_is_only_policy_touches_no_process),
    ("each_change_is_said_before_and_done_after", each_change_is_said_before_and_done_after),
    ("a_set_that_is_other_is_rolled_and_then_fewer", a_set_that_is_other_is_rolled),
    ("a_bad_new_one_becomes_again_what_it_was", a_bad_new_one_becomes_again_what_it_was),
    ("a_newer_list_supersedes_a_roll", a_newer_list_supersedes_a_roll),
    ("a_number_that_was_set_stays", a_number_that_was_set_stays),
    ("a_list_that_is_wrong_changes_nothing", a_list_that_is_wrong_changes_nothing),
    ("a_plan_fits_the_list_that_it_was_made_for", a_plan_fits_the_list_that_it_was_made_for),
    ("those_that_listen_are_told", those_that_listen_are_told),
    ("levels_of_a_log_follow", levels_of_a_log_follow),
    ("what_was_accepted_is_not_forgotten", what_was_accepted_is_not_forgotten),
    ("what_is_off_the_list_is_nobodys", what_is_off_the_list_is_nobodys),
    ("an_application_that_panics_spoils_no_later_list", an_application_that_panics),
    ("several_signals_are_one_more", several_signals_are_one_more),
];

/// What a worker is told to be.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Args {
    folder: PathBuf,
    word: String,
    /// In no order.
    weights: HashMap<String, u32>,
}

/// Says its word, and stays; with the word `bad` it fails before it is ready.
pub(crate) fn says(args: Args) -> Result<(), Box<dyn Error>> {
    if args.word == "bad" {
        return Err("it had to be".into());
    }
    let name = &proc_spawn::current().name;
    fs::write(args.folder.join(format!("{name}.said")), &args.word)?;
    let listener = match args.word.as_str() {
        "listens" => Some(surroundings::ReloadListener::new()?),
        _ => None,
    };
    proc_spawn::tell_ready()?;
    while !quit::quit_requested() {
        match &listener {
            Some(listener) => {
                waiter::readable(&[quit::descriptor()?, listener.descriptor()], None)?;
                if surroundings::reload_requested() {
                    listener.hear();
                    fs::write(args.folder.join(format!("{name}.said")), "was told")?;
                }
            }
            None => drop(quit::sleep(LIMIT)),
        }
    }
    Ok(())
}

fn args(bed: &Bed, word: &str) -> Args {
    let weights = (0..40).map(|number| (format!("key-{number}"), number)).collect();
    Args { folder: bed.path(""), word: word.to_owned(), weights }
}

fn worker(bed: &Bed, name: &str, word: &str) -> WorkerStartInfo {
    let path = bed.path(&format!("{name}.pid"));
    WorkerStartInfo::new(name, path, says, args(bed, word)).stderr_filename("/dev/stderr")
}

fn set(bed: &Bed, count: u32, word: &str) -> WorkerSet {
    let template = WorkerStartInfo::new("web", bed.path("{name}.pid"), says, args(bed, word));
    WorkerSet::new(count, template.stderr_filename("/dev/stderr"))
}

fn started(list: impl IntoIterator<Item = Listed>) -> Pool {
    let pool = Pool::start(list, options()).unwrap();
    if pool.status().unwrap().sets.iter().any(|set| set.name == "web") {
        pool.scale_by("web", 0).unwrap().wait(LIMIT).unwrap();
    }
    for worker in pool.status().unwrap().workers {
        pool.start_worker(&worker.name).unwrap().wait(LIMIT).unwrap();
    }
    pool
}

fn pids(pool: &Pool) -> BTreeMap<String, Option<u32>> {
    let workers = pool.status().unwrap().workers;
    workers.into_iter().map(|worker| (worker.name, worker.pid)).collect()
}

fn lines(change: &workers::Change) -> Vec<String> {
    change.parts().iter().map(ToString::to_string).collect()
}

fn list(bed: &Bed, alone: &[(&str, &str)], count: u32, word: &str) -> Vec<Listed> {
    let alone = alone.iter().map(|(name, word)| Listed::from(worker(bed, name, word)));
    alone.chain([set(bed, count, word).into()]).collect()
}

/// Cases: PL-81, PL-89
fn a_list_that_says_the_same_changes_nothing(bed: &Bed) {
    let pool = started(list(bed, &[("db", "one")], 2, "one"));
    let before = pids(&pool);
    // Each list has maps of its own, with an order of their own.
    for _ in 0..5 {
        let change = pool.plan(list(bed, &[("db", "one")], 2, "one")).unwrap();
        assert_eq!((lines(&change), change.is_empty()), (vec![], true));
        pool.apply(change).unwrap().wait(LIMIT).unwrap();
    }
    assert_eq!(pids(&pool), before);
    end(&pool);
}

/// Case: PL-82
fn what_is_only_policy_touches_no_process(bed: &Bed) {
    let pool = started(list(bed, &[("db", "one")], 2, "one"));
    let before = pids(&pool);
    let never = RestartPolicy::default();
    let grace = StopPolicy::grace(Duration::from_secs(77));
    let db = worker(bed, "db", "one").restart(never.clone()).stop(grace);
    let template = WorkerStartInfo::new("web", bed.path("{name}.pid"), says, args(bed, "one"));
    let web = WorkerSet::new(2, template.stderr_filename("/dev/stderr").restart(never))
        .max_unavailable(Share::Percent(50));
    let limited = web.clone().memory_hard_limit(1 << 40);
    let change = pool.plan([Listed::from(db.clone()), web.into()]).unwrap();
    let amended = |name: &str| ChangePart::Amended { name: name.to_owned() };
    assert_eq!(change.parts(), [amended("db"), amended("web")]);
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    let change = pool.plan([Listed::from(db), limited.into()]).unwrap();
    assert_eq!(change.parts(), [amended("web")]);
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    assert_eq!(pids(&pool), before);
    // It holds: who fails is not started again now.
    pool.signal("db", 9).unwrap();
    pool.signal("web-1", 9).unwrap();
    let over = || {
        let workers = pool.status().unwrap().workers;
        workers.iter().filter(|worker| worker.phase == "finished").count()
    };
    crate::scaling::until(|| over() == 2);
    // One that is over is no part of a roll, nor is it started by a list.
    let next = pool.plan(list(bed, &[("db", "two")], 2, "one")).unwrap();
    pool.apply(next).unwrap().wait(LIMIT).unwrap();
    assert_eq!(over(), 2);
    pool.start_worker("db").unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.said("db"), "two");
    pool.quit();
    let _ = pool.wait().unwrap();
}

/// Cases: PL-83, PL-84
fn each_change_is_said_before_and_done_after(bed: &Bed) {
    let pool = started(list(bed, &[("db", "one"), ("mail", "one"), ("old", "one")], 2, "one"));
    let before = pids(&pool);
    let more = WorkerSet::new(
        2,
        WorkerStartInfo::new("more", bed.path("{name}.pid"), says, args(bed, "one"))
            .stderr_filename("/dev/stderr")
            .after(["fresh"]),
    );
    let mut newer = list(bed, &[("db", "two"), ("mail", "one")], 3, "one");
    newer.push(more.into());
    // What it comes after stands behind it.
    newer.push(worker(bed, "fresh", "one").into());
    let change = pool.plan(newer).unwrap();
    assert_eq!(
        lines(&change),
        [
            "db: is stopped and started again (its call or environment)",
            "fresh: is started",
            "old: is stopped and removed",
            "web: 3 in place of 2",
            "more: 2 are started",
        ]
    );
    assert_eq!(pids(&pool), before, "nothing has changed yet");
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    let there = ["db", "fresh", "mail", "more-1", "more-2", "web-1", "web-2", "web-3"];
    assert_eq!(bed.there(), names(there));
    let after = pids(&pool);
    for name in ["mail", "web-1", "web-2"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!(bed.said("db"), "two");
    let events = pool.events(1000).unwrap().next(std::time::Instant::now() + LIMIT).unwrap();
    let reloaded = events.unwrap().events.into_iter().find(|event| event.kind == "reloaded");
    assert!(reloaded.unwrap().text.contains("old: is stopped and removed"));
    // A set that was gone comes back with what it is to be now.
    let change = pool.plan([worker(bed, "db", "two")]).unwrap();
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["db"]));
    let sets = |pool: &Pool| -> Vec<String> {
        pool.status().unwrap().sets.into_iter().map(|set| set.name).collect()
    };
    assert!(sets(&pool).is_empty());
    let change = pool.plan(list(bed, &[("db", "two")], 1, "new")).unwrap();
    assert_eq!(lines(&change), ["web: 1 are started"]);
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    assert_eq!((bed.said("web-1").as_str(), sets(&pool)), ("new", vec!["web".to_owned()]));
    end(&pool);
}

/// Cases: PL-83, PL-38
fn a_set_that_is_other_is_rolled(bed: &Bed) {
    let pool = started(list(bed, &[], 3, "one"));
    let change = pool.plan(list(bed, &[], 2, "two")).unwrap();
    assert_eq!(
        lines(&change),
        ["web: 3 are replaced one after another (its call or environment)", "web: 2 in place of 3",]
    );
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    pool.scale_by("web", 0).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    assert!(["web-1", "web-2"].iter().all(|name| bed.said(name) == "two"));
    let revisions = pool.status().unwrap().workers.into_iter().map(|worker| worker.revision);
    assert_eq!(revisions.collect::<Vec<_>>(), [Some(2), Some(2)]);
    // More come as they are to be now.
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.said("web-3"), "two");
    // And how output is kept may be other.
    let kept = bed.path("kept.txt");
    let capture = Capture::file(&kept);
    let template = WorkerStartInfo::new("web", bed.path("{name}.pid"), says, args(bed, "two"));
    let web = || WorkerSet::new(3, template.clone().capture(capture.clone()));
    let change = pool.plan([web()]).unwrap();
    assert_eq!(
        lines(&change),
        ["web: 3 are replaced one after another (its surroundings, its capture)"]
    );
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    assert!(kept.exists());
    assert!(pool.plan([web()]).unwrap().is_empty());
    end(&pool);
}

/// Cases: PL-37, PL-31, CTL-08
fn a_bad_new_one_becomes_again_what_it_was(bed: &Bed) {
    let pool = started(list(bed, &[], 3, "one"));
    let before = pids(&pool);
    let bad = pool.apply(pool.plan(list(bed, &[], 3, "bad")).unwrap()).unwrap();
    let error = bad.wait(LIMIT).unwrap_err();
    assert!(
        matches!(&error, WaitError::Never { missing } if missing[0].contains("web-3")),
        "{error}"
    );
    pool.start_worker("web-3").unwrap().wait(LIMIT).unwrap();
    let after = pids(&pool);
    assert_eq!((after["web-1"], after["web-2"]), (before["web-1"], before["web-2"]));
    assert_eq!(bed.said("web-3"), "one");
    // One that is left as it is to be stays bad, and a good list heals it without hands.
    let policy = RollPolicy::default().on_bad(OnBad::Stay);
    let stay = set(bed, 3, "bad").roll(policy);
    let stay = pool.apply(pool.plan([stay]).unwrap()).unwrap();
    assert!(matches!(stay.wait(LIMIT), Err(WaitError::Never { .. })));
    let workers = pool.status().unwrap().workers;
    let of = |name: &str| workers.iter().find(|worker| worker.name == name).unwrap();
    assert_eq!((of("web-3").revision, of("web-2").revision), (Some(3), Some(1)));
    pool.apply(pool.plan(list(bed, &[], 3, "two")).unwrap()).unwrap().wait(LIMIT).unwrap();
    assert!(["web-1", "web-2", "web-3"].iter().all(|name| bed.said(name) == "two"));
    end(&pool);
}

/// Case: PL-85
fn a_newer_list_supersedes_a_roll(bed: &Bed) {
    let pool = started(list(bed, &[], 3, "one"));
    let slow = RollPolicy::default().settle(LIMIT);
    let first = pool.plan([set(bed, 3, "two").roll(slow.clone())]).unwrap();
    let first = pool.apply(first).unwrap();
    crate::scaling::until(|| bed.said("web-3") == "two");
    let taken = bed.pid("web-3");
    // One that is right already is touched no more, and one in hand that is not is.
    let change = pool.plan(list(bed, &[], 3, "two")).unwrap();
    assert_eq!(lines(&change), ["web: 2 are replaced one after another (its call or environment)"]);
    let second = pool.apply(change).unwrap();
    let error = first.wait(LIMIT).unwrap_err();
    assert!(error.to_string().contains("a newer list has come"), "{error}");
    second.wait(LIMIT).unwrap();
    assert_eq!(bed.pid("web-3"), taken);
    assert!(["web-1", "web-2"].iter().all(|name| bed.said(name) == "two"));
    // A list that wants the old again ends a roll without another.
    let third = pool.apply(pool.plan([set(bed, 3, "three").roll(slow)]).unwrap()).unwrap();
    crate::scaling::until(|| bed.said("web-3") == "three");
    pool.apply(pool.plan(list(bed, &[], 3, "two")).unwrap()).unwrap().wait(LIMIT).unwrap();
    assert!(third.wait(LIMIT).is_err());
    assert!(["web-1", "web-2", "web-3"].iter().all(|name| bed.said(name) == "two"));
    end(&pool);
}

/// Case: PL-17
fn a_number_that_was_set_stays(bed: &Bed) {
    let pool = started(list(bed, &[], 1, "one"));
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    let change = pool.plan(list(bed, &[], 1, "two")).unwrap();
    assert_eq!(lines(&change), ["web: 3 are replaced one after another (its call or environment)"]);
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2", "web-3"]));
    let change = pool.plan(list(bed, &[], 2, "two")).unwrap();
    assert_eq!(lines(&change), ["web: 2 in place of 3"]);
    pool.apply(change).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    end(&pool);
}

type Source = Result<Vec<Listed>, String>;

/// A pool whose lists come by this, and how many were begun to be read.
fn fed(list: Vec<Listed>) -> (Pool, Sender<Source>, Arc<AtomicUsize>) {
    let (to, from): (Sender<Source>, Receiver<Source>) = channel();
    let (from, reads) = (Mutex::new(from), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&reads);
    let read = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        from.lock().unwrap().recv().unwrap()
    };
    let pool = Pool::start(list, options().on_reload(read)).unwrap();
    (pool, to, reads)
}

/// Cases: CTL-08, PL-79
fn a_list_that_is_wrong_changes_nothing(bed: &Bed) {
    let (pool, source, reads) = fed(list(bed, &[("db", "one")], 1, "one"));
    pool.start_worker("web-1").unwrap().wait(LIMIT).unwrap();
    pool.start_worker("db").unwrap().wait(LIMIT).unwrap();
    let before = pids(&pool);
    let refused = |said: Source| {
        source.send(said).unwrap();
        pool.reload().unwrap_err().to_string()
    };
    assert_eq!(
        refused(Err("the file is gone".to_owned())),
        "no newer list was read: the file is gone"
    );
    let twice = vec![worker(bed, "db", "one").into(), worker(bed, "db", "two").into()];
    assert!(refused(Ok(twice)).contains("workers[1].name `db`: is the name of workers[0] too"));
    let elsewhere = WorkerStartInfo::new("db", bed.path("x.pid"), says, args(bed, "one"));
    let elsewhere = elsewhere.stderr_filename("/dev/stderr");
    assert!(refused(Ok(vec![elsewhere.into()])).contains("db.pid_filename"));
    let after = worker(bed, "db", "one").after(["web"]);
    let text = refused(Ok(vec![after.into(), set(bed, 1, "one").into()]));
    assert!(text.contains("cannot be others while it runs"), "{text}");
    // One that hangs holds up nobody else, and who asks meanwhile is told so.
    let before_it = reads.load(Ordering::SeqCst);
    let waits = std::thread::spawn({
        let pool = pool.clone();
        move || pool.reload().map(drop)
    });
    crate::scaling::until(|| before_it < reads.load(Ordering::SeqCst));
    assert!(matches!(pool.reload(), Err(RequestError::Reloading)));
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    pool.scale("web", 1).unwrap().wait(LIMIT).unwrap();
    source.send(Ok(list(bed, &[("db", "one")], 1, "one"))).unwrap();
    waits.join().unwrap().unwrap();
    assert_eq!(pids(&pool), before);
    // Who sends no more has gone, and the function that reads it panics.
    drop(source);
    let text = pool.reload().unwrap_err().to_string();
    assert!(text.contains("has panicked"), "{text}");
    assert_eq!(pids(&pool), before);
    end(&pool);
}

/// Cases: PL-89, PL-25
fn a_plan_fits_the_list_that_it_was_made_for(bed: &Bed) {
    let pool = started(list(bed, &[], 1, "one"));
    let stale = pool.plan(list(bed, &[], 1, "two")).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    let before = pids(&pool);
    assert!(matches!(pool.apply(stale), Err(RequestError::Stale)));
    let of_another = {
        let other = Pool::start([worker(bed, "other", "one")], WorkersOptions::default()).unwrap();
        let change = other.plan([worker(bed, "third", "one")]).unwrap();
        end_other(&other);
        change
    };
    assert!(matches!(pool.apply(of_another), Err(RequestError::Stale)));
    assert_eq!(pids(&pool), before);
    let change = pool.plan(list(bed, &[], 1, "one")).unwrap();
    assert!(change.is_empty());
    end(&pool);
}

fn end_other(pool: &Pool) {
    pool.quit();
    pool.wait().unwrap().into_result().unwrap();
}

/// Cases: CTL-07, PL-80
fn those_that_listen_are_told(bed: &Bed) {
    let pool = Pool::start([worker(bed, "db", "one")], options()).unwrap();
    pool.start_worker("db").unwrap().wait(LIMIT).unwrap();
    assert!(matches!(pool.reload(), Err(RequestError::NotReloadable)));
    pool.add(worker(bed, "mail", "listens")).unwrap().wait(LIMIT).unwrap();
    // Its word may come after the one that it is ready.
    crate::scaling::until(|| pool.reload().is_ok());
    crate::scaling::until(|| bed.said("mail") == "was told");
    fs::write(bed.path("mail.said"), "").unwrap();
    // As by a signal: it reaches every pool of this process.
    for _ in 0..3 {
        assert!(surroundings::reload::request());
    }
    crate::scaling::until(|| bed.said("mail") == "was told");
    assert_eq!(bed.said("db"), "one");
    end(&pool);
}

/// Case: PL-80
fn several_signals_are_one_more(bed: &Bed) {
    let same = || list(bed, &[], 1, "one");
    let (pool, to, reads) = fed(same());
    pool.start_worker("web-1").unwrap().wait(LIMIT).unwrap();
    assert!(surroundings::reload::request());
    crate::scaling::until(|| reads.load(Ordering::SeqCst) == 1);
    for _ in 0..3 {
        assert!(surroundings::reload::request());
        // The loop has heard of it by the time that it answers what is asked after this.
        pool.status().unwrap();
        pool.status().unwrap();
    }
    to.send(Ok(same())).unwrap();
    to.send(Ok(same())).unwrap();
    crate::scaling::until(|| reads.load(Ordering::SeqCst) == 2);
    // A third reading would take what is meant for this one, which would wait for ever.
    to.send(Ok(same())).unwrap();
    crate::scaling::until(|| match pool.reload() {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(error, RequestError::Reloading), "{error}");
            false
        }
    });
    assert_eq!(reads.load(Ordering::SeqCst), 3);
    end(&pool);
}

/// Logs a line of each level, again and again.
pub(crate) fn logs(_: ()) -> Result<(), Box<dyn Error>> {
    proc_spawn::tell_ready()?;
    while !quit::quit_requested() {
        log::info!("of interest");
        log::debug!("of little interest");
        quit::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Case: PL-82
fn levels_of_a_log_follow(bed: &Bed) {
    let log = bed.path("db.log");
    let list = |config: LoggingConfig| {
        let db = WorkerStartInfo::new("db", bed.path("db.pid"), logs, ());
        db.stderr_filename("/dev/stderr").logging_config(config)
    };
    let pool = Pool::start([list(LoggingConfig::file(&log))], options()).unwrap();
    pool.start_worker("db").unwrap().wait(LIMIT).unwrap();
    let written = || fs::read_to_string(&log).unwrap_or_default();
    crate::scaling::until(|| written().contains("of interest"));
    let before = bed.pid("db");
    assert!(!written().contains("of little interest"));
    let more = LoggingConfig::file(&log).filter("it::reloading", LevelFilter::Debug);
    let change = pool.plan([list(more.clone())]).unwrap();
    assert_eq!(lines(&change), ["db: other policies or levels, and no process is touched"]);
    pool.apply(change).unwrap();
    crate::scaling::until(|| written().contains("of little interest"));
    assert!(pool.plan([list(more)]).unwrap().is_empty());
    assert_eq!(bed.pid("db"), before);
    // What is more than that is another run.
    let elsewhere = pool.plan([list(LoggingConfig::file(bed.path("other.log")))]).unwrap();
    assert_eq!(lines(&elsewhere), ["db: is stopped and started again (its surroundings)"]);
    end(&pool);
}

/// A second list that said the same took from the first what was not done yet.
///
/// Cases: PL-82, PL-83
fn what_was_accepted_is_not_forgotten(bed: &Bed) {
    let pool = started(list(bed, &[("db", "one")], 3, "one"));
    let both = |roll: RollPolicy, db: WorkerStartInfo| -> [Listed; 2] {
        [db.into(), set(bed, 2, "two").roll(roll).into()]
    };
    let kept = bed.path("kept.txt");
    let db = || {
        let db = WorkerStartInfo::new("db", bed.path("db.pid"), says, args(bed, "one"));
        db.capture(Capture::file(&kept))
    };
    pool.stop_worker("db").unwrap().wait(LIMIT).unwrap();
    // Fewer when a roll has gone well that takes its time, and output that is kept from the next run on.
    let slow = RollPolicy::default().settle(LIMIT);
    pool.apply(pool.plan(both(slow, db())).unwrap()).unwrap();
    crate::scaling::until(|| bed.said("web-3") == "two");
    let again = pool.plan(both(RollPolicy::default(), db())).unwrap();
    assert!(lines(&again).contains(&"web: 2 in place of 3".to_owned()), "{again}");
    pool.apply(again).unwrap().wait(LIMIT).unwrap();
    crate::scaling::until(|| bed.there() == names(["web-1", "web-2"]));
    pool.start_worker("db").unwrap().wait(LIMIT).unwrap();
    let files = fs::read_dir(bed.path("")).unwrap().flatten();
    assert!(files.map(|entry| entry.file_name()).any(|name| name == "kept.txt"));
    let told = pool.plan(both(RollPolicy::default(), db())).unwrap();
    assert!(told.is_empty(), "{told}");
    end(&pool);
}

/// Cases: PL-49, PL-84
fn what_is_off_the_list_is_nobodys(bed: &Bed) {
    let pool = started(list(bed, &[("db", "one")], 1, "one"));
    pool.stop_worker("web-1").unwrap().wait(LIMIT).unwrap();
    // There is nobody to be replaced, so that nobody waits for it; who starts later is as the list has it.
    let other = pool.plan(list(bed, &[("db", "one")], 1, "two")).unwrap();
    pool.apply(other).unwrap().wait(LIMIT).unwrap();
    pool.start_worker("web-1").unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.said("web-1"), "two");
    let without = pool.plan([worker(bed, "db", "one")]).unwrap();
    pool.apply(without).unwrap().wait(LIMIT).unwrap();
    assert!(matches!(pool.scale("web", 2), Err(RequestError::NoSuchSet { .. })));
    assert!(matches!(pool.roll("web"), Err(RequestError::NoSuchSet { .. })));
    // Its name is free, too.
    pool.add(worker(bed, "web", "one")).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["db", "web"]));
    end(&pool);
}

/// Case: PL-79
fn an_application_that_panics(bed: &Bed) {
    let (pool, source, reads) = fed(list(bed, &[], 1, "one"));
    pool.start_worker("web-1").unwrap().wait(LIMIT).unwrap();
    let before = pids(&pool);
    for by_signal in [false, true] {
        let panics = set(bed, 1, "one").calls(|_| panic!("it had to be"));
        source.send(Ok(vec![panics.into()])).unwrap();
        if by_signal {
            let begun = reads.load(Ordering::SeqCst);
            assert!(surroundings::reload::request());
            crate::scaling::until(|| begun < reads.load(Ordering::SeqCst));
        } else {
            let reload = std::panic::AssertUnwindSafe(|| pool.reload().map(drop));
            assert!(std::panic::catch_unwind(reload).is_err());
        }
        source.send(Ok(list(bed, &[], 1, "one"))).unwrap();
        crate::scaling::until(|| pool.reload().is_ok());
    }
    assert_eq!(pids(&pool), before);
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.said("web-2"), "one");
    end(&pool);
}
