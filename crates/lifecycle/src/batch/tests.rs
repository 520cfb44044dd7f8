//! Batches in virtual time: stories, and what holds for all of them.

use std::collections::{BTreeMap, BTreeSet};

use exit::{ErrorText, Exit, Failure};
use policy::GaveUp;
use policy::batch::{BatchPolicy, Halt};
use proptest::prelude::*;

use super::*;
use crate::random::stories;

const FAILED: JobEnd = JobEnd::Failed { for_good: false, not_started: false };

struct Play {
    batch: Batch,
    now: Instant,
}

impl Play {
    fn new(jobs: u32, policy: BatchPolicy) -> Play {
        let now = Instant::now(); // An origin only.
        Play { batch: Batch::new(jobs, policy, now), now }
    }

    /// Begins whoever may be begun now.
    fn begin(&mut self) -> Vec<u32> {
        let mut begun = Vec::new();
        while self.batch.deadline().is_some_and(|due| due <= self.now) {
            for order in self.batch.on(Event::Due, self.now) {
                let Order::Start(job) = order else { panic!("{order:?}") };
                begun.push(job);
            }
        }
        begun
    }

    fn end(&mut self, job: u32, how: JobEnd) -> Vec<Order> {
        self.batch.on(Event::Ended { job, how }, self.now)
    }

    fn counts(&self) -> [u32; 5] {
        let Counts { pending, running, done, failed, cancelled } = self.batch.counts();
        [pending, running, done, failed, cancelled]
    }
}

fn policy(at_most: u32, tries: u32, on_failure: Halt) -> BatchPolicy {
    BatchPolicy { at_most, tries, on_failure }
}

/// Case: PL-90
#[test]
fn as_many_run_as_may_and_of_none_all_are_done() {
    assert!(Play::new(0, policy(4, 1, Halt::GoOn)).batch.is_over());
    let mut play = Play::new(5, policy(0, 1, Halt::GoOn));
    assert_eq!((play.begin(), play.batch.deadline()), (vec![], None), "it waits for a number");
    play.batch.on(Event::AtMost(3), play.now);
    assert_eq!(play.begin(), [0, 1, 2]);
    play.batch.on(Event::AtMost(1), play.now);
    play.end(0, JobEnd::Well);
    play.end(2, JobEnd::Well);
    assert_eq!(play.begin(), [0; 0], "those that run go on, and are too many for another");
    assert_eq!(play.counts(), [2, 1, 2, 0, 0]);
    play.end(1, JobEnd::Well);
    assert_eq!(play.begin(), [3]);
}

/// Cases: PL-93, PL-95
#[test]
fn only_who_has_failed_is_tried_again_behind_the_others() {
    let mut play = Play::new(4, policy(2, 2, Halt::GoOn));
    assert_eq!(play.begin(), [0, 1]);
    play.end(0, FAILED);
    play.end(1, JobEnd::Well);
    assert_eq!(play.begin(), [2, 3]);
    play.end(2, JobEnd::Well);
    assert_eq!(play.begin(), [0]);
    play.end(0, FAILED);
    assert_eq!(play.begin(), [0; 0], "it was tried twice");
    play.end(3, JobEnd::Failed { for_good: true, not_started: false });
    assert!(play.batch.is_over(), "what would only fail again is not tried");
    assert_eq!(play.counts(), [0, 0, 2, 2, 0]);
    assert_eq!([0, 1, 2, 3].map(|job| play.batch.tries(job)), [2, 1, 1, 1]);
}

/// Case: PL-95
#[test]
fn those_that_are_tried_again_keep_their_order() {
    let mut play = Play::new(3, policy(3, 2, Halt::GoOn));
    assert_eq!(play.begin(), [0, 1, 2]);
    for job in [1, 2, 0] {
        play.end(job, FAILED);
    }
    assert_eq!(play.begin(), [1, 2, 0]);
}

/// Cases: PL-96, PL-97
#[test]
fn a_failure_may_end_it_soon_or_now() {
    for (halt, stops) in [(Halt::Soon, false), (Halt::Now, true)] {
        let mut play = Play::new(6, policy(3, 2, halt));
        assert_eq!(play.begin(), [0, 1, 2]);
        play.end(0, FAILED);
        assert_eq!(play.begin(), [3]);
        let orders = play.end(1, JobEnd::Failed { for_good: true, not_started: false });
        let expected = if stops { vec![Order::Stop(2), Order::Stop(3)] } else { vec![] };
        assert_eq!(orders, expected, "{halt}");
        assert_eq!(play.begin(), [0; 0]);
        let fates = [0, 4, 5].map(|job| play.batch.fate(job));
        assert_eq!(fates, [Fate::Cancelled; 3], "also who was to be tried again");
        // Another one that fails has had its last try; and nobody is told twice to stop.
        assert_eq!(play.end(2, FAILED), []);
        play.end(3, if stops { JobEnd::Stopped } else { JobEnd::Well });
        assert_eq!(play.batch.fate(2), Fate::Failed);
        assert!(play.batch.is_over());
    }
}

/// Case: PL-96
#[test]
fn a_stop_tells_those_that_ran_from_those_that_never_did() {
    let mut play = Play::new(3, policy(2, 9, Halt::GoOn));
    assert_eq!(play.begin(), [0, 1]);
    let stopped = play.batch.on(Event::Stop, play.now);
    assert_eq!(stopped, [Order::Stop(0), Order::Stop(1)]);
    assert_eq!(play.batch.on(Event::Stop, play.now), []);
    play.end(0, JobEnd::Stopped);
    // It was done before it heard of that.
    play.end(1, JobEnd::Well);
    let fates = [0, 1, 2].map(|job| play.batch.fate(job));
    assert_eq!(fates, [Fate::Stopped, Fate::Done, Fate::Cancelled]);
    assert_eq!(play.counts(), [0, 0, 1, 0, 2]);
}

/// Case: PL-96
#[test]
fn who_was_not_begun_any_more_was_not_tried() {
    let mut play = Play::new(3, policy(2, 1, Halt::GoOn));
    assert_eq!(play.begin(), [0, 1]);
    assert_eq!(play.batch.on(Event::Refused(1), play.now), [Order::Stop(0)]);
    assert_eq!((play.batch.fate(1), play.batch.tries(1)), (Fate::Cancelled, 0));
    assert_eq!(play.counts(), [0, 1, 0, 0, 2]);
    assert_eq!(play.batch.on(Event::Refused(1), play.now), []);
}

/// Otherwise a shortage of a second would use up all tries of all jobs.
#[test]
fn where_no_process_can_be_started_the_next_start_waits() {
    let mut play = Play::new(3, policy(1, 9, Halt::GoOn));
    assert_eq!(play.begin(), [0]);
    let refused = JobEnd::Failed { for_good: false, not_started: true };
    for millis in [1, 2, 4] {
        let running = play.batch.running.keys().copied().next().unwrap();
        play.end(running, refused);
        assert_eq!(play.begin(), [0; 0]);
        assert_eq!(play.batch.deadline(), Some(play.now + Duration::from_millis(millis)));
        play.now += Duration::from_millis(millis);
        assert_eq!(play.begin().len(), 1);
    }
}

#[test]
fn an_end_counts_as_it_was() {
    let ended = |end| JobEnd::of(&Outcome::Ended(end));
    let failed = |for_good, not_started| JobEnd::Failed { for_good, not_started };
    let error = || ErrorText::new(&std::fmt::Error);
    let code = |code| RunEnd::Exited(Exit::Code(code));
    assert_eq!(ended(code(0)), JobEnd::Well);
    assert_eq!(ended(code(3)), failed(false, false));
    assert_eq!(ended(RunEnd::Succeeded(Exit::Code(3))), JobEnd::Well);
    assert_eq!(ended(RunEnd::NotStarted(error())), failed(false, true));
    let permanent = Exit::Error(Failure { error: error(), permanent: true, code: 1 });
    assert_eq!(ended(RunEnd::Exited(permanent)), failed(true, false));
    let politely = RunEnd::QuitBySignal { signal: 15, exit: Exit::Code(0) };
    assert_eq!(ended(politely), failed(false, false));
    let outcome = Outcome::GaveUp(GaveUp::Prevented, code(3));
    assert_eq!(JobEnd::of(&outcome), failed(false, false));
    assert_eq!(JobEnd::of(&Outcome::Quit(Some(code(0)))), JobEnd::Stopped);
    assert_eq!(JobEnd::of(&Outcome::Stopped), JobEnd::Stopped);
}

proptest! {
    #![proptest_config(stories())]

    /// Whatever happens in whatever order: each job is counted once, and as what it is; at no start there are more than
    /// may run; nobody is begun more often than he may, nor while he runs, nor after all were told to stop; who is tried
    /// again comes after all that were never begun; what has become of a job stays so; nobody is told twice to stop; a
    /// turn that is due has something begun, and never more than one; and with a place, and ends, all comes to its end.
    ///
    /// Cases: PL-90, PL-93, PL-95, PL-96, PL-98
    #[test]
    fn the_laws_hold_for_every_batch(
        jobs in 0..12u32,
        at_most in 0..5u32,
        tries in 1..4u32,
        halt in prop_oneof![Just(Halt::GoOn), Just(Halt::Soon), Just(Halt::Now)],
        story in prop::collection::vec((0..12u32, 0..12u8, 0..4u64), 0..60),
    ) {
        let mut play = Play::new(jobs, policy(at_most, tries, halt));
        let (mut stopping, mut begun) = (BTreeSet::new(), BTreeMap::new());
        let mut fates = vec![Fate::Pending; jobs as usize];
        let (mut at_most, mut halted) = (at_most, false);
        // In the end all is done as it should be.
        let rest = (0..400).map(|_| (0, 11, 5_000));
        for (at, (who, what, millis)) in story.into_iter().chain(rest).enumerate() {
            play.now += Duration::from_millis(millis);
            let running: Vec<u32> = play.batch.running.keys().copied().collect();
            let pick = running.get(who as usize % running.len().max(1)).copied().unwrap_or(who);
            let failed = |for_good, not_started| JobEnd::Failed { for_good, not_started };
            let how = match what {
                0 | 1 => JobEnd::Well,
                2 => failed(false, false),
                3 => failed(true, false),
                4 => failed(false, true),
                _ => JobEnd::Stopped,
            };
            let (due, was_running) = (play.batch.deadline(), play.batch.counts().running);
            let event = match what {
                0..=5 => Event::Ended { job: pick, how },
                6 if at % 7 == 0 => Event::Stop,
                7 => Event::AtMost(who % 4),
                11 if at % 3 == 1 && !running.is_empty() => {
                    Event::Ended { job: running[0], how: JobEnd::Well }
                }
                11 if at % 3 == 2 && at_most == 0 => Event::AtMost(2),
                _ => Event::Due,
            };
            let orders = play.batch.on(event, play.now);
            match event {
                Event::AtMost(number) => at_most = number,
                Event::Stop | Event::Refused(_) => halted = true,
                Event::Due => {
                    let is_due = due.is_some_and(|due| due <= play.now);
                    prop_assert_eq!(orders.len(), usize::from(is_due));
                }
                Event::Ended { .. } => (),
            }
            let first_pending = fates.iter().zip(0..).find(|(fate, job)| {
                **fate == Fate::Pending && !begun.contains_key(job)
            });
            let first_pending = first_pending.map(|(_, job)| job);
            for order in orders {
                match order {
                    Order::Start(job) => {
                        prop_assert!(was_running < at_most && !halted);
                        prop_assert_eq!(fates[job as usize], Fate::Pending);
                        let tried: &mut u32 = begun.entry(job).or_default();
                        prop_assert!(first_pending.is_none_or(|first| first == job && *tried == 0));
                        *tried += 1;
                        prop_assert!(*tried <= tries);
                    }
                    Order::Stop(job) => {
                        prop_assert_eq!(play.batch.fate(job), Fate::Running);
                        prop_assert!(stopping.insert(job), "told twice");
                    }
                }
            }
            let mut counted = Counts::default();
            for job in 0..jobs {
                let (before, fate) = (fates[job as usize], play.batch.fate(job));
                *counted.of(fate) += 1;
                prop_assert_eq!(play.batch.tries(job), begun.get(&job).copied().unwrap_or(0));
                prop_assert!(before == fate || before <= Fate::Running, "{before:?} to {fate:?}");
                halted |= fate == Fate::Failed && halt != Halt::GoOn;
                fates[job as usize] = fate;
            }
            prop_assert_eq!(play.batch.counts(), counted);
            prop_assert_eq!(counted.total(), jobs);
            prop_assert!(!halted || counted.pending == 0);
        }
        prop_assert!(play.batch.is_over(), "{:?}", play.batch);
        prop_assert_eq!(play.batch.deadline(), None);
    }
}
