//! How much memory workers have of whom that is limited: looked at from time to time, in a thread that is there for one
//! look. What /proc knows of a process that hangs in the kernel may hold up who asks for it, without end; so the loop does
//! not ask, and there is one thread at most that does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lifecycle::{Id, Roster, RosterEvent, SetId};
use waiter::readable;

use super::Loop;
use super::shared::Shared;

/// Deep enough for what reads some files.
const STACK: usize = 128 << 10;

/// One process that takes longer than this is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// A look at one process that takes longer than this has cost it and the machine something: then there is a rest.
const CHEAP: Duration = Duration::from_millis(1);

/// When somebody looks, and what is known of that.
#[derive(Default)]
pub(super) struct Looks {
    /// When each set is looked at next whose memory is limited.
    next: BTreeMap<SetId, Instant>,
    under_way: Option<UnderWay>,
    /// Of which runs it was told that their memory is unknown.
    unknown: BTreeMap<Id, u64>,
}

struct UnderWay {
    /// Whom the thread looks at; 0: nobody yet.
    at: Arc<AtomicU32>,
    /// Whom it looked at when that was seen last.
    was_at: u32,
    /// When that is seen next; `None`: it was told that it hangs.
    check_at: Option<Instant>,
}

/// Whom the thread looks at.
#[derive(Clone, Copy)]
struct Target {
    id: Id,
    run: u64,
    pid: u32,
    /// What is more is told.
    limit: u64,
    /// What is less is told, too.
    had_more: bool,
    tree: bool,
}

impl Looks {
    /// When something is to be done; `None`: no set has a limit, or somebody looks and is waited for.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.under_way {
            Some(under_way) => under_way.check_at,
            None => self.next.values().min().copied(),
        }
    }

    /// Sees to it that each set has its time whose memory is limited now, and no other.
    fn plan(&mut self, roster: &Roster, now: Instant) {
        if roster.looks().next().is_none() {
            self.next.clear();
        }
        for (set, every) in roster.looks() {
            // Later than the clock can tell is never.
            let Some(at) = now.checked_add(every) else { continue };
            let next = self.next.entry(set).or_insert(at);
            *next = at.min(*next);
        }
    }

    /// The sets whose time has come.
    fn take_due(&mut self, roster: &Roster, now: Instant) -> Vec<SetId> {
        let due = self.next.extract_if(.., |_, at| *at <= now).map(|(set, _)| set);
        // Its limit may have been taken away.
        let is_limited = |set: &SetId| roster.looks().any(|(limited, _)| limited == *set);
        due.filter(is_limited).collect()
    }

    /// Whom the thread has been looking at for too long; told once.
    fn hangs(&mut self, now: Instant) -> Option<u32> {
        let under_way = self.under_way.as_mut()?;
        let at = under_way.at.load(Ordering::Relaxed);
        let hangs = at == under_way.was_at;
        under_way.was_at = at;
        under_way.check_at = now.checked_add(PATIENCE).filter(|_| !hangs);
        hangs.then_some(at)
    }
}

impl Loop {
    /// Has somebody look at those whose time has come.
    pub(super) fn look_at_memory(&mut self) {
        let now = Instant::now();
        self.looks.plan(&self.roster, now);
        if self.quit_told || self.looks.due().is_none_or(|due| now < due) {
            return;
        }
        if self.looks.under_way.is_some() {
            if let Some(pid) = self.looks.hangs(now) {
                log::warn!(
                    "looking at the memory of process {pid} takes long: until that is over nobody's is looked at"
                );
            }
            return;
        }
        let due = self.looks.take_due(&self.roster, now);
        self.looks.plan(&self.roster, now);
        let looks = due.into_iter().flat_map(|set| self.roster.to_look_at(set));
        let targets = looks.filter_map(|look| {
            let pid = self.workers.get(&look.id)?.slot.child()?.id();
            let (id, run, limit) = (look.id, look.run, look.limit);
            Some(Target { id, run, pid, limit, had_more: look.had_more, tree: look.tree })
        });
        let targets: Vec<Target> = targets.collect();
        let is_there = |id: &Id, _: &mut u64| self.workers.contains_key(id);
        self.looks.unknown.retain(is_there);
        if targets.is_empty() {
            return;
        }
        let at = Arc::new(AtomicU32::new(0));
        let under_way =
            UnderWay { at: Arc::clone(&at), was_at: 0, check_at: now.checked_add(PATIENCE) };
        let over = Over(Arc::clone(&self.shared));
        match helper_thread::spawn("pool-memory", STACK, move || look(&targets, &at, &over)) {
            Ok(_) => self.looks.under_way = Some(under_way),
            // They are looked at the next time.
            Err(error) => log::warn!("nobody looks at the memory of workers now: {error}"),
        }
    }

    /// A worker was looked at.
    fn seen_memory(&mut self, id: Id, run: u64, found: Result<u64, String>) {
        let machine = self.roster.machine(id);
        if !machine.is_some_and(|machine| machine.is_ready() && machine.runs() == run) {
            return;
        }
        let Some(worker) = self.workers.get(&id) else { return };
        // If it lives now it has lived when it was looked at, and its number was its own.
        let Some(child) = worker.slot.child() else { return };
        if readable(&[child.pidfd()], Some(Instant::now())).unwrap_or(true) {
            return;
        }
        match found {
            Ok(bytes) => self.on(RosterEvent::Memory { id, run, bytes }),
            Err(error) => {
                if self.looks.unknown.insert(id, run) != Some(run) {
                    let text = format!("nobody can tell how much memory it has: {error}");
                    log::warn!("worker {}: {text}", worker.record.name());
                    worker.record.memory(&text, &mut self.desk.events);
                }
            }
        }
    }

    /// A worker is stopped since it has far too much memory.
    pub(super) fn too_much_memory(&mut self, id: Id, used: &str) {
        let Some(worker) = self.workers.get(&id) else { return };
        let text = format!("has {used}, and is stopped at once");
        log::warn!("worker {} {text}", worker.record.name());
        worker.record.memory(&text, &mut self.desk.events);
    }
}

/// Looks at one after another, and tells of those that have too much, or of whom nobody knows.
fn look(targets: &[Target], at: &AtomicU32, over: &Over) {
    for &Target { id, run, pid, limit, had_more, tree } in targets {
        at.store(pid, Ordering::Relaxed);
        let began = Instant::now();
        let found = record::memory(pid, tree, limit).map_err(|error| error.to_string());
        let is_news = |found: &Result<u64, String>| {
            found.as_ref().map_or(true, |bytes| limit < *bytes || had_more)
        };
        if let Some(found) = found.transpose().filter(is_news) {
            over.0.post(move |pool| pool.seen_memory(id, run, found));
        }
        let took = began.elapsed();
        if quit::quit_requested() || CHEAP < took && quit::sleep(took).was_cut_short() {
            return;
        }
    }
}

/// Told when the look is over, whatever becomes of the thread.
struct Over(Arc<Shared>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.post(|pool| pool.looks.under_way = None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two that are slow are none that hangs, and who hangs is told once.
    #[test]
    fn a_look_that_stands_still_is_told_once() {
        let now = Instant::now(); // An origin only.
        let at = Arc::new(AtomicU32::new(0));
        let under_way = UnderWay { at: Arc::clone(&at), was_at: 0, check_at: Some(now) };
        let mut looks = Looks { under_way: Some(under_way), ..Looks::default() };
        for pid in [7, 8] {
            at.store(pid, Ordering::Relaxed);
            assert_eq!(looks.hangs(now), None);
            assert_eq!(looks.due(), Some(now + PATIENCE));
        }
        assert_eq!(looks.hangs(now), Some(8));
        assert_eq!(looks.due(), None);
    }
}
