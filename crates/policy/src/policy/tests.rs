//! Policies in YAML, and what is wrong with them.

use proptest::prelude::*;

use super::*;
use crate::backoff::{Backoff, CountFrom};
use crate::limit::RestartLimit;
use crate::restart::{Ends, Restart};
use crate::watchdog::WhenStopped;

#[test]
fn a_policy_in_yaml_is_the_one_in_rust() {
    let yaml = "
start: { ready: told, timeout: 5s, extend_up_to: 1min }
restart:
  restart: on-abnormal
  success: { codes: [3], signals: [SIGTERM, INT, 10] }
  prevent: { codes: [78] }
  force: { codes: [75] }
  backoff: { first: 100ms, growth: !exponential 2.0, cap: 1s, jitter: 10ms, floor: 0 }
  limit: { times: 5, window: 10s }
stop:
  steps: [{ by: SIGINT, wait: 2s }, { by: quit, wait: forever }]
leftovers: keep
watchdog: { after: 30s, when_stopped: kill }
";
    let seconds = Duration::from_secs;
    let ms = Duration::from_millis;
    let expected = Policy {
        start: StartPolicy {
            ready: Readiness::Told,
            timeout: seconds(5),
            extend_up_to: Some(seconds(60)),
        },
        restart: RestartPolicy::new(Restart::OnAbnormal)
            .success(Ends::codes([3]).and(Ends::signals([15, 2, 10])))
            .prevent(Ends::codes([78]))
            .force(Ends::codes([75]))
            .backoff(
                Backoff::exponential(ms(100), 2.0)
                    .cap(seconds(1))
                    .jitter(ms(10))
                    .floor(Duration::ZERO),
            )
            .limit(5, seconds(10)),
        stop: StopPolicy::kill()
            .then(StopBy::Signal(2), seconds(2))
            .then(StopBy::Quit, Duration::MAX),
        must_launch: false,
        leftovers: Leftovers::Keep,
        watchdog: Some(WatchdogPolicy::after(seconds(30)).when_stopped(WhenStopped::Kill)),
    };
    let policy: Policy = serde_yaml::from_str(yaml).unwrap();
    assert_eq!(policy, expected);
    let again = serde_yaml::to_string(&policy).unwrap();
    assert_eq!(serde_yaml::from_str::<Policy>(&again).unwrap(), expected, "{again}");
    let default = serde_yaml::to_string(&Policy::default()).unwrap();
    assert_eq!(serde_yaml::from_str::<Policy>(&default).unwrap(), Policy::default());
    let mut problems = Problems::new();
    expected.check(&mut problems);
    assert_eq!(problems.iter().count(), 0, "{problems}");
}

fn any_span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (any::<u64>(), 0..1_000_000_000u32).prop_map(|(s, nanos)| Duration::new(s, nanos)),
        (0..100_000u64).prop_map(Duration::from_millis),
    ]
}

fn any_ends() -> impl Strategy<Value = Ends> {
    let codes = prop::collection::btree_set(any::<i32>(), 0..4);
    let signals = prop::collection::btree_set(0..70i32, 0..4);
    (codes, signals).prop_map(|(codes, signals)| Ends { codes, signals })
}

fn any_restart() -> impl Strategy<Value = RestartPolicy> {
    let restart = prop_oneof![
        Just(Restart::Never),
        Just(Restart::Always),
        Just(Restart::OnSuccess),
        Just(Restart::OnFailure),
        Just(Restart::OnAbnormal),
    ];
    let growth = prop_oneof![
        Just(Growth::Constant),
        any_span().prop_map(Growth::Linear),
        (0.0..2000.0f64).prop_map(Growth::Exponential),
    ];
    let from = prop_oneof![Just(CountFrom::End), Just(CountFrom::Start)];
    let spans = (any_span(), any_span(), any_span(), any_span());
    let backoff = (growth, prop::option::of(any_span()), spans, from).prop_map(
        |(growth, cap, (first, jitter, reset_after, floor), from)| Backoff {
            first,
            growth,
            cap,
            jitter,
            reset_after,
            floor,
            from,
        },
    );
    let limit =
        (any::<u32>(), any_span()).prop_map(|(times, window)| RestartLimit { times, window });
    let lists = (any_ends(), any_ends(), any_ends());
    (restart, lists, backoff, prop::option::of(limit)).prop_map(
        |(restart, (success, prevent, force), backoff, limit)| RestartPolicy {
            restart,
            success,
            prevent,
            force,
            backoff,
            limit,
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let most = || prop::option::of(any_span());
    let ready = prop_oneof![Just(Readiness::EntryCalled), Just(Readiness::Told)];
    let start = (ready, any_span(), most())
        .prop_map(|(ready, timeout, extend_up_to)| StartPolicy { ready, timeout, extend_up_to });
    let by = prop_oneof![Just(StopBy::Quit), (-1..70i32).prop_map(StopBy::Signal)];
    let step = (by, any_span()).prop_map(|(by, wait)| StopStep { by, wait });
    let stop = (prop::collection::vec(step, 0..4), most())
        .prop_map(|(steps, extend_up_to)| StopPolicy { steps, extend_up_to });
    let leftovers = prop_oneof![Just(Leftovers::Kill), Just(Leftovers::Keep)];
    let when_stopped = prop_oneof![Just(WhenStopped::Tell), Just(WhenStopped::Kill)];
    let watchdog = (any_span(), any_span(), any_span(), when_stopped).prop_map(
        |(after, abort_grace, busy_at_most, when_stopped)| WatchdogPolicy {
            after,
            abort_grace,
            busy_at_most,
            when_stopped,
        },
    );
    let watchdog = prop::option::of(watchdog);
    (start, any_restart(), stop, any::<bool>(), leftovers, watchdog).prop_map(
        |(start, restart, stop, must_launch, leftovers, watchdog)| Policy {
            start,
            restart,
            stop,
            must_launch,
            leftovers,
            watchdog,
        },
    )
}

proptest! {
    /// Every field is spelled out above: a new one does not compile until it is there too.
    #[test]
    fn every_policy_comes_back_from_yaml_exactly(policy in any_policy()) {
        let yaml = serde_yaml::to_string(&policy).unwrap();
        let again: Policy = serde_yaml::from_str(&yaml).unwrap();
        prop_assert_eq!(again, policy, "{}", yaml);
    }
}

#[test]
fn unknown_words_are_refused_with_the_known_ones() {
    let error = |yaml: &str| serde_yaml::from_str::<Policy>(yaml).unwrap_err().to_string();
    assert!(error("restart: { restart: sometimes }").contains("on-failure"));
    assert!(error("restart: { retsart: always }").contains("prevent"));
    assert!(error("stop: { steps: [{ by: SIGFOO, wait: 1 }] }").contains("SIGFOO"));
    assert!(error("restart: { success: { signals: [FOO] } }").contains("SIGTERM"));
}

#[test]
fn an_extension_may_be_as_long_as_what_there_is_without() {
    let seconds = Duration::from_secs;
    let problems = |most| {
        let stop = StopPolicy::grace(seconds(10)).extend_up_to(most);
        let start =
            StartPolicy { timeout: seconds(10), extend_up_to: Some(most), ..Default::default() };
        let mut problems = Problems::new();
        Policy { start, stop, ..Policy::default() }.check(&mut problems);
        problems.iter().count()
    };
    assert_eq!([9, 10, 11].map(|most| problems(seconds(most))), [2, 0, 0]);
}

/// Case: CFG-03
#[test]
fn a_problem_has_the_name_of_the_form_that_can_say_it() {
    let long = Duration::from_secs(1 << 40);
    let fields = |backoff, stop| {
        let restart = RestartPolicy::default().backoff(backoff);
        let mut problems = Problems::new();
        Policy { restart, stop, ..Policy::default() }.check(&mut problems);
        problems.iter().map(|problem| problem.field.clone()).collect::<Vec<_>>()
    };
    let simple = fields(Backoff::constant(long), StopPolicy::grace(long));
    assert_eq!(simple, ["restart_interval", "grace"]);
    let growing = Backoff::exponential(long, 2.0).cap(Duration::MAX);
    let steps = StopPolicy::kill().then(StopBy::Signal(2), long);
    let full = fields(growing, steps);
    assert_eq!(full, ["restart.backoff.first", "stop.steps[0].wait"]);
}

/// Cases: CFG-03, CFG-04
#[test]
fn every_contradiction_is_told_at_once() {
    let policy = Policy {
        start: StartPolicy {
            timeout: Duration::from_secs(1 << 40),
            extend_up_to: Some(Duration::from_secs(5)),
            ..StartPolicy::default()
        },
        restart: RestartPolicy::new(Restart::Always)
            .prevent(Ends::codes([78, 300]).and(Ends::signals([9, 99])))
            .force(Ends::codes([78]).and(Ends::signals([9])))
            .backoff(Backoff::constant(Duration::from_secs(9)).cap(Duration::from_secs(1)))
            .limit(3, Duration::ZERO),
        stop: StopPolicy::grace(Duration::from_secs(10))
            .then(StopBy::Signal(0), Duration::ZERO)
            .extend_up_to(Duration::from_secs(9)),
        must_launch: false,
        leftovers: Leftovers::Kill,
        watchdog: Some(WatchdogPolicy::after(Duration::ZERO)),
    };
    let mut problems = Problems::new();
    policy.check(&mut problems);
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let expected = [
        "start_timeout",
        "start.extend_up_to",
        "restart.prevent.codes",
        "restart.prevent.signals",
        "restart.prevent.codes",
        "restart.prevent.signals",
        "restart.limit.window",
        "restart.backoff.cap",
        "stop.steps[1].by",
        "stop.extend_up_to",
        "watchdog.after",
    ];
    assert_eq!(fields, expected, "{problems}");
}

#[test]
fn the_longest_is_what_an_extension_allows_and_the_time_without_it_at_least() {
    let second = Duration::from_secs(1);
    let start =
        |extend_up_to| StartPolicy { timeout: 3 * second, extend_up_to, ..Default::default() };
    let starts = [None, Some(5 * second), Some(second)].map(|most| start(most).longest());
    assert_eq!(starts, [30 * second, 5 * second, 3 * second]);
    let stop = StopPolicy::grace(3 * second);
    assert_eq!(stop.longest(), 3 * second);
    assert_eq!(stop.clone().extend_up_to(5 * second).longest(), 5 * second);
    assert_eq!(stop.extend_up_to(second).longest(), 3 * second);
}
