//! How the daemon is kept, from flags to the entries.

use std::time::Duration;

use appkit::RecyclePolicy;

use serde::{Deserialize, Serialize};

/// Times are milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    /// How long a worker sleeps between two lines in its log.
    pub(crate) round: u64,
    /// How long a worker takes to go when it is asked to.
    pub(crate) linger: u64,
    /// Whether each worker starts a process of its own that ends with nobody.
    pub(crate) descendant: bool,
    /// How many workers a set has at first that is beside the others; 0: there is none.
    pub(crate) set: u64,
    /// What a run of a worker leaves behind: 1 a process in the worker's group, 2 in a group of its
    /// own, 3 in a session of its own.
    pub(crate) leave: u64,
    /// How many runs of each worker fail by themselves, one after the other.
    pub(crate) fail: u64,
    /// Whether the first worker's first run starts something that multiplies.
    pub(crate) bomb: bool,
    /// What is told without end: 1 statuses, 2 more time, 3 that one is ready, 4 a last word of a
    /// megabyte in each run, 5 all of those, 6 output, 7 which pid files are to be removed.
    pub(crate) talk: u64,
    /// Who talks: 0 the workers, 1 the executor, 2 both.
    pub(crate) talker: u64,
    /// Whether the daemon logs to standard error, which is nobody's then.
    pub(crate) log_to_stderr: bool,
    /// At how many bytes the daemon's log is rotated, to which the executor then writes more; 0:
    /// never.
    pub(crate) log_size: u64,
    restart: u64,
    recycle: u64,
    /// How many jobs a run of a worker of the set does, which it does at once, but for each fifth run; 0: any number.
    pub(crate) jobs: u64,
    /// Which runs of a worker of the set hang, each of so many: a watchdog is set then, and the others say between two rounds
    /// that they are not ready; 0: none.
    pub(crate) hang: u64,
    grace: u64,
    timeout: u64,
    patience: u64,
}

impl Settings {
    /// `--workers 2 --grace 300`: every field can be given.
    pub(crate) fn from_flags(flags: &[String]) -> Result<Settings, String> {
        let mut settings = Settings {
            workers: 2,
            round: 60_000,
            linger: 0,
            descendant: false,
            set: 0,
            leave: 0,
            fail: 0,
            bomb: false,
            talk: 0,
            talker: 0,
            log_to_stderr: false,
            log_size: 0,
            restart: 50,
            recycle: 0,
            jobs: 0,
            hang: 0,
            grace: 300,
            timeout: 3000,
            // Less than whoever attacks waits for an answer.
            patience: 6000,
        };
        for pair in flags.chunks(2) {
            let [flag, value] = pair else { return Err(format!("{pair:?} has no value")) };
            let number: u64 = value.parse().map_err(|error| format!("{flag} {value}: {error}"))?;
            match flag.as_str() {
                "--workers" => settings.workers = usize::try_from(number).unwrap_or_default(),
                "--round" => settings.round = number,
                "--linger" => settings.linger = number,
                "--descendant" => settings.descendant = number != 0,
                "--set" => settings.set = number,
                "--leave" => settings.leave = number,
                "--fail" => settings.fail = number,
                "--bomb" => settings.bomb = number != 0,
                "--talk" => settings.talk = number,
                "--talker" => settings.talker = number,
                "--log-to-stderr" => settings.log_to_stderr = number != 0,
                "--log-size" => settings.log_size = number,
                "--recycle" => settings.recycle = number,
                "--jobs" => settings.jobs = number,
                "--hang" => settings.hang = number,
                "--restart" => settings.restart = number,
                "--grace" => settings.grace = number,
                "--timeout" => settings.timeout = number,
                "--patience" => settings.patience = number,
                unknown => return Err(format!("unknown flag `{unknown}`")),
            }
        }
        Ok(settings)
    }

    /// When a worker of the set is replaced.
    pub(crate) fn recycle(&self) -> RecyclePolicy {
        let policy = RecyclePolicy {
            jobs: Some(self.jobs).filter(|jobs| *jobs > 0),
            min_age: Duration::from_millis(self.recycle / 2),
            ..RecyclePolicy::default()
        };
        match self.recycle {
            0 => policy,
            age => policy.age(Duration::from_millis(age)),
        }
    }

    pub(crate) fn restart(&self) -> Duration {
        Duration::from_millis(self.restart)
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_millis(self.grace)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout)
    }

    /// How long a stop waits.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.patience)
    }
}
