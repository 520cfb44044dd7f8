//! Where a pool answers what is asked of its workers: over connections that the guardian hands down.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use control::service::{self, refusal};
use control::{Refusal, Request, Room, Server, Ticket};
use lifecycle::{Id, Phase, Roster};
use policy::{RollPolicy, Share};
use record::{Events, Role};
use serde::Deserialize;
use serde_json::json;
use surroundings::{Callers, Setup};

use crate::pool::{Amend, Worker};

/// So many events are kept for who comes later.
const KEPT_EVENTS: usize = 256;

/// So many events go into one reply.
const MOST_EVENTS: usize = 32;

/// What is to be done because somebody has asked for it.
pub(crate) enum Wanted {
    OfWorker(Id, lifecycle::Request),
    Signal(Id, i32),
    Scale { set: String, count: u32 },
    Roll { set: String, amend: Amend },
    CancelRoll { set: String },
    Reload { only_look: bool },
}

/// What is told beside the workers.
#[derive(Clone)]
pub(crate) struct Lists {
    pub(crate) sets: Vec<service::Set>,
    pub(crate) batches: Vec<service::Batch>,
}

/// A request that the pool answers.
pub(crate) struct Asked {
    pub(crate) to: Ticket,
    pub(crate) wanted: Wanted,
}

/// Who asks, and the last of what has happened.
///
/// Dropping it closes all connections.
pub(crate) struct Desk {
    callers: Callers,
    /// There is one since somebody has asked for the first time.
    server: Option<Server>,
    /// Whether the pool waits for it.
    is_watched: bool,
    pub(crate) events: Events,
    readers: Vec<Reader>,
}

/// Somebody who is told of events.
struct Reader {
    to: Ticket,
    /// The number of the last event that he was told.
    told: u64,
}

impl Desk {
    pub(crate) fn new() -> io::Result<Desk> {
        let callers = Callers::new()?;
        let events = Events::new(KEPT_EVENTS);
        Ok(Desk { callers, server: None, is_watched: false, events, readers: Vec::new() })
    }

    /// Readable when somebody new asks.
    pub(crate) fn callers(&self) -> BorrowedFd<'_> {
        self.callers.descriptor()
    }

    /// Takes those who are new. Who cannot be admitted sees his connection end.
    pub(crate) fn admit(&mut self) -> io::Result<()> {
        for connection in self.callers.take() {
            self.adopt(connection)?;
        }
        Ok(())
    }

    /// Takes one who is new.
    pub(crate) fn adopt(&mut self, connection: OwnedFd) -> io::Result<()> {
        let server = match &mut self.server {
            Some(server) => server,
            None => {
                let name = &proc_spawn::current().name;
                self.server.insert(service::server(name, VERSION)?)
            }
        };
        let _ = server.adopt(connection);
        Ok(())
    }

    /// What is to be watched, and is not yet.
    pub(crate) fn unwatched(&self) -> Option<BorrowedFd<'_>> {
        self.server.as_ref().filter(|_| !self.is_watched).map(Server::descriptor)
    }

    /// It is, from now on.
    pub(crate) fn set_watched(&mut self) {
        self.is_watched = self.server.is_some();
    }

    /// Answers what can be answered at once, and gives back what is to be done.
    pub(crate) fn turn(&mut self, workers: &Named<'_>, lists: &Lists, now: Instant) -> Vec<Asked> {
        let Some(mut server) = self.server.take() else { return Vec::new() };
        let mut asked = Vec::new();
        for request in server.turn(now) {
            match self.answer(&mut server, &request, workers, lists, now) {
                Ok(None) => (),
                Ok(Some(wanted)) => asked.push(Asked { to: request.ticket, wanted }),
                Err(refusal) => server.refuse(&request.ticket, &refusal),
            }
        }
        self.server = Some(server);
        asked
    }

    /// Tells those who want to know what has happened.
    pub(crate) fn tell_readers(&mut self) {
        let (Some(server), events) = (&mut self.server, &self.events) else { return };
        self.readers.retain_mut(|reader| {
            while reader.told < events.last() {
                let new = events.since(reader.told, MOST_EVENTS);
                let last = new.events.last().map_or(events.last(), |event| event.number);
                match server.reply_continues(&reader.to, new) {
                    Room::Taken | Room::TooLong => reader.told = last,
                    Room::Full => break,
                    Room::Gone | Room::NotAsked => return false,
                }
            }
            server.is_open(&reader.to)
        });
    }

    /// Whether nobody waits for this any more: a guardian that has told its client that we do not answer in time.
    pub(crate) fn is_given_up(&self, to: &Ticket) -> bool {
        self.server.as_ref().is_none_or(|server| server.is_given_up(to))
    }

    /// Says that it is done, or why not.
    pub(crate) fn reply(&mut self, to: &Ticket, done: Result<serde_json::Value, Refusal>) {
        let Some(server) = &mut self.server else { return };
        match done {
            Ok(said) => server.reply(to, said),
            Err(refusal) => server.refuse(to, &refusal),
        }
    }

    fn answer(
        &mut self,
        server: &mut Server,
        request: &Request,
        workers: &Named<'_>,
        lists: &Lists,
        now: Instant,
    ) -> Result<Option<Wanted>, Refusal> {
        let Request { ticket, call, .. } = request;
        let find = || {
            let Name { name } = call.read()?;
            workers.find(&name)
        };
        let wanted = match call.method.rsplit('.').next().unwrap_or_default() {
            "Workers" => {
                let AskedFor { names, usage } = call.read()?;
                let workers = workers.tell(names, usage.unwrap_or(false), now)?;
                let Lists { sets, batches } = lists.clone();
                let batches = Some(batches);
                server.reply(ticket, service::Workers { workers, sets, batches });
                return Ok(None);
            }
            "WorkerFiles" => {
                let AskedFor { names, .. } = call.read()?;
                server.reply(ticket, workers.files(names)?);
                return Ok(None);
            }
            "Events" => {
                let Last { last } = call.read()?;
                let told = last.map_or(self.events.last(), |last| self.events.before_last(last));
                self.readers.push(Reader { to: *ticket, told });
                return Ok(None);
            }
            "StartWorker" => Wanted::OfWorker(find()?, lifecycle::Request::Start),
            "StopWorker" => Wanted::OfWorker(find()?, lifecycle::Request::Stop),
            "RestartWorker" => Wanted::OfWorker(find()?, lifecycle::Request::Restart),
            "SignalWorker" => {
                let Signal { signal } = call.read()?;
                Wanted::Signal(find()?, signal)
            }
            "Scale" => {
                let Scale { set, count } = call.read()?;
                Wanted::Scale { set, count }
            }
            "Roll" => {
                let asked: service::RollAsked = call.read()?;
                let set = asked.set.clone();
                Wanted::Roll { set, amend: Box::new(move |policy| amend(&asked, policy)) }
            }
            "Reload" => {
                let Reload { dry_run } = call.read()?;
                Wanted::Reload { only_look: dry_run.unwrap_or(false) }
            }
            "CancelRoll" => {
                let Set { set } = call.read()?;
                Wanted::CancelRoll { set }
            }
            _ => return Err(Refusal::MethodNotImplemented { method: call.method.clone() }),
        };
        Ok(Some(wanted))
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Deserialize)]
struct AskedFor {
    names: Option<Vec<String>>,
    usage: Option<bool>,
}

#[derive(Deserialize)]
struct Last {
    last: Option<u64>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Scale {
    set: String,
    count: u32,
}

#[derive(Deserialize)]
struct Reload {
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
struct Set {
    set: String,
}

fn amend(asked: &service::RollAsked, policy: RollPolicy) -> RollPolicy {
    let span = |us: Option<u64>, own| us.map_or(own, Duration::from_micros);
    RollPolicy {
        surge: asked.surge.map_or(policy.surge, Share::Count),
        pause: span(asked.pause_us, policy.pause),
        settle: span(asked.settle_us, policy.settle),
        tries: asked.tries.unwrap_or(policy.tries),
        stall: span(asked.stall_us, policy.stall),
        on_bad: policy.on_bad,
    }
}

#[derive(Deserialize)]
struct Signal {
    signal: i32,
}

/// How many lines of a stream are told of each of all workers, and how many characters of each.
const LINES_OF_ALL: usize = 3;
const LONGEST_OF_ALL: usize = 200;

/// What is told of each where all are told, since there may be thousands: the last end, and the very last lines.
fn in_short(mut told: service::Process) -> service::Process {
    told.ends.drain(..told.ends.len().saturating_sub(1));
    for lines in [&mut told.stdout, &mut told.stderr] {
        lines.drain(..lines.len().saturating_sub(LINES_OF_ALL));
        lines.iter_mut().for_each(|line| exit::cut(line, LONGEST_OF_ALL));
    }
    told
}

/// The workers of a pool, as they are looked at.
pub(crate) struct Named<'a> {
    pub(crate) workers: &'a BTreeMap<Id, Box<Worker>>,
    pub(crate) roster: &'a Roster,
}

impl Named<'_> {
    fn find(&self, name: &str) -> Result<Id, Refusal> {
        let found = self.workers.iter().find(|(_, worker)| worker.record.name() == name);
        let none = || refusal("NoSuchWorker", json!({ "name": name }));
        found.map(|(id, _)| *id).ok_or_else(none)
    }

    fn tell(
        &self,
        names: Option<Vec<String>>,
        usage: bool,
        now: Instant,
    ) -> Result<Vec<service::Process>, Refusal> {
        let (in_full, due) = (names.is_some(), self.roster.waiting_to_be_recycled());
        let workers = self.wanted(names)?.map(|(id, worker)| {
            let due = due.get(&id).map(ToString::to_string);
            let told = service::Process { due, ..self.process(id, worker, usage, now) };
            if in_full { told } else { in_short(told) }
        });
        Ok(workers.collect())
    }

    /// All of them in full.
    pub(crate) fn all(&self, now: Instant) -> Vec<service::Process> {
        let due = self.roster.waiting_to_be_recycled();
        let workers = self.workers.iter();
        let told = workers.map(|(id, worker)| service::Process {
            due: due.get(id).map(ToString::to_string),
            ..self.process(*id, worker, true, now)
        });
        told.collect()
    }

    fn files(&self, names: Option<Vec<String>>) -> Result<service::Files, Refusal> {
        let files = self.wanted(names)?.flat_map(|(_, worker)| {
            let setup = worker.slot.spawn().read_setup::<Setup>().unwrap_or_default();
            let capture = worker.slot.recording().map(|recording| recording.capture());
            record::files(Role::Worker, worker.record.name(), &setup, capture)
        });
        Ok(service::Files { files: files.collect() })
    }

    /// All, or those of these names, in the order of the list.
    fn wanted(
        &self,
        names: Option<Vec<String>>,
    ) -> Result<impl Iterator<Item = (Id, &Worker)>, Refusal> {
        let mut unseen: Option<HashSet<String>> = names.map(|names| names.into_iter().collect());
        let mut found = Vec::new();
        for (id, worker) in self.workers {
            let name = worker.record.name();
            if unseen.as_mut().is_none_or(|unseen| unseen.remove(name)) {
                found.push((*id, &**worker));
            }
        }
        match unseen.into_iter().flatten().next() {
            Some(name) => Err(refusal("NoSuchWorker", json!({ "name": name }))),
            None => Ok(found.into_iter()),
        }
    }

    fn process(&self, id: Id, worker: &Worker, usage: bool, now: Instant) -> service::Process {
        let waits = worker.record.phase() == Phase::Waiting;
        let machine = self.roster.machine(id).filter(|_| waits);
        let next = machine.and_then(|machine| machine.deadline());
        let next = next.map(|at| at.saturating_duration_since(now).as_micros());
        let next = next.and_then(|us| us.try_into().ok());
        let told = match usage {
            true => worker.record.process_with_usage(next),
            false => worker.record.process(next),
        };
        service::Process { revision: Some(worker.revision), ..told }
    }
}
