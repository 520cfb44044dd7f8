//! Stories of children that have more memory than they may have.

use super::recycling::{ready, tells};
use super::*;
use policy::RecyclePolicy;

const MIB: u64 = 1 << 20;

/// So many of a set, ready since second 0, that may go when they have been so for 10 seconds.
fn limited(count: u32) -> Play {
    let mut play = ready(count);
    let policy = RecyclePolicy::default().memory(500 * MIB).min_age(seconds(10)).jitter(0);
    play.roster.recycle(SetId(0), policy);
    play
}

fn run_of(play: &Play, id: u32) -> u64 {
    play.roster.machine(Id(id)).unwrap().runs()
}

/// Cases: PL-63, WRK-13
#[test]
fn who_has_too_much_is_replaced_in_its_turn_and_works_on_until_then() {
    let mut play = limited(2);
    tells(&mut play, 20, Memory(0, 500 * MIB), &[]);
    let first = ["21 recycle 0: has 512 MiB of memory, of at most 500 MiB", "21 ?0 for 10s"];
    tells(&mut play, 21, Memory(0, 512 * MIB), &first);
    // One more than may be away.
    tells(&mut play, 22, Memory(1, 600 * MIB), &[]);
    tells(&mut play, 22, Memory(1, 700 * MIB), &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
    let waits = Outgrown::Memory(policy::MemoryUse { bytes: 700 * MIB, limit: 500 * MIB });
    assert_eq!(play.roster.waiting_to_be_recycled(), BTreeMap::from([(Id(1), waits)]));
    tells(&mut play, 23, Code(0, 0), &["23 0 due", "23 +0"]);
    // What was seen last is told.
    let next = [
        "24 0 running",
        "24 recycle 1: has 700 MiB of memory, of at most 500 MiB",
        "24 ?1 for 10s",
    ];
    tells(&mut play, 24, Ready(0), &next);
    // No failure, and no delay.
    tells(&mut play, 25, Code(1, 0), &["25 1 due", "25 +1"]);
    tells(&mut play, 26, Ready(1), &["26 1 running"]);
    assert_eq!(play.roster.deadline(), None);
}

/// One that is larger only while it begins is none that leaks.
#[test]
fn who_has_less_again_before_its_turn_goes_on() {
    let mut play = limited(2);
    let policy = RecyclePolicy::default().memory(500 * MIB).age(seconds(100)).jitter(0);
    play.roster.recycle(SetId(0), policy.min_age(seconds(10)));
    for id in [0, 1] {
        play.tell(1, Code(id, 1));
    }
    play.tell(10, Ready(0));
    play.tell(10, Ready(1));
    play.changes.clear();
    tells(&mut play, 12, Memory(0, 600 * MIB), &[]);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(20)));
    let had_more = |play: &Play| -> Vec<bool> {
        play.roster.to_look_at(SetId(0)).iter().map(|look| look.had_more).collect()
    };
    assert_eq!(had_more(&play), [true, false]);
    tells(&mut play, 13, Memory(0, 400 * MIB), &[]);
    assert_eq!(had_more(&play), [false, false]);
    // Its age is as it was.
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(110)));
    tells(
        &mut play,
        30,
        Memory(1, 600 * MIB),
        &["30 recycle 1: has 600 MiB of memory, of at most 500 MiB", "30 ?1 for 10s"],
    );
    // Also one that waits for its turn.
    tells(&mut play, 31, Memory(0, 600 * MIB), &[]);
    assert_eq!(had_more(&play), [true]);
    tells(&mut play, 32, Memory(0, 400 * MIB), &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 0);
    // What else it has reached stays so.
    tells(&mut play, 33, Memory(0, 600 * MIB), &[]);
    tells(&mut play, 34, Jobs(0, 7), &[]);
    tells(&mut play, 35, Memory(0, 400 * MIB), &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
}

/// Case: PL-59
#[test]
fn the_third_in_a_row_that_has_too_much_at_once_has_failed() {
    let mut play = limited(2);
    for second in [0, 20, 40] {
        play.changes.clear();
        tells(&mut play, second + 3, Memory(0, 600 * MIB), &[]);
        play.tell(second + 10, Nothing);
        let fails = if second == 40 { ", a failure" } else { "" };
        let told =
            format!("{} recycle 0: has 600 MiB of memory, of at most 500 MiB{fails}", second + 10);
        assert_eq!(play.changes[0], told);
        play.tell(second + 11, Code(0, 0));
        play.tell(second + 20, Ready(0));
    }
    assert!(play.changes.contains(&"51 0 waiting".to_owned()), "{:?}", play.changes);
}

/// Case: PL-66
#[test]
fn who_has_far_too_much_goes_at_once_whoever_is_away() {
    let mut play = limited(3);
    play.roster.memory_hard_limit(SetId(0), Some(1024 * MIB));
    // Nobody may be away, it is ready for a second only, and one is away already.
    play.roster.max_unavailable(SetId(0), policy::Share::Count(0));
    play.tell(0, Code(2, 1));
    play.changes.clear();
    tells(&mut play, 1, Memory(0, 1024 * MIB), &[]);
    let goes = ["2 too much 0: 1.5 GiB of memory, of at most 1 GiB", "2 ?0 for 10s"];
    tells(&mut play, 2, Memory(0, 1536 * MIB), &goes);
    // What stops has been told, and is told once.
    tells(&mut play, 3, Memory(0, 2048 * MIB), &[]);
    // It does not go by itself; its successor has the delay of one that has failed.
    tells(&mut play, 12, Nothing, &["5 2 due", "5 +2", "12 !0"]);
    tells(&mut play, 13, Code(0, 0), &["13 0 waiting"]);
    let told = play.roster.last_failure.clone().unwrap().1;
    assert_eq!(
        told.to_string(),
        "had 1.5 GiB of memory, of at most 1 GiB, and was stopped at once"
    );
    tells(&mut play, 18, Nothing, &["18 0 due", "18 +0"]);
}

/// Where nothing limits what a run has but that.
#[test]
fn a_hard_limit_may_stand_alone() {
    let mut play = ready(1);
    let policy = RecyclePolicy::default().look_every(seconds(7)).tree();
    play.roster.recycle(SetId(0), policy);
    assert_eq!(play.roster.looks().next(), None);
    play.roster.memory_hard_limit(SetId(0), Some(MIB));
    let looks: Vec<_> = play.roster.looks().collect();
    assert_eq!(looks, [(SetId(0), seconds(7))]);
    let look = Look { id: Id(0), run: 1, limit: MIB, had_more: false, tree: true };
    assert_eq!(play.roster.to_look_at(SetId(0)), [look]);
    play.tell(1, Memory(0, MIB + 1));
    assert_eq!(play.changes[0], "1 too much 0: 1 MiB of memory, of at most 1 MiB");
    assert_eq!(play.roster.to_look_at(SetId(0)), []);
}

/// Cases: PL-57, PL-67
#[test]
fn each_run_has_a_limit_of_its_own_and_only_who_is_ready_is_looked_at() {
    let mut play = limited(2);
    let policy = RecyclePolicy::default().memory(500 * MIB).jitter(50);
    play.roster.recycle(SetId(0), policy);
    let limits = |play: &Play| -> Vec<u64> {
        play.roster.to_look_at(SetId(0)).iter().map(|look| look.limit).collect()
    };
    let first = limits(&play);
    assert_eq!((first.len(), limits(&play)), (2, first.clone()));
    assert!(first[0] != first[1] && first.iter().all(|limit| *limit <= 500 * MIB), "{first:?}");
    play.tell(1, Code(0, 1));
    assert_eq!(limits(&play), first[1..]);
    play.tell(7, Ready(0));
    assert_ne!(limits(&play)[0], first[0]);
    // What was seen of the run before is nothing.
    let run = run_of(&play, 0) - 1;
    let old = RosterEvent::Memory { id: Id(0), run, bytes: u64::MAX };
    assert_eq!(play.roster.on(old, play.start + seconds(8)), []);
    assert_eq!(play.roster.deadline(), None);
    play.tell(9, Quit(None));
    assert_eq!(limits(&play), []);
}

/// What is temporary is not replaced, so nobody looks; but it may not take the machine.
#[test]
fn what_is_temporary_has_a_hard_limit_only() {
    let temporary = Member { temporary: true, ..Member::default() };
    let group = Group::new(vec![temporary.clone()], Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), 1), 0);
    let set = roster.set([Id(0)], temporary, Arc::new(policy()));
    roster.recycle(set, RecyclePolicy::default().memory(MIB).jitter(0));
    let mut play = Play::new(roster);
    play.tell(0, Begin);
    play.tell(0, Ready(0));
    assert_eq!(play.roster.to_look_at(set), []);
    play.roster.memory_hard_limit(set, Some(2 * MIB));
    assert_eq!(play.roster.to_look_at(set)[0].limit, 2 * MIB);
}
