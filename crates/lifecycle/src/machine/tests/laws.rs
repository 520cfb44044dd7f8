//! What holds for every story, whatever comes in whatever order.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::Told::{self, *};
use super::*;
use crate::random::stories;

fn any_told() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Start),
        Just(Ready),
        (0..20u64).prop_map(More),
        Just(NotReady),
        (0..4u64).prop_map(Silent),
        any_found().prop_map(Looked),
        Just(Died),
        (0..3i32).prop_map(|number| Ended(code(number))),
        Just(Pause),
        Just(Quit),
        (0..20u64).prop_map(QuitWithin),
        any_request().prop_map(Ask),
        Just(Nothing),
    ]
}

fn any_found() -> impl Strategy<Value = Found> {
    prop_oneof![
        Just(Found::Beats),
        Just(Found::Hangs),
        Just(Found::Stopped),
        Just(Found::Starved),
        Just(Found::Late),
    ]
}

fn any_watchdog() -> impl Strategy<Value = Option<WatchdogPolicy>> {
    let when = prop_oneof![Just(WhenStopped::Tell), Just(WhenStopped::Kill)];
    let watchdog = (4..40u64, 0..9u64, when).prop_map(|(after, grace, when)| {
        WatchdogPolicy::after(seconds(after)).abort_grace(seconds(grace)).when_stopped(when)
    });
    prop::option::of(watchdog)
}

fn any_request() -> impl Strategy<Value = Request> {
    prop_oneof![Just(Request::Stop), Just(Request::Start), Just(Request::Restart)]
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
    let extend = prop::option::of(20..40u64);
    let parts = (restart, backoff, steps, limit, any::<bool>(), extend, any_watchdog());
    parts.prop_map(|(restart, backoff, steps, limit, must_launch, extend, watchdog)| {
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
        Policy { restart, stop, must_launch, watchdog, ..Policy::default() }
    })
}

/// A machine, and what its child really does.
struct Play {
    machine: Machine,
    alive: bool,
    dead: bool,
    quit: bool,
    finished: bool,
    /// It was stopped by request.
    stopped: bool,
    /// It was asked for, and is to be started.
    asked: bool,
    /// Whether it has a watchdog.
    watched: bool,
    /// Whether a child that is due has its turn at once.
    turns: bool,
    runs: u64,
    /// When restarts were decided.
    restarts: Vec<Instant>,
}

impl Play {
    /// Plays everything that is due until `now`, and then `event`.
    fn until(&mut self, now: Instant, event: Option<Event>) -> Result<(), TestCaseError> {
        // Time alone does little at one instant: the steps of a stop that do not wait, a kill.
        let (mut instant, mut left) = (None, 0);
        while let Some(due) = self.machine.deadline().filter(|due| *due <= now) {
            left = if instant == Some(due) { left - 1 } else { 8 };
            instant = Some(due);
            prop_assert!(left > 0, "it does not come to rest: {:?}", self.machine);
            self.step(Event::DeadlinePassed, due)?;
            if self.turns && self.machine.phase() == Phase::Due {
                self.step(Event::Start, due)?;
            }
        }
        if let Some(event) = event {
            self.step(event, now)?;
        }
        Ok(())
    }

    fn ask(&mut self, request: Request, now: Instant) -> Result<(), TestCaseError> {
        let was = self.machine.phase();
        let counted = matches!(was, Phase::Waiting | Phase::Due) && !self.machine.is_asked_for();
        let Ok((answer, step)) = self.machine.request(request, now) else {
            prop_assert!(self.quit && was == Phase::Stopping, "{request:?} refused when {was}");
            return Ok(());
        };
        if counted {
            self.restarts.pop();
        }
        if request != Request::Stop && was == Phase::Finished {
            // It begins anew, also after a quit: who must not start anything does not ask.
            (self.quit, self.finished) = (false, false);
            self.restarts.clear();
        }
        self.stopped = request == Request::Stop && !self.finished;
        let to_start =
            answer == Answer::Begun || answer == Answer::Joined && was != Phase::Starting;
        self.asked = request != Request::Stop && to_start;
        self.carry_out(was, step, now)?;
        if self.turns && self.machine.phase() == Phase::Due {
            self.step(Event::Start, now)?;
        }
        Ok(())
    }

    fn step(&mut self, event: Event, now: Instant) -> Result<(), TestCaseError> {
        let ended = matches!(event, Event::Ended { .. });
        self.alive &= !ended;
        self.dead = self.alive && (self.dead || event == Event::Died);
        self.quit |= matches!(event, Event::Quit { .. });
        // What somebody starts, or pauses, ahead of its time is no restart of ours.
        let waiting = self.machine.phase() == Phase::Waiting;
        let due = self.machine.phase() == Phase::Due && !self.machine.is_asked_for()
            || self.machine.deadline().is_some_and(|due| due <= now);
        let start = matches!(event, Event::Start);
        if (waiting || due) && (start && !due || matches!(event, Event::Pause)) {
            self.restarts.pop();
        }
        let before = self.machine.phase();
        let step = self.machine.step(event, now);
        if ended && self.machine.phase() == Phase::Waiting {
            self.restarts.push(now);
        }
        self.carry_out(before, step, now)?;
        if ended && self.turns && self.machine.is_asked_for() {
            self.step(Event::Start, now)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, before: Phase, step: Step, now: Instant) -> Result<(), TestCaseError> {
        let phase = self.machine.phase();
        prop_assert_eq!(step.entered, (phase != before).then_some(phase));
        match step.action {
            Action::Spawn => {
                prop_assert!(!self.alive && !self.quit && !self.finished && !self.stopped);
                self.runs += 1;
                (self.alive, self.asked) = (true, false);
            }
            Action::Terminate { remaining, .. } => {
                prop_assert!(self.alive && !self.dead && !self.finished);
                let kill_at = remaining.map(|remaining| now + remaining);
                prop_assert!(self.machine.deadline() <= kill_at || kill_at.is_none());
            }
            Action::Look | Action::Silent(_) => {
                prop_assert!(self.alive && !self.dead && !self.finished && self.watched);
                prop_assert!(before == Phase::Running || before == Phase::NotReady);
            }
            Action::Kill => prop_assert!(self.alive && !self.dead && !self.finished),
            Action::Finish(_) => {
                prop_assert!(!self.alive && !self.finished);
                self.finished = true;
            }
            Action::Nothing => (),
        }
        let machine = &self.machine;
        prop_assert_eq!(machine.runs(), self.runs);
        prop_assert!(
            !self.stopped || matches!(phase, Phase::Stopping | Phase::Stopped | Phase::Finished)
        );
        let lost = matches!(phase, Phase::Waiting | Phase::Stopped | Phase::Finished);
        prop_assert!(!self.asked || self.quit || !lost, "a request is lost");
        prop_assert!(machine.deadline().is_none_or(|due| now <= due), "due in the past");
        prop_assert_eq!(phase == Phase::Finished, self.finished);
        // A machine that waits for nothing has no deadline.
        let at_rest = [
            Phase::Idle,
            Phase::Running,
            Phase::NotReady,
            Phase::Due,
            Phase::Stopped,
            Phase::Finished,
        ];
        let at_rest = at_rest.contains(&phase);
        prop_assert!(!(at_rest || self.dead) || machine.deadline().is_none());
        Ok(())
    }
}

proptest! {
    #![proptest_config(stories())]

    /// Never two runs at once; no start after a quit; no more restarts within the window than the
    /// limit allows; who was stopped by request is not started until somebody asks for it; a start that was asked for
    /// takes place unless something later was asked; every run that was begun is ended before the finish; nobody is
    /// told to stop who does not run, or is dead; nothing is due in the past, and nothing at all for who runs, waits
    /// for a word or is done; and time alone ends every story that was told to quit.
    #[test]
    fn the_laws_hold_for_every_story(
        policy in any_policy(),
        turns in any::<bool>(),
        story in prop::collection::vec((0..20u64, any_told()), 0..30),
    ) {
        let limit = policy.restart.limit;
        let watched = policy.watchdog.is_some();
        let mut now = Instant::now();
        let mut play = Play {
            machine: Machine::new(policy, 0),
            alive: false,
            dead: false,
            quit: false,
            finished: false,
            stopped: false,
            asked: false,
            watched,
            turns,
            runs: 0,
            restarts: Vec::new(),
        };
        for (wait, told) in story {
            now += seconds(wait);
            play.until(now, None)?;
            // What cannot happen is not told: a process that does not run does not end.
            let possible = play.alive || !matches!(
                told,
                Died | Ended(_) | Ready | NotReady | More(_) | Silent(_) | Looked(_)
            );
            play.until(now, told.event(now).filter(|_| possible))?;
            if let Ask(request) = told {
                play.ask(request, now)?;
            }
        }
        play.until(now, Quit.event(now))?;
        now += seconds(100);
        play.until(now, None)?;
        // A child that does not hear is killed by now, and a killed process ends.
        if play.alive {
            let killed = matches!(play.machine.state, State::Killed(_));
            prop_assert!(killed || play.dead, "{:?}", play.machine);
            play.until(now, Ended(signal(9)).event(now))?;
        }
        prop_assert!(play.finished && !play.alive, "{:?}", play.machine);
        if let Some(limit) = limit {
            for (index, at) in play.restarts.iter().enumerate() {
                let counts = |then: &&Instant| at.duration_since(**then) <= limit.window;
                let within = play.restarts[..=index].iter().filter(counts).count();
                prop_assert!(within <= limit.times as usize, "{within} within {limit:?}");
            }
        }
    }
}
