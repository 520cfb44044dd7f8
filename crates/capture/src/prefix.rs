//! What a captured line begins with, taken apart once.

use log_file::{Precision, Stamp, Time};

/// A prefix with its placeholders.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Time,
    Name,
    Pid,
    Stream,
}

impl Pattern {
    /// Takes a prefix apart, or says what is wrong with it.
    pub(crate) fn parse(prefix: &str) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = prefix.chars();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.as_str().starts_with(c) => text.extend(rest.next()),
                '{' => {
                    let inside = rest.as_str();
                    let Some((name, after)) = inside.split_once('}') else {
                        return Err("a brace has no end; write `{{` for a brace".to_owned());
                    };
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(match name {
                        "time" => Part::Time,
                        "name" => Part::Name,
                        "pid" => Part::Pid,
                        "stream" => Part::Stream,
                        _ => {
                            let known = "`{time}`, `{name}`, `{pid}` and `{stream}`";
                            return Err(format!(
                                "unknown placeholder `{{{name}}}`; known are {known}"
                            ));
                        }
                    });
                    rest = after.chars();
                }
                '}' => return Err("a brace has no beginning; write `}}` for a brace".to_owned()),
                '\n' => return Err("contains a line end; leave it out".to_owned()),
                c => text.push(c),
            }
        }
        parts.push(Part::Text(text));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Pattern(parts))
    }
}

/// The prefix of one child.
#[derive(Debug)]
pub(crate) struct Prefix {
    pattern: Pattern,
    stamp: Stamp,
    name: String,
}

impl Prefix {
    pub(crate) fn new(pattern: Pattern, time: Time, precision: Precision, name: &str) -> Prefix {
        Prefix { pattern, stamp: Stamp::new(time, precision), name: safe_text::escaped(name) }
    }

    /// Whether lines have none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pattern.0.is_empty()
    }

    /// The prefix of lines that are complete now.
    pub(crate) fn now(&self, pid: u32, stream: &str) -> String {
        let mut out = String::new();
        for part in &self.pattern.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Time => self.stamp.write(&mut out),
                Part::Name => out.push_str(&self.name),
                Part::Pid => out.push_str(&pid.to_string()),
                Part::Stream => out.push_str(stream),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name cannot look like the end of a line and the beginning of another.
    ///
    /// Cases: LOG-07, LOG-10
    #[test]
    fn every_placeholder_is_filled_in_and_names_are_escaped() {
        let pattern = Pattern::parse("{{{name}}} {pid}/{stream}|").unwrap();
        let prefix = Prefix::new(pattern, Time::Utc, Precision::Seconds, "re\nd\x1b[2J");
        assert_eq!(prefix.now(7, "stdout"), r"{re\nd\x1b[2J} 7/stdout|");
        let pattern = Pattern::parse("{time}").unwrap();
        let time = Prefix::new(pattern, Time::Utc, Precision::Seconds, "x").now(7, "stdout");
        assert!(time.len() == "2026-11-21T13:44:48Z".len() && time.ends_with('Z'), "{time}");
        assert!(Pattern::parse("").unwrap().0.is_empty());
    }

    #[test]
    fn what_is_no_prefix_is_told_with_what_would_be_right() {
        for (prefix, expected) in [
            ("{when}", "unknown placeholder `{when}`; known are `{time}`"),
            ("{time", "no end"),
            ("time}", "no beginning"),
            ("a\nb", "line end"),
        ] {
            let reason = Pattern::parse(prefix).unwrap_err();
            assert!(reason.contains(expected), "{prefix}: {reason}");
        }
    }
}
