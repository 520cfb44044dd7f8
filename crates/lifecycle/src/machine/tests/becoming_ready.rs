//! How long a start may take.

use super::*;

#[test]
fn a_child_that_is_not_ready_in_time_is_killed_and_counts_as_failed() {
    check(
        restarting(5),
        &[(0, Start), (31, Ended(signal(9))), (40, Ready), (41, Quit)],
        &["0s Spawn", "30s Kill", "36s Spawn", "41s Ask Some(10s)"],
    );
}

/// Case: HS-21
#[test]
fn a_start_may_be_extended_up_to_its_bound() {
    let start =
        StartPolicy { timeout: seconds(5), extend_up_to: Some(seconds(12)), ..Default::default() };
    let policy = Policy { start, ..Policy::default() };
    check(
        policy.clone(),
        &[(0, Start), (4, More(5)), (8, More(2)), (20, Ended(signal(9)))],
        &["0s Spawn", "10s Kill", "20s Ended, was not ready within 10s and was killed"],
    );
    check(
        policy,
        &[(0, Start), (4, More(5)), (8, More(5)), (11, More(99)), (20, Ended(signal(9)))],
        &["0s Spawn", "12s Kill", "20s Ended, was not ready within 12s and was killed"],
    );
    // Unless told otherwise, ten times the time-out.
    let start = StartPolicy { timeout: seconds(1), ..StartPolicy::default() };
    check(
        Policy { start, ..Policy::default() },
        &[(0, Start), (0, More(99)), (20, Nothing)],
        &["0s Spawn", "10s Kill"],
    );
}

/// Case: HS-19
#[test]
fn ready_twice_is_ready_once() {
    check(
        Policy::default(),
        &[(0, Start), (1, Ready), (2, Ready), (99, Quit), (99, Ended(code(0)))],
        &["0s Spawn", "99s Ask Some(10s)", "99s Quit, exited with code 0"],
    );
}
