//! The workers of a list: those of its sets stand in it as if each had been given alone.

use std::collections::HashMap;
use std::sync::Arc;

use lifecycle::Id;
use lifecycle::group;
use policy::{Problems, RecyclePolicy};
use proc_spawn::Place;
use surroundings::{Base, Files};

use super::set::MOST_OF_SET;
use super::{Listed, WorkerSet, WorkerStartInfo};

/// A worker of the list as it would be alone, and where it stands there.
pub(super) struct Expanded {
    pub(super) entry: usize,
    pub(super) place: Option<Place>,
    /// One of a set of which there is none: it is checked, and that is all.
    pub(super) is_probe: bool,
    /// When a run is replaced, where it has to count something itself.
    pub(super) recycle: Option<Arc<RecyclePolicy>>,
    pub(super) worker: WorkerStartInfo,
}

pub(super) fn unit(listed: &Listed) -> group::Unit {
    let template = listed.template();
    group::Unit {
        name: template.name.clone(),
        after: template.after.clone(),
        count: listed.count().min(MOST_OF_SET) as usize,
    }
}

pub(super) fn marks(listed: &Listed) -> (bool, bool) {
    let template = listed.template();
    (template.temporary, template.significant)
}

/// What is said of several, for each of them; in an order each comes after the one before it.
pub(super) fn each(members: Vec<(usize, group::Member)>, in_order: bool) -> Vec<group::Member> {
    let mut all = Vec::with_capacity(members.iter().map(|(count, _)| count).sum());
    for (count, member) in members {
        for number in 0..count {
            let mut member = member.clone();
            if in_order && number > 0 {
                member.after.extend(Id::nth(all.len() - 1));
            }
            all.push(member);
        }
    }
    all
}

/// Names that mean somebody else wherever workers are asked for by theirs, with what they mean there.
const RESERVED: [(&str, &str); 3] = [
    ("all", "means every daemon"),
    ("executor", "means the process that keeps the workers"),
    ("guardian", "means the process that keeps the executor"),
];

/// Adds a name that cannot be that of a worker or of a set.
pub(super) fn check_own_name(problems: &mut Problems, name: &str) {
    problems.check_name("name", name);
    if let Some((_, what)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
        let reason = format!("{what} where workers are asked for; give another name");
        problems.add("name", name, reason);
    }
}

/// Whether it is the number of one of a set, as it is written in names.
pub(crate) fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|number| number > 0 && number.to_string() == text)
}

/// Adds names that none can have, that two have, or would have if a set had as many.
pub(super) fn check_names(parts: &mut [Problems], list: &[Listed]) {
    let mut first_of = HashMap::with_capacity(list.len());
    for (index, listed) in list.iter().enumerate() {
        let name = listed.name();
        check_own_name(&mut parts[index], name);
        if let Some(first) = first_of.get(name) {
            let reason = format!("is the name of workers[{first}] too; each needs its own");
            parts[index].add("name", name, reason);
        } else {
            first_of.insert(name, index);
        }
    }
    for (index, listed) in list.iter().enumerate() {
        let Listed::Worker(worker) = listed else { continue };
        let Some((set, number)) = worker.name.rsplit_once('-') else { continue };
        if let Some(other) = first_of.get(set).filter(|_| is_number(number))
            && matches!(list[*other], Listed::Set(_))
        {
            let reason =
                format!("is number {number} of the set workers[{other}]; give another name");
            parts[index].add("name", &worker.name, reason);
        }
    }
}

/// All workers of a list, those of sets as if they stood there alone, and the sets.
pub(super) fn expand(
    parts: &mut [Problems],
    files: &mut Files,
    base: &Base,
    list: Vec<Listed>,
) -> (Vec<Expanded>, Vec<WorkerSet>) {
    let mut all = Vec::with_capacity(list.len());
    let mut sets = Vec::new();
    for (entry, listed) in list.into_iter().enumerate() {
        let set = match listed {
            Listed::Worker(worker) => {
                all.push(Expanded { entry, place: None, is_probe: false, recycle: None, worker });
                continue;
            }
            Listed::Set(set) => set,
        };
        set.check(&mut parts[entry]);
        // Where all have the same files no more need be said of the others.
        let count = if parts[entry].is_empty() { set.count } else { set.count.min(1) };
        let recycle = set.counts_itself();
        all.extend((1..=count.max(1)).map(|index| Expanded {
            entry,
            place: Some(Place { index, count: set.count }),
            is_probe: index > count,
            recycle: recycle.clone(),
            worker: set.worker(index),
        }));
        set.note_families(files, base, entry);
        sets.push(set);
    }
    (all, sets)
}
