//! Who comes after whom: names become indices, and what waits for itself is found.

use std::collections::{BTreeMap, BTreeSet};

use supervisor::Problems;

/// The dependencies of a list by name as indices; adds what is wrong with them.
pub(crate) fn resolve(
    problems: &mut Problems,
    names: &[String],
    after: &[Vec<String>],
    in_order: bool,
) -> Vec<BTreeSet<usize>> {
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
                    let known = names.join("`, `");
                    let reason = format!("is no worker of the list; known are `{known}`");
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
    resolved
}

/// A way through dependencies that comes back to where it began, which stands at both ends.
fn cycle(after: &[BTreeSet<usize>]) -> Option<Vec<usize>> {
    /// Done with, or on the way at this position.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnTheWay,
        Done,
    }
    fn visit(
        at: usize,
        after: &[BTreeSet<usize>],
        marks: &mut [Mark],
        way: &mut Vec<usize>,
    ) -> Option<Vec<usize>> {
        marks[at] = Mark::OnTheWay;
        way.push(at);
        for next in &after[at] {
            match marks[*next] {
                Mark::Done => (),
                Mark::OnTheWay => {
                    let from = way.iter().position(|step| step == next).unwrap_or(0);
                    let mut cycle = way[from..].to_vec();
                    cycle.push(*next);
                    return Some(cycle);
                }
                Mark::New => {
                    if let Some(cycle) = visit(*next, after, marks, way) {
                        return Some(cycle);
                    }
                }
            }
        }
        way.pop();
        marks[at] = Mark::Done;
        None
    }
    let mut marks = vec![Mark::New; after.len()];
    (0..after.len()).find_map(|start| {
        let new = marks[start] == Mark::New;
        new.then(|| visit(start, after, &mut marks, &mut Vec::new())).flatten()
    })
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
        assert_eq!(after, [BTreeSet::new(), BTreeSet::from([0]), BTreeSet::from([1])]);
        assert_eq!(problems.iter().count(), 0);
        resolve(&mut problems, &names, &[vec!["c".into()], vec![], vec![]], true);
        assert!(problems.to_string().contains("`a after c after b after a`"), "{problems}");
    }
}
