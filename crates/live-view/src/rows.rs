//! Who is shown, in which order.

use std::cmp::{Ordering, Reverse};

use control::service::Process;

/// By what workers are sorted; those that are alike by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Name,
    /// The busiest first.
    Cpu,
    /// The largest first.
    Memory,
    /// Those that were restarted most first.
    Restarts,
    /// The youngest first.
    Uptime,
}

impl Sort {
    pub(crate) fn next(self) -> Sort {
        match self {
            Sort::Name => Sort::Cpu,
            Sort::Cpu => Sort::Memory,
            Sort::Memory => Sort::Restarts,
            Sort::Restarts => Sort::Uptime,
            Sort::Uptime => Sort::Name,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Sort::Name => "name",
            Sort::Cpu => "cpu",
            Sort::Memory => "memory",
            Sort::Restarts => "restarts",
            Sort::Uptime => "uptime",
        }
    }
}

/// What a worker is sorted by beside its own words.
pub(crate) struct Measure<'a> {
    pub(crate) process: &'a Process,
    pub(crate) share: Option<u32>,
    pub(crate) uptime_us: Option<u64>,
}

/// The workers whose names contain the filter, upper and lower case alike, in order. What is not known comes last.
pub(crate) fn workers<'a>(
    all: impl Iterator<Item = Measure<'a>>,
    filter: &str,
    sort: Sort,
) -> Vec<&'a Process> {
    let filter = filter.to_lowercase();
    let mut found: Vec<Measure<'a>> = all
        .filter(|one| filter.is_empty() || one.process.name.to_lowercase().contains(&filter))
        .collect();
    found.sort_by(|a, b| {
        let by = match sort {
            Sort::Name => Ordering::Equal,
            Sort::Cpu => Reverse(a.share).cmp(&Reverse(b.share)),
            Sort::Memory => Reverse(a.process.memory_bytes).cmp(&Reverse(b.process.memory_bytes)),
            Sort::Restarts => Reverse(a.process.restarts).cmp(&Reverse(b.process.restarts)),
            Sort::Uptime => {
                let known = |one: &Measure<'_>| one.uptime_us.unwrap_or(u64::MAX);
                known(a).cmp(&known(b))
            }
        };
        by.then_with(|| natural(&a.process.name, &b.process.name))
    });
    found.into_iter().map(|one| one.process).collect()
}

/// Names as people count: `web-2` before `web-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (number, other) = (digits(left), digits(right));
        let by = match (number.is_empty(), other.is_empty()) {
            (false, false) => {
                (left, right) = (&left[number.len()..], &right[other.len()..]);
                let (number, other) =
                    (number.trim_start_matches('0'), other.trim_start_matches('0'));
                number.len().cmp(&other.len()).then_with(|| number.cmp(other))
            }
            (true, _) | (_, true) => {
                let (mut l, mut r) = (left.chars(), right.chars());
                let (first, second) = (l.next(), r.next());
                if first.is_none() && second.is_none() {
                    return a.cmp(b);
                }
                (left, right) = (l.as_str(), r.as_str());
                first.cmp(&second)
            }
        };
        if by != Ordering::Equal {
            return by;
        }
    }
}

fn digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(filter: &str, sort: Sort) -> String {
        let row = |name: &str, memory: Option<u64>, restarts| Process {
            name: name.to_owned(),
            memory_bytes: memory,
            restarts,
            ..Process::default()
        };
        let all = [
            (row("web-10", Some(5), 0), Some(10), Some(7)),
            (row("web-2", Some(9), 3), Some(900), None),
            (row("Mail", None, 3), None, Some(1)),
        ];
        let measures = all.iter().map(|(process, share, uptime_us)| Measure {
            process,
            share: *share,
            uptime_us: *uptime_us,
        });
        let found = workers(measures, filter, sort);
        found.iter().map(|process| process.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_order_ends_with_what_is_not_known() {
        assert_eq!(sorted("", Sort::Name), "Mail web-2 web-10");
        assert_eq!(sorted("", Sort::Cpu), "web-2 web-10 Mail");
        assert_eq!(sorted("", Sort::Memory), "web-2 web-10 Mail");
        assert_eq!(sorted("", Sort::Restarts), "Mail web-2 web-10");
        assert_eq!(sorted("", Sort::Uptime), "Mail web-10 web-2");
        let mut sort = Sort::default();
        (0..5).for_each(|_| sort = sort.next());
        assert_eq!(sort, Sort::Name);
    }

    #[test]
    fn a_filter_is_part_of_a_name() {
        assert_eq!(sorted("WEB", Sort::Name), "web-2 web-10");
        assert_eq!(sorted("m", Sort::Name), "Mail");
        assert_eq!(sorted("x", Sort::Name), "");
    }

    #[test]
    fn numbers_in_names_are_numbers_of_any_length() {
        let order = [("a2", "a10"), ("a", "a1"), ("1", "a"), ("a01", "a1"), ("a1b2", "a1b11")];
        for (less, more) in order {
            assert_eq!(natural(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(natural(more, less), Ordering::Greater, "{less} {more}");
        }
        assert_eq!(natural(&"9".repeat(99), &"9".repeat(100)), Ordering::Less);
        assert_eq!(natural("日1", "日1"), Ordering::Equal);
    }
}
