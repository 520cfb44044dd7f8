//! A pool that runs beside its program, which changes it meanwhile.

use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant;

use control::{ClientError, EventStream, service};
use lifecycle::{Request, RosterEvent, roll};
use policy::RollPolicy;

use super::change::Change;
use super::goals::{Goal, Pending};
use super::refused::RequestError;
use super::requests::Count;
use super::{Loop, Shared, io_error, prepare};
use crate::desk::Named;
use crate::error::WorkersError;
use crate::happening::PATIENCE;
use crate::report::WorkersReport;
use crate::spec::{Listed, WorkerStartInfo, WorkersOptions};

/// Deep enough for a logger, and what carries out a start.
const STACK: usize = 1 << 20;

/// Workers that are kept by a thread of their own, and can be changed while they run: there may be more or fewer of a
/// set, workers come and go, each can be stopped, started and restarted.
///
/// Clones are the same pool. Requests come from any thread, and from several at once: each is answered as soon as it is
/// in force, and does not wait for what it leads to; for that there is [`Pending::wait`]. A worker that hangs holds up
/// nobody's request. Dropping the last handle changes nothing: the pool goes on until all its workers are over, or this
/// process, or the [pool](Pool::quit), is asked to quit. A program that ends without [waiting](Pool::wait) for that lets
/// its workers go: they quit, as when it is killed.
///
/// ```no_run
/// use std::time::Duration;
/// use workers::{Pool, WorkerSet, WorkerStartInfo, WorkersOptions};
/// # fn web(_port: u16) {}
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let web = WorkerSet::new(4, WorkerStartInfo::new("web", ".data/{name}.pid", web, 8000));
/// let pool = Pool::start([web], WorkersOptions::default())?;
/// pool.scale("web", 8)?.wait(Duration::from_secs(10))?; // Four more, and all are ready.
/// pool.restart("web-2")?; // In force; nobody waits for it.
/// pool.wait()?.into_result()?; // Until this process is asked to quit.
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    gate: bool,
}

/// What a pool keeps.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Its workers, in the order of the list; those that came later at its end.
    pub workers: Vec<service::Process>,
    /// Its sets, in the order of the list.
    pub sets: Vec<service::Set>,
}

impl Pool {
    /// Starts the workers of a list, and a thread that keeps them.
    ///
    /// # Errors
    ///
    /// Those of [`start_workers`](crate::start_workers) before anything is started, or the system refuses a thread.
    pub fn start(
        list: impl IntoIterator<Item = impl Into<Listed>>,
        options: WorkersOptions,
    ) -> Result<Pool, WorkersError> {
        let list = list.into_iter().map(Into::into).collect();
        let (pool, shared, gate) = prepare(list, options, true)?;
        let for_thread = Arc::clone(&shared);
        helper_thread::spawn("pool", STACK, move || pool.run_for(for_thread))
            .map_err(io_error("start the pool's thread"))?;
        Ok(Pool { shared, gate })
    }

    /// Has a set have so many workers: from none to 100,000. Those that are missing are started, those that are too many
    /// are stopped, the highest number first, each within its grace; nobody else is touched. One that is on its way out
    /// when there are to be more again comes back under its own number.
    ///
    /// # Errors
    ///
    /// There is no such set, there cannot be so many, or the pool ends. Nothing has changed then.
    pub fn scale(&self, set: &str, count: u32) -> Result<Pending, RequestError> {
        Ok(self.pending(self.shared.scale(set, Count::To(count))?))
    }

    /// Has a set have so many more, or fewer, than it was to have. Of several threads that do so each counts.
    ///
    /// # Errors
    ///
    /// As [`scale`](Pool::scale).
    pub fn scale_by(&self, set: &str, by: i32) -> Result<Pending, RequestError> {
        Ok(self.pending(self.shared.scale(set, Count::By(by))?))
    }

    /// Begins to replace the workers of a set one after another, as the set's [own policy](crate::WorkerSet::roll) says,
    /// while enough of them stay: see [`max_unavailable`](crate::WorkerSet::max_unavailable). Those that are not ready
    /// come first, then the highest number. A new one that is bad ends it: the others go on as they are.
    ///
    /// # Errors
    ///
    /// There is no such set, it is being rolled, workers are restarted [together](WorkersOptions::strategy), or the pool
    /// ends.
    pub fn roll(&self, set: &str) -> Result<Pending, RequestError> {
        self.roll_as(set, |policy| policy)
    }

    /// The same with another policy, made of the set's own.
    ///
    /// # Errors
    ///
    /// Those of [`roll`](Pool::roll), or the policy is wrong.
    pub fn roll_as(
        &self,
        set: &str,
        amend: impl FnOnce(RollPolicy) -> RollPolicy + Send + 'static,
    ) -> Result<Pending, RequestError> {
        Ok(self.pending(self.shared.roll(set, Box::new(amend))?))
    }

    /// Ends a roll: those that are being replaced are brought to their end, and no other is begun. Says how far it has
    /// come.
    ///
    /// # Errors
    ///
    /// There is no such set, or it is not being rolled.
    pub fn cancel_roll(&self, set: &str) -> Result<roll::Progress, RequestError> {
        let set = set.to_owned();
        self.shared.call(move |pool| pool.cancel_roll(&set))?
    }

    /// What a newer list would change, compared with the one in force: nothing is changed yet. Two workers or sets are the
    /// same that have the same name. One whose call, environment, surroundings or capture are others is started anew: a
    /// worker at once, those of a set in a [roll](Pool::roll), in which a bad new one [becomes again](policy::OnBad) what it
    /// was. What is only policy holds from here on, and touches no process. Arguments are compared as values: maps have no
    /// order. A number that somebody has [set](Pool::scale) meanwhile stays, unless the list has another than the list
    /// before had.
    ///
    /// # Errors
    ///
    /// Something is wrong with the list, or cannot be changed while it runs: the order of those that stay, and pid files.
    pub fn plan(
        &self,
        list: impl IntoIterator<Item = impl Into<Listed>>,
    ) -> Result<Change, RequestError> {
        self.shared.plan(list.into_iter().map(Into::into).collect())
    }

    /// Has what was [planned](Pool::plan) come into force, as a whole or not at all. A roll that goes on ends for it.
    ///
    /// # Errors
    ///
    /// [`RequestError::Stale`]: the list is another since. A new worker cannot be made, or the pool ends.
    pub fn apply(&self, change: Change) -> Result<Pending, RequestError> {
        Ok(self.pending(self.shared.apply(change)?))
    }

    /// Reads the list anew by [`on_reload`](WorkersOptions::on_reload), and has it take the place of the one in force.
    /// Workers that stay as they are, and [listen](surroundings::reload_requested), are told to read anew what they work
    /// by; without such an option that is all.
    ///
    /// # Errors
    ///
    /// The list cannot be read, is wrong, or cannot come into force: all stays as it is. [`RequestError::NotReloadable`]:
    /// there is neither such an option nor anybody who listens.
    pub fn reload(&self) -> Result<Pending, RequestError> {
        Ok(self.pending(self.shared.reload(false)?.goal))
    }

    /// Puts a worker at the end of the list, and starts it. Those that it comes after are waited for.
    ///
    /// # Errors
    ///
    /// Something is wrong with it, its name or a file of its is somebody else's, one that it comes after is not on the
    /// list, or the pool ends.
    pub fn add(&self, worker: WorkerStartInfo) -> Result<Pending, RequestError> {
        Ok(self.pending(self.shared.add(worker)?))
    }

    /// Stops a worker and takes it off the list. Its name may be used again as soon as it is gone.
    ///
    /// # Errors
    ///
    /// There is none of this name, it is of a set, others come after it, or the pool ends.
    pub fn remove(&self, name: &str) -> Result<Pending, RequestError> {
        let name = name.to_owned();
        Ok(self.pending(self.shared.call(move |pool| pool.remove(&name))??))
    }

    /// Starts a worker that has no process: it was stopped, waits for its next run, or is over.
    ///
    /// # Errors
    ///
    /// There is none of this name, it leaves, or the pool ends.
    pub fn start_worker(&self, name: &str) -> Result<Pending, RequestError> {
        self.ask(name, Request::Start)
    }

    /// Stops a worker, which nothing but a request starts again.
    ///
    /// # Errors
    ///
    /// As [`start_worker`](Pool::start_worker).
    pub fn stop_worker(&self, name: &str) -> Result<Pending, RequestError> {
        self.ask(name, Request::Stop)
    }

    /// Stops a worker and starts it again, which is no failure and has no delay.
    ///
    /// # Errors
    ///
    /// As [`start_worker`](Pool::start_worker).
    pub fn restart(&self, name: &str) -> Result<Pending, RequestError> {
        self.ask(name, Request::Restart)
    }

    /// Sends a signal to a worker's process, by its number.
    ///
    /// # Errors
    ///
    /// There is no worker of this name, it has no process, or the system refuses.
    pub fn signal(&self, name: &str, signal: i32) -> Result<(), RequestError> {
        let name = name.to_owned();
        self.shared.call(move |pool| pool.send(pool.find(&name)?, signal))?
    }

    /// How it stands with everybody. Reading changes nothing.
    ///
    /// # Errors
    ///
    /// The pool has ended.
    pub fn status(&self) -> Result<PoolStatus, RequestError> {
        self.shared.call(|pool| pool.status(Instant::now()))
    }

    /// What happens to the workers from now on, and at most the last so many of what has: see
    /// [`worker_events`](crate::worker_events), which are those of the eldest pool of a process.
    ///
    /// # Errors
    ///
    /// The pool has ended, or the system refuses a descriptor.
    pub fn events(&self, last: u64) -> Result<EventStream, ClientError> {
        let refused = |source: io::Error| ClientError::Io { step: "connect to the pool", source };
        let (ours, theirs) = UnixStream::pair().map_err(refused)?;
        let adopted = self.shared.call(move |pool| pool.adopt(theirs.into()));
        adopted.map_err(|over| refused(io::Error::other(over)))?.map_err(refused)?;
        service::Client::new(ours.into(), Instant::now() + PATIENCE)?.events(last)
    }

    /// Asks all workers to quit, as when this process is asked to. Nothing happens if they were.
    pub fn quit(&self) {
        let _ = self.shared.call(|pool| pool.on(RosterEvent::Quit { by: None }));
    }

    /// Waits until all workers are over: a set of which there are none is not, nor is a list of which all were removed.
    ///
    /// # Errors
    ///
    /// The system has refused something that nothing works without: then the workers are let go, and quit. With
    /// [`ready_when_all`](WorkersOptions::ready_when_all) also who was never ready.
    pub fn wait(&self) -> Result<WorkersReport, WorkersError> {
        let report = self.shared.wait().map_err(io_error("wait for the workers"))?;
        if self.gate {
            report.all_were_ready()?;
        }
        Ok(report)
    }

    fn ask(&self, name: &str, request: Request) -> Result<Pending, RequestError> {
        let name = name.to_owned();
        let goal = self.shared.call(move |pool| pool.request(pool.find(&name)?, request))??;
        Ok(self.pending(goal))
    }

    fn pending(&self, goal: Goal) -> Pending {
        Pending { shared: Arc::clone(&self.shared), goal }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// Whoever waits is told, too, if the thread panics.
pub(super) struct Ending(pub(super) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end(Err(io::Error::other("the pool's thread has panicked")));
        }
    }
}

impl Loop {
    pub(super) fn status(&self, now: Instant) -> PoolStatus {
        let named = Named { workers: &self.workers, roster: &self.roster };
        PoolStatus { workers: named.all(now), sets: self.sets() }
    }
}
