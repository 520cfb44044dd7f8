//! A record as a line of JSON: one object, whatever the record contains.

use std::fmt::Write;

use log::Record;
use log::kv::{Key, Value, VisitSource, VisitValue};

use safe_text::escape_json_since;

/// Writes members of an object.
pub(crate) struct Members<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Members<'a> {
    /// Begins an object.
    pub(crate) fn begin(out: &'a mut String) -> Members<'a> {
        out.push('{');
        Members { out, first: true }
    }

    /// Ends it.
    pub(crate) fn end(self) {
        self.out.push('}');
    }

    /// A member that is a string.
    pub(crate) fn string(&mut self, key: &str, value: impl std::fmt::Display) {
        self.raw(key, |out| string(out, value));
    }

    /// A member that `write` writes, as JSON.
    pub(crate) fn raw(&mut self, key: &str, write: impl FnOnce(&mut String)) {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        string(self.out, key);
        self.out.push(':');
        write(self.out);
    }

    /// The keys and values of a record as an object; no member if there are none.
    pub(crate) fn key_values(&mut self, record: &Record<'_>) {
        if record.key_values().count() > 0 {
            self.raw("key_values", |out| {
                let mut members = Members::begin(out);
                // The visitor below never fails.
                let _ = record.key_values().visit(&mut members);
                members.end();
            });
        }
    }
}

fn string(out: &mut String, value: impl std::fmt::Display) {
    out.push('"');
    let start = out.len();
    if write!(out, "{value}").is_err() {
        out.push_str(" (its formatting failed here)");
    }
    escape_json_since(out, start);
    out.push('"');
}

impl<'kvs> VisitSource<'kvs> for Members<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        self.raw(key.as_str(), |out| {
            let _ = value.visit(Plain(out));
        });
        Ok(())
    }
}

/// A value as JSON has it: numbers and booleans as such, all else as a string.
struct Plain<'a>(&'a mut String);

impl Plain<'_> {
    fn as_it_is(&mut self, value: impl std::fmt::Display) -> Result<(), log::kv::Error> {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{value}");
        Ok(())
    }
}

impl VisitValue<'_> for Plain<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), log::kv::Error> {
        string(self.0, value);
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), log::kv::Error> {
        self.as_it_is("null")
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), log::kv::Error> {
        self.as_it_is(value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), log::kv::Error> {
        self.as_it_is(value)
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), log::kv::Error> {
        // JSON knows no infinity.
        if value.is_finite() {
            self.as_it_is(value)
        } else {
            string(self.0, value);
            Ok(())
        }
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), log::kv::Error> {
        self.as_it_is(value)
    }
}
