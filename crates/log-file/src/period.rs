//! When a file is due to be put aside: a decision about times, made without a clock.

use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, ToSpan, Unit};

/// When a file is put aside and a new one begun.
///
/// Except for [`Never`](Rotation::Never), also when it would get larger than
/// [`max_size`](crate::Options::max_size).
///
/// The file put aside is called after the time in which it was begun, `app.log.2026-11-21` (with the
/// hour for hourly rotation: `app.log.2026-11-21T13`); if there is one already, a number follows:
/// `app.log.2026-11-21.0001`. Sorted by name they are sorted by age, which is the order in which they were
/// put aside: a file that was begun under a clock that was behind is called like the last one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Rotation {
    /// Never by us, however large it gets. It grows until someone else rotates it, which is noticed.
    Never,
    /// Only because of its size.
    Size,
    /// With the first append of a new hour.
    Hourly,
    /// With the first append of a new day.
    #[default]
    Midnight,
    /// With the first append of a new week; weeks begin on Monday.
    Weekly,
}

/// The stretch of time that one file is for.
///
/// A file belongs to the period in which it was begun and is due when another begins. Clocks are
/// set: a step back within reason must not put aside the file that was just begun, and a step back
/// from a time that never was must not keep one open for years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// A clock before this was set back by more than a period: [`Turn::Anew`].
    not_before: Timestamp,
    start: Timestamp,
    end: Timestamp,
}

/// What is to become of the open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Go on with it.
    Keep,
    /// Put it aside, begin another.
    PutAside,
    /// The clock was wrong when the file was begun: go on with it, as if it were begun now.
    Anew,
}

impl Period {
    /// The period that a file begun at `begun` is for. None: for ever.
    pub(crate) fn of(rotation: Rotation, zone: &TimeZone, begun: Timestamp) -> Option<Period> {
        let (start, end) = bounds(rotation, zone, begun)?;
        let not_before = start.checked_sub(end.duration_since(start)).unwrap_or(Timestamp::MIN);
        Some(Period { not_before, start, end })
    }

    pub(crate) fn turn(&self, now: Timestamp) -> Turn {
        if self.end <= now {
            Turn::PutAside
        } else if now < self.not_before {
            Turn::Anew
        } else {
            Turn::Keep
        }
    }
}

/// Start and end of the period around `at`; none where the calendar ends, and for no rotation.
fn bounds(rotation: Rotation, zone: &TimeZone, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let there = at.to_zoned(zone.clone());
    match rotation {
        Rotation::Never | Rotation::Size => None,
        Rotation::Hourly => {
            // Full hours of the wall clock, where the offset need not be full hours. Of the two
            // hours between 2 and 3 when summer time ends, each is one.
            let offset = SignedDuration::from_secs(there.offset().seconds().into());
            let wall = at.checked_add(offset).ok()?;
            let full = TimestampRound::new().smallest(Unit::Hour).mode(RoundMode::Floor);
            let start = wall.round(full).ok()?.checked_sub(offset).ok()?;
            Some((start, start.checked_add(SignedDuration::from_hours(1)).ok()?))
        }
        Rotation::Midnight => {
            // The first moment of a day: where summer time begins at midnight that is one o'clock.
            let end = there.tomorrow().ok()?.start_of_day().ok()?;
            Some((there.start_of_day().ok()?.timestamp(), end.timestamp()))
        }
        Rotation::Weekly => {
            let since_monday = i64::from(there.weekday().to_monday_zero_offset());
            let monday = there.date().checked_sub(since_monday.days()).ok()?;
            let next = monday.checked_add(7.days()).ok()?;
            let first_moment = |date: jiff::civil::Date| {
                Some(date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp())
            };
            Some((first_moment(monday)?, first_moment(next)?))
        }
    }
}

/// What a file begun at `begun` is called after when it is put aside.
pub(crate) fn stamp(rotation: Rotation, zone: &TimeZone, begun: Timestamp) -> String {
    let start = bounds(rotation, zone, begun).map_or(begun, |(start, _)| start);
    let there = start.to_zoned(zone.clone());
    let date = there.date();
    let day = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
    match rotation {
        Rotation::Hourly => format!("{day}T{:02}", there.hour()),
        Rotation::Never | Rotation::Size | Rotation::Midnight | Rotation::Weekly => day,
    }
}

/// The day after, as stamps have days.
pub(crate) fn tomorrow(zone: &TimeZone, now: Timestamp) -> String {
    stamp(Rotation::Midnight, zone, now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(moment: &str) -> Timestamp {
        moment.parse().unwrap()
    }

    /// Plays a clock: the file begun at the first moment, then at each moment what is decided. A
    /// file put aside or taken anew begins at that moment.
    #[track_caller]
    fn check(rotation: Rotation, zone: &str, begun: &str, story: &[(&str, Turn)]) {
        let zone = TimeZone::get(zone).unwrap();
        let mut period = Period::of(rotation, &zone, at(begun)).unwrap();
        for (moment, expected) in story {
            let now = at(moment);
            let verdict = period.turn(now);
            assert_eq!(verdict, *expected, "at {moment} in {period:?}");
            if verdict != Keep {
                period = Period::of(rotation, &zone, now).unwrap();
            }
        }
    }

    use Turn::{Anew, Keep, PutAside};

    /// Case: LOG-02
    #[test]
    fn a_day_ends_at_midnight_of_the_zone() {
        check(
            Rotation::Midnight,
            "Asia/Tokyo",
            "2026-11-22T01:00:00+09:00",
            &[
                ("2026-11-22T23:59:59.999+09:00", Keep),
                ("2026-11-23T00:00:00+09:00", PutAside),
                ("2026-11-23T00:00:01+09:00", Keep),
                ("2026-11-26T12:00:00+09:00", PutAside), // slept through two midnights: once
                ("2026-11-26T12:00:01+09:00", Keep),
            ],
        );
    }

    /// Case: LOG-02
    #[test]
    fn days_of_23_and_25_hours_end_at_their_midnight() {
        check(
            Rotation::Midnight,
            "Europe/Berlin",
            "2026-03-29T00:00:00+01:00",
            &[("2026-03-29T23:59:59+02:00", Keep), ("2026-03-30T00:00:00+02:00", PutAside)],
        );
        check(
            Rotation::Midnight,
            "Europe/Berlin",
            "2026-10-25T00:00:00+02:00",
            &[("2026-10-25T23:59:59+01:00", Keep), ("2026-10-26T00:00:00+01:00", PutAside)],
        );
    }

    /// Case: LOG-02
    #[test]
    fn a_day_that_begins_at_one_and_a_midnight_that_comes_twice() {
        // Beirut springs forward at midnight: the day begins at 01:00.
        check(
            Rotation::Midnight,
            "Asia/Beirut",
            "2026-03-28T12:00:00+02:00",
            &[
                ("2026-03-28T23:59:59+02:00", Keep),
                ("2026-03-29T01:00:00+03:00", PutAside),
                ("2026-03-29T23:59:59+03:00", Keep),
            ],
        );
        // And falls back at midnight, to 23:00 of the day that had ended: it ends once.
        check(
            Rotation::Midnight,
            "Asia/Beirut",
            "2026-10-24T12:00:00+03:00",
            &[
                ("2026-10-24T23:59:59+03:00", Keep),
                ("2026-10-24T23:00:00+02:00", Keep),
                ("2026-10-24T23:59:59+02:00", Keep),
                ("2026-10-25T00:00:00+02:00", PutAside),
                ("2026-10-25T00:00:01+02:00", Keep),
            ],
        );
    }

    /// Case: LOG-02
    #[test]
    fn a_clock_set_back_over_midnight_does_not_rotate_twice() {
        check(
            Rotation::Midnight,
            "UTC",
            "2026-11-22T12:00:00Z",
            &[
                ("2026-11-23T00:00:00.1Z", PutAside),
                ("2026-11-22T23:59:58Z", Keep),
                ("2026-11-23T00:00:00Z", Keep),
                ("2026-11-24T00:00:00Z", PutAside),
            ],
        );
    }

    /// Case: LOG-02
    #[test]
    fn a_clock_that_was_in_another_century_keeps_no_file_open_until_then() {
        check(
            Rotation::Midnight,
            "UTC",
            "2026-11-22T12:00:00Z",
            &[
                ("2099-01-01T00:00:00Z", PutAside),
                ("2026-11-22T12:00:05Z", Anew),
                ("2026-11-22T12:00:06Z", Keep),
                ("2026-11-23T00:00:00Z", PutAside),
            ],
        );
    }

    /// Case: LOG-02
    #[test]
    fn hours_are_those_of_the_wall_clock_and_the_doubled_one_counts_twice() {
        check(
            Rotation::Hourly,
            "Asia/Kolkata",
            "2026-11-22T10:15:00+05:30",
            &[("2026-11-22T10:59:59+05:30", Keep), ("2026-11-22T11:00:00+05:30", PutAside)],
        );
        check(
            Rotation::Hourly,
            "Europe/Berlin",
            "2026-10-25T02:30:00+02:00",
            &[
                ("2026-10-25T02:59:59+02:00", Keep),
                ("2026-10-25T02:00:00+01:00", PutAside),
                ("2026-10-25T02:59:59+01:00", Keep),
                ("2026-10-25T03:00:00+01:00", PutAside),
            ],
        );
    }

    /// Case: LOG-02
    #[test]
    fn weeks_begin_on_monday_also_across_a_clock_change() {
        check(
            Rotation::Weekly,
            "Europe/Berlin",
            "2026-03-25T12:00:00+01:00",
            &[("2026-03-29T23:59:59+02:00", Keep), ("2026-03-30T00:00:00+02:00", PutAside)],
        );
    }

    #[test]
    fn never_is_never_and_the_end_of_the_calendar_is_no_panic() {
        for rotation in [Rotation::Never, Rotation::Size] {
            assert_eq!(Period::of(rotation, &TimeZone::UTC, at("2026-11-22T12:00:00Z")), None);
        }
        for rotation in [Rotation::Hourly, Rotation::Midnight, Rotation::Weekly] {
            for moment in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
                for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Niue"] {
                    let zone = TimeZone::get(zone).unwrap();
                    let period = Period::of(rotation, &zone, moment);
                    assert!(period.is_none_or(|period| period.turn(moment) == Keep));
                    stamp(rotation, &zone, moment);
                }
            }
        }
    }

    #[test]
    fn a_file_is_called_after_its_beginning() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let begun = at("2026-11-21T23:30:00Z");
        assert_eq!(stamp(Rotation::Midnight, &berlin, begun), "2026-11-22");
        assert_eq!(stamp(Rotation::Midnight, &TimeZone::UTC, begun), "2026-11-21");
        assert_eq!(stamp(Rotation::Weekly, &berlin, begun), "2026-11-16");
        assert_eq!(stamp(Rotation::Hourly, &berlin, begun), "2026-11-22T00");
    }
}
