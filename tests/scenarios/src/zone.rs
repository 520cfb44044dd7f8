//! A time zone made to order, so that a day ends while a scenario is watching.

/// A zone in the form of tzset(3) in which it is midnight at `time`, in seconds since 1970.
pub(crate) fn with_midnight_at(time: u64) -> String {
    const DAY: u64 = 24 * 60 * 60;
    // What is added to local time to get UTC; more than half a day is better said the other way.
    let west = time % DAY;
    let (sign, offset) = if west <= DAY / 2 { ("", west) } else { ("-", DAY - west) };
    let (hours, minutes, seconds) = (offset / 3600, offset / 60 % 60, offset % 60);
    format!("PLAY{sign}{hours}:{minutes:02}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::with_midnight_at;

    #[test]
    fn a_zone_is_found_whose_day_ends_when_we_want() {
        let day = 86_400;
        assert_eq!(with_midnight_at(1000 * day), "PLAY0:00:00");
        // At 01:02:03 UTC it is midnight where the clocks are that much behind.
        assert_eq!(with_midnight_at(3723), "PLAY1:02:03");
        assert_eq!(with_midnight_at(day - 3723), "PLAY-1:02:03");
    }
}
