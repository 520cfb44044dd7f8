//! What is wrong with what the caller said: all of it at once, before anything happens.

use std::fmt;
use std::time::Duration;

/// One thing that is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which option: `pid_filename`, `workers[2].name`, …
    pub field: String,
    /// What was said.
    pub value: String,
    /// Why it cannot be, and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Escaped, since a value may come from anywhere, and a reason may name a path: a message is
        // one line.
        let reason = safe_text::escaped(&self.reason);
        // Quotation marks are shown as they are: they cannot disguise anything, as control characters
        // can.
        let value = self.value.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
        write!(f, "{} `{value}`: {reason}", self.field)
    }
}

/// No service waits longer: a longer span is most likely given in the wrong unit.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Everything that is wrong, in the order of the options. Nothing has happened.
///
/// `Display` is one line, in which the second and later ones are counted; `Debug`, which is what a
/// `main` that returns it prints, has one on each line.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None so far.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// Adds one.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        value: impl fmt::Display,
        reason: impl fmt::Display,
    ) {
        self.0.push(Problem {
            field: field.into(),
            value: value.to_string(),
            reason: reason.to_string(),
        });
    }

    /// Adds one that was found elsewhere.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds others as they are.
    pub fn extend(&mut self, others: Problems) {
        self.0.extend(others.0);
    }

    /// Adds those of a part, whose fields are named after it: `workers[2].pid_filename`.
    pub fn add_part(&mut self, part: &str, problems: Problems) {
        self.0.extend(
            problems
                .0
                .into_iter()
                .map(|problem| Problem { field: format!("{part}.{}", problem.field), ..problem }),
        );
    }

    /// Adds others, with other names for some of the fields.
    pub fn add_renamed(&mut self, others: Problems, names: &[(&str, &str)]) {
        self.0.extend(others.0.into_iter().map(|problem| {
            let new = names.iter().find(|(old, _)| problem.field == *old);
            match new {
                Some((_, new)) => Problem { field: (*new).to_owned(), ..problem },
                None => problem,
            }
        }));
    }

    /// Checks a span of time that is waited for. [`Duration::MAX`] means for ever, and is legal.
    pub fn check_duration(&mut self, field: &str, duration: Duration) {
        if duration > LONGEST && duration != Duration::MAX {
            self.add(
                field,
                format_args!("{duration:?}"),
                "longer than 100 years; give less, or Duration::MAX for ever",
            );
        }
    }

    /// Checks the name of a daemon or worker: it becomes part of titles and log lines.
    pub fn check_name(&mut self, field: &str, name: &str) {
        const LONGEST_NAME: usize = 100;
        let reason = if name.is_empty() {
            "empty; give it a name"
        } else if name.len() > LONGEST_NAME {
            "longer than 100 bytes; give a shorter one"
        } else if name == "." || name == ".." {
            "stands for a folder; give another name"
        } else if let Some(bad) = name.chars().find(|c| *c == '/' || c.is_control()) {
            if bad == '/' {
                "contains `/`; leave it out"
            } else {
                "contains a control character (or NUL); leave it out"
            }
        } else {
            return;
        };
        self.add(field, name, reason);
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// `value` if there are none.
    ///
    /// # Errors
    ///
    /// There are some: these.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                // Counted, since a reason may contain semicolons of its own.
                write!(f, "; [{} of {}] ", index + 1, self.0.len())?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("nothing is wrong"),
            [only] => write!(f, "{only}"),
            all => {
                write!(f, "{} options are wrong:", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n    {problem}"))
            }
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(check: impl FnOnce(&mut Problems)) -> Vec<String> {
        let mut problems = Problems::new();
        check(&mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    /// Case: FLT-H7
    #[test]
    fn several_problems_are_told_apart_in_one_line_and_stand_on_one_each_in_debug() {
        let mut problems = Problems::new();
        problems.add("a", "x", "is wrong; give y");
        assert_eq!(problems.to_string(), "a `x`: is wrong; give y");
        assert_eq!(format!("{problems:?}"), "a `x`: is wrong; give y");
        problems.add("b", "\n", "folder `\u{202e}\n` is wrong");
        problems.add("c", "z's", "no");
        assert_eq!(
            problems.to_string(),
            r"a `x`: is wrong; give y; [2 of 3] b `\n`: folder `\u{202e}\n` is wrong; [3 of 3] c `z's`: no"
        );
        assert_eq!(
            format!("{problems:?}"),
            "3 options are wrong:\n    a `x`: is wrong; give y\n    b `\\n`: folder `\\u{202e}\\n` \
             is wrong\n    c `z's`: no"
        );
    }

    /// Case: CFG-01
    #[test]
    fn names_that_would_fool_somebody_are_refused() {
        let long = "x".repeat(101);
        for bad in ["", "a/b", "..", "a\0", "a\nb", &long] {
            assert_eq!(texts(|p| p.check_name("name", bad)).len(), 1, "{bad:?}");
        }
        for good in ["worker-1", "größe", "a b", "..."] {
            assert_eq!(texts(|p| p.check_name("name", good)), [""; 0], "{good:?}");
        }
        assert_eq!(
            texts(|p| p.check_name("name", "a\0")),
            ["name `a\\0`: contains a control character (or NUL); leave it out"]
        );
    }

    #[test]
    fn absurd_durations_are_refused() {
        let absurd = Duration::from_secs(1 << 40);
        assert_eq!(texts(|p| p.check_duration("grace", absurd)).len(), 1);
        for good in [Duration::ZERO, Duration::from_millis(50), Duration::MAX] {
            assert_eq!(texts(|p| p.check_duration("grace", good)).len(), 0);
        }
    }

    #[test]
    fn problems_of_a_part_are_named_after_it() {
        let mut part = Problems::new();
        part.push(Problem { field: "name".into(), value: "x".into(), reason: "no".into() });
        let mut whole = Problems::new();
        whole.add_part("workers[2]", part);
        assert_eq!(whole.to_string(), "workers[2].name `x`: no");
    }

    #[test]
    fn nobody_waits_for_more_than_a_century() {
        let century = Duration::from_secs(36_500 * 86_400);
        let longer = century + Duration::from_nanos(1);
        for (duration, problems) in [(century, 0), (longer, 1), (Duration::MAX, 0)] {
            assert_eq!(texts(|p| p.check_duration("grace", duration)).len(), problems);
        }
        let [longest, longer] = [100, 101].map(|length| "x".repeat(length));
        assert_eq!(texts(|p| p.check_name("name", &longest)).len(), 0);
        assert_eq!(texts(|p| p.check_name("name", &longer)).len(), 1);
    }
}
