//! The format of a record, taken apart once, so that nothing is parsed per record.

/// What the lines of a log look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The format filled in.
    Parts(Vec<Part>),
    /// A JSON object per line.
    Json,
}

/// One stretch of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    /// The field, and the width up to which it is filled with spaces.
    Field(Field, usize),
}

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Time,
    Pid,
    Name,
    Role,
    Process,
    Thread,
    Level,
    Target,
    File,
    Line,
    Message,
    KeyValues,
}

const FIELDS: [(&str, Field); 12] = [
    ("time", Field::Time),
    ("pid", Field::Pid),
    ("name", Field::Name),
    ("role", Field::Role),
    ("process", Field::Process),
    ("thread", Field::Thread),
    ("level", Field::Level),
    ("target", Field::Target),
    ("file", Field::File),
    ("line", Field::Line),
    ("message", Field::Message),
    ("key_values", Field::KeyValues),
];

/// Wider than any sensible column; a typing error must not fill the disk with spaces.
pub(crate) const MAX_WIDTH: usize = 200;

/// Takes `format` apart, or says everything that is wrong with it.
pub(crate) fn parse(format: &str) -> Result<Shape, Vec<String>> {
    if format == "json" {
        return Ok(Shape::Json);
    }
    let mut parts = Vec::new();
    let mut problems = Vec::new();
    let mut text = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        rest = after;
        if let Some(after) = rest.strip_prefix(brace) {
            text.push_str(brace);
            rest = after;
        } else if brace == "}" {
            problems.push("a `}` closes nothing; a brace of the text is written `}}`".to_owned());
        } else if let Some((inside, after)) = rest.split_once('}') {
            match placeholder(inside) {
                Ok(part) => {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(part);
                }
                Err(problem) => problems.push(problem),
            }
            rest = after;
        } else {
            problems.push("a `{` is never closed; a brace of the text is written `{{`".to_owned());
        }
    }
    text.push_str(rest);
    if text.contains(|c: char| c.is_control() && c != '\t') {
        problems.push("it contains control characters; a record is one line".to_owned());
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    if problems.is_empty() && parts.is_empty() {
        problems.push("it is empty; leave the field out for the default".to_owned());
    }
    let has_message =
        parts.iter().any(|part| matches!(part, Part::Field(Field::Message | Field::KeyValues, _)));
    if problems.is_empty() && !has_message {
        let text = "it has neither `{message}` nor `{key_values}`, so nobody would know what a record says; add one, or give `json`";
        problems.push(text.to_owned());
    }
    if problems.is_empty() { Ok(Shape::Parts(parts)) } else { Err(problems) }
}

/// The same parts with fields whose text never changes filled in, and neighbouring texts joined: the
/// fewer parts, the faster a record.
pub(crate) fn with_constants(parts: Vec<Part>, constants: &[(Field, &str)]) -> Vec<Part> {
    let constant = |field| constants.iter().find(|known| known.0 == field).map(|known| known.1);
    let mut joined: Vec<Part> = Vec::new();
    for part in parts {
        let text = match &part {
            Part::Text(text) => Some(text.clone()),
            Part::Field(field, width) => constant(*field).map(|text| format!("{text:<width$}")),
        };
        match (joined.last_mut(), text) {
            (Some(Part::Text(before)), Some(text)) => before.push_str(&text),
            (_, Some(text)) => joined.push(Part::Text(text)),
            (_, None) => joined.push(part),
        }
    }
    joined
}

fn placeholder(inside: &str) -> Result<Part, String> {
    let (name, width) = match inside.split_once(':') {
        Some((name, width)) => {
            let parsed =
                width.parse().ok().filter(|width| *width <= MAX_WIDTH).ok_or_else(|| {
                    format!("the width of `{{{inside}}}` should be a number up to {MAX_WIDTH}")
                })?;
            (name, parsed)
        }
        None => (inside, 0),
    };
    match FIELDS.iter().find(|(known, _)| *known == name) {
        Some(&(_, field)) => Ok(Part::Field(field, width)),
        None => {
            let known: Vec<String> =
                FIELDS.iter().map(|(known, _)| format!("`{{{known}}}`")).collect();
            Err(format!("unknown placeholder `{{{name}}}`, expected one of {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_fields_alternate() {
        assert_eq!(
            parse("{time} [{level:5}] {{x}} {message}").unwrap(),
            Shape::Parts(vec![
                Part::Field(Field::Time, 0),
                Part::Text(" [".into()),
                Part::Field(Field::Level, 5),
                Part::Text("] {x} ".into()),
                Part::Field(Field::Message, 0),
            ])
        );
    }

    #[test]
    fn constants_become_text() {
        let Shape::Parts(parts) = parse("{pid:4}|{name} {level} {message}").unwrap() else {
            panic!()
        };
        let parts = with_constants(parts, &[(Field::Pid, "12"), (Field::Name, "x")]);
        assert_eq!(
            parts,
            [
                Part::Text("12  |x ".into()),
                Part::Field(Field::Level, 0),
                Part::Text(" ".into()),
                Part::Field(Field::Message, 0),
            ]
        );
    }

    /// With `jsn` in place of `json` each record was this one word.
    #[test]
    fn a_format_without_the_message_is_refused() {
        for format in ["jsn", "{time} {level}"] {
            let [problem] = &parse(format).unwrap_err()[..] else { panic!("{format}") };
            assert!(problem.contains("`{message}`") && problem.contains("`json`"), "{problem}");
        }
        assert!(parse("{time} {key_values}").is_ok(), "fields alone say something");
    }

    #[test]
    fn the_default_format_is_right() {
        parse(crate::config::DEFAULT_FORMAT).unwrap();
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let problems = parse("{tim} {level:wide} {pid:201} } {message").unwrap_err();
        assert_eq!(
            problems,
            [
                "unknown placeholder `{tim}`, expected one of `{time}`, `{pid}`, `{name}`, `{role}`, \
                 `{process}`, `{thread}`, `{level}`, `{target}`, `{file}`, `{line}`, `{message}`, `{key_values}`",
                "the width of `{level:wide}` should be a number up to 200",
                "the width of `{pid:201}` should be a number up to 200",
                "a `}` closes nothing; a brace of the text is written `}}`",
                "a `{` is never closed; a brace of the text is written `{{`",
            ]
        );
        assert_eq!(parse("").unwrap_err().len(), 1);
        assert_eq!(parse("{message}\n").unwrap_err().len(), 1);
    }
}
