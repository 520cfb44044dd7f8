//! What the processes of the victim have written down.

use std::fs;
use std::path::Path;

/// The journal so far.
pub struct Journal(String);

impl Journal {
    /// That in this folder; empty if there is none.
    pub fn read(records: &Path) -> Journal {
        Journal(
            fs::read(records.join("journal")).map_or_else(
                |_| String::new(),
                |bytes| String::from_utf8_lossy(&bytes).into_owned(),
            ),
        )
    }

    /// The number of the last process that entered as `who` ("executor d", "worker w1").
    pub fn last(&self, who: &str) -> Option<u32> {
        self.entered(who).last()
    }

    /// Whether a process entered as `who` after `count` others had.
    pub fn count(&self, who: &str) -> usize {
        self.entered(who).count()
    }

    /// How many processes entered at all.
    pub fn all(&self) -> usize {
        self.0.lines().filter(|line| line.contains(" entered, run ")).count()
    }

    fn entered(&self, who: &str) -> impl Iterator<Item = u32> {
        self.0.lines().filter_map(move |line| {
            let (run, pid) = line.strip_prefix(who)?.split_once(", pid ")?;
            run.starts_with(" entered").then(|| pid.parse().ok())?
        })
    }

    /// Lines of those that met themselves: two processes in one place.
    pub fn met(&self) -> Vec<&str> {
        self.0.lines().filter(|line| line.contains(" met itself")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Journal;

    #[test]
    fn the_last_of_a_place_is_found_by_its_whole_name() {
        let text = "executor d entered, run 1, pid 7\nworker w1 entered, run 1, pid 8\n\
                    worker w1 left, pid 8\nworker w12 entered, run 1, pid 9\n\
                    worker w1 met itself, pid 10\n";
        let journal = Journal(text.to_owned());
        assert_eq!(journal.last("worker w1"), Some(8));
        assert_eq!(journal.last("worker w2"), None);
        assert_eq!(journal.count("executor d"), 1);
        assert_eq!(journal.met(), ["worker w1 met itself, pid 10"]);
    }
}
