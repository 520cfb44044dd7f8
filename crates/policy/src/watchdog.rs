//! When a process that runs counts as one that hangs, and what is done about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::problem::Problems;

/// Within which time a process has to say again and again that it gets on (`heartbeat::alive`), and what is done when it
/// does not.
///
/// That begins when it is ready, and ends when it is asked to quit: before and after, its other limits hold. It is also in
/// force while it says that it is not ready. One that waits in `quit::sleep`, or in a wait that
/// it has announced, need not say anything.
///
/// One that is silent is ended by SIGABRT, so that it may leave a core or a backtrace, and killed if it is still there after
/// [`abort_grace`](WatchdogPolicy::abort_grace). That is a failure with a [cause](crate::Cause::Watchdog) of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping like `{after: 30s, abort_grace: 10s}`")]
pub struct WatchdogPolicy {
    /// For how long it may be silent.
    #[serde(with = "crate::duration")]
    pub after: Duration,
    /// How long it has from SIGABRT until it is killed; zero: it is killed at once, without SIGABRT. Default: 10 s.
    #[serde(with = "crate::duration", default = "default_abort_grace")]
    pub abort_grace: Duration,
    /// The most that it gets when it asks for more time for one piece of work. Default: one hour.
    #[serde(with = "crate::duration", default = "default_busy_at_most")]
    pub busy_at_most: Duration,
    /// What is done if it is silent since somebody has stopped it. Default: that is told.
    #[serde(default)]
    pub when_stopped: WhenStopped,
}

/// What is done about a process that is silent since it was stopped (SIGSTOP, SIGTSTP), is held by a debugger, or is in a
/// frozen control group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenStopped {
    /// It is told, once, and waited for.
    #[default]
    Tell,
    /// It is killed.
    Kill,
}

fn default_abort_grace() -> Duration {
    Duration::from_secs(10)
}

fn default_busy_at_most() -> Duration {
    Duration::from_secs(3600)
}

impl WatchdogPolicy {
    /// Under this the clock by which beats are told apart is too coarse.
    const LEAST: Duration = Duration::from_millis(100);

    /// It may be silent for so long.
    pub fn after(after: Duration) -> WatchdogPolicy {
        WatchdogPolicy {
            after,
            abort_grace: default_abort_grace(),
            busy_at_most: default_busy_at_most(),
            when_stopped: WhenStopped::default(),
        }
    }

    /// So long it has from SIGABRT until it is killed.
    #[must_use]
    pub fn abort_grace(mut self, grace: Duration) -> WatchdogPolicy {
        self.abort_grace = grace;
        self
    }

    /// So much it gets at most when it asks for more time.
    #[must_use]
    pub fn busy_at_most(mut self, most: Duration) -> WatchdogPolicy {
        self.busy_at_most = most;
        self
    }

    /// What is done if it was stopped.
    #[must_use]
    pub fn when_stopped(mut self, what: WhenStopped) -> WatchdogPolicy {
        self.when_stopped = what;
        self
    }

    /// As much of it as the process itself goes by: all else is as by default.
    #[must_use]
    pub fn for_child(&self) -> WatchdogPolicy {
        WatchdogPolicy::after(self.after).busy_at_most(self.busy_at_most)
    }

    /// Whether one that is silent since it was stopped is killed.
    pub fn kills_stopped(&self) -> bool {
        self.when_stopped == WhenStopped::Kill
    }

    /// Adds what is wrong with it, each field below `field`.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        let at = |name: &str| format!("{field}.{name}");
        problems.check_duration(&at("after"), self.after);
        if self.after < WatchdogPolicy::LEAST {
            let reason = "is too short to be told from a busy machine; give 100ms or more";
            problems.add(at("after"), format_args!("{:?}", self.after), reason);
        }
        problems.check_duration(&at("abort_grace"), self.abort_grace);
        problems.check_duration(&at("busy_at_most"), self.busy_at_most);
        if self.busy_at_most < self.after {
            let reason =
                format!("is under what it has anyway, {:?}; give at least that", self.after);
            problems.add(at("busy_at_most"), format_args!("{:?}", self.busy_at_most), reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<WatchdogPolicy, String> {
        serde_yaml::from_str(yaml).map_err(|error: serde_yaml::Error| error.to_string())
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let policy = read("{ after: 30s, abort_grace: 5s, busy_at_most: 2h, when_stopped: kill }");
        let expected = WatchdogPolicy::after(Duration::from_secs(30))
            .abort_grace(Duration::from_secs(5))
            .busy_at_most(Duration::from_secs(7200))
            .when_stopped(WhenStopped::Kill);
        assert_eq!(policy.as_ref(), Ok(&expected));
        assert_eq!(read(&serde_yaml::to_string(&expected).unwrap()), Ok(expected));
        let simple = read("{ after: 30s }").unwrap();
        assert_eq!(simple, WatchdogPolicy::after(Duration::from_secs(30)));
        assert_eq!(simple.abort_grace, Duration::from_secs(10));
        assert_eq!(simple.when_stopped, WhenStopped::Tell);
        assert!(read("{}").unwrap_err().contains("missing field `after`"));
        assert!(read("30s").unwrap_err().contains("a mapping like"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let check = |yaml: &str| {
            let mut problems = Problems::new();
            read(yaml).unwrap().check(&mut problems, "watchdog");
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(check("{ after: 100ms, abort_grace: 0s, busy_at_most: 100ms }"), [""; 0]);
        assert_eq!(
            check("{ after: 2h }"),
            [
                "watchdog.busy_at_most `3600s`: is under what it has anyway, 7200s; give at least that"
            ]
        );
        assert_eq!(
            check("{ after: 99ms }"),
            [
                "watchdog.after `99ms`: is too short to be told from a busy machine; give 100ms or more"
            ]
        );
    }
}
