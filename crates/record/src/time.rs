//! Times as they are told.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use rustix::time::{ClockId, clock_gettime};

/// A time of day as RFC 3339 has it, in UTC, with microseconds.
pub fn stamp(at: Timestamp) -> String {
    let to_micros = TimestampRound::new().smallest(Unit::Microsecond).mode(RoundMode::Trunc);
    let at = at.round(to_micros).unwrap_or(at);
    format!("{at:.6}")
}

/// `CLOCK_MONOTONIC` in microseconds (clock_gettime(2)): what is comparable between processes of one
/// machine until it starts anew.
pub(crate) fn monotonic_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanos / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_six_digits_and_is_never_later_than_it_was() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_999, "1970-01-01T00:00:00.000001Z"),
            (1_500_000_000, "1970-01-01T00:00:01.500000Z"),
        ] {
            assert_eq!(stamp(Timestamp::from_nanosecond(nanos).unwrap()), text);
        }
    }
}
