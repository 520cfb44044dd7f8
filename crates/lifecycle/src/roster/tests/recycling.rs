//! Stories of children that are replaced since they have reached a limit.

use super::*;
use policy::{RecyclePolicy, RollPolicy, Share};

/// A set of which all have been ready since second 0, for 100 seconds each.
pub(super) fn ready(count: u32) -> Play {
    let members = vec![Member::default(); count as usize];
    let group = Group::new(members, Strategy::OneForOne, EndWhen::AllAreOver);
    let mut roster = Roster::new(group, each(policy(), count as usize), 0);
    let ids: Vec<_> = roster.ids().collect();
    let set = roster.set(ids, Member::default(), Arc::new(policy()));
    roster.max_unavailable(set, Share::Count(1));
    roster.recycle(set, RecyclePolicy::default().age(seconds(100)).jitter(0));
    let mut play = Play::new(roster);
    play.tell(0, Begin);
    for id in 0..count {
        play.tell(0, Ready(id));
    }
    play.changes.clear();
    play
}

#[track_caller]
pub(super) fn tells(play: &mut Play, second: u64, told: Told, expected: &[&str]) {
    play.tell(second, told);
    assert_eq!(std::mem::take(&mut play.changes), expected);
}

/// Cases: PL-56, WRK-11
#[test]
fn those_that_are_due_together_go_one_after_another() {
    let mut play = ready(3);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(100)));
    tells(&mut play, 100, Nothing, &["100 recycle 0 after 100s", "100 ?0 for 10s"]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 2);
    tells(&mut play, 101, Code(0, 0), &["101 0 due", "101 +0"]);
    // That one is due again in its time, and no sooner.
    let next = ["102 0 running", "102 recycle 1 after 100s", "102 ?1 for 10s"];
    tells(&mut play, 102, Ready(0), &next);
    tells(&mut play, 103, Code(1, 0), &["103 1 due", "103 +1"]);
    let next = ["104 1 running", "104 recycle 2 after 100s", "104 ?2 for 10s"];
    tells(&mut play, 104, Ready(1), &next);
    tells(&mut play, 105, Code(2, 0), &["105 2 due", "105 +2"]);
    tells(&mut play, 106, Ready(2), &["106 2 running"]);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(202)));
}

/// Cases: PL-61, PL-67
#[test]
fn one_that_ends_while_it_is_due_is_a_new_one_and_who_is_not_ready_is_never_taken() {
    let mut play = ready(3);
    play.tell(99, Code(2, 1));
    play.changes.clear();
    // Nobody else may go while one is away.
    tells(&mut play, 100, Nothing, &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 2);
    tells(&mut play, 101, Code(0, 1), &["101 0 waiting"]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
    tells(&mut play, 106, Nothing, &["104 2 due", "104 +2", "106 0 due", "106 +0"]);
    tells(&mut play, 107, Ready(2), &["107 2 running"]);
    let next = ["108 0 running", "108 recycle 1 after 100s", "108 ?1 for 10s"];
    tells(&mut play, 108, Ready(0), &next);
}

/// A roll replaces them anyway, and none is taken by both.
#[test]
fn a_roll_comes_first() {
    let mut play = ready(2);
    play.tell(99, Roll(RollPolicy::default()));
    play.tell(101, Code(1, 0));
    play.changes.clear();
    tells(
        &mut play,
        102,
        Ready(1),
        &["102 1 running", "102 settled 1", "102 take 0", "102 ?0 for 10s"],
    );
    tells(&mut play, 103, Code(0, 0), &["103 0 due", "103 +0"]);
    tells(&mut play, 104, Ready(0), &["104 0 running", "104 settled 0", "104 end Done"]);
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(202)));
    tells(&mut play, 105, Quit(None), &["105 ?1 for 10s", "105 ?0 for 10s"]);
    tells(&mut play, 300, Code(0, 0), &["115 !0", "115 !1", "300 x0"]);
}

/// Two of a set, ready since second 0, that may go when they have been so for 10 seconds.
fn busy() -> Play {
    let mut play = ready(2);
    let policy = RecyclePolicy::default().jobs(7).min_age(seconds(10)).jitter(0);
    play.roster.recycle(SetId(0), policy);
    play
}

/// Cases: WRK-12, PL-62
#[test]
fn who_has_done_its_jobs_is_replaced_in_its_turn_and_works_on_until_then() {
    let mut play = busy();
    let first = ["20 recycle 1: has done 7 jobs", "20 ?1 for 10s"];
    tells(&mut play, 20, Jobs(1, 7), &first);
    // One more than may be away: it works on, and says nothing new.
    tells(&mut play, 21, Jobs(0, 7), &[]);
    tells(&mut play, 21, Jobs(0, 8), &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
    // What is stopping, or is not known, has nothing to say.
    tells(&mut play, 21, Jobs(1, 9), &[]);
    tells(&mut play, 21, Jobs(9, 9), &[]);
    tells(&mut play, 22, Code(1, 0), &["22 1 due", "22 +1"]);
    let next = ["23 1 running", "23 recycle 0: has done 7 jobs", "23 ?0 for 10s"];
    tells(&mut play, 23, Ready(1), &next);
    tells(&mut play, 24, Code(0, 0), &["24 0 due", "24 +0"]);
    tells(&mut play, 25, Ready(0), &["25 0 running"]);
    assert_eq!(play.roster.deadline(), None);
}

/// Case: PL-59
#[test]
fn one_that_is_at_its_limit_at_once_goes_as_soon_as_it_may_and_the_third_in_a_row_has_failed() {
    let mut play = busy();
    for second in [0, 20] {
        tells(&mut play, second + 3, Jobs(0, 7), &[]);
        assert_eq!(play.roster.deadline(), Some(play.start + seconds(second + 10)));
        let goes = [
            format!("{} recycle 0: has done 7 jobs", second + 10),
            format!("{} ?0 for 10s", second + 10),
        ];
        tells(&mut play, second + 10, Nothing, &[&goes[0], &goes[1]]);
        let again = [format!("{} 0 due", second + 11), format!("{} +0", second + 11)];
        tells(&mut play, second + 11, Code(0, 0), &[&again[0], &again[1]]);
        tells(&mut play, second + 20, Ready(0), &[&format!("{} 0 running", second + 20)]);
    }
    tells(&mut play, 41, Jobs(0, 7), &[]);
    let fails = ["50 recycle 0: has done 7 jobs, a failure", "50 ?0 for 10s"];
    tells(&mut play, 50, Nothing, &fails);
    // Its successor has the delay of one that has failed.
    tells(&mut play, 51, Code(0, 0), &["51 0 waiting"]);
    tells(&mut play, 56, Nothing, &["56 0 due", "56 +0"]);
    tells(&mut play, 57, Ready(0), &["57 0 running"]);
    // One that has worked for long enough is none of that row.
    let late = ["70 recycle 0: has done 7 jobs", "70 ?0 for 10s"];
    tells(&mut play, 70, Jobs(0, 7), &late);
    tells(&mut play, 71, Code(0, 0), &["71 0 due", "71 +0"]);
    tells(&mut play, 72, Ready(0), &["72 0 running"]);
    tells(&mut play, 73, Jobs(0, 7), &[]);
    let first_again = ["82 recycle 0: has done 7 jobs", "82 ?0 for 10s"];
    tells(&mut play, 82, Nothing, &first_again);
}

/// Whoever asks for one that goes as a failure gets it at once.
#[test]
fn a_request_wins_over_a_failure_that_is_on_its_way() {
    let mut play = busy();
    for second in [0, 20, 40] {
        play.tell(second + 3, Jobs(0, 7));
        play.tell(second + 10, Nothing);
        if second < 40 {
            play.tell(second + 11, Code(0, 0));
            play.tell(second + 20, Ready(0));
        }
    }
    assert_eq!(play.changes.last().unwrap(), "50 ?0 for 10s");
    play.changes.clear();
    tells(&mut play, 51, Ask(Request::Restart, 0), &["51 begun"]);
    tells(&mut play, 52, Code(0, 0), &["52 0 due", "52 +0"]);
}

/// Case: PL-57
#[test]
fn each_run_of_one_has_a_limit_of_its_own() {
    let mut play = ready(1);
    let policy = RecyclePolicy::default().age(seconds(1000)).jitter(100);
    play.roster.recycle(SetId(0), policy);
    let mut ages = BTreeSet::new();
    for second in 1..5 {
        play.tell(second * 10, Code(0, 1));
        play.tell(second * 10 + 6, Ready(0));
        let due = play.roster.deadline().unwrap();
        ages.insert(due - (play.start + seconds(second * 10 + 6)));
    }
    assert_eq!(ages.len(), 4, "{ages:?}");
}

/// Case: PL-67
#[test]
fn one_that_has_died_does_not_wait_for_its_turn() {
    let mut play = ready(3);
    play.tell(99, Code(2, 1));
    play.changes.clear();
    tells(&mut play, 100, Nothing, &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 2);
    tells(&mut play, 101, Died(0), &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
}

#[test]
fn the_limit_that_is_reached_first_counts() {
    for (age, why) in [(5, "5 recycle 0 after 5s"), (50, "10 recycle 0: has done 7 jobs")] {
        let mut play = ready(1);
        let policy = RecyclePolicy::default().age(seconds(age)).jobs(7).jitter(0);
        play.roster.recycle(SetId(0), policy.min_age(seconds(10)));
        play.tell(0, Code(0, 1));
        play.tell(5, Ready(0));
        play.start += seconds(5);
        play.changes.clear();
        tells(&mut play, 1, Jobs(0, 7), &[]);
        play.tell(20, Nothing);
        assert_eq!(play.changes[0], why);
    }
}

/// One that reaches its limit just when it may be replaced is none of those that do too soon.
#[test]
fn who_may_go_is_not_too_soon() {
    let mut play = busy();
    for second in [0, 20, 40, 60] {
        play.changes.clear();
        play.tell(second + 10, Jobs(0, 7));
        assert_eq!(play.changes[0], format!("{} recycle 0: has done 7 jobs", second + 10));
        play.tell(second + 11, Code(0, 0));
        play.tell(second + 20, Ready(0));
    }
}

/// Two that were too soon, and then one that has worked for long, or was replaced by hand: the next is the first of a row.
#[test]
fn a_row_is_broken_by_a_run_that_was_not_too_soon() {
    for ends in [Ask(Request::Restart, 0), Code(0, 1)] {
        let mut play = busy();
        for second in [0, 20] {
            play.tell(second + 3, Jobs(0, 7));
            play.tell(second + 11, Code(0, 0));
            play.tell(second + 20, Ready(0));
        }
        play.tell(1000, ends);
        play.tell(1001, Code(0, 0));
        play.tell(1010, Ready(0));
        play.changes.clear();
        tells(&mut play, 1011, Jobs(0, 7), &[]);
        tells(&mut play, 1020, Nothing, &["1020 recycle 0: has done 7 jobs", "1020 ?0 for 10s"]);
    }
}

/// Whatever its policy says of ends: it did not end by itself.
#[test]
fn one_that_is_replaced_as_a_failure_comes_again_also_if_killed() {
    for restart in [Restart::Never, Restart::OnSuccess, Restart::OnAbnormal, Restart::OnFailure] {
        let policy = Policy {
            restart: RestartPolicy { restart, ..RestartPolicy::after(seconds(5)) },
            ..policy()
        };
        let group = Group::new(vec![Member::default()], Strategy::OneForOne, EndWhen::AllAreOver);
        let mut roster = Roster::new(group, vec![Arc::new(policy.clone())], 0);
        let set = roster.set([Id(0)], Member::default(), Arc::new(policy));
        roster.max_unavailable(set, Share::Count(1));
        let recycle = RecyclePolicy::default().jobs(7).min_age(seconds(10)).jitter(0);
        roster.recycle(set, recycle);
        let mut play = Play::new(roster);
        play.tell(0, Begin);
        for second in [0, 20, 40] {
            play.tell(second, Ready(0));
            play.tell(second + 3, Jobs(0, 7));
            play.tell(second + 10, Nothing);
            play.changes.clear();
            // The last one does not go by itself.
            if second < 40 {
                play.tell(second + 11, Code(0, 0));
            }
        }
        tells(&mut play, 60, Nothing, &["60 !0"]);
        tells(&mut play, 61, Code(0, 9), &["61 0 waiting"]);
        let told = play.roster.last_failure.clone().unwrap().1;
        assert!(matches!(told, RunEnd::Outgrown { .. }), "{told:?}");
        tells(&mut play, 66, Nothing, &["66 0 due", "66 +0"]);
    }
}

/// A newer list that said no more than another jitter made all that ran young again.
///
/// Case: PL-82
#[test]
fn another_policy_holds_for_those_that_run_and_takes_nothing_from_them() {
    let mut play = ready(2);
    let recycle = |play: &mut Play, policy: RecyclePolicy| {
        play.roster.recycle(SetId(0), policy.jitter(0));
    };
    play.tell(50, Jobs(1, 7));
    recycle(&mut play, RecyclePolicy::default().age(seconds(80)).jobs(7));
    // The one has been ready for so long by then, whatever held before; the other has done its jobs.
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(60)));
    play.changes.clear();
    tells(&mut play, 60, Nothing, &["60 recycle 1: has done 7 jobs", "60 ?1 for 10s"]);
    play.tell(61, Code(1, 0));
    play.tell(62, Ready(1));
    play.changes.clear();
    tells(&mut play, 80, Nothing, &["80 recycle 0 after 80s", "80 ?0 for 10s"]);
    // None of them any more, and then those that are ready are as old as they are.
    let mut play = ready(1);
    recycle(&mut play, RecyclePolicy::default());
    assert_eq!(play.roster.deadline(), None);
    recycle(&mut play, RecyclePolicy::default().age(seconds(30)));
    assert_eq!(play.roster.deadline(), Some(play.start + seconds(30)));
}
