//! What was done and seen in many rounds, as numbers that cross from a world to its maker.

/// What was done and seen in many rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) failures: u64,
    pub(super) signals: u64,
    pub(super) starts: u64,
    pub(super) launched: u64,
    pub(super) stops: u64,
    pub(super) orphaned: u64,
    pub(super) full: u64,
    pub(super) starved: u64,
    pub(super) storms: u64,
    pub(super) entered: u64,
    pub(super) bystanders: u64,
    pub(super) besieged: u64,
    pub(super) traced: u64,
    pub(super) rested: u64,
}

impl Tally {
    const MARK: &str = "counted:";

    fn fields(&mut self) -> [(&'static str, &mut u64); 15] {
        [
            ("rounds", &mut self.rounds),
            ("rounds that went wrong", &mut self.failures),
            ("signals to its processes", &mut self.signals),
            ("starts", &mut self.starts),
            ("of them launched", &mut self.launched),
            ("stops", &mut self.stops),
            ("guardians killed in the end, with nobody to clean up", &mut self.orphaned),
            ("times the disk was full", &mut self.full),
            ("processes without descriptors", &mut self.starved),
            ("times no process could be started", &mut self.storms),
            ("executors and workers that ran", &mut self.entered),
            ("bystanders that came and went", &mut self.bystanders),
            ("rounds with adversaries", &mut self.besieged),
            ("processes that were killed in the hands of a tracer", &mut self.traced),
            ("looks at a guardian and an executor at rest", &mut self.rested),
        ]
    }

    /// As a world says it to the one who made it.
    pub(crate) fn line(&self) -> String {
        let mut copy = *self;
        let numbers = copy.fields().map(|(_, number)| number.to_string());
        format!("{} {}", Tally::MARK, numbers.join(" "))
    }

    pub(crate) fn parse(line: &str) -> Option<Tally> {
        let mut tally = Tally::default();
        let mut words = line.strip_prefix(Tally::MARK)?.split_whitespace();
        for (_, number) in tally.fields() {
            *number = words.next()?.parse().ok()?;
        }
        Some(tally)
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        let mut other = *other;
        for ((_, sum), (_, number)) in self.fields().into_iter().zip(other.fields()) {
            *sum += *number;
        }
    }

    pub(crate) fn print(&self) {
        let mut copy = *self;
        for (name, number) in copy.fields() {
            println!("{number:9}  {name}");
        }
    }
}
