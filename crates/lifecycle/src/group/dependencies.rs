//! Who comes after whom: names become ids, and workers that wait for each other in a circle are found.

use std::collections::{BTreeMap, BTreeSet};

use super::Id;
use policy::Problems;

/// What stands on a list under one name: a child, or several that are alike.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// The name, by which others say that they come after it.
    pub name: String,
    /// The names of those that it comes after.
    pub after: Vec<String>,
    /// How many children it is.
    pub count: usize,
}

impl Unit {
    /// The dependencies of a list by name as ids, one for each unit; adds what is wrong with them. The children have ids in
    /// their order. Who comes after a unit comes after all of it, and `in_order` after the last child before.
    pub fn resolve(units: &[Unit], in_order: bool, problems: &mut Problems) -> Vec<BTreeSet<Id>> {
        let by_name: BTreeMap<&str, usize> =
            units.iter().enumerate().map(|(index, unit)| (unit.name.as_str(), index)).collect();
        let mut resolved = vec![BTreeSet::new(); units.len()];
        for (index, unit) in units.iter().enumerate() {
            if in_order {
                resolved[index].extend(index.checked_sub(1));
            }
            for name in &unit.after {
                match by_name.get(name.as_str()) {
                    Some(other) => {
                        resolved[index].insert(*other);
                    }
                    None => {
                        let reason =
                            format!("is no worker of the list; known are {}", some_of(units));
                        problems.add(format!("workers[{index}].after"), name, reason);
                    }
                }
            }
        }
        if let Some(cycle) = cycle(&resolved) {
            let path: Vec<_> = cycle.iter().map(|index| units[*index].name.as_str()).collect();
            let reason = "each of these waits for the next for ever; leave one `after` out";
            problems.add("workers.after", path.join(" after "), reason);
        }
        // The members of a group have the first ids.
        let mut next = Id::all();
        let ids: Vec<Vec<Id>> =
            units.iter().map(|unit| next.by_ref().take(unit.count).collect()).collect();
        let after = std::iter::zip(units, resolved).enumerate().map(|(index, (unit, after))| {
            let by_order = in_order.then(|| ids[..index].iter().rev().find_map(|ids| ids.last()));
            let is_named = |other: &usize| unit.after.contains(&units[*other].name);
            let named = after.into_iter().filter(is_named).flat_map(|other| ids[other].iter());
            named.chain(by_order.flatten()).copied().collect()
        });
        after.collect()
    }
}

/// A way through dependencies that comes back to where it began, which stands at both ends.
fn cycle(after: &[BTreeSet<usize>]) -> Option<Vec<usize>> {
    /// How far the search has come with a worker: it was not seen, is on the present way, or leads to no
    /// cycle.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnTheWay,
        Done,
    }
    let mut marks = vec![Mark::New; after.len()];
    for start in 0..after.len() {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::OnTheWay;
        // Each step of the way, with those that it waits for and that were not looked at yet. No
        // recursion: a list may be so long that the thread's stack would overflow.
        let mut way = vec![(start, after[start].iter())];
        while let Some((at, left)) = way.last_mut() {
            let Some(next) = left.next().copied() else {
                marks[*at] = Mark::Done;
                way.pop();
                continue;
            };
            match marks[next] {
                Mark::Done => (),
                Mark::OnTheWay => {
                    let steps = way.iter().map(|(step, _)| *step);
                    return Some(steps.skip_while(|step| *step != next).chain([next]).collect());
                }
                Mark::New => {
                    marks[next] = Mark::OnTheWay;
                    way.push((next, after[next].iter()));
                }
            }
        }
    }
    None
}

/// The first ten names, and how many more there are: whoever has mistyped one does not look for it in a
/// thousand.
fn some_of(units: &[Unit]) -> String {
    const SHOWN: usize = 10;
    let shown = units.iter().take(SHOWN).map(|unit| format!("`{}`", unit.name));
    let shown = shown.collect::<Vec<_>>();
    match units.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units<'a>(units: impl IntoIterator<Item = (&'a str, &'a [&'a str])>) -> Vec<Unit> {
        let unit = |(name, after): (&str, &[&str])| Unit {
            name: name.to_owned(),
            after: after.iter().map(|name| (*name).to_owned()).collect(),
            count: 1,
        };
        units.into_iter().map(unit).collect()
    }

    /// Case: CFG-08
    #[test]
    fn cycles_and_strangers_are_named() {
        let texts = |after: [&[&str]; 4]| {
            let mut problems = Problems::new();
            let units = units(std::iter::zip(["a", "b", "c", "d"], after));
            Unit::resolve(&units, false, &mut problems);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(texts([&[], &["a"], &["a", "b"], &["c"]]), [""; 0]);
        assert_eq!(
            texts([&["d"], &["a"], &["b"], &["c", "a"]]),
            ["workers.after `a after d after a`: each of these waits for the next for ever; \
          leave one `after` out"]
        );
        assert_eq!(
            texts([&["a"], &[], &["x"], &[]]),
            [
                "workers[2].after `x`: is no worker of the list; known are `a`, `b`, `c`, `d`",
                "workers.after `a after a`: each of these waits for the next for ever; leave one \
             `after` out"
            ]
        );
    }

    #[test]
    fn in_order_each_comes_after_the_one_before_it() {
        let mut list = units([("a", &[][..]), ("b", &[]), ("c", &[])]);
        let mut problems = Problems::new();
        let after = Unit::resolve(&list, true, &mut problems);
        assert_eq!(after, [BTreeSet::new(), BTreeSet::from([Id(0)]), BTreeSet::from([Id(1)])]);
        assert_eq!(problems.iter().count(), 0);
        list[0].after = vec!["c".to_owned()];
        Unit::resolve(&list, true, &mut problems);
        assert!(problems.to_string().contains("`a after c after b after a`"), "{problems}");
    }

    /// Who comes after a set comes after all of it; one of which there are none is waited for by nobody.
    #[test]
    fn a_set_is_several_under_one_name() {
        let mut list =
            units([("a", &[][..]), ("set", &["a"]), ("none", &[]), ("last", &["set", "none"])]);
        (list[1].count, list[2].count) = (2, 0);
        let ids = |ids: &[u32]| ids.iter().copied().map(Id).collect::<BTreeSet<_>>();
        let mut problems = Problems::new();
        let after = Unit::resolve(&list, false, &mut problems);
        assert_eq!(after, [ids(&[]), ids(&[0]), ids(&[]), ids(&[1, 2])]);
        let after = Unit::resolve(&list, true, &mut problems);
        assert_eq!(after, [ids(&[]), ids(&[0]), ids(&[2]), ids(&[1, 2])]);
        assert_eq!(problems.iter().count(), 0);
    }

    /// A list may be as long as somebody makes it.
    ///
    /// Case: CFG-08
    #[test]
    fn a_long_way_is_no_deep_one_and_no_long_text() {
        const MANY: usize = 100_000;
        let unit = |number: usize| Unit {
            name: number.to_string(),
            after: (number + 1 < MANY).then(|| (number + 1).to_string()).into_iter().collect(),
            count: 1,
        };
        let mut list: Vec<Unit> = (0..MANY).map(unit).collect();
        let mut problems = Problems::new();
        Unit::resolve(&list, false, &mut problems);
        assert_eq!(problems.iter().count(), 0);
        list[MANY - 1].after = vec!["x".to_owned(), "y".to_owned()];
        Unit::resolve(&list, false, &mut problems);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].ends_with("`8`, `9` and 99990 more"), "{texts:?}");
    }
}
