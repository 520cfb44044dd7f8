//! Which ends of a run call for another one, as plain data.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use exit::Exit;
use serde::{Deserialize, Serialize};

use crate::backoff::Backoff;
use crate::end::RunEnd;
use crate::limit::RestartLimit;
use crate::problem::Problems;

/// When a child is started again: systemd's table (systemd.service(5), `Restart=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Never.
    #[default]
    Never,
    /// Whatever the end.
    Always,
    /// After a clean end only.
    OnSuccess,
    /// After every end that is not clean.
    OnFailure,
    /// After a signal, a panic, a start or a stop that took too long, a silence that did, too much memory, or where no
    /// process could be started; not
    /// after a code, a returned error, or a set-up that failed in the child (its pid file is another's, its log cannot
    /// be opened), which has a code of its own.
    OnAbnormal,
}

/// What kind of end a run had: the columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Code 0, or one that counts as success.
    CleanExit,
    /// A signal that counts as success.
    CleanSignal,
    /// Another code, a returned error, a set-up that failed, or an end that nobody can tell.
    UncleanExit,
    /// Another signal.
    UncleanSignal,
    /// A panic.
    Panic,
    /// It was not ready in time, or did not stop in time.
    Timeout,
    /// It did not say in time that it gets on.
    Watchdog,
    /// There was no process.
    NotStarted,
    /// It had too much memory.
    Memory,
}

impl Restart {
    /// Whether another run is wanted after one that ended so.
    pub fn wanted_after(self, cause: Cause) -> bool {
        let clean = matches!(cause, Cause::CleanExit | Cause::CleanSignal);
        match self {
            Restart::Never => false,
            Restart::Always => true,
            Restart::OnSuccess => clean,
            Restart::OnFailure => !clean,
            Restart::OnAbnormal => !clean && cause != Cause::UncleanExit,
        }
    }
}

/// A set of ends: exit codes and signals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping like `{codes: [3], signals: [SIGTERM]}`"
)]
pub struct Ends {
    /// Exit codes. An entry that returns an error exits with 1, one that panics with 101, and a
    /// process that could not be set up with 78.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub codes: BTreeSet<i32>,
    /// Signals, by number; in YAML also by name (`SIGTERM`).
    #[serde(skip_serializing_if = "BTreeSet::is_empty", with = "crate::signal")]
    pub signals: BTreeSet<i32>,
}

impl Ends {
    /// These exit codes.
    pub fn codes(codes: impl IntoIterator<Item = i32>) -> Ends {
        Ends { codes: codes.into_iter().collect(), signals: BTreeSet::new() }
    }

    /// These signals.
    pub fn signals(signals: impl IntoIterator<Item = i32>) -> Ends {
        Ends { codes: BTreeSet::new(), signals: signals.into_iter().collect() }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, others: Ends) -> Ends {
        self.codes.extend(others.codes);
        self.signals.extend(others.signals);
        self
    }

    /// Whether a run that ended so is among them.
    pub fn contains(&self, end: &RunEnd) -> bool {
        let Some(exit) = end.exited() else { return false };
        exit.code().is_some_and(|code| self.codes.contains(&code))
            || exit.signal().is_some_and(|signal| self.signals.contains(&signal))
    }
}

/// Whether, when and how often a child is started again.
///
/// An end on the `prevent` list is never followed by a start, one on the `force` list always; for
/// the others `restart` decides. Two ends are permanent whatever the lists say: an entry that is
/// missing or whose arguments do not fit, and an error that the entry's own predicate calls
/// permanent (see `proc_spawn::Entries::permanent_if`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping like `{restart: on-failure, backoff: {first: 10s}}`"
)]
pub struct RestartPolicy {
    /// Which ends call for another run. Default: none.
    pub restart: Restart,
    /// Ends that count as clean beside code 0, everywhere: in what follows and after what delay, in
    /// logs and reports, and in whether a guardian or a list of workers ends well. Default: none; so
    /// unlike systemd's, a process that dies of SIGTERM has failed, since ours answer it by quitting
    /// well. The end of a process that quits so upon a signal from outside is [`RunEnd::QuitBySignal`],
    /// and is judged by its exit: with code 0 it is clean, and [`Restart::OnFailure`] does not start the
    /// child again; [`Restart::Always`] does.
    pub success: Ends,
    /// Ends that are never followed by another run. Default: none.
    pub prevent: Ends,
    /// Ends that always are. Default: none.
    pub force: Ends,
    /// How long is waited before it.
    pub backoff: Backoff,
    /// When it is enough. Only restarts that follow a run's end by themselves count, not a start that
    /// somebody asked for. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<RestartLimit>,
}

/// The exit code of a process that has given up (`EX_UNAVAILABLE` of sysexits.h).
pub const CODE_GAVE_UP: i32 = 69;

/// Why another run that was wanted is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GaveUp {
    /// There were more restarts than the limit allows.
    Limit(RestartLimit),
    /// The end is on the list of those that prevent it.
    Prevented,
    /// The failure is permanent: it would only happen again.
    Permanent,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GaveUp::Limit(limit) => limit.fmt(f),
            GaveUp::Prevented => f.write_str("such an end prevents a restart"),
            GaveUp::Permanent => f.write_str("such a failure is permanent"),
        }
    }
}

/// What follows a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// Nothing: that was it.
    Over,
    /// Another run.
    Again,
    /// Nothing, though another run would be wanted.
    GiveUp(GaveUp),
}

impl RestartPolicy {
    /// After every failure, that long after it: what `restart_interval` says.
    pub fn after(interval: Duration) -> RestartPolicy {
        RestartPolicy::new(Restart::OnFailure).backoff(Backoff::constant(interval))
    }

    /// Starts the child again after these ends, at once (but see [`Backoff::floor`]), without a limit.
    pub fn new(restart: Restart) -> RestartPolicy {
        RestartPolicy { restart, ..RestartPolicy::default() }
    }

    /// Ends that count as clean beside code 0.
    #[must_use]
    pub fn success(mut self, ends: Ends) -> RestartPolicy {
        self.success = ends;
        self
    }

    /// Ends that are never followed by another run: they beat the policy.
    #[must_use]
    pub fn prevent(mut self, ends: Ends) -> RestartPolicy {
        self.prevent = ends;
        self
    }

    /// Ends that are always followed by another run, whatever the policy.
    #[must_use]
    pub fn force(mut self, ends: Ends) -> RestartPolicy {
        self.force = ends;
        self
    }

    /// How long is waited before another run.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> RestartPolicy {
        self.backoff = backoff;
        self
    }

    /// Gives up when there are more than `times` restarts within `window`.
    #[must_use]
    pub fn limit(mut self, times: u32, window: Duration) -> RestartPolicy {
        self.limit = Some(RestartLimit { times, window });
        self
    }

    /// What kind of end this is.
    pub fn cause_of(&self, end: &RunEnd) -> Cause {
        match end {
            RunEnd::NotStarted(_) => Cause::NotStarted,
            RunEnd::NotReady { .. } | RunEnd::Killed { .. } => Cause::Timeout,
            RunEnd::Hung { .. } => Cause::Watchdog,
            RunEnd::Outgrown { .. } => Cause::UncleanExit,
            RunEnd::Memory { .. } => Cause::Memory,
            RunEnd::Exited(exit) | RunEnd::QuitBySignal { exit, .. } | RunEnd::Succeeded(exit) => {
                let clean = end.is_success() || self.counts_as_success(end);
                match (clean, exit.signal()) {
                    (true, Some(_)) => Cause::CleanSignal,
                    (true, None) => Cause::CleanExit,
                    (false, Some(_)) => Cause::UncleanSignal,
                    (false, None) if matches!(exit, Exit::Panic(_)) => Cause::Panic,
                    (false, None) => Cause::UncleanExit,
                }
            }
        }
    }

    /// The end as it counts: an end on the list `success` becomes [`RunEnd::Succeeded`], which everybody
    /// who sees it from here on takes for a success.
    pub fn judged(&self, end: RunEnd) -> RunEnd {
        let counts = self.counts_as_success(&end) && !end.is_success();
        if counts && let RunEnd::Exited(exit) | RunEnd::QuitBySignal { exit, .. } = end {
            return RunEnd::Succeeded(exit);
        }
        end
    }

    /// Whether it is on the list `success`. A run without the value that was asked for has not gone well, whatever its
    /// code is.
    fn counts_as_success(&self, end: &RunEnd) -> bool {
        self.success.contains(end) && !matches!(end.exited(), Some(Exit::NoValue(_)))
    }

    /// Whether the run went well.
    pub fn is_clean(&self, end: &RunEnd) -> bool {
        matches!(self.cause_of(end), Cause::CleanExit | Cause::CleanSignal)
    }

    /// What follows a run that ended so, apart from the limit.
    pub fn follows(&self, end: &RunEnd) -> AfterEnd {
        // It has not ended by itself, and was to be replaced: only the delay and the limit are those of a failure.
        if matches!(end, RunEnd::Outgrown { .. }) {
            return AfterEnd::Again;
        }
        let forced = self.force.contains(end);
        if !forced && !self.restart.wanted_after(self.cause_of(end)) {
            AfterEnd::Over
        } else if self.prevent.contains(end) {
            AfterEnd::GiveUp(GaveUp::Prevented)
        } else if end.is_permanent() {
            AfterEnd::GiveUp(GaveUp::Permanent)
        } else {
            AfterEnd::Again
        }
    }

    /// Adds what is wrong with it, each field below `field`.
    pub fn check(&self, problems: &mut Problems, field: &str) {
        let clash = "is in `force` too; leave it in one of them";
        for code in self.prevent.codes.intersection(&self.force.codes) {
            problems.add(format!("{field}.prevent.codes"), code, clash);
        }
        for signal in self.prevent.signals.intersection(&self.force.signals) {
            problems.add(format!("{field}.prevent.signals"), signal, clash);
        }
        for (name, ends) in
            [("success", &self.success), ("prevent", &self.prevent), ("force", &self.force)]
        {
            for code in ends.codes.iter().filter(|code| !(0..=255).contains(*code)) {
                let reason = "is no exit code; they are 0 to 255";
                problems.add(format!("{field}.{name}.codes"), code, reason);
            }
            for signal in ends.signals.iter().filter(|signal| !(1..=64).contains(*signal)) {
                let reason = "is no signal; they are 1 to 64";
                problems.add(format!("{field}.{name}.signals"), signal, reason);
            }
        }
        if let Some(limit) = self.limit {
            limit.check(problems, &format!("{field}.limit"));
        }
        self.backoff.check(problems, &format!("{field}.backoff"));
    }
}

#[cfg(test)]
mod tests;
