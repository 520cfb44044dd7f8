//! Many at once, and killed at any instant: never two, never none that could be.

use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pidfile::{PidFile, Probe, probe};

use crate::bed::{Actor, Bed};

fn storm(prepare: impl Fn(&Bed)) {
    let bed = Bed::new();
    prepare(&bed);
    let mut starters: Vec<Actor> = (0..50).map(|_| bed.actor("hold-after-go")).collect();
    for starter in &starters {
        starter.expect("ready");
    }
    for starter in &mut starters {
        starter.tell("go");
    }
    let lines: Vec<String> = starters.iter().map(Actor::line).collect();
    let winner =
        lines.iter().position(|line| line.starts_with("held")).expect("one of them holds it");
    let refused = format!("is held by process {}", starters[winner].pid());
    let losers = lines.iter().filter(|line| line.ends_with(&refused)).count();
    assert_eq!(losers, 49, "{lines:?}");

    // The losers leave. The winner's file stays.
    let winner = starters.swap_remove(winner);
    for mut loser in starters {
        assert!(!loser.end().success());
    }
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(winner.pid()) });
    assert_eq!(bed.names(), ["my.pid"]);
}

/// Cases: PID-11, PID-16
#[test]
fn of_fifty_starters_one_holds_and_the_others_know_who() {
    storm(|_| ());
}

/// Cases: PID-11, PID-16
#[test]
fn of_fifty_starters_that_find_a_stale_file_one_holds_and_the_others_know_who() {
    storm(|bed| fs::write(bed.pid_file(), "4194304\n").unwrap());
}

/// Case: PID-11
#[test]
fn however_fast_it_changes_hands_there_are_never_two() {
    let bed = Bed::new();
    let witness = bed.path("witness");
    let actors: Vec<Actor> =
        (0..4).map(|_| bed.actor_with("cycle", &[witness.to_str().unwrap()])).collect();
    for round in 0..200 {
        for actor in &actors {
            assert_eq!(actor.line(), "round", "in round {round}");
        }
    }
}

/// Whoever only asks takes nothing, so that no start is refused because somebody asked.
#[test]
fn questions_do_not_make_a_start_fail() {
    let bed = Bed::new();
    let done = AtomicBool::new(false);
    let asked = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    probe(bed.pid_file()).unwrap();
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut starts = 0;
        while starts < 500 || asked.load(Ordering::Relaxed) < 500 {
            let outcome = PidFile::acquire(bed.pid_file()).and_then(PidFile::release);
            // The others are let go first: they would ask for ever.
            if outcome.is_err() {
                done.store(true, Ordering::Relaxed);
            }
            outcome.unwrap();
            starts += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Each waits for its turn and then holds for life; whoever holds is killed. The next one comes
/// only after that, and comes at once.
#[test]
fn when_holders_are_killed_one_after_the_other_each_has_one_successor() {
    let bed = Bed::new();
    let mut actors: HashMap<u32, Actor> =
        (0..12).map(|_| bed.actor("hold-in-turn")).map(|actor| (actor.pid(), actor)).collect();
    while !actors.is_empty() {
        let holder = loop {
            if let Probe::Held { pid: Some(pid) } = probe(bed.pid_file()).unwrap() {
                break pid;
            }
            std::thread::yield_now();
        };
        let mut holder = actors.remove(&holder).expect("an actor that was not killed yet");
        holder.expect(&format!("held {}", holder.pid()));
        for other in actors.values() {
            assert_eq!(other.line_already_said(), None, "beside {}", holder.pid());
        }
        holder.kill();
    }
    assert!(matches!(probe(bed.pid_file()).unwrap(), Probe::Stale { .. }));
    assert_eq!(bed.names(), ["my.pid"]);
}

/// A start, a take-over or a release that is cut short anywhere must not lock anybody out, nor
/// leave anything beside the file.
#[test]
fn a_kill_at_any_instant_leaves_at_most_a_stale_file() {
    let bed = Bed::new();
    for round in 0..150 {
        if round % 2 == 0 {
            // So that the first thing it does is a take-over.
            fs::write(bed.pid_file(), "4194304\n").unwrap();
        }
        let mut actor = bed.actor("cycle");
        let rounds = RandomState::new().build_hasher().finish() % 40;
        for _ in 0..rounds {
            actor.expect("round");
        }
        actor.kill();
        let names = bed.names();
        assert!(names.is_empty() || names == ["my.pid"], "{names:?}");
        PidFile::acquire(bed.pid_file()).unwrap().release().unwrap();
        assert_eq!(bed.names(), [""; 0]);
    }
}
