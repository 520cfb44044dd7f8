//! Spans of time in configuration files: a number of seconds, or a text with a unit.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// For `#[serde(with = …)]`: `10`, `0.5`, `50ms`, `10s`, `5min`, `2h`, `1d`, `forever`.
///
/// # Errors
///
/// What is given is no such span, or negative.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(SpanVisitor)
}

/// For `#[serde(with = …)]`: a text that [`deserialize`] reads back exactly.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Text(*duration))
}

struct Text(Duration);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if self.0 == Duration::MAX {
            f.write_str(FOR_EVER)
        } else if nanos.is_multiple_of(1_000_000_000) {
            write!(f, "{}s", self.0.as_secs())
        } else if nanos.is_multiple_of(1_000_000) {
            write!(f, "{}ms", self.0.as_millis())
        } else {
            write!(f, "{nanos}ns")
        }
    }
}

/// How [`Duration::MAX`] is written.
const FOR_EVER: &str = "forever";

/// The same for a span that may be left out.
pub mod option {
    use super::*;

    /// See [`serialize`](super::serialize).
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

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

/// A span rounded to the millisecond, as people read it.
pub fn rounded(duration: Duration) -> Duration {
    let millis = duration.saturating_add(Duration::from_micros(500)).as_millis();
    u64::try_from(millis).map_or(duration, Duration::from_millis)
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
        format!(
            "`{text}` is no span of time; give seconds, or a number with ms, s, min, h or d, or `forever`"
        )
    };
    let text = text.trim();
    if text == FOR_EVER {
        return Ok(Duration::MAX);
    }
    let split = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    const SECOND: u64 = 1_000_000_000;
    let nanos = match unit {
        "ns" => 1,
        "us" => 1000,
        "ms" => 1_000_000,
        "" | "s" => SECOND,
        "m" | "min" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => 86400 * SECOND,
        _ => return Err(bad()),
    };
    // Whole numbers exactly, whatever their size.
    if let Ok(number) = number.trim().parse::<u128>() {
        let nanos = number.checked_mul(u128::from(nanos)).ok_or_else(bad)?;
        let seconds = u64::try_from(nanos / u128::from(SECOND)).map_err(|_| bad())?;
        return Ok(Duration::new(seconds, (nanos % u128::from(SECOND)) as u32));
    }
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    if number < 0.0 {
        return Err(format!("`{text}` is negative; a span of time is not"));
    }
    Duration::try_from_secs_f64(number * (nanos as f64 / SECOND as f64)).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_for_people() {
        assert_eq!(rounded(Duration::from_nanos(1_999_999_411)), Duration::from_secs(2));
        assert_eq!(rounded(Duration::from_nanos(9_499_831_879)), Duration::from_millis(9500));
        assert_eq!(rounded(Duration::MAX), Duration::MAX);
    }

    #[derive(Debug, serde::Deserialize, serde::Serialize)]
    struct Config {
        #[serde(default, with = "option")]
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
        assert_eq!(read("span: 0.0s"), ms(0));
        assert_eq!(read("span: 3000us"), ms(3));
        assert_eq!(read("span: 5000000ns"), ms(5));
        assert_eq!(read("span: 2m"), ms(120_000));
        assert_eq!(read("span: 2h"), ms(7_200_000));
        assert_eq!(read("span: 1d"), ms(86_400_000));
        assert_eq!(read("span: 0.5us"), Ok(Some(Duration::from_nanos(500))));
        assert_eq!(read("span: ~"), Ok(None));
        assert_eq!(read("{}"), Ok(None));
    }

    proptest::proptest! {
        #[test]
        fn every_span_comes_back_exactly(seconds: u64, nanos in 0..1_000_000_000u32, unit in 0..3) {
            let nanos = match unit { 0 => 0, 1 => nanos / 1_000_000 * 1_000_000, _ => nanos };
            for span in [Some(Duration::new(seconds, nanos)), Some(Duration::MAX), None] {
                let yaml = serde_yaml::to_string(&Config { span }).unwrap();
                proptest::prop_assert_eq!(read(&yaml), Ok(span));
            }
        }
    }

    /// Case: CFG-03
    #[test]
    fn what_is_no_span_is_refused_with_what_would_be_right() {
        for bad in ["-1", "-0.5", "-5s", "soon", "5 parsecs", ".inf", "1e300", "[1]"] {
            let error = read(&format!("span: {bad}")).unwrap_err();
            assert!(error.contains("span"), "{bad}: {error}");
        }
        for negative in ["-1", "-5s", "-0.5s"] {
            assert!(read(&format!("span: {negative}")).unwrap_err().contains("negative"));
        }
        // What is of another kind is told which kinds there are.
        for bad in ["[1]", "true", "{}"] {
            let error = read(&format!("span: {bad}")).unwrap_err();
            assert!(error.contains("seconds as a number, or a text like `50ms`"), "{bad}: {error}");
        }
    }
}
