//! Restarts that somebody has asked for.

use super::*;

/// The child has its grace, what it has left as well, and the next run begins as soon as nothing is left.
///
/// Case: CC-27
#[test]
fn a_restart_by_request_waits_for_what_is_left_and_for_nothing_else() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Restart, &["1 Launching"]),
            (2, Ready, &["2 running", "2 launched"]),
            (3, Restart, &["3 begun", "3 asked, 10s"]),
            (4, Restart, &["4 joined"]),
            (5, Died(3), &["5 leftovers for 8s"]),
            (6, Gone, &["6 due", "6 spawned"]),
            // Killed, since it does not hear. That it was never ready counts for nothing.
            (7, Restart, &["7 begun", "7 asked, 10s"]),
            (18, Nothing, &["17 killed"]),
            (19, Died(9), &["19 leftovers for 0s"]),
            (20, Gone, &["20 due", "20 spawned"]),
            (21, Ready, &["21 running"]),
        ],
    );
}

/// It was dead already, or waits for its delay: it is not waited for.
#[test]
fn a_restart_comes_instead_of_the_delay() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Died(3), &["2 leftovers for 10s"]),
            (3, Restart, &["3 begun", "3 stopping", "3 leftovers for 9s"]),
            (4, Gone, &["4 due", "4 spawned"]),
            (5, Ready, &["5 running"]),
            (6, Died(3), &["6 leftovers for 10s"]),
            (7, Gone, &["7 waiting"]),
            (8, Restart, &["8 begun", "8 due", "8 spawned"]),
        ],
    );
}

#[test]
fn a_quit_wins_over_a_restart() {
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Restart, &["2 begun", "2 asked, 10s"]),
            (3, Quit(Some(4), false), &["3 asked, 4s"]),
            (4, Restart, &["4 Quitting"]),
            (5, Died(0), &["5 leftovers for 2s"]),
            (6, Gone, &["6 finished"]),
        ],
    );
    check(
        keeper(policy()),
        &[
            (0, Begin, &["0 spawned"]),
            (1, Ready, &["1 running", "1 launched"]),
            (2, Died(0), &["2 leftovers for 10s"]),
            (3, Gone, &["3 finished"]),
            (4, Restart, &["4 Ending"]),
        ],
    );
}
