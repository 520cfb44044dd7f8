//! Who comes after whom: names become ids, and workers that wait for each other in a circle are found.

use std::collections::{BTreeMap, BTreeSet};

use super::Id;
use policy::Problems;

/// The dependencies of a list by name as ids; adds what is wrong with them.
pub fn resolve(
    problems: &mut Problems,
    names: &[String],
    after: &[Vec<String>],
    in_order: bool,
) -> Vec<BTreeSet<Id>> {
    let by_name: BTreeMap<&str, usize> =
        names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut resolved = vec![BTreeSet::new(); names.len()];
    for (index, wanted) in after.iter().enumerate() {
        if in_order {
            resolved[index].extend(index.checked_sub(1));
        }
        for name in wanted {
            match by_name.get(name.as_str()) {
                Some(other) => {
                    resolved[index].insert(*other);
                }
                None => {
                    let reason = format!("is no worker of the list; known are {}", some_of(names));
                    problems.add(format!("workers[{index}].after"), name, reason);
                }
            }
        }
    }
    if let Some(cycle) = cycle(&resolved) {
        let path: Vec<_> = cycle.iter().map(|index| names[*index].as_str()).collect();
        let reason = "each of these waits for the next for ever; leave one `after` out";
        problems.add("workers.after", path.join(" after "), reason);
    }
    // The members of a group have the first ids.
    let ids: Vec<Id> = Id::all().take(names.len()).collect();
    resolved.into_iter().map(|after| after.into_iter().map(|index| ids[index]).collect()).collect()
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
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CFG-08
    #[test]
    fn cycles_and_strangers_are_named() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        let after =
            |lists: [&[&str]; 4]| lists.map(|list| list.iter().map(|n| (*n).to_owned()).collect());
        let texts = |lists| {
            let mut problems = Problems::new();
            resolve(&mut problems, &names, &after(lists), false);
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
        let names = ["a", "b", "c"].map(str::to_owned);
        let mut problems = Problems::new();
        let after = resolve(&mut problems, &names, &[vec![], vec![], vec![]], true);
        assert_eq!(after, [BTreeSet::new(), BTreeSet::from([Id(0)]), BTreeSet::from([Id(1)])]);
        assert_eq!(problems.iter().count(), 0);
        resolve(&mut problems, &names, &[vec!["c".into()], vec![], vec![]], true);
        assert!(problems.to_string().contains("`a after c after b after a`"), "{problems}");
    }

    /// A list may be as long as somebody makes it.
    ///
    /// Case: CFG-08
    #[test]
    fn a_long_way_is_no_deep_one_and_no_long_text() {
        const MANY: usize = 100_000;
        let names: Vec<String> = (0..MANY).map(|number| number.to_string()).collect();
        let mut after: Vec<Vec<String>> =
            (0..MANY).map(|number| names.get(number + 1).cloned().into_iter().collect()).collect();
        let mut problems = Problems::new();
        resolve(&mut problems, &names, &after, false);
        assert_eq!(problems.iter().count(), 0);
        after[MANY - 1] = vec!["x".to_owned(), "y".to_owned()];
        resolve(&mut problems, &names, &after, false);
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].ends_with("`8`, `9` and 99990 more"), "{texts:?}");
    }
}
