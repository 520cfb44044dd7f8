//! What is done about one child, as plain data: how it is started, stopped, and started again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::backoff::Growth;
use crate::problem::Problems;
use crate::restart::RestartPolicy;
use crate::signal::Signal;
use crate::watchdog::WatchdogPolicy;

/// Long enough for a connection to close, and far below the patience of `systemctl stop` (90 s).
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// How long a child may take from its start until it is ready, unless told otherwise.
pub const DEFAULT_START_TIMEOUT: Duration = Duration::from_secs(30);

/// What is done about one child.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How it is started.
    pub start: StartPolicy,
    /// Whether and when it is started again.
    pub restart: RestartPolicy,
    /// How it is stopped.
    pub stop: StopPolicy,
    /// Whether a first run that does not become ready ends it all, whatever the restart policy
    /// says: what is wrong then is for a person to see, not for a loop.
    pub must_launch: bool,
    /// What becomes of processes that a run leaves behind.
    pub leftovers: Leftovers,
    /// Within which time it has to say again and again that it gets on; `None`, which is the default: it need not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<WatchdogPolicy>,
}

/// What becomes of processes that a run of a child has left behind when it ended.
///
/// Of a daemon's executor: whatever is below the guardian. Of a worker: its process group, surely;
/// and what left that, if it came to a guardian and has kept the variable `APPKIT_RUN` in its
/// environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leftovers {
    /// They are ended before another run begins, and before a stop is over. Those of a worker at once; those of
    /// an executor are asked to go (SIGTERM), and killed when its grace is over. What has left the process group of a
    /// worker counts as the executor's once the executor is asked to quit.
    #[default]
    Kill,
    /// They go on. Those of an executor outlive the daemon, those of a worker end with their executor,
    /// unless the executor's are kept too.
    Keep,
}

impl Policy {
    /// Adds what is wrong with it. A field that a simpler option can set is named as that:
    /// `start_timeout`, `restart_interval`, `grace`.
    pub fn check(&self, problems: &mut Problems) {
        let mut own = Problems::new();
        self.start.check(&mut own, "start");
        self.restart.check(&mut own, "restart");
        self.stop.check(&mut own, "stop");
        if let Some(watchdog) = &self.watchdog {
            watchdog.check(&mut own, "watchdog");
        }
        let mut simple = vec![("start.timeout", "start_timeout")];
        if self.restart.backoff.growth == Growth::Constant {
            simple.push(("restart.backoff.first", "restart_interval"));
        }
        if matches!(self.stop.steps[..], [StopStep { by: StopBy::Quit, .. }]) {
            simple.push(("stop.steps[0].wait", "grace"));
        }
        problems.add_renamed(own, &simple);
    }
}

impl Leftovers {
    /// Whether they are ended before another run begins.
    pub fn are_ended(self) -> bool {
        self == Leftovers::Kill
    }
}

/// When a child counts as started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// When its entry is being called.
    #[default]
    EntryCalled,
    /// When it says so, by the word "ready" (`proc_spawn::tell_ready`).
    Told,
}

/// How a child is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping like `{ready: told, timeout: 30s}`")]
pub struct StartPolicy {
    /// When it counts as started. Default: when its entry is being called.
    pub ready: Readiness,
    /// How long it may take until then; after that it is killed, and has failed. Zero is no time: what is
    /// not ready at the first look is killed. Default: 30 s.
    #[serde(with = "crate::duration")]
    pub timeout: Duration,
    /// The longest that its start may take in all when it asks for more time. Default: ten times the
    /// timeout.
    #[serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    pub extend_up_to: Option<Duration>,
}

impl Default for StartPolicy {
    fn default() -> StartPolicy {
        StartPolicy {
            ready: Readiness::default(),
            timeout: DEFAULT_START_TIMEOUT,
            extend_up_to: None,
        }
    }
}

impl StartPolicy {
    /// Whether the child has to say itself that it is ready.
    pub fn waits_for_word(&self) -> bool {
        self.ready == Readiness::Told
    }

    /// The longest that a start can take.
    pub fn longest(&self) -> Duration {
        self.extend_up_to.unwrap_or(self.timeout.saturating_mul(10)).max(self.timeout)
    }

    /// Adds what is wrong with it, each field below `field`.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        problems.check_duration(&format!("{field}.timeout"), self.timeout);
        check_extension(problems, field, self.extend_up_to, self.timeout);
    }
}

/// One step of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping like `{by: SIGTERM, wait: 10s}`")]
pub struct StopStep {
    /// What is done.
    pub by: StopBy,
    /// How long is waited for the end, before the next step.
    #[serde(with = "crate::duration")]
    pub wait: Duration,
}

/// How a child is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBy {
    /// By word, which carries the reason and the time that is left: its
    /// `quit::quit_requested` becomes true.
    Quit,
    /// By this signal.
    Signal(i32),
}

impl Serialize for StopBy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            StopBy::Quit => serializer.serialize_str("quit"),
            StopBy::Signal(number) => Signal(*number).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StopBy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<StopBy, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Word(String),
            Number(i32),
        }
        use serde::de::{Error, IntoDeserializer};
        match Said::deserialize(deserializer)? {
            Said::Word(word) if word == "quit" => Ok(StopBy::Quit),
            Said::Word(word) => {
                let signal: Result<Signal, serde::de::value::Error> =
                    Signal::deserialize(word.into_deserializer());
                signal.map(|signal| StopBy::Signal(signal.0)).map_err(D::Error::custom)
            }
            Said::Number(number) => Ok(StopBy::Signal(number)),
        }
    }
}

/// How a child is stopped: step by step, and by SIGKILL when the last one's time is over.
///
/// No step at all kills at once; a last step that waits [`Duration::MAX`] waits for ever, until
/// somebody asks again in a hurry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping like `{steps: [{by: SIGTERM, wait: 10s}]}`"
)]
pub struct StopPolicy {
    /// What is done, in this order. Default: asked to quit, 10 s.
    pub steps: Vec<StopStep>,
    /// The longest that its stop may take in all when it asks for more time. Default: it gets no more.
    #[serde(with = "crate::duration::option", skip_serializing_if = "Option::is_none")]
    pub extend_up_to: Option<Duration>,
}

impl Default for StopPolicy {
    fn default() -> StopPolicy {
        StopPolicy::grace(DEFAULT_GRACE)
    }
}

impl StopPolicy {
    /// Asked to quit, and killed that long after.
    pub fn grace(grace: Duration) -> StopPolicy {
        StopPolicy::kill().then(StopBy::Quit, grace)
    }

    /// Killed at once.
    pub fn kill() -> StopPolicy {
        StopPolicy { steps: Vec::new(), extend_up_to: None }
    }

    /// One more step, before the kill.
    #[must_use]
    pub fn then(mut self, by: StopBy, wait: Duration) -> StopPolicy {
        self.steps.push(StopStep { by, wait });
        self
    }

    /// The longest that a stop may take in all when the child asks for more time.
    #[must_use]
    pub fn extend_up_to(mut self, most: Duration) -> StopPolicy {
        self.extend_up_to = Some(most);
        self
    }

    /// How long a stop takes until the kill, unless it is extended.
    pub fn total(&self) -> Duration {
        self.steps.iter().fold(Duration::ZERO, |sum, step| sum.saturating_add(step.wait))
    }

    /// The longest that it can take.
    pub fn longest(&self) -> Duration {
        self.extend_up_to.unwrap_or_default().max(self.total())
    }

    /// Adds what is wrong with it, each field below `field`.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        for (index, step) in self.steps.iter().enumerate() {
            let at = format!("{field}.steps[{index}]");
            problems.check_duration(&format!("{at}.wait"), step.wait);
            if let StopBy::Signal(number) = step.by
                && !(1..=31).contains(&number)
            {
                // Realtime signals are refused: without unsafe code nothing sends them by pidfd.
                let reason = "is no signal that can be sent; they are 1 to 31";
                problems.add(format!("{at}.by"), number, reason);
            }
        }
        check_extension(problems, field, self.extend_up_to, self.total());
    }
}

fn check_extension(
    problems: &mut Problems,
    field: &str,
    most: Option<Duration>,
    without: Duration,
) {
    let field = format!("{field}.extend_up_to");
    problems.check_duration(&field, most.unwrap_or_default());
    if let Some(most) = most.filter(|most| *most < without) {
        let reason = format!("is under what there is without it, {without:?}; give at least that");
        problems.add(field, format_args!("{most:?}"), reason);
    }
}

#[cfg(test)]
mod tests;
