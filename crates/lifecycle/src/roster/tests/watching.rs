//! Stories of children that hang, and of those that say that they are not ready.

use super::rolling::{ready, roll, tells};
use super::*;
use policy::{RecyclePolicy, Share};

/// Each is ended once, whoever else is, and comes back as after any failure.
///
/// Case: PL-78
#[test]
fn all_that_hang_at_once_are_ended_and_come_back() {
    let mut play = ready(3, Share::Count(1));
    for id in 0..3 {
        let abort = format!("8 {id} Hangs: Abort");
        tells(&mut play, 8, Hangs(id), &[&format!("8 {id} look"), &abort]);
        tells(&mut play, 8, Hangs(id), &[]);
    }
    for id in 0..3 {
        tells(&mut play, 9, Code(id, 1), &[&format!("9 {id} waiting")]);
    }
    let back = ["14 0 due", "14 1 due", "14 2 due", "14 +0", "14 +1", "14 +2"];
    tells(&mut play, 14, Nothing, &back);
}

/// What keeps all of them from their work would keep the next ones from it, too.
///
/// Cases: PL-77, WD-06
#[test]
fn where_none_is_ready_nobody_is_replaced_or_restarted() {
    let mut play = ready(3, Share::Count(1));
    let policy = RecyclePolicy::default().age(seconds(100)).jitter(0);
    play.roster.recycle(SetId(0), policy);
    for id in 0..3 {
        tells(&mut play, 1, Unready(id), &[&format!("1 {id} not_ready")]);
        tells(&mut play, 1, Unready(id), &[]);
    }
    tells(&mut play, 2, Roll(roll()), &["2 roll"]);
    tells(&mut play, 3, Ready(2), &["3 2 running"]);
    tells(&mut play, 4, Ready(1), &["4 1 running"]);
    // One may be away, and 0 is.
    tells(&mut play, 5, Nothing, &[]);
    tells(&mut play, 6, Ready(0), &["6 0 running", "6 take 2", "6 ?2 for 10s"]);
    tells(&mut play, 7, Code(2, 0), &["7 2 due", "7 +2"]);
    tells(&mut play, 8, Ready(2), &["8 2 running", "8 settled 2", "8 take 1", "8 ?1 for 10s"]);
}

/// Where more may be away than are, those go first that are not ready.
#[test]
fn one_that_is_not_ready_is_replaced_where_nobody_is_missed() {
    let mut play = ready(3, Share::Count(2));
    play.tell(1, Unready(0));
    play.changes.clear();
    // It takes nothing away from what may be away.
    tells(
        &mut play,
        2,
        Roll(roll()),
        &["2 roll", "2 free 0", "2 ?0 for 10s", "2 take 2", "2 ?2 for 10s"],
    );
}

/// One that is new and is not ready again before it has settled has to settle anew.
#[test]
fn who_is_not_ready_does_not_settle() {
    let mut play = ready(2, Share::Count(1));
    let policy = roll().settle(seconds(10));
    tells(&mut play, 1, Roll(policy), &["1 roll", "1 take 1", "1 ?1 for 10s"]);
    tells(&mut play, 2, Code(1, 0), &["2 1 due", "2 +1"]);
    tells(&mut play, 3, Ready(1), &["3 1 running"]);
    tells(&mut play, 9, Unready(1), &["9 1 not_ready"]);
    tells(&mut play, 20, Ready(1), &["20 1 running"]);
    tells(&mut play, 29, Nothing, &[]);
    let next = ["30 settled 1", "30 take 0", "30 ?0 for 10s"];
    tells(&mut play, 30, Nothing, &next);
}

/// A run is as old as it was when it is ready again, and what it has reached counts.
#[test]
fn words_that_one_is_not_ready_make_no_run_younger() {
    let mut play = ready(1, Share::Count(1));
    let policy = RecyclePolicy::default().age(seconds(100)).jobs(9).jitter(0);
    play.roster.recycle(SetId(0), policy.min_age(seconds(10)));
    play.tell(0, Ask(Request::Restart, 0));
    play.tell(0, Code(0, 0));
    play.tell(0, Ready(0));
    play.changes.clear();
    tells(&mut play, 90, Unready(0), &["90 0 not_ready"]);
    tells(&mut play, 110, Nothing, &[]);
    assert_eq!(play.roster.due_to_be_recycled(SetId(0)), 1);
    let goes = ["120 0 running", "120 recycle 0 after 100s", "120 ?0 for 10s"];
    tells(&mut play, 120, Ready(0), &goes);
    play.tell(121, Code(0, 0));
    play.tell(121, Ready(0));
    play.changes.clear();
    // Its jobs are not forgotten either.
    tells(&mut play, 125, Jobs(0, 9), &[]);
    tells(&mut play, 126, Unready(0), &["126 0 not_ready"]);
    tells(&mut play, 131, Nothing, &[]);
    let goes = ["140 0 running", "140 recycle 0: has done 9 jobs", "140 ?0 for 10s"];
    tells(&mut play, 140, Ready(0), &goes);
}

/// Those that start after it do not wait for it a second time, and a limit of restarts counts nothing.
#[test]
fn words_that_one_is_not_ready_are_nobody_elses_business() {
    let mut play = Play::new(roster(&[&[], &[0]]));
    play.roster = play.roster.announces_ready(true);
    tells(&mut play, 0, Begin, &["0 +0"]);
    tells(&mut play, 1, Ready(0), &["1 0 running", "1 +1"]);
    tells(&mut play, 2, Unready(0), &["2 0 not_ready"]);
    tells(&mut play, 3, Ready(1), &["3 1 running", "3 all ready"]);
    tells(&mut play, 4, Code(1, 1), &["4 1 waiting"]);
    tells(&mut play, 9, Nothing, &["9 1 due", "9 +1"]);
    tells(&mut play, 10, Ready(0), &["10 0 running"]);
    tells(&mut play, 11, Quit(None), &["11 ?1 for 10s"]);
}
