//! What a child leaves behind: found, ended and reaped before anything is started again.
//!
//! The guardian is a subreaper (prctl(2), `PR_SET_CHILD_SUBREAPER`): whatever loses its parent
//! below it becomes its child, in whatever session or group. A direct child that nobody else reaps
//! cannot lose its number, so signalling by number is safe here, and only here.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process, setrlimit,
    waitid,
};

use crate::signal_bytes::SignalBytes;
use crate::sys::{Children, adopt_orphans};
use policy::duration::rounded;
use slot::tree::{self, Herd, MOST, Seen, readable_proc};

/// The children of this process that are not the one it keeps alive.
pub(crate) struct Descendants {
    /// Readable when some child has ended.
    ended: SignalBytes,
    children: Children,
    /// Children that this process had before: not ours to touch.
    foreign: Foreign,
}

/// Processes by number, each with what tells it from another that gets the same number later.
struct Foreign(BTreeMap<u32, Option<Seen>>);

impl Foreign {
    fn of(pids: &[u32]) -> Foreign {
        let seen = |pid| tree::seen(pid).unwrap_or_default();
        Foreign(pids.iter().map(|pid| (*pid, seen(*pid))).collect())
    }

    /// A process that cannot be looked at is taken for the foreign one: it is better left alone.
    fn has(&self, pid: u32) -> bool {
        let seen = || tree::seen(pid).unwrap_or_default();
        let same = |was: Seen| seen().is_none_or(|now| now == was);
        self.0.get(&pid).is_some_and(|was| was.is_none_or(same))
    }
}

/// The end of one incarnation: what it left behind is told to go, and then made to.
pub(crate) struct Sweep {
    /// When to look again without being woken: nobody could tell who is left, or what is left was killed.
    look_at: Option<Instant>,
    /// At the last look what is left had no time any more.
    kills: bool,
    told: BTreeSet<u32>,
    herd: Herd,
    /// Until the next look.
    pause: Duration,
    /// The log has been told which processes do not go though they were killed.
    named: bool,
}

/// Raises the limit of descriptors to its hard limit, as long as the value lives: for each turn of a
/// sweep that kills. To look at a process takes descriptors. Processes that multiply can be ended only if
/// all are looked at; a guardian that can kill no more than its own children sees them replaced. Nor
/// would it know without a look that a child is dead that its tracer holds.
struct AllDescriptors(Option<(Rlimit, Rlimit)>);

impl AllDescriptors {
    fn take() -> AllDescriptors {
        let before = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: before.maximum, ..before };
        let is_raised =
            before.current != before.maximum && setrlimit(Resource::Nofile, raised).is_ok();
        AllDescriptors(is_raised.then_some((before, raised)))
    }
}

impl Drop for AllDescriptors {
    fn drop(&mut self) {
        // What somebody else has set meanwhile (prlimit(1)) stays.
        if let Some((before, raised)) = self.0.take()
            && getrlimit(Resource::Nofile) == raised
        {
            let _ = setrlimit(Resource::Nofile, before);
        }
    }
}

/// Between two looks where nothing wakes us: this at first, then twice as long each time, up to the last.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LAST_LOOK: Duration = Duration::from_secs(1);

impl Drop for Sweep {
    /// Kills the processes that it has stopped, which takes a descriptor for each in turn.
    fn drop(&mut self) {
        if !self.herd.is_empty() {
            let _all = AllDescriptors::take();
            self.herd = Herd::default();
        }
    }
}

impl Default for Sweep {
    fn default() -> Sweep {
        Sweep {
            look_at: None,
            kills: false,
            told: BTreeSet::new(),
            herd: Herd::default(),
            pause: FIRST_LOOK,
            named: false,
        }
    }
}

impl Sweep {
    /// When to sweep again, also if no child's end wakes us.
    pub(crate) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Whether what is left has been given all of its time.
    pub(crate) fn has_killed(&self) -> bool {
        self.kills
    }

    /// Says once which processes are there a second after they were killed: as long as they are, no run
    /// begins and no stop ends.
    fn name(&mut self, left: &[u32], refused: Option<io::Error>) {
        // They may have gone since the last look.
        let is_due = !left.is_empty() && LAST_LOOK <= self.pause;
        if !is_due || std::mem::replace(&mut self.named, true) {
            return;
        }
        let why = match refused {
            Some(error) => {
                format!("others may come in their place, who cannot be looked at: {error}")
            }
            None => "perhaps in uninterruptible sleep or frozen by a control group".to_owned(),
        };
        log::error!(
            "cannot go on: what the executor has left was killed, and is still there, {why}: {}",
            named(left)
        );
    }

    fn look_later(&mut self, now: Instant) {
        self.look_at = now.checked_add(self.pause);
        self.pause = (self.pause * 2).min(LAST_LOOK);
    }
}

impl Descendants {
    /// Makes this process the one to which orphans below it come.
    pub(crate) fn adopt() -> io::Result<Descendants> {
        let ended = SignalBytes::of(&[signal_hook::consts::SIGCHLD])?;
        adopt_orphans()?;
        let children = Children::of_this_process();
        let foreign = Foreign::of(&children.list().unwrap_or_default());
        Ok(Descendants { ended, children, foreign })
    }

    /// Readable when some child has ended. To be cleared before looking.
    pub(crate) fn ended(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Cleared first, then looked at: what ends in between wakes us again.
    pub(crate) fn clear(&self) {
        // If thousands have come, not all are taken here: the rest wakes us once more.
        self.ended.take();
    }

    /// Reaps what has ended, and gives back what has not; `None` if that cannot be known now.
    pub(crate) fn reap(&self, except: Option<u32>) -> Option<Vec<u32>> {
        // The list may leave out a child while another one is ending (proc_pid_children(5)). An
        // empty one is believed only if the system says so too.
        const TRIES: usize = 3;
        for _ in 0..TRIES {
            let mut alive = self.children.list()?;
            alive.retain(|pid| Some(*pid) != except && !self.foreign.has(*pid) && !reaped(*pid));
            let others = except.is_some() || !self.foreign.0.is_empty();
            if !alive.is_empty() || others || no_children() {
                return Some(alive);
            }
        }
        None
    }

    /// Moves a sweep on, of which what is left is killed from `kill_at` on. True when nothing is left but, perhaps,
    /// `except` and what is below it.
    pub(crate) fn sweep(
        &self,
        sweep: &mut Sweep,
        except: Option<u32>,
        kill_at: Option<Instant>,
        now: Instant,
    ) -> bool {
        sweep.look_at = None;
        sweep.kills = kill_at.is_some_and(|at| at <= now);
        let _all = sweep.kills.then(AllDescriptors::take);
        let Some(left) = living(|| self.reap(except), tree::is_zombie) else {
            sweep.look_later(now);
            return false;
        };
        if left.is_empty() {
            return true;
        }
        if sweep.kills {
            // Those below our children are killed, too: one that goes on starting others would otherwise
            // do so faster than we kill.
            let mut refused = None;
            sweep.herd.end(|| {
                let unknown = || io::Error::other("nobody tells who they are");
                let below = self.reap(except).ok_or_else(unknown).and_then(|roots| {
                    tree::below(&roots, MOST, |process| Ok(!self.foreign.has(process.pid)))
                });
                below.map_err(|error| {
                    let kind = error.kind();
                    refused = Some(error);
                    kind.into()
                })
            });
            // Our own children are killed by number as well, for where /proc shows nothing but them. They
            // are listed anew, since some were reaped above, and their numbers may be others' by now.
            let left = self.reap(except).unwrap_or_default();
            for pid in &left {
                // Once the log has named them, failures are not logged at each look.
                signal(*pid, Signal::KILL, !sweep.named);
            }
            sweep.name(&left, refused);
            // Nothing wakes us when a process becomes our child because its parent was killed: so look
            // again.
            sweep.look_later(now);
            return false;
        }
        if sweep.told.is_empty() {
            let within = kill_at.map(|at| at.saturating_duration_since(now));
            log::info!(
                "the executor has left {}, asked to go{}",
                named(&left),
                within.map_or(String::new(), |left| format!(", and killed in {:?}", rounded(left)))
            );
        }
        for pid in &left {
            if sweep.told.insert(*pid) {
                signal(*pid, Signal::TERM, true);
                // A process that is stopped would not see SIGTERM.
                signal(*pid, Signal::CONT, true);
            }
        }
        // Those that are gone are forgotten: a new process may get such a number, and is to be told, too.
        sweep.told.retain(|pid| left.contains(pid));
        false
    }
}

/// Some processes by their numbers, for people.
fn named(pids: &[u32]) -> String {
    const NAMED: usize = 16;
    let numbers: Vec<_> = pids.iter().take(NAMED).map(u32::to_string).collect();
    let more = match pids.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let word = if pids.len() == 1 { "process" } else { "processes" };
    format!("{word} {}{more}", numbers.join(", "))
}

/// Those of our children that live. One that is dead and held by a tracer (ptrace(2)) is not among them;
/// it is reaped when the tracer lets go of it. `None`: it cannot be known now who lives.
///
/// A child that dies after it was listed leaves us its own children, which are in the next list at the
/// earliest. So nobody is left only if all that are listed were in a list before, and dead.
fn living(
    mut list: impl FnMut() -> Option<Vec<u32>>,
    is_dead: impl Fn(u32) -> bool,
) -> Option<Vec<u32>> {
    /// So many lists are read in one look. Each of them has somebody newly dead; a process that goes on
    /// making such children must not keep us here.
    const MOST: usize = 8;
    let mut dead = BTreeSet::new();
    for _ in 0..MOST {
        let listed = list()?;
        let living: Vec<u32> = listed.iter().copied().filter(|pid| !is_dead(*pid)).collect();
        if !living.is_empty() || listed.iter().all(|pid| dead.contains(pid)) {
            return Some(living);
        }
        dead.extend(listed);
    }
    None
}

fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn reaped(pid: u32) -> bool {
    let Some(pid) = pid_of(pid) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::Pid(pid), options) {
        Ok(status) => status.is_some(),
        // Somebody else has reaped it.
        Err(error) => error == Errno::CHILD,
    }
}

/// Whether this process has no child at all, dead or alive.
fn no_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // Without /proc nothing can be listed, and there is nothing to look at again.
    matches!(waitid(WaitId::All, options), Err(Errno::CHILD))
        || readable_proc().is_ok_and(|readable| !readable)
}

fn signal(pid: u32, signal: Signal, tells: bool) {
    if let Some(pid) = pid_of(pid)
        && let Err(error) = kill_process(pid, signal)
        && tells
    {
        log::error!("cannot signal process {}: {}", pid.as_raw_nonzero(), io::Error::from(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left when these lists are read one after another, and these are dead.
    fn left(lists: &[Option<&[u32]>], dead: &[u32]) -> Option<Vec<u32>> {
        let mut lists = lists.iter();
        let list = || lists.next().expect("nobody reads more").map(<[u32]>::to_vec);
        living(list, |pid| dead.contains(&pid))
    }

    /// A process that died then was taken for the last one, and its child outlived the sweep, the
    /// guardian and the stop.
    ///
    /// Case: FLT-F1
    #[test]
    fn what_one_leaves_that_dies_while_it_is_looked_at_is_seen() {
        assert_eq!(left(&[Some(&[7]), Some(&[8])], &[7]), Some(vec![8]));
        assert_eq!(left(&[Some(&[7]), Some(&[7, 8])], &[7]), Some(vec![8]));
        assert_eq!(left(&[Some(&[7]), Some(&[8]), Some(&[9])], &[7, 8]), Some(vec![9]));
        assert_eq!(left(&[Some(&[7]), Some(&[])], &[7]), Some(vec![]));
        assert_eq!(left(&[Some(&[7]), None], &[7]), None);
    }

    #[test]
    fn who_is_dead_and_held_by_a_tracer_is_not_waited_for() {
        assert_eq!(left(&[Some(&[7]), Some(&[7])], &[7]), Some(vec![]));
        assert_eq!(left(&[Some(&[7, 8])], &[7]), Some(vec![8]));
        assert_eq!(left(&[Some(&[])], &[]), Some(vec![]));
        assert_eq!(left(&[None], &[]), None);
    }

    /// Whatever had got such a number was left alone for as long as the daemon ran.
    #[test]
    fn who_has_the_number_of_a_foreign_child_is_none() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("777").spawn().unwrap();
        let other = tree::seen(child.id()).unwrap();
        let _ = child.kill();
        let _ = child.wait();
        let of = |seen| Foreign([(own, seen)].into());
        assert!(other.is_some());
        assert!(Foreign::of(&[own]).has(own));
        assert!(!Foreign::of(&[own]).has(child.id()));
        assert!(!of(other).has(own), "another one");
        assert!(of(None).has(own), "who could not be looked at");
        let gone = u32::MAX;
        assert!(
            Foreign([(gone, tree::seen(own).unwrap())].into()).has(gone),
            "who cannot be any more"
        );
    }

    #[test]
    fn one_look_ends_though_others_go_on_dying() {
        let mut next = 0;
        let list = || {
            next += 1;
            Some(vec![next])
        };
        assert_eq!(living(list, |_| true), None);
    }
}
