//! The time at the beginning of a line.

use std::time::SystemTime;

use jiff::Timestamp;

/// What a line of JSON begins with, as `logging` writes it.
const IN_JSON: &[u8] = br#"{"time":""#;
/// No time is longer: `2026-11-22T13:44:48.123456789+01:00`.
const LONGEST: usize = 40;

/// The time with which the line begins, if it does with one: date, time of day and offset.
pub(crate) fn of_line(line: &[u8]) -> Option<SystemTime> {
    let line = line.strip_prefix(IN_JSON).unwrap_or(line);
    // Most lines without a time are told by this.
    if line.get(4) != Some(&b'-') || !matches!(line.get(10), Some(b'T' | b't')) {
        return None;
    }
    let is_part = |byte: &u8| {
        byte.is_ascii_digit()
            || matches!(byte, b'-' | b':' | b'.' | b'+' | b'T' | b'Z' | b't' | b'z')
    };
    let length = line.iter().take(LONGEST).take_while(|byte| is_part(byte)).count();
    // Punctuation after it is no part of it: `2026-11-22T13:44:48Z: hello`.
    let token = std::str::from_utf8(&line[..length]).ok()?.trim_end_matches([':', '.', '-', '+']);
    token.parse::<Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_at_the_beginning_only_and_whole() {
        let second = "2026-11-22T12:44:48Z".parse::<Timestamp>().unwrap().into();
        for line in [
            "2026-11-22T12:44:48Z hello",
            "2026-11-22T13:44:48+01:00 hello",
            "2026-11-22T12:44:48.000Z",
            "2026-11-22T12:44:48Z: hello",
            "2026-11-22T12:44:48Z] hello",
            r#"{"time":"2026-11-22T12:44:48.000Z","pid":7}"#,
        ] {
            assert_eq!(of_line(line.as_bytes()), Some(second), "{line}");
        }
        for line in [
            "",
            "hello",
            " 2026-11-22T12:44:48Z",
            "2026-11-22",
            "2026-11-22T12:44:48 no offset",
            "2026-13-22T12:44:48Z",
            "    caused by: 2026-11-22T12:44:48Z",
        ] {
            assert_eq!(of_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn every_stamp_of_log_file_is_one() {
        use log_file::{Precision, Stamp, Time};
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::new(1_795_351_488, 123_456_789);
        for precision in
            [Precision::Seconds, Precision::Millis, Precision::Micros, Precision::Nanos]
        {
            let mut line = String::new();
            Stamp::new(Time::Utc, precision).write_at(&mut line, now);
            line.push_str(" INFO hello");
            let found = of_line(line.as_bytes()).unwrap();
            assert!(now.duration_since(found).unwrap().as_secs() < 1, "{line}");
        }
    }
}
