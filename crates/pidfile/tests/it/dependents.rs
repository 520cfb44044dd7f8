//! A holder dies, its dependent lives on: nobody starts beside it.

use std::fs;
use std::io::pipe;
use std::os::fd::AsFd;

use std::time::{Duration, Instant};

use pidfile::{
    Dependent, Error, Holder, Options, PidFile, Probe, dependents, holder, probe, remove_stale,
    wait_free, wait_orphans,
};

use crate::bed::{Actor, Bed, LIMIT};

/// Case: PID-18
#[test]
fn after_the_holder_was_killed_the_next_start_waits_for_its_dependent_and_no_longer() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let mut dependent = bed.dependent_of(&holder);
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(holder.pid()) });
    holder.kill();

    let left = vec![dependent.pid()];
    let orphaned = Probe::Orphaned { number: Some(holder.pid()), left };
    assert_eq!(probe(bed.pid_file()).unwrap(), orphaned);

    let mut next = bed.actor_with("hold-waiting", &["3600"]);
    next.expect_waiting();
    assert_eq!(next.line_already_said(), None);
    assert_eq!(probe(bed.pid_file()).unwrap(), orphaned);
    dependent.kill();
    next.expect(&format!("held {}", next.pid()));
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(next.pid()) });
    next.tell("release");
    next.expect("released");
    assert_eq!(bed.names(), [""; 0]);
}

/// Case: PID-18
#[test]
fn a_start_that_waited_long_enough_says_who_is_left_and_leaves_the_file() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let mut dependent = bed.dependent_of(&holder);
    holder.kill();

    for limit in [Duration::ZERO, Duration::from_millis(50)] {
        let start = Instant::now();
        let error = Options::new().wait_for_dependent(limit).acquire(bed.pid_file()).unwrap_err();
        assert!(limit <= start.elapsed());
        assert_eq!(
            error.to_string(),
            format!(
                "the holder of pid file `{}` is gone, but process {} is left",
                bed.pid_file().display(),
                dependent.pid()
            )
        );
    }
    assert!(dependent.is_alive());
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), format!("{}\n", holder.pid()));
}

/// Case: PID-12
#[test]
fn of_many_starts_that_wait_for_a_dependent_one_gets_through() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let mut dependent = bed.dependent_of(&holder);
    holder.kill();
    let starters: Vec<_> = (0..8).map(|_| bed.actor_with("hold-waiting", &["3600"])).collect();
    starters.iter().for_each(Actor::expect_waiting);
    dependent.kill();

    let lines: Vec<String> = starters.iter().map(|starter| starter.line()).collect();
    let held: Vec<&String> = lines.iter().filter(|line| line.starts_with("held")).collect();
    assert_eq!(held.len(), 1, "{lines:?}");
    let refused = held[0].replace("held ", "is held by process ");
    assert_eq!(lines.iter().filter(|line| line.ends_with(&refused)).count(), 7, "{lines:?}");
}

/// Case: PID-12
#[test]
fn a_holder_that_is_stopping_still_holds() {
    let bed = Bed::new();
    let holder = bed.holder();
    let mut dependent = bed.dependent_of(&holder);
    // However long a start would wait for a dependent: it does not wait for a living holder.
    let refused = Options::new().wait_for_dependent(LIMIT).acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(refused, Error::Held { .. }), "{refused:?}");
    dependent.kill();
    let refused = Options::new().wait_for_dependent(LIMIT).acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(refused, Error::Held { .. }), "{refused:?}");
}

/// Whoever stops a holder does not mean its successor.
#[test]
fn who_waits_for_a_holder_does_not_wait_for_its_successor() {
    let bed = Bed::new();
    let mut first = bed.holder();
    let seen = holder(bed.pid_file()).unwrap().unwrap();
    assert!(!seen.wait_free(Some(Duration::ZERO)).unwrap());
    first.kill();
    let second = bed.holder();
    assert!(seen.wait_free(Some(LIMIT)).unwrap());
    assert!(wait_orphans(bed.pid_file(), Some(LIMIT), None).unwrap());
    assert!(!wait_free(bed.pid_file(), Some(Duration::ZERO), None).unwrap());
    drop(second);
}

#[test]
fn orphans_are_waited_for_and_can_be_signalled() {
    let bed = Bed::new();
    let mut first = bed.holder();
    let mut dependent = bed.dependent_of(&first);
    let seen = holder(bed.pid_file()).unwrap().unwrap();
    first.kill();
    assert!(!seen.wait_free(Some(Duration::ZERO)).unwrap());
    assert!(!wait_orphans(bed.pid_file(), Some(Duration::ZERO), None).unwrap());
    let found = dependents(bed.pid_file()).unwrap();
    assert_eq!(found.iter().map(Holder::pid).collect::<Vec<_>>(), [dependent.pid()]);
    found[0].signal(9).unwrap();
    assert!(wait_orphans(bed.pid_file(), Some(LIMIT), None).unwrap());
    assert!(seen.wait_free(Some(LIMIT)).unwrap());
    dependent.kill();
    assert!(dependents(bed.pid_file()).unwrap().is_empty());
}

/// A guardian gives the descriptor to the processes below it.
#[test]
fn a_shared_dependency_lasts_as_long_as_its_last_copy() {
    let bed = Bed::new();
    let mut first = bed.holder();
    let shared = Dependent::join(bed.pid_file(), Some(first.pid())).unwrap().into_shared();
    let copy = shared.try_clone().unwrap();
    first.kill();
    drop(shared);
    assert!(matches!(probe(bed.pid_file()).unwrap(), Probe::Orphaned { .. }));
    drop(copy);
    // A child that another test is starting has a copy until its exec.
    assert!(wait_orphans(bed.pid_file(), Some(LIMIT), None).unwrap());
    assert!(matches!(probe(bed.pid_file()).unwrap(), Probe::Stale { .. }));
}

#[test]
fn a_wait_for_a_dependent_ends_when_woken() {
    let bed = Bed::new();
    let mut holder = bed.holder();
    let _dependent = bed.dependent_of(&holder);
    holder.kill();
    let (asked_to_quit, asking) = pipe().unwrap();
    drop(asking);
    let options = Options::new().wait_for_dependent(Duration::MAX).wake(asked_to_quit.as_fd());
    let error = options.acquire(bed.pid_file()).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    assert!(matches!(probe(bed.pid_file()).unwrap(), Probe::Orphaned { .. }));
}

#[test]
fn only_one_joins_and_only_a_holder() {
    let bed = Bed::new();
    let join = |holder| Dependent::join(bed.pid_file(), holder);
    assert!(matches!(join(None).unwrap_err(), Error::NotHeld { .. }));
    fs::write(bed.pid_file(), format!("{}\n", std::process::id())).unwrap();
    assert!(matches!(join(None).unwrap_err(), Error::NotHeld { .. }));
    // This holds whatever number is left in the file.
    assert!(matches!(join(Some(1)).unwrap_err(), Error::NotHeld { .. }));

    let mut holder = bed.holder();
    let pid = holder.pid();
    let error = join(Some(1)).unwrap_err();
    assert!(
        matches!(error, Error::OtherHolder { expected: 1, pid: Some(found), .. } if found == pid)
    );

    let first = join(Some(pid)).unwrap();
    let error = join(Some(pid)).unwrap_err();
    assert!(matches!(&error, Error::Joined { by, .. } if *by == [std::process::id()]), "{error:?}");
    drop(first);
    // The next incarnation of the dependent joins.
    let second = join(None).unwrap();
    assert_eq!(second.path(), bed.pid_file());
    holder.kill();
    drop(second);
    assert!(matches!(join(None).unwrap_err(), Error::NotHeld { .. }));
    assert!(remove_stale(bed.pid_file()).unwrap());
}

/// Otherwise a start could succeed while the executor of the last daemon is still running.
#[test]
fn a_holder_that_gives_up_before_its_dependent_leaves_the_file() {
    let bed = Bed::new();
    let release = |pid_file: PidFile| pid_file.release();
    let let_go = |pid_file: PidFile| -> Result<(), Error> {
        drop(pid_file);
        Ok(())
    };
    for (farewell, tells) in [(&release as &dyn Fn(_) -> _, true), (&let_go, false)] {
        let holder = PidFile::acquire(bed.pid_file()).unwrap();
        let dependent = Dependent::join(bed.pid_file(), Some(holder.pid())).unwrap();
        let told = farewell(holder);
        assert_eq!(told.is_err(), tells);
        if let Err(error) = told {
            // A child of another test may have a copy until its exec, and is named, too.
            let Error::Orphaned { path, left } = &error else { panic!("{error}") };
            assert_eq!(*path, bed.pid_file());
            assert!(left.contains(&std::process::id()), "{error}");
        }
        assert!(matches!(probe(bed.pid_file()).unwrap(), Probe::Orphaned { .. }));
        assert!(matches!(PidFile::acquire(bed.pid_file()).unwrap_err(), Error::Orphaned { .. }));
        drop(dependent);
        assert!(remove_stale(bed.pid_file()).unwrap());
    }
}
