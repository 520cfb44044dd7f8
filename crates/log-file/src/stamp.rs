//! The time of a line as text, at the price of a few digits: what stays the same for a second is
//! rendered once per second and thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::time::{self, Time};

/// How many decimals of a second a [`Stamp`] shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Precision {
    /// None.
    Seconds,
    /// Three.
    #[default]
    Millis,
    /// Six.
    Micros,
    /// Nine.
    Nanos,
}

/// Times as text, for the beginning of a line: `2026-11-22T13:44:48.123+01:00`, as RFC 3339 has it.
///
/// A stamp with a file's own zone is made by [`LogFile::stamp`](crate::LogFile::stamp).
#[derive(Debug)]
pub struct Stamp {
    zone: TimeZone,
    precision: Precision,
    /// Tells our text in a thread's cache from that of another stamp in the process.
    id: u64,
}

/// The last text of a thread: date and time to the second, and the offset.
struct Cached {
    id: u64,
    second: i64,
    to_second: String,
    offset: String,
}

thread_local! {
    static CACHED: RefCell<Cached> = const {
        RefCell::new(Cached { id: 0, second: 0, to_second: String::new(), offset: String::new() })
    };
}

impl Stamp {
    /// In this zone, with this precision.
    pub fn new(time: Time, precision: Precision) -> Stamp {
        Stamp::in_zone(time.zone(), precision)
    }

    pub(crate) fn in_zone(zone: TimeZone, precision: Precision) -> Stamp {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Stamp { zone, precision, id: NEXT_ID.fetch_add(1, Ordering::Relaxed) }
    }

    /// Appends the present time to `out`.
    pub fn write(&self, out: &mut String) {
        self.write_at(out, SystemTime::now());
    }

    /// Appends `at` to `out`, with the offset that the zone had at that moment.
    pub fn write_at(&self, out: &mut String, at: SystemTime) {
        // Rounded down, so that second and fraction belong together.
        let (second, nanos) = time::since_epoch(at);
        let done = CACHED.try_with(|cached| {
            let mut cached = cached.borrow_mut();
            if (cached.id, cached.second) != (self.id, second) {
                (cached.to_second, cached.offset) = self.render(second);
                (cached.id, cached.second) = (self.id, second);
            }
            out.push_str(&cached.to_second);
            self.fraction(out, nanos);
            out.push_str(&cached.offset);
        });
        // A thread that writes while it ends has no cache any more.
        if done.is_err() {
            let (to_second, offset) = self.render(second);
            out.push_str(&to_second);
            self.fraction(out, nanos);
            out.push_str(&offset);
        }
    }

    fn render(&self, second: i64) -> (String, String) {
        let timestamp = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let there = timestamp.to_zoned(self.zone.clone());
        let date = there.date();
        let time = there.time();
        let to_second = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        let offset = match there.offset().seconds() {
            0 => "Z".to_owned(),
            seconds => {
                let sign = if seconds < 0 { '-' } else { '+' };
                let minutes = seconds.abs() / 60;
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        };
        (to_second, offset)
    }

    /// Digit by digit: this is done for every line, and the formatting machinery takes its time.
    fn fraction(&self, out: &mut String, nanos: i32) {
        let (digits, mut rest) = match self.precision {
            Precision::Seconds => return,
            Precision::Millis => (3, nanos / 1_000_000),
            Precision::Micros => (6, nanos / 1_000),
            Precision::Nanos => (9, nanos),
        };
        let mut text = *b".000000000";
        for digit in text[1..=digits].iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        out.push_str(std::str::from_utf8(&text[..=digits]).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(moment: &str) -> SystemTime {
        moment.parse::<Timestamp>().unwrap().into()
    }

    #[track_caller]
    fn check(zone: &str, precision: Precision, moments: &[(&str, &str)]) {
        let stamp = Stamp::in_zone(TimeZone::get(zone).unwrap(), precision);
        for (moment, expected) in moments {
            let mut out = String::new();
            stamp.write_at(&mut out, at(moment));
            assert_eq!(out, *expected);
        }
    }

    #[test]
    fn the_offset_follows_the_zone_through_the_year() {
        check(
            "Europe/Berlin",
            Precision::Millis,
            &[
                ("2026-10-25T00:59:59.9999Z", "2026-10-25T02:59:59.999+02:00"),
                ("2026-10-25T01:00:00Z", "2026-10-25T02:00:00.000+01:00"),
                ("2026-10-25T01:00:00.5Z", "2026-10-25T02:00:00.500+01:00"),
                ("2026-10-25T00:00:00.001Z", "2026-10-25T02:00:00.001+02:00"),
            ],
        );
        check(
            "America/St_Johns",
            Precision::Seconds,
            &[("2026-01-01T00:00:00Z", "2025-12-31T20:30:00-03:30")],
        );
    }

    #[test]
    fn each_precision_has_its_digits() {
        let moment = "2026-11-22T13:44:48.123456789Z";
        check("UTC", Precision::Seconds, &[(moment, "2026-11-22T13:44:48Z")]);
        check("UTC", Precision::Millis, &[(moment, "2026-11-22T13:44:48.123Z")]);
        check("UTC", Precision::Micros, &[(moment, "2026-11-22T13:44:48.123456Z")]);
        check("UTC", Precision::Nanos, &[(moment, "2026-11-22T13:44:48.123456789Z")]);
        check("UTC", Precision::Millis, &[("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.250Z")]);
    }

    #[test]
    fn two_zones_in_one_thread_do_not_mix() {
        let utc = Stamp::in_zone(TimeZone::UTC, Precision::Seconds);
        let berlin = Stamp::in_zone(TimeZone::get("Europe/Berlin").unwrap(), Precision::Seconds);
        let now = at("2026-11-22T13:44:48Z");
        let mut out = String::new();
        utc.write_at(&mut out, now);
        berlin.write_at(&mut out, now);
        utc.write_at(&mut out, now);
        assert_eq!(out, "2026-11-22T13:44:48Z2026-11-22T14:44:48+01:002026-11-22T13:44:48Z");
    }
}
