//! Spans, instants and sizes as people read them: the one place for that.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// By which a moment is told: what time it is, and in which zone.
#[derive(Clone, Debug)]
pub struct Clock {
    now: Timestamp,
    zone: TimeZone,
}

impl Clock {
    /// The machine's.
    pub fn of_machine() -> Clock {
        Clock { now: Timestamp::now(), zone: TimeZone::system() }
    }

    /// One that stands at this moment, in UTC; `None` for what is no time of RFC 3339.
    pub fn standing(rfc3339: &str) -> Option<Clock> {
        Some(Clock { now: rfc3339.parse().ok()?, zone: TimeZone::UTC })
    }

    /// The time of day that it is, to the second.
    pub fn now(&self) -> String {
        self.now.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    /// Date and time to the second; what is no time stays as it was said.
    pub fn date(&self, rfc3339: &str) -> String {
        self.written(rfc3339, "%Y-%m-%d %H:%M:%S")
    }

    /// Time of day to the millisecond.
    pub fn time(&self, rfc3339: &str) -> String {
        self.written(rfc3339, "%H:%M:%S%.3f")
    }

    /// The same, with the date of a day that is not today's.
    pub fn moment(&self, rfc3339: &str) -> String {
        let day = |at: Timestamp| at.to_zoned(self.zone.clone()).date();
        match rfc3339.parse::<Timestamp>() {
            Ok(at) if day(at) != day(self.now) => self.written(rfc3339, "%Y-%m-%d %H:%M:%S%.3f"),
            Ok(_) | Err(_) => self.time(rfc3339),
        }
    }

    fn written(&self, rfc3339: &str, form: &str) -> String {
        match rfc3339.parse::<Timestamp>() {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime(form).to_string(),
            Err(_) => crate::text::safe(rfc3339),
        }
    }

    /// How long ago that was, in microseconds: 0 for what is to come, `None` for what is no time.
    pub fn since(&self, rfc3339: &str) -> Option<u64> {
        let at: Timestamp = rfc3339.parse().ok()?;
        Some(u64::try_from(self.now.as_microsecond() - at.as_microsecond()).unwrap_or(0))
    }
}

const SECOND: u64 = 1_000_000;

/// Units of a span, the largest first, with how they are written in prose and in a column.
const UNITS: [(u64, &str, &str); 3] =
    [(86_400 * SECOND, "day", "d"), (3_600 * SECOND, "hour", "h"), (60 * SECOND, "minute", "min")];

/// A span in a column: `2d`, `5h`, `3min`, `12s`, `4.2s`, `80ms`.
pub fn short(us: u64) -> String {
    for (unit, _, short) in UNITS {
        if unit <= us {
            return format!("{}{short}", us / unit);
        }
    }
    match us {
        0 => "0s".to_owned(),
        1..SECOND => format!("{}ms", us.div_ceil(1000).min(999)),
        _ if us < 10 * SECOND => {
            let tenths = us / (SECOND / 10);
            match tenths % 10 {
                0 => format!("{}s", tenths / 10),
                tenth => format!("{}.{tenth}s", tenths / 10),
            }
        }
        _ => format!("{}s", us / SECOND),
    }
}

/// A span in a sentence: `2 days`, `1 hour`, `3 minutes`, and below that as in a column.
pub fn prose(us: u64) -> String {
    for (unit, name, _) in UNITS {
        if unit <= us {
            let count = us / unit;
            return format!("{count} {name}{}", if count == 1 { "" } else { "s" });
        }
    }
    short(us)
}

/// Bytes: `84.2M`.
pub fn size(bytes: u64) -> String {
    const LETTERS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    // In tenths of the unit, so that no float is needed; 1023.95K and more are 1.0M.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut letter = 0;
    while 10_240 <= tenths && letter + 1 < LETTERS.len() {
        tenths /= 1024;
        letter += 1;
    }
    format!("{}.{}{}", tenths / 10, tenths % 10, LETTERS[letter])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_largest_unit() {
        let day = 86_400 * SECOND;
        let cases = [
            (0, "0s", "0s"),
            (1, "1ms", "1ms"),
            (999_999, "999ms", "999ms"),
            (SECOND, "1s", "1s"),
            (4_250_000, "4.2s", "4.2s"),
            (12_900_000, "12s", "12s"),
            (60 * SECOND, "1min", "1 minute"),
            (3_599 * SECOND, "59min", "59 minutes"),
            (2 * 3_600 * SECOND, "2h", "2 hours"),
            (day, "1d", "1 day"),
            (400 * day, "400d", "400 days"),
        ];
        for (us, column, sentence) in cases {
            assert_eq!((short(us).as_str(), prose(us).as_str()), (column, sentence), "{us}");
        }
        assert_eq!(short(u64::MAX), "213503982d");
    }

    #[test]
    fn sizes_are_told_in_their_largest_unit() {
        assert_eq!(size(1023), "1023B");
        assert_eq!(size(1024), "1.0K");
        assert_eq!(size(88_290_000), "84.1M");
        assert_eq!(size(1 << 30), "1.0G");
        assert_eq!(size(u64::MAX), "16383.9P");
    }

    #[test]
    fn moments_are_told_in_the_zone_and_what_is_none_as_it_was_said() {
        let now = "2026-11-26T08:12:03Z".parse().unwrap();
        let clock = Clock { now, zone: TimeZone::fixed(jiff::tz::offset(1)) };
        assert_eq!(clock.date("2026-11-24T08:12:03.000001Z"), "2026-11-24 09:12:03");
        assert_eq!(clock.time("2026-11-24T08:12:03.240900Z"), "09:12:03.240");
        assert_eq!(clock.date("yester\x1bday"), "yester\\x1bday");
        assert_eq!(clock.since("2026-11-24T08:12:03Z"), Some(2 * 86_400 * SECOND));
        assert_eq!(clock.since("2027-01-01T00:00:00Z"), Some(0));
        assert_eq!(clock.since(""), None);
        assert_eq!(clock.now(), "09:12:03");
        let standing = Clock::standing("2026-11-26T09:12:03+01:00").unwrap();
        assert_eq!(standing.now(), "08:12:03");
        assert!(Clock::standing("soon").is_none());
    }
}
