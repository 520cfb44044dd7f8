//! Sets whose workers may not have any amount of memory, for real: stories as in `scaling`.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use policy::{RecyclePolicy, RollPolicy, Share};
use proc_spawn::Call;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use serde::{Deserialize, Serialize};
use workers::{Pool, WorkerSet, WorkerStartInfo};

use crate::LIMIT;
use crate::scaling::{Bed, Story, end, options, stays};

/// Each is a test of its own name.
pub(crate) const STORIES: [(&str, Story); 5] = [
    ("those_that_leak_are_replaced", those_that_leak_are_replaced),
    ("one_that_waits_for_its_turn_is_due", one_that_waits_for_its_turn_is_due),
    ("what_a_worker_starts_counts_with_the_tree", what_a_worker_starts_counts_with_the_tree),
    ("one_that_leaks_much_is_stopped_at_once", one_that_leaks_much_is_stopped_at_once),
    ("one_whose_memory_is_unknown_stays", one_whose_memory_is_unknown_stays),
];

const MIB: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Manner {
    /// It has much memory.
    Leaks,
    /// What it starts has.
    Starts,
    /// Nobody but itself may look at its memory, of which it has much.
    Hides,
    /// It never says that it is ready.
    IsNotReady,
}

/// Takes 64 MiB before it is ready.
pub(crate) fn takes_memory((folder, manner): (PathBuf, Manner)) -> Result<(), io::Error> {
    if manner == Manner::Starts {
        // `tail` keeps all of it.
        let script = "head -c 67108864 /dev/zero | tail -c 67108864 | (sleep 60; cat)";
        Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn()?;
        return stays(folder);
    }
    if manner == Manner::IsNotReady {
        quit::sleep(LIMIT);
        return Ok(());
    }
    let taken = vec![1_u8; 64 << 20];
    // Who has, or had, more rights than who looks is not shown to him either.
    be_nobody_special()?;
    set_dumpable_behavior(match manner {
        Manner::Hides => DumpableBehavior::NotDumpable,
        Manner::Leaks | Manner::Starts | Manner::IsNotReady => DumpableBehavior::Dumpable,
    })?;
    stays(folder)?;
    black_box(taken);
    Ok(())
}

/// Gives up the rights of root, of which several show everything.
fn be_nobody_special() -> io::Result<()> {
    let none = CapabilitySet::empty();
    Ok(set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?)
}

fn set(bed: &Bed, name: &str, count: u32, manner: Manner) -> WorkerSet {
    let args = (bed.path(""), manner);
    let template = WorkerStartInfo::new(name, bed.path("{name}.pid"), takes_memory, args);
    WorkerSet::new(count, template.stderr_filename("/dev/stderr"))
}

fn limited() -> RecyclePolicy {
    let every = Duration::from_secs(1);
    let policy = RecyclePolicy::default().memory(32 * MIB).look_every(every);
    policy.min_age(Duration::ZERO).jitter(0)
}

/// What happens to whom, of these kinds, until `is_enough` of all that has.
fn told(
    pool: &Pool,
    kinds: &[&str],
    is_enough: impl Fn(&[(String, String)]) -> bool,
) -> Vec<(String, String)> {
    let mut stream = pool.events(1000).unwrap();
    let mut all = Vec::new();
    while !is_enough(&all) {
        let events = stream.next(Instant::now() + LIMIT).unwrap().unwrap().events;
        let told = events.into_iter().filter(|event| kinds.contains(&event.kind.as_str()));
        all.extend(told.map(|event| (event.name, event.text)));
    }
    all
}

/// Those that are replaced are told with what they had and what they may have; that is no failure, and has no delay.
///
/// Cases: PL-63, WRK-13
fn those_that_leak_are_replaced(bed: &Bed) {
    let pool = Pool::start([set(bed, "web", 2, Manner::Leaks).recycle(limited())], options());
    let pool = pool.unwrap();
    let both = |all: &[(String, String)]| {
        all.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == 2
    };
    for (name, text) in told(&pool, &["recycled"], both) {
        let has = text.strip_prefix("has ").unwrap();
        let (has, rest) = has.split_once(" MiB of memory").unwrap();
        assert_eq!(rest, ", of at most 32 MiB, and is replaced", "{name}");
        assert!((64.0..80.0).contains(&has.parse::<f64>().unwrap()), "{name} {has}");
    }
    let workers = pool.status().unwrap().workers;
    for worker in &workers {
        let why = worker.replaced.as_deref().unwrap();
        assert!(why.ends_with(" MiB of memory, of at most 32 MiB"), "{why}");
    }
    let ends = workers.into_iter().flat_map(|worker| worker.ends);
    assert!(ends.map(|end| end.cause).all(|cause| cause == "success"));
    end(&pool);
}

/// Cases: PL-62, PL-63
fn one_that_waits_for_its_turn_is_due(bed: &Bed) {
    let folder = bed.path("");
    // While the second is not ready the first may not be away.
    let web = set(bed, "web", 2, Manner::Leaks).recycle(limited()).calls(move |index| {
        let manner = if index == 1 { Manner::Leaks } else { Manner::IsNotReady };
        Call::new(takes_memory, (folder.clone(), manner))
    });
    let other = set(bed, "other", 1, Manner::Leaks).recycle(limited());
    let pool = Pool::start([web, other], options()).unwrap();
    let of_other =
        |all: &[(String, String)]| all.iter().filter(|(name, _)| name == "other-1").count() == 2;
    // Of each look the first set is seen first.
    told(&pool, &["recycled"], of_other);
    let status = pool.status().unwrap();
    let web = &status.workers[0];
    let due = web.due.as_deref().unwrap();
    assert!(due.starts_with("has ") && due.ends_with(" of at most 32 MiB"), "{due}");
    assert_eq!((status.sets[0].due, web.phase.as_str()), (1, "running"));
    end(&pool);
}

fn what_a_worker_starts_counts_with_the_tree(bed: &Bed) {
    let alone = set(bed, "alone", 1, Manner::Starts).recycle(limited());
    let tree = set(bed, "tree", 1, Manner::Starts).recycle(limited().tree());
    let pool = Pool::start([alone, tree], options()).unwrap();
    // By then the other one was looked at as often.
    let told = told(&pool, &["recycled"], |all| all.len() == 2);
    assert!(told.iter().all(|(name, _)| name == "tree-1"), "{told:?}");
    end(&pool);
}

/// Case: PL-66
fn one_that_leaks_much_is_stopped_at_once(bed: &Bed) {
    let every = RecyclePolicy::default().look_every(Duration::from_secs(1));
    let set = set(bed, "web", 1, Manner::Leaks).recycle(every);
    // Nobody may be away by choice.
    let set = set.memory_hard_limit(32 * MIB).max_unavailable(Share::Count(0));
    let set = set.roll(RollPolicy::default().surge(Share::Count(1)));
    let pool = Pool::start([set], options()).unwrap();
    let told = told(&pool, &["memory", "ended"], |all| all.len() == 2);
    let texts: Vec<_> = told.into_iter().map(|(_, text)| text).collect();
    assert!(
        texts[0].ends_with(" MiB of memory, of at most 32 MiB, and is stopped at once"),
        "{texts:?}"
    );
    assert!(texts[1].starts_with("had "), "{texts:?}");
    // As after any failure.
    let worker = pool.status().unwrap().workers.remove(0);
    assert_eq!((worker.phase.as_str(), worker.ends[0].cause.as_str()), ("waiting", "memory"));
    assert!(worker.next_start_in_us.is_some());
    end(&pool);
}

/// Case: PL-64
fn one_whose_memory_is_unknown_stays(bed: &Bed) {
    // The pool's threads have what this one has.
    be_nobody_special().unwrap();
    let dark = set(bed, "dark", 1, Manner::Hides).recycle(limited()).memory_hard_limit(48 * MIB);
    let seen = set(bed, "seen", 1, Manner::Leaks).recycle(limited());
    let pool = Pool::start([dark, seen], options()).unwrap();
    // By then both were looked at twice.
    let kinds = ["memory", "recycled", "ended"];
    let twice = |all: &[(String, String)]| {
        all.iter().filter(|(name, text)| name == "seen-1" && text.ends_with("is replaced")).count()
            == 2
    };
    let told = told(&pool, &kinds, twice);
    let of_dark: Vec<_> = told.iter().filter(|(name, _)| name == "dark-1").collect();
    assert_eq!(of_dark.len(), 1, "{told:?}");
    let text = &of_dark[0].1;
    assert!(
        text.starts_with("nobody can tell how much memory it has: Permission denied"),
        "{text}"
    );
    end(&pool);
}
