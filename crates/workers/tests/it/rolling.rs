//! Sets whose workers are replaced one after another, for real: stories as in `scaling`.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use policy::{RecyclePolicy, RollPolicy, Share, Strategy};
use workers::{Pool, RequestError, WaitError, WorkerSet, WorkerStartInfo, WorkersOptions};

use crate::LIMIT;
use crate::scaling::{Bed, Story, end, names, options};

/// Each is a test of its own name.
pub(crate) const STORIES: [(&str, Story); 9] = [
    ("a_roll_replaces_each_and_none_is_missed", a_roll_replaces_each_and_none_is_missed),
    ("a_bad_new_one_ends_a_roll_and_a_good_one_heals", a_bad_new_one_ends_a_roll),
    ("those_beside_come_first_and_leave_last", those_beside_come_first_and_leave_last),
    ("a_roll_is_cancelled_and_a_second_refused", a_roll_is_cancelled_and_a_second_refused),
    ("a_roll_goes_on_beside_kills_from_outside", a_roll_goes_on_beside_kills_from_outside),
    ("those_that_are_old_are_replaced", those_that_are_old_are_replaced),
    ("those_that_have_done_their_jobs_are_replaced", those_that_have_done_their_jobs_are_replaced),
    ("one_that_outgrows_at_once_fails_in_the_end", one_that_outgrows_at_once_fails_in_the_end),
    ("what_somebody_makes_of_a_policy_holds_up_nobody", what_somebody_makes_of_a_policy),
];

/// Ready, unless the file `bad` is there.
pub(crate) fn good_or_bad(folder: std::path::PathBuf) -> Result<(), std::io::Error> {
    if folder.join("bad").exists() {
        return Err(std::io::Error::other("it had to be"));
    }
    crate::scaling::stays(folder)
}

fn set(bed: &Bed, count: u32) -> WorkerSet {
    let template = WorkerStartInfo::new("web", bed.path("{name}.pid"), good_or_bad, bed.path(""));
    WorkerSet::new(count, template.stderr_filename("/dev/stderr"))
}

fn pids(bed: &Bed, count: u32) -> Vec<u32> {
    (1..=count).map(|number| bed.pid(&format!("web-{number}"))).collect()
}

/// What is told of these kinds until this text is.
fn told(pool: &Pool, kinds: &[&str], last: &str) -> Vec<String> {
    let mut stream = pool.events(1000).unwrap();
    let mut all = Vec::new();
    while all.last().is_none_or(|line| line != last) {
        let events = stream.next(Instant::now() + LIMIT).unwrap().unwrap().events;
        let told = events.into_iter().filter(|event| kinds.contains(&event.kind.as_str()));
        all.extend(told.map(|event| format!("{} {}", event.name, event.text)));
    }
    all
}

/// Cases: PL-50, WRK-07
fn a_roll_replaces_each_and_none_is_missed(bed: &Bed) {
    let pool = Pool::start([set(bed, 3)], options()).unwrap();
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    let before = pids(bed, 3);
    pool.roll("web").unwrap().wait(LIMIT).unwrap();
    let after = pids(bed, 3);
    assert!(before.iter().all(|pid| !after.contains(pid)), "{before:?} {after:?}");
    assert_eq!(bed.there(), names(["web-1", "web-2", "web-3"]));
    assert_eq!(
        told(&pool, &["rolls", "rolled"], "web all have been replaced"),
        [
            "web is rolled",
            "web replaces web-3",
            "web has replaced web-3: 1 of 3",
            "web replaces web-2",
            "web has replaced web-2: 2 of 3",
            "web replaces web-1",
            "web has replaced web-1: 3 of 3",
            "web all have been replaced",
        ]
    );
    let set = &pool.status().unwrap().sets[0];
    assert_eq!((set.roll.clone(), set.rolled.as_deref()), (None, Some("all have been replaced")));
    end(&pool);
}

/// Does three jobs before it is ready, and then one after another until it is asked to quit.
pub(crate) fn does_jobs(folder: std::path::PathBuf) -> Result<(), std::io::Error> {
    for _ in 0..3 {
        surroundings::job_done();
    }
    crate::scaling::stays(folder)
}

fn jobs(bed: &Bed, count: u32) -> WorkerSet {
    let template = WorkerStartInfo::new("web", bed.path("{name}.pid"), does_jobs, bed.path(""));
    let recycle = RecyclePolicy::default().jobs(3).jitter(0);
    WorkerSet::new(count, template.stderr_filename("/dev/stderr")).recycle(recycle)
}

/// Case: WRK-12
fn those_that_have_done_their_jobs_are_replaced(bed: &Bed) {
    let recycle = RecyclePolicy::default().jobs(3).jitter(0).min_age(Duration::ZERO);
    let pool = Pool::start([jobs(bed, 2).recycle(recycle)], options()).unwrap();
    let mut stream = pool.events(1000).unwrap();
    let mut recycled = BTreeSet::new();
    while recycled.len() < 2 {
        let events = stream.next(Instant::now() + LIMIT).unwrap().unwrap().events;
        for event in events.into_iter().filter(|event| event.kind == "recycled") {
            assert_eq!(event.text, "has done 3 jobs, and is replaced");
            recycled.insert(event.name);
        }
    }
    let ends = pool.status().unwrap().workers.into_iter().flat_map(|worker| worker.ends);
    assert!(ends.map(|end| end.cause).all(|cause| cause == "success"));
    end(&pool);
}

/// Case: PL-59
fn one_that_outgrows_at_once_fails_in_the_end(bed: &Bed) {
    let recycle = RecyclePolicy::default().jobs(3).jitter(0).min_age(Duration::from_millis(300));
    let pool = Pool::start([jobs(bed, 1).recycle(recycle)], options()).unwrap();
    let fails = "web-1 has done 3 jobs, and is replaced, as a failure: the third in a row so soon";
    let kinds = ["recycled"];
    let told = told(&pool, &kinds, fails);
    assert_eq!(told[..2], ["web-1 has done 3 jobs, and is replaced"; 2]);
    // How that run ended is told as what it counts as.
    let mut stream = pool.events(1000).unwrap();
    let outgrown = "was replaced as soon as it could be, the third in a row";
    let is_it = |text: &str| text.contains(outgrown);
    while !stream
        .next(Instant::now() + LIMIT)
        .unwrap()
        .unwrap()
        .events
        .iter()
        .any(|event| is_it(&event.text))
    {}
    end(&pool);
}

/// Those that are due are told, and replaced one after another; that is no failure, and has no delay.
///
/// Cases: PL-63, WRK-11
fn those_that_are_old_are_replaced(bed: &Bed) {
    let recycle = RecyclePolicy::default().age(Duration::from_millis(1));
    let pool = Pool::start([set(bed, 2).recycle(recycle)], options()).unwrap();
    let mut stream = pool.events(1000).unwrap();
    let mut recycled = BTreeSet::new();
    while recycled.len() < 2 {
        let events = stream.next(Instant::now() + LIMIT).unwrap().unwrap().events;
        for event in events.into_iter().filter(|event| event.kind == "recycled") {
            assert_eq!(event.text.split(" for ").next(), Some("has been ready"));
            recycled.insert(event.name);
        }
    }
    assert_eq!(recycled.into_iter().collect::<Vec<_>>(), ["web-1", "web-2"]);
    let ends = pool.status().unwrap().workers.into_iter().flat_map(|worker| worker.ends);
    assert!(ends.map(|end| end.cause).all(|cause| cause == "success"));
    end(&pool);
}

/// Cases: PL-31, PL-33, WRK-09
fn a_bad_new_one_ends_a_roll(bed: &Bed) {
    let pool = Pool::start([set(bed, 3)], options()).unwrap();
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    let before = pids(bed, 2);
    fs::write(bed.path("bad"), "").unwrap();
    let error = pool.roll("web").unwrap().wait(LIMIT).unwrap_err();
    let WaitError::Never { missing } = error else { panic!("{error}") };
    assert_eq!(
        missing,
        ["the new web-3 returned an error: it had to be; the others are as they were"]
    );
    assert_eq!(pids(bed, 2), before);
    fs::remove_file(bed.path("bad")).unwrap();
    pool.roll("web").unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2", "web-3"]));
    end(&pool);
}

/// Cases: PL-51, PL-52, PL-54, PL-55, WRK-08
fn those_beside_come_first_and_leave_last(bed: &Bed) {
    let set = set(bed, 2)
        .max_unavailable(Share::Count(0))
        .roll(RollPolicy::default().surge(Share::Percent(50)).settle(Duration::from_millis(10)));
    let pool = Pool::start([set], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    let before = pids(bed, 2);
    fs::write(bed.path("bad"), "").unwrap();
    pool.roll("web").unwrap().wait(LIMIT).unwrap_err();
    assert_eq!(pids(bed, 2), before);
    fs::remove_file(bed.path("bad")).unwrap();
    pool.roll("web").unwrap().wait(LIMIT).unwrap();
    assert!(pids(bed, 2).iter().all(|pid| !before.contains(pid)));
    // The one beside has gone, or goes.
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    assert_eq!(bed.there(), names(["web-1", "web-2"]));
    assert_eq!(bed.said("web-3"), "3 of 2");
    let last = "web all have been replaced";
    let said = told(&pool, &["rolls", "rolled", "started"], last);
    let first = said.iter().position(|line| line.starts_with("web replaces")).unwrap();
    let beside = said.iter().rposition(|line| line == "web-3 is started").unwrap();
    assert!(beside < first, "{said:?}");
    end(&pool);
}

/// Cases: PL-39, PL-40, PL-48
fn a_roll_is_cancelled_and_a_second_refused(bed: &Bed) {
    let pause = RollPolicy::default().pause(Duration::from_secs(3600));
    let pool = Pool::start([set(bed, 3).roll(pause)], options()).unwrap();
    pool.scale("web", 3).unwrap().wait(LIMIT).unwrap();
    let before = pids(bed, 2);
    let roll = pool.roll("web").unwrap();
    let second = pool.roll("web").unwrap_err();
    assert!(matches!(second, RequestError::Rolling { total: 3, .. }), "{second}");
    let wrong = pool.roll_as("web", |policy| policy.tries(0)).unwrap_err().to_string();
    assert!(wrong.contains("web.tries `0`"), "{wrong}");
    pool.cancel_roll("web").unwrap();
    let error = roll.wait(LIMIT).unwrap_err();
    assert_eq!(error, WaitError::Never { missing: vec!["somebody has cancelled it".to_owned()] });
    let again = pool.cancel_roll("web").unwrap_err();
    assert_eq!(again.to_string(), "`web` is not being rolled");
    assert_eq!(pids(bed, 2), before);
    end(&pool);
    let together = options().strategy(Strategy::OneForAll);
    let pool = Pool::start([set(bed, 1)], together).unwrap();
    let refused = pool.roll("web").unwrap_err().to_string();
    assert_eq!(
        refused,
        "`web` cannot be rolled: with the strategy `one-for-all` none is restarted alone"
    );
    pool.quit();
    let _ = pool.wait().unwrap();
}

/// Somebody kills one after another meanwhile: it is no failure of the roll, which gives up one only where none is
/// missed.
///
/// Case: PL-32
fn a_roll_goes_on_beside_kills_from_outside(bed: &Bed) {
    const MANY: u32 = 12;
    let options: WorkersOptions = options().restart_interval(Duration::ZERO);
    let set = set(bed, MANY).max_unavailable(Share::Percent(25));
    let pool = Pool::start([set], options).unwrap();
    pool.scale("web", MANY).unwrap().wait(LIMIT).unwrap();
    let before = pids(bed, MANY);
    let roll = pool.roll_as("web", |policy| policy.tries(50)).unwrap();
    for victim in (1..=MANY).map(|number| format!("web-{number}")) {
        // It may have none just now.
        while pool.signal(&victim, 9).is_err() {
            pool.start_worker(&victim).unwrap().wait(LIMIT).unwrap();
        }
    }
    roll.wait(LIMIT).unwrap();
    pool.scale("web", MANY).unwrap().wait(LIMIT).unwrap();
    let after = pids(bed, MANY);
    assert!(before.iter().all(|pid| !after.contains(pid)), "{before:?} {after:?}");
    end(&pool);
}

/// More beside than there can be are refused before one is made; what the application makes of the policy may ask the pool;
/// and each who waits is told how his own roll ended.
fn what_somebody_makes_of_a_policy(bed: &Bed) {
    let pool = Pool::start([set(bed, 2)], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    for surge in [99_999, 100_000, u32::MAX] {
        let refused = pool.roll_as("web", move |policy| policy.surge(Share::Count(surge)));
        let refused = refused.unwrap_err();
        let is_known = matches!(refused, RequestError::Count { .. } | RequestError::Options(_));
        assert!(is_known, "{refused}");
    }
    let asked = pool.clone();
    let first = pool.roll_as("web", move |policy| {
        assert_eq!(asked.status().unwrap().sets[0].wanted, 2);
        policy
    });
    let first = first.unwrap();
    first.wait(LIMIT).unwrap();
    let second = pool.roll("web").unwrap();
    first.wait(LIMIT).unwrap();
    second.wait(LIMIT).unwrap();
    let scaled = pool.scale("web", 3).unwrap();
    pool.scale("web", 1).unwrap();
    let meanwhile = WaitError::Never { missing: vec!["somebody wants 1 meanwhile".to_owned()] };
    assert_eq!(scaled.wait(LIMIT), Err(meanwhile));
    end(&pool);
}
