//! A record as a line: the format filled in, with everything foreign escaped.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::time::SystemTime;

use log::kv::{Key, Value, VisitSource};
use log::{Level, Record};
use log_file::Stamp;

use crate::decoration::{self, Decoration};
use crate::json::Members;
use crate::pattern::{self, Field, Part, Shape};
use crate::process::{NO_ROLE, Process};
use safe_text::{Lines, escape_since, escaped};

/// The target of records that we write about the logging itself.
const OWN_TARGET: &str = "logging";

/// Everything needed to turn a record into bytes.
#[derive(Debug)]
pub(crate) struct Layout {
    shape: Shape,
    decoration: Decoration,
    stamp: Stamp,
    pid: String,
    name: String,
    role: String,
    process: String,
}

thread_local! {
    /// Reused from record to record. Taken out while in use: a `Display` that logs gets its own.
    static LINE: Cell<String> = const { Cell::new(String::new()) };
}

/// A line longer than this is not kept for reuse, or one huge record would occupy memory for ever.
const KEPT_CAPACITY: usize = 64 * 1024;

/// What fields are filled with up to their width.
const SPACES: &str = match std::str::from_utf8(&[b' '; pattern::MAX_WIDTH]) {
    Ok(spaces) => spaces,
    Err(_) => "",
};

impl Layout {
    pub(crate) fn new(
        shape: Shape,
        decoration: Decoration,
        stamp: Stamp,
        process: &Process,
    ) -> Layout {
        let pid = std::process::id().to_string();
        let (name, role) = (escaped(&process.name), escaped(&process.role));
        let process = if role == NO_ROLE { name.clone() } else { format!("{name}/{role}") };
        let shape = match shape {
            Shape::Json => Shape::Json,
            Shape::Parts(parts) => {
                let constants = [
                    (Field::Pid, &*pid),
                    (Field::Name, &name),
                    (Field::Role, &role),
                    (Field::Process, &process),
                ];
                Shape::Parts(pattern::with_constants(parts, &constants))
            }
        };
        Layout { shape, decoration, stamp, pid, name, role, process }
    }

    /// Hands the record's line, with its line end, to `consume`.
    pub(crate) fn with_line<T>(
        &self,
        record: &Record<'_>,
        now: SystemTime,
        consume: impl FnOnce(&str) -> T,
    ) -> T {
        let mut line = LINE.try_with(Cell::take).unwrap_or_default();
        line.clear();
        self.render(&mut line, record, now);
        let result = consume(&line);
        if line.capacity() <= KEPT_CAPACITY {
            let _ = LINE.try_with(|kept| kept.set(line));
        }
        result
    }

    /// The line of a record of our own: what became of others.
    pub(crate) fn notice(&self, now: SystemTime, text: &str) -> String {
        let mut line = String::new();
        let args = format_args!("{text}");
        let record = Record::builder().level(Level::Warn).target(OWN_TARGET).args(args).build();
        self.render(&mut line, &record, now);
        line
    }

    fn render(&self, out: &mut String, record: &Record<'_>, now: SystemTime) {
        match &self.shape {
            Shape::Parts(parts) => parts.iter().for_each(|part| self.part(out, part, record, now)),
            Shape::Json => self.json(out, record, now),
        }
        out.push('\n');
        if self.decoration == Decoration::Priority {
            *out = decoration::with_priority(out, record.level());
        }
    }

    fn part(&self, out: &mut String, part: &Part, record: &Record<'_>, now: SystemTime) {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Field(Field::Level, width) if self.decoration == Decoration::Colour => {
                let (before, after) = decoration::colour(record.level());
                let _ = write!(out, "{before}{:<width$}{after}", record.level());
            }
            Part::Field(field, 0) => self.field(out, *field, record, now),
            Part::Field(field, width) => {
                let start = out.len();
                self.field(out, *field, record, now);
                let written = out[start..].chars().count();
                out.push_str(&SPACES[..width.saturating_sub(written)]);
            }
        }
    }

    fn json(&self, out: &mut String, record: &Record<'_>, now: SystemTime) {
        let mut members = Members::begin(out);
        members.raw("time", |out| {
            out.push('"');
            self.stamp.write_at(out, now);
            out.push('"');
        });
        members.raw("pid", |out| out.push_str(&self.pid));
        members.string("name", &self.name);
        members.string("role", &self.role);
        members.string("level", record.level());
        members.string("target", record.target());
        members.string("message", record.args());
        members.key_values(record);
        members.end();
    }

    fn field(&self, out: &mut String, field: Field, record: &Record<'_>, now: SystemTime) {
        match field {
            Field::Time => self.stamp.write_at(out, now),
            Field::Pid => out.push_str(&self.pid),
            Field::Name => out.push_str(&self.name),
            Field::Role => out.push_str(&self.role),
            Field::Process => out.push_str(&self.process),
            Field::Level => out.push_str(record.level().as_str()),
            Field::Thread => inline(out, std::thread::current().name().unwrap_or("-")),
            Field::Target => inline(out, record.target()),
            Field::File => inline(out, record.file().unwrap_or("-")),
            Field::Line => match record.line() {
                Some(line) => display(out, Lines::Escaped, line),
                None => out.push('-'),
            },
            Field::Message => {
                let start = out.len();
                // The arguments themselves, not as an argument: one round of formatting less.
                let result = out.write_fmt(*record.args());
                finish(out, start, Lines::Indented, result);
            }
            Field::KeyValues => {
                let _ = record.key_values().visit(&mut Pairs(out));
            }
        }
    }
}

fn inline(out: &mut String, text: &str) {
    let start = out.len();
    out.push_str(text);
    escape_since(out, start, Lines::Escaped);
}

fn display(out: &mut String, lines: Lines, value: impl fmt::Display) {
    let start = out.len();
    let result = write!(out, "{value}");
    finish(out, start, lines, result);
}

/// A value whose `Display` fails is cut there, and says so; the record is not lost for it.
fn finish(out: &mut String, start: usize, lines: Lines, result: fmt::Result) {
    escape_since(out, start, lines);
    if result.is_err() {
        out.push_str(" (its formatting failed here)");
    }
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        self.0.push(' ');
        inline(self.0, key.as_str());
        self.0.push('=');
        display(self.0, Lines::Escaped, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log_file::{Precision, Time};
    use std::time::Duration;

    fn layout(format: &str, name: &str) -> Layout {
        let stamp = Stamp::new(Time::Utc, Precision::Millis);
        let process = Process::new(name).role("worker");
        Layout::new(pattern::parse(format).unwrap(), Decoration::Nothing, stamp, &process)
    }

    fn line(layout: &Layout, record: &Record<'_>) -> String {
        // 2026-11-22T13:44:48.5Z
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_355_088_500);
        layout.with_line(record, now, str::to_owned)
    }

    fn message(layout: &Layout, args: fmt::Arguments<'_>) -> String {
        line(layout, &Record::builder().args(args).build())
    }

    /// Case: LOG-07
    #[test]
    fn every_placeholder_is_filled_in() {
        let layout = layout(
            "{time}|{pid}|{name}|{role}|{process}|{thread}|{level:5}|{target:6}|{file}|{line}|{message}|{key_values}",
            "red",
        );
        let pairs = [("a", "1"), ("b", "x y")];
        let record = Record::builder()
            .level(Level::Info)
            .target("app")
            .file(Some("main.rs"))
            .line(Some(7))
            .key_values(&pairs)
            .args(format_args!("hello"))
            .build();
        let shown = line(&layout, &record);
        let thread = std::thread::current().name().unwrap().to_owned();
        assert_eq!(
            shown,
            format!(
                "2026-11-22T13:44:48.500Z|{}|red|worker|red/worker|{thread}|INFO |app   |main.rs|7|hello| a=1 b=x y\n",
                std::process::id()
            )
        );
    }

    /// Case: FLT-J4
    #[test]
    fn a_role_is_told_where_there_is_one() {
        let stamp = || Stamp::new(Time::Utc, Precision::Millis);
        let shown = |process: Process| {
            let shape = pattern::parse("{process} {message}").unwrap();
            let layout = Layout::new(shape, Decoration::Nothing, stamp(), &process);
            message(&layout, format_args!("x"))
        };
        assert_eq!(shown(Process::new("jobd").role("guardian")), "jobd/guardian x\n");
        assert_eq!(shown(Process::new("alone")), "alone x\n");
        assert_eq!(shown(Process::new("a\nb").role("c\x1b")), "a\\nb/c\\x1b x\n");
    }

    /// Case: SEC-08
    #[test]
    fn no_part_of_a_record_can_fake_another() {
        let layout = layout("{time} {name} {target}: {message}{key_values}", "a\n2026 fake");
        let pairs = [("k\n", "v\n2026 fake")];
        let record = Record::builder()
            .target("t\n2026 fake")
            .key_values(&pairs)
            .args(format_args!("m\n2026 fake\x1b[2J"))
            .build();
        let shown = line(&layout, &record);
        assert_eq!(
            shown.lines().filter(|line| line.starts_with("2026")).count(),
            1,
            "only the record itself begins like a record:\n{shown}"
        );
        assert!(!shown.contains('\x1b'));
    }

    /// Case: SEC-08
    #[test]
    fn as_json_a_record_is_one_object_with_values_as_they_are() {
        let pairs: &[(&str, Value<'_>)] = &[
            ("count", 3.into()),
            ("share", 0.5.into()),
            ("odd", f64::NAN.into()),
            ("done", true.into()),
            ("text\"", "a\nb".into()),
        ];
        let record = Record::builder()
            .level(Level::Warn)
            .target("app")
            .key_values(&pairs)
            .args(format_args!("say \"hi\"\n\x1b"))
            .build();
        assert_eq!(
            line(&layout("json", "red"), &record),
            format!(
                r#"{{"time":"2026-11-22T13:44:48.500Z","pid":{},"name":"red","role":"worker","level":"WARN","target":"app","message":"say \"hi\"\n\u001b","key_values":{{"count":3,"share":0.5,"odd":"NaN","done":true,"text\"":"a\nb"}}}}"#,
                std::process::id()
            ) + "\n"
        );
        let plain = line(&layout("json", "red"), &Record::builder().build());
        assert!(!plain.contains("key_values"), "{plain}");
    }

    #[test]
    fn a_terminal_shows_the_level_in_a_colour_and_the_journal_gets_priorities() {
        let mut layout = layout("{level:5} {message}", "red");
        let args = format_args!("one\ntwo");
        let record = Record::builder().level(Level::Warn).args(args).build();
        layout.decoration = Decoration::Colour;
        assert_eq!(line(&layout, &record), "\x1b[33mWARN \x1b[0m one\n    two\n");
        layout.decoration = Decoration::Priority;
        assert_eq!(line(&layout, &record), "<4>WARN  one\n<4>    two\n");
    }

    #[test]
    fn a_display_that_fails_is_cut_and_said() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("so far")?;
                Err(fmt::Error)
            }
        }
        let layout = layout("{message}", "x");
        assert_eq!(
            message(&layout, format_args!("{Fails}")),
            "so far (its formatting failed here)\n"
        );
    }

    #[test]
    fn a_display_that_renders_records_itself_disturbs_nothing() {
        let layout = layout("{message}", "x");
        struct Nested<'a>(&'a Layout);
        impl fmt::Display for Nested<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(message(self.0, format_args!("inner")).trim_end())
            }
        }
        let nested = Nested(&layout);
        assert_eq!(message(&layout, format_args!("outer {nested} outer")), "outer inner outer\n");
    }
}
