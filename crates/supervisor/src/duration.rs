//! Spans of time in configuration files: a number of seconds, or a text with a unit.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

/// For `#[serde(deserialize_with = …)]`: `10`, `0.5`, `50ms`, `10s`, `5min`, `2h`, `1d`.
///
/// # Errors
///
/// What is given is no such span, or negative.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(SpanVisitor)
}

/// The same where nothing may be given.
pub mod option {
    use super::*;

    /// See [`deserialize`](super::deserialize).
    ///
    /// # Errors
    ///
    /// What is given is no such span, or negative.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        deserializer.deserialize_option(OptionVisitor)
    }

    struct OptionVisitor;

    impl<'de> Visitor<'de> for OptionVisitor {
        type Value = Option<Duration>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            SpanVisitor.expecting(f)
        }

        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
            super::deserialize(d).map(Some)
        }
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a span of time: seconds as a number, or a text like `50ms`, `10s`, `5min`, `2h`, `1d`",
        )
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| E::custom(format!("`{seconds}` is negative; a span of time is not")))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::custom(format!("`{seconds}` seconds are no span of time")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
}

fn parse(text: &str) -> Result<Duration, String> {
    let bad = || {
        format!("`{text}` is no span of time; give seconds, or a number with ms, s, min, h or d")
    };
    let text = text.trim();
    let split = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(bad()),
    };
    if number < 0.0 {
        return Err(format!("`{text}` is negative; a span of time is not"));
    }
    Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Config {
        #[serde(default, deserialize_with = "option::deserialize")]
        span: Option<Duration>,
    }

    fn read(yaml: &str) -> Result<Option<Duration>, String> {
        serde_yaml::from_str::<Config>(yaml).map(|config| config.span).map_err(|e| e.to_string())
    }

    #[test]
    fn spans_are_read_exactly() {
        let ms = |ms| Ok(Some(Duration::from_millis(ms)));
        assert_eq!(read("span: 10"), ms(10_000));
        assert_eq!(read("span: 0.05"), ms(50));
        assert_eq!(read("span: 50ms"), ms(50));
        assert_eq!(read("span: 1.5 s"), ms(1500));
        assert_eq!(read("span: 5min"), ms(300_000));
        assert_eq!(read("span: 0"), ms(0));
        assert_eq!(read("span: ~"), Ok(None));
        assert_eq!(read("{}"), Ok(None));
    }

    /// Case: CFG-03
    #[test]
    fn what_is_no_span_is_refused_with_what_would_be_right() {
        for bad in ["-1", "-0.5", "-5s", "soon", "5 parsecs", ".inf", "1e300", "[1]"] {
            let error = read(&format!("span: {bad}")).unwrap_err();
            assert!(error.contains("span"), "{bad}: {error}");
        }
        assert!(read("span: -1").unwrap_err().contains("negative"));
    }
}
