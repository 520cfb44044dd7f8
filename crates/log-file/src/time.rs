//! Whose midnight begins a day, and what time it is.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Whose midnight is meant by [`Rotation::Midnight`](crate::Rotation::Midnight), whose hours and weeks, and
/// which time a [`Stamp`](crate::Stamp) shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Time {
    /// The time zone of the machine (`TZ`, else `/etc/localtime`), read when the file is opened or the stamp is
    /// made. A machine without time zone data has UTC, and so has a build without the feature `local-time`.
    #[default]
    Local,
    /// Coordinated universal time.
    Utc,
}

impl Time {
    /// The zone itself.
    pub(crate) fn zone(self) -> TimeZone {
        match self {
            Time::Local => local().unwrap_or(TimeZone::UTC),
            Time::Utc => TimeZone::UTC,
        }
    }
}

#[cfg(not(feature = "local-time"))]
fn local() -> Option<TimeZone> {
    None
}

/// `TZ`, else `/etc/localtime`, read as a file. We do not need the zone's *name*: to find that, jiff
/// would list all zones that there are, which takes a hundred system calls and as many KiB, in each
/// process.
#[cfg(feature = "local-time")]
fn local() -> Option<TimeZone> {
    let file = || TimeZone::tzif("", &std::fs::read("/etc/localtime").ok()?).ok();
    let named = std::env::var_os("TZ").is_some();
    (!named).then(file).flatten().or_else(|| TimeZone::try_system().ok())
}

/// The present time.
pub(crate) fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

/// A time of the system's clock. Outside the calendar (ten thousand years) it stands still.
pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    let (second, nanos) = since_epoch(at);
    Timestamp::new(second, nanos).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Seconds, rounded down, also before 1970; and nanoseconds on top of them. Done for every append, and once more
/// where the line has its time: the calendar's own way takes some sixty instructions more each.
pub(crate) fn since_epoch(at: SystemTime) -> (i64, i32) {
    let parts = |duration: Duration| {
        (
            i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            duration.subsec_nanos().cast_signed(),
        )
    };
    match at.duration_since(SystemTime::UNIX_EPOCH).map_err(|before| parts(before.duration())) {
        Ok(after) => parts(after),
        Err((seconds, 0)) => (-seconds, 0),
        Err((seconds, nanos)) => (-seconds - 1, 1_000_000_000 - nanos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_clock_is_the_same_in_the_calendar() {
        for moment in [
            "2026-11-22T13:44:48.123456789Z",
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.25Z",
            "1960-01-01T00:00:00Z",
        ] {
            let expected: Timestamp = moment.parse().unwrap();
            assert_eq!(timestamp(expected.into()), expected);
        }
        let never = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 50);
        assert_eq!(timestamp(never), Timestamp::UNIX_EPOCH);
    }
}
