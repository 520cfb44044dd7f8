//! How other threads reach the loop that keeps the workers: by letters, each of which is a piece of work for it; and
//! what they do themselves, since the loop waits for no disk.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::iter::zip;
use std::mem::take;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use capture::{Recorder, Recording};
use proc_spawn::{Spawn, Spawner};
use waiter::Event;

use super::requests::{Needs, Wants};
use super::worker::spawn_of;
use super::{Loop, RequestError, Worker};
use crate::error::WorkersError;
use crate::limit::OpenFiles;
use crate::report::WorkersReport;
use crate::spec::{Planner, WorkerPlan, WorkersOptions};

type Letter = Box<dyn FnOnce(&mut Loop) + Send>;

/// So many letters are read in a turn of the loop: then workers have theirs.
const MOST: usize = 64;

pub(crate) struct Shared {
    mail: Mutex<Mail>,
    /// There are letters.
    event: Event,
    /// What makes workers. Whoever holds it is the only one who changes the list: it may look at a disk meanwhile, so
    /// the loop never waits for it.
    makes: Mutex<Makes>,
    ended: Condvar,
    /// Whoever holds it reads a newer list.
    pub(super) reloading: Mutex<()>,
    /// How many reloads were asked for by a signal, and not begun.
    pub(super) reloads: AtomicUsize,
}

#[derive(Default)]
struct Mail {
    letters: VecDeque<Letter>,
    is_closed: bool,
    outcome: Option<io::Result<WorkersReport>>,
}

impl Shared {
    pub(super) fn new(makes: Makes) -> io::Result<Shared> {
        Ok(Shared {
            mail: Mutex::default(),
            event: Event::new()?,
            makes: Mutex::new(makes),
            ended: Condvar::new(),
            reloading: Mutex::default(),
            reloads: AtomicUsize::new(0),
        })
    }

    /// Readable when there are letters.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Has the loop do this, and gives what it answers. Each thread has one letter at a time.
    ///
    /// # Errors
    ///
    /// [`RequestError::Over`]: the loop has ended, or ends before it has read the letter.
    pub(super) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Loop) -> T + Send + 'static,
    ) -> Result<T, RequestError> {
        let (answer, answered) = sync_channel(1);
        let letter = Box::new(move |pool: &mut Loop| {
            let _ = answer.send(work(pool));
        });
        {
            let mut mail = self.mail();
            if mail.is_closed {
                return Err(RequestError::Over);
            }
            mail.letters.push_back(letter);
        }
        self.event.set();
        answered.recv().map_err(|_| RequestError::Over)
    }

    /// Has the loop do this some time, and does not wait for it.
    pub(super) fn post(&self, work: impl FnOnce(&mut Loop) + Send + 'static) {
        let mut mail = self.mail();
        if !mail.is_closed {
            mail.letters.push_back(Box::new(work));
            self.event.set();
        }
    }

    /// What makes workers, for as long as the list is changed.
    pub(super) fn makes(&self) -> MutexGuard<'_, Makes> {
        self.makes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The letters of a turn.
    pub(super) fn letters(&self) -> Vec<Letter> {
        let mut mail = self.mail();
        self.event.clear();
        let many = mail.letters.len().min(MOST);
        let letters = mail.letters.drain(..many).collect();
        if !mail.letters.is_empty() {
            self.event.set();
        }
        letters
    }

    /// Takes note of how the loop has ended.
    pub(super) fn end(&self, outcome: io::Result<WorkersReport>) {
        self.mail().outcome = Some(outcome);
        self.ended.notify_all();
    }

    /// Waits for that. The report is there for everybody, an error in full for the first who asks.
    pub(super) fn wait(&self) -> io::Result<WorkersReport> {
        let mail = self.mail();
        let still = |mail: &mut Mail| mail.outcome.is_none();
        let waited = self.ended.wait_while(mail, still);
        let mut mail = waited.unwrap_or_else(PoisonError::into_inner);
        match &mail.outcome {
            Some(Ok(report)) => Ok(report.clone()),
            Some(Err(error)) => {
                let for_the_next = io::Error::new(error.kind(), error.to_string());
                mail.outcome.replace(Err(for_the_next)).unwrap_or(Err(io::ErrorKind::Other.into()))
            }
            None => Err(io::ErrorKind::Other.into()),
        }
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the mail when the loop ends, also by a panic: whoever waits for an answer learns that there is none.
pub(super) struct Closing(pub(super) Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        let mut mail = self.0.mail();
        mail.is_closed = true;
        // A letter that is dropped answers; that must not wait for the lock.
        let letters = take(&mut mail.letters);
        drop(mail);
        drop(letters);
        // Whoever makes a worker now gives it back with what he has made.
        if let Ok(mut makes) = self.0.makes.try_lock() {
            makes.open_files.release();
        }
    }
}

/// All that it takes to make a worker.
pub(super) struct Makes {
    pub(super) planner: Planner,
    /// What the list was started with.
    pub(super) options: WorkersOptions,
    pub(super) open_files: OpenFiles,
    /// Whether there may be more workers later.
    pub(super) may_grow: bool,
    pub(super) spawner: Option<Arc<Spawner>>,
    pub(super) recorder: Option<Arc<Recorder>>,
}

impl Makes {
    /// Makes sure that so many more can be had.
    pub(super) fn make_room(
        &mut self,
        needs: Needs,
        more: usize,
        captured: bool,
        watched: bool,
    ) -> Result<(), WorkersError> {
        let of_them = |has: bool| if has { more } else { 0 };
        let (captured, watched) =
            (needs.captured + of_them(captured), needs.watched + of_them(watched));
        self.open_files.grow(needs.workers + more, captured, watched)
    }

    /// Makes workers of a set, by number.
    pub(super) fn make(
        &mut self,
        wants: Wants,
    ) -> Result<BTreeMap<u32, Box<Worker>>, WorkersError> {
        let Wants { set, policy, numbers, count, needs } = wants;
        let is_captured = self.planner.is_captured(set);
        self.make_room(needs, numbers.len(), is_captured, policy.watchdog.is_some())?;
        let plans = self.planner.of_set(set, &policy, &numbers, count)?;
        zip(numbers, plans).map(|(number, plan)| Ok((number, self.worker(plan)?))).collect()
    }

    pub(super) fn worker(&mut self, mut plan: WorkerPlan) -> Result<Box<Worker>, WorkersError> {
        self.complete(&mut plan)?;
        Worker::new(plan, self.spawner.as_ref(), self.recorder.as_ref())
    }

    /// What the next runs of a worker are that there is: by what they are started, and how their output is kept where that
    /// is to be other.
    pub(super) fn next_of(
        &mut self,
        mut plan: WorkerPlan,
        other_capture: bool,
    ) -> Result<(Spawn, Option<Option<Recording>>), WorkersError> {
        self.complete(&mut plan)?;
        let recording = match &plan.capture {
            _ if !other_capture => None,
            Some(capture) => {
                let recorder = self.recorder.as_ref();
                let recording = recorder.map(|recorder| recorder.record(capture, &plan.name));
                let failed = |source| WorkersError::Capture { worker: plan.name.clone(), source };
                Some(recording.transpose().map_err(failed)?)
            }
            None => Some(None),
        };
        Ok((spawn_of(plan.spawn, &plan.setup, self.spawner.as_ref())?, recording))
    }

    fn complete(&mut self, plan: &mut WorkerPlan) -> Result<(), WorkersError> {
        if plan.capture.is_some() && self.recorder.is_none() {
            let recorder = Recorder::start().map_err(super::io_error("capture output"))?;
            self.recorder = Some(Arc::new(recorder));
        }
        plan.setup.open_files = match self.may_grow {
            true => self.open_files.before_or_now(),
            false => self.open_files.before(),
        };
        Ok(())
    }
}
