//! What holds for every story, whatever comes in whatever order.

use proc_spawn::Exit;
use proptest::prelude::*;

use super::Told::{self, *};
use super::*;

fn any_told() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Started),
        Just(Ready),
        (0..20u64).prop_map(More),
        (0..3i32).prop_map(|code| Ended(RunEnd::Exited(Exit::Code(code)))),
        Just(Pause),
        Just(Quit),
        (0..20u64).prop_map(QuitWithin),
        Just(Nothing),
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let restart = prop_oneof![
        Just(Restart::Never),
        Just(Restart::Always),
        Just(Restart::OnSuccess),
        Just(Restart::OnFailure),
        Just(Restart::OnAbnormal),
    ];
    let backoff = (0..5u64, 1.0..3.0f64, 0..3u64, 0..20u64, 0..3u64).prop_map(
        |(first, factor, jitter, reset, floor)| {
            Backoff::exponential(seconds(first), factor)
                .cap(seconds(9))
                .jitter(seconds(jitter))
                .reset_after(seconds(reset))
                .floor(seconds(floor))
        },
    );
    let steps = prop::collection::vec((any::<bool>(), 0..9u64), 0..3);
    let limit = prop::option::of((0..4u32, 1..30u64));
    let parts = (restart, backoff, steps, limit, any::<bool>(), prop::option::of(20..40u64));
    parts.prop_map(|(restart, backoff, steps, limit, must_launch, extend)| {
        let mut restart = RestartPolicy::new(restart).backoff(backoff);
        if let Some((times, window)) = limit {
            restart = restart.limit(times, seconds(window));
        }
        let mut stop = StopPolicy::kill();
        for (by_signal, wait) in steps {
            let by = if by_signal { StopBy::Signal(15) } else { StopBy::Quit };
            stop = stop.then(by, seconds(wait));
        }
        stop.extend_up_to = extend.map(seconds);
        Policy { restart, stop, must_launch, ..Policy::default() }
    })
}

/// As many stories as CI is to try, all laws together: at least 100,000.
const STORIES: u32 = 100_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: STORIES, failure_persistence: None, ..ProptestConfig::default() })]

    /// Never two runs at once; no start after a quit; no more restarts within the window than the
    /// limit allows; every run that was begun is ended before the finish; nobody is told to stop
    /// who does not run; nothing is due in the past; and time alone ends every story that was told
    /// to quit.
    #[test]
    fn the_laws_hold_for_every_story(
        policy in any_policy(),
        story in prop::collection::vec((0..20u64, any_told()), 0..30),
    ) {
        let limit = policy.restart.limit;
        let start = Instant::now();
        let mut now = start;
        let mut machine = Machine::new(policy, 0);
        let (mut alive, mut quit, mut finished) = (false, false, false);
        let mut by_itself = Vec::new();
        for (wait, told) in story.into_iter().chain([(1, Quit), (100, Nothing)]) {
            now += seconds(wait);
            // What cannot happen is not told: a process that does not run does not end.
            let possible = alive || !matches!(told, Ended(_) | Ready | More(_));
            let mut told = told.event(now).filter(|_| possible);
            loop {
                let due = machine.deadline().filter(|due| *due <= now);
                let next = due.map(|due| (Event::DeadlinePassed, due));
                let Some((event, at)) = next.or_else(|| told.take().map(|event| (event, now)))
                else {
                    break;
                };
                let restart = matches!(event, Event::DeadlinePassed) && machine.waiting();
                alive &= !matches!(event, Event::Ended { .. });
                quit |= matches!(event, Event::QuitRequested { .. });
                let runs = machine.runs();
                match machine.step(event, at) {
                    Action::Spawn => {
                        prop_assert!(!alive && !quit && !finished);
                        prop_assert_eq!(machine.runs(), runs + 1);
                        alive = true;
                        if restart {
                            by_itself.push(at);
                        }
                    }
                    Action::Terminate { .. } => prop_assert!(alive && !finished),
                    Action::Kill => {
                        prop_assert!(alive && !finished);
                        // A killed process ends.
                        if quit {
                            told = Some(Event::Ended { end: signal(9), at: now });
                        }
                    }
                    Action::Finish(_) => {
                        prop_assert!(!alive && !finished);
                        finished = true;
                    }
                    Action::Nothing => (),
                }
                prop_assert!(machine.deadline().is_none_or(|due| at <= due));
                prop_assert_eq!(machine.finished(), finished);
                prop_assert!(!finished || machine.deadline().is_none());
            }
        }
        // Delays only move restarts further apart than the ends that the limit counts.
        if let Some(limit) = limit {
            for (index, at) in by_itself.iter().enumerate() {
                let within = by_itself[..index].iter()
                    .filter(|then| at.duration_since(**then) < limit.window.saturating_sub(seconds(12)))
                    .count();
                prop_assert!(within < limit.times as usize);
            }
        }
        let killed = matches!(machine.state, State::Killed(_));
        prop_assert!(finished || killed, "{:?}", machine.state);
    }
}
