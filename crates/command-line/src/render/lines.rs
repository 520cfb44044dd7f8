//! Lines of logs, each with the name of who has written it.

use jiff::Timestamp;
use log_reader::Line;
use serde_json::json;

use super::json;
use super::text::{padded, safe, width};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Whatever could command a terminal is escaped.
    Text,
    /// As they are.
    Raw,
    /// An object each.
    Json,
}

/// Whose lines they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) path: String,
}

/// Text that is made of lines, one after another.
#[derive(Debug)]
pub(crate) struct Lines {
    form: Form,
    /// So wide is the longest name that there was.
    columns: usize,
    /// Whose line has not come to its end.
    open: Option<usize>,
    text: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(form: Form) -> Lines {
        Lines { form, columns: 0, open: None, text: Vec::new() }
    }

    /// From here on there is room for this name.
    pub(crate) fn make_room(&mut self, name: &str) {
        self.columns = self.columns.max(width(&safe(name)));
    }

    /// Adds a line, with the name before it if it could be another's, too. Pieces of one line that come one after
    /// another are put together; where another's line comes between them, the rest is a line of its own.
    pub(crate) fn add(&mut self, line: &Line, origin: &Origin, named: bool) {
        if self.form == Form::Json {
            let time = line.time.and_then(|time| Timestamp::try_from(time).ok());
            let object = json!({
                "time": time.map(|time| time.to_string()),
                "name": origin.name,
                "file": origin.path,
                "text": String::from_utf8_lossy(&line.bytes),
                "continued": line.continued,
            });
            self.text.extend(json::text(&object).bytes());
            return;
        }
        if !(line.continued && self.open == Some(line.source)) {
            self.close();
            if named {
                let name = padded(&safe(&origin.name), self.columns);
                self.text.extend(format!("{name} | ").bytes());
            }
        }
        match self.form {
            Form::Raw => self.text.extend(&line.bytes),
            Form::Text | Form::Json => self.text.extend(line.for_terminal().bytes()),
        }
        self.open = Some(line.source);
        if line.complete {
            self.close();
        }
    }

    /// Ends a line that has not come to its end.
    pub(crate) fn close(&mut self) {
        if self.open.take().is_some() {
            self.text.push(b'\n');
        }
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// What there is since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn line(source: usize, bytes: &[u8]) -> Line {
        let time = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
        Line { source, time, bytes: bytes.to_vec(), continued: false, complete: true }
    }

    fn shown(form: Form, named: bool, lines: &[Line]) -> String {
        let names = ["web-1", "jobd\x1b"];
        let origin = |name: &str| Origin { name: name.to_owned(), path: format!("/d/{name}") };
        let mut text = Lines::new(form);
        names.iter().for_each(|name| text.make_room(name));
        lines.iter().for_each(|line| text.add(line, &origin(names[line.source]), named));
        text.close();
        String::from_utf8_lossy(&text.take()).into_owned()
    }

    /// Cases: CC-73, CC-75
    #[test]
    fn names_stand_in_a_column_and_command_nothing() {
        let lines = [line(0, b"a\x1b[31m"), line(1, b"\xff\xc3\xa4")];
        let named = "web-1    | a\\x1b[31m\njobd\\x1b | \\xff\u{e4}\n";
        assert_eq!(shown(Form::Text, true, &lines), named);
        assert_eq!(shown(Form::Text, false, &lines), "a\\x1b[31m\n\\xff\u{e4}\n");
        assert_eq!(shown(Form::Raw, false, &lines), "a\x1b[31m\n\u{fffd}\u{e4}\n");
        assert_eq!(shown(Form::Raw, true, &lines[..1]), "web-1    | a\x1b[31m\n");
    }

    /// Cases: CC-47, CC-75
    #[test]
    fn in_json_a_line_is_an_object() {
        let expected = "{\"continued\":false,\"file\":\"/d/web-1\",\"name\":\"web-1\",\
                        \"text\":\"a\\u001b\u{fffd}\",\"time\":\"1970-01-01T00:00:01.5Z\"}\n";
        let told = shown(Form::Json, true, &[line(0, b"a\x1b\xff")]);
        assert_eq!(told.replace("\\ufffd", "\u{fffd}"), expected);
        let untold = shown(Form::Json, true, &[Line { time: None, ..line(0, b"") }]);
        assert!(untold.contains("\"time\":null"), "{untold}");
    }

    /// Case: CC-74
    #[test]
    fn pieces_are_put_together_unless_another_line_comes_between_them() {
        let begun = |source| Line { complete: false, ..line(source, b"be") };
        let rest = |source| Line { continued: true, ..line(source, b"gun") };
        assert_eq!(shown(Form::Text, false, &[begun(0), rest(0)]), "begun\n");
        assert_eq!(shown(Form::Text, false, &[begun(0)]), "be\n");
        let between = [begun(0), line(1, b"x"), rest(0)];
        assert_eq!(shown(Form::Text, false, &between), "be\nx\ngun\n");
        let other = [begun(0), Line { complete: false, ..rest(1) }, rest(1)];
        assert_eq!(shown(Form::Text, false, &other), "be\ngungun\n");
    }
}
