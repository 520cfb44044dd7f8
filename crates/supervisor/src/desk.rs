//! Where a guardian answers who asks by the control socket.
//!
//! Connections are data in the guardian's loop: each has at most one message of its own looked at in a turn, and
//! nobody is waited for. What concerns workers is asked of the executor: it gets one end of a new pair of
//! sockets with the call in it, and its answer is passed on. An executor that does not answer holds up that
//! call alone.

mod relay;
mod streams;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Instant;

use control::service::{self, refusal};
use control::{Refusal, Request, Server, SocketFile, Ticket};
use exit::ErrorText;
use lifecycle::{Machine, Phase, Refused};
use record::{Events, Record, Role};
use serde::Deserialize;
use slot::{Report, Slot};
use surroundings::Setup;

use crate::event_file::EventFile;
use crate::last_words::{self, Forgetting, LastWords};
use crate::log_files::log_files;
use crate::options::{ControlPlan, socket_path};
use relay::Relay;
use streams::{EventReader, PhaseReader};

/// So many events are kept for who comes later: some starts with all that belongs to them.
const KEPT_EVENTS: usize = 64;

/// What is to be done because somebody has asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Stop,
    Reopen,
    /// The executor alone, for which this is waiting.
    Restart(Ticket),
}

/// The executor, as it can be looked at now.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) slot: &'a Slot,
}

/// What is known of the daemon, and who asks for it.
///
/// Dropping it closes all connections; [`close`](Desk::close) removes the socket's name, too.
pub(crate) struct Desk {
    /// `None`: nobody can ask.
    server: Option<Server>,
    plan: ControlPlan,
    socket: Option<SocketFile>,
    event_file: Option<EventFile>,
    name: String,
    pid_filename: PathBuf,
    /// What the daemon before this one has left is being removed.
    forgetting: Option<Forgetting>,
    guardian: Record,
    executor: Record,
    events: Events,
    event_readers: Vec<EventReader>,
    phase_readers: Vec<PhaseReader>,
    relays: Vec<Relay>,
}

impl Desk {
    /// Opens it. A socket that cannot be made is told in the log, and the daemon runs without.
    pub(crate) fn open(name: &str, pid_filename: &Path, plan: ControlPlan) -> Desk {
        let path = socket_path(pid_filename);
        let wanted = plan.socket || plan.events.is_some();
        let server =
            wanted.then(|| service::server(name, VERSION)).transpose().unwrap_or_else(|error| {
                log::warn!("this daemon cannot be asked: {error}");
                None
            });
        let mut server = server;
        let socket = server.as_mut().filter(|_| plan.socket).and_then(|server| {
            let listening = server.listen_at(&path, plan.group_may()).inspect_err(|error| {
                let why = ErrorText::new(error).chain();
                log::warn!("this daemon cannot be asked by `{}`: {why}", path.display());
            });
            listening.ok()
        });
        let event_file = server.as_mut().zip(plan.events.clone()).and_then(|(server, path)| {
            let shown = path.display().to_string();
            let opened = EventFile::open(path, server).inspect_err(|error| {
                log::warn!("events are not written to `{shown}`: {error}");
            });
            opened.ok()
        });
        Desk {
            server,
            plan,
            socket,
            event_file,
            name: name.to_owned(),
            pid_filename: pid_filename.to_owned(),
            forgetting: None,
            guardian: Record::of_this_process(Role::Guardian, name),
            executor: Record::new(Role::Executor, name),
            events: Events::new(KEPT_EVENTS),
            event_readers: Vec::new(),
            phase_readers: Vec::new(),
            relays: Vec::new(),
        }
    }

    /// The daemon runs, or was stopped before it did: what the one before it has left is of no interest any more.
    pub(crate) fn forget_last_words(&mut self) {
        self.forgetting = last_words::forget(&self.pid_filename);
    }

    /// The daemon is to stop for good.
    pub(crate) fn stopping(&mut self) {
        self.guardian.entered(Phase::Stopping, &mut self.events);
    }

    /// Takes note of what happened to the executor.
    pub(crate) fn note(&mut self, report: &Report) {
        self.executor.note(report, &mut self.events);
    }

    /// Takes note of where the executor stands.
    pub(crate) fn entered(&mut self, phase: Phase) {
        self.executor.entered(phase, &mut self.events);
    }

    /// Takes note that the executor's process is gone.
    pub(crate) fn gone(&mut self) {
        self.executor.gone(&mut self.events);
    }

    /// Readable when there is something to do.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let server = self.server.as_ref().map(Server::descriptor);
        let readers = self.event_readers.iter().filter_map(EventReader::descriptor);
        server.into_iter().chain(self.relays.iter().filter_map(Relay::descriptor)).chain(readers)
    }

    /// When there is something to do by the clock.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let server = self.server.as_ref().and_then(Server::deadline);
        let relays = self.relays.iter().filter_map(Relay::deadline);
        let readers = self.event_readers.iter().filter_map(EventReader::deadline);
        server.into_iter().chain(relays).chain(readers).min()
    }

    /// Answers, as far as it can be done now, and gives back what is to be done besides.
    pub(crate) fn turn(&mut self, now: Instant, seen: Seen<'_>) -> Vec<Asked> {
        let Some(mut server) = self.server.take() else { return Vec::new() };
        let mut asked = Vec::new();
        for request in server.turn(now) {
            if let Err(refusal) = self.answer(&mut server, &request, now, seen, &mut asked) {
                server.refuse(&request.ticket, &refusal);
            }
        }
        self.relays.retain_mut(|relay| relay.goes_on(&mut server, now));
        self.server = Some(server);
        asked
    }

    /// Tells those who want to know what has happened by now.
    pub(crate) fn tell_readers(&mut self, now: Instant, slot: &Slot) {
        let Desk { server: Some(server), executor, events, .. } = self else { return };
        let phase = executor.phase();
        self.phase_readers.retain_mut(|reader| reader.goes_on(server, phase));
        self.event_readers.retain_mut(|reader| reader.goes_on(server, events, now, slot));
    }

    fn answer(
        &mut self,
        server: &mut Server,
        request: &Request,
        now: Instant,
        seen: Seen<'_>,
        asked: &mut Vec<Asked>,
    ) -> Result<(), Refusal> {
        let Request { ticket, call, peer } = request;
        let method = call.method.rsplit('.').next().unwrap_or_default();
        let acts = !LOOKS.contains(&method);
        if acts && !peer.may_act() {
            return Err(refusal("NotAllowed", serde_json::json!({ "uid": peer.uid })));
        }
        if acts {
            let pid = peer.pid.unwrap_or_default();
            log::info!("user {}, process {pid}, asks for {method}", peer.uid);
        }
        if matches!(method, "Events" | "Wait") && !call.more {
            return Err(Refusal::ExpectedMore);
        }
        match method {
            "Status" => server.reply(ticket, self.status(now, seen)),
            "Files" => server.reply(ticket, self.files(seen)),
            "Events" => {
                let Last { last } = call.read()?;
                let after = last.map_or(self.events.last(), |last| self.events.before_last(last));
                self.event_readers.push(EventReader::new(*ticket, call, after, seen.slot));
            }
            "Wait" => {
                let Phases { phases } = call.read()?;
                self.phase_readers.push(PhaseReader::new(*ticket, phases)?);
            }
            "Stop" => {
                asked.push(Asked::Stop);
                // Who takes more is told by the end of the connection that all is over.
                match call.more {
                    true => drop(server.reply_continues(ticket, ())),
                    false => server.reply(ticket, ()),
                }
            }
            "Reopen" => {
                asked.push(Asked::Reopen);
                server.reply(ticket, ());
            }
            "Restart" => asked.push(Asked::Restart(*ticket)),
            "Reload" if !seen.slot.reloads() => {
                return Err(refusal("NotReloadable", serde_json::json!({})));
            }
            // It keeps no workers, and listens itself.
            "Reload" if !seen.slot.answers_now() => {
                let DryRun { dry_run } = call.read()?;
                let told = u32::from(dry_run.unwrap_or(false) || seen.slot.reload());
                server.reply(ticket, service::Reloaded { changes: Vec::new(), told });
            }
            "Upgrade" => {
                return Err(refusal("NotYet", serde_json::json!({ "version": VERSION })));
            }
            _ => self.relays.push(Relay::begin(*ticket, call, now, seen.slot)?),
        }
        Ok(())
    }

    /// Says that the executor is restarted, or why not.
    pub(crate) fn reply_to_restart(&mut self, to: &Ticket, done: Result<(), &Refused>) {
        let Some(server) = &mut self.server else { return };
        match done {
            Ok(()) => server.reply(to, ()),
            Err(Refused::Launching) => {
                let (name, phase) = (&self.name, self.executor.phase().to_string());
                let said = serde_json::json!({ "name": name, "phase": phase });
                server.refuse(to, &refusal("NotInPhase", said));
            }
            Err(_) => server.refuse(to, &refusal("Stopping", serde_json::json!({}))),
        }
    }

    fn files(&self, seen: Seen<'_>) -> service::Files {
        let Ok(setup) = seen.slot.spawn().read_setup::<Setup>() else {
            return service::Files::default();
        };
        let capture = seen.slot.recording().map(|recording| recording.capture());
        let files = log_files(&self.name, &setup, capture);
        service::Files { files }
    }

    fn status(&self, now: Instant, seen: Seen<'_>) -> service::Status {
        let waits = self.executor.phase() == Phase::Waiting;
        let next = seen.machine.deadline().filter(|_| waits);
        let next = next.map(|at| at.saturating_duration_since(now).as_micros());
        service::Status {
            name: self.name.clone(),
            version: VERSION.to_owned(),
            pid_filename: self.pid_filename.to_string_lossy().into_owned(),
            epoch: self.events.epoch(),
            event: self.events.last(),
            guardian: self.guardian.process_with_usage(None),
            executor: self.executor.process_with_usage(next.and_then(|us| us.try_into().ok())),
        }
    }

    /// Makes the socket anew if its name was removed.
    pub(crate) fn restore(&mut self) {
        let Some(server) = self.server.as_mut().filter(|_| self.plan.socket) else { return };
        if self.socket.as_ref().is_some_and(SocketFile::is_in_place) {
            return;
        }
        let path = socket_path(&self.pid_filename);
        match server.listen_at(&path, self.plan.group_may()) {
            Ok(file) => self.socket = Some(file),
            Err(error) => {
                let why = ErrorText::new(&error).chain();
                log::warn!("`{}` cannot be made again: {why}", path.display());
            }
        }
    }

    /// Leaves what is to be read when nobody can be asked any more.
    pub(crate) fn leave_last_words(&mut self) {
        let executor = service::Process { pid: None, ..self.executor.process(None) };
        let words = LastWords::new(&self.name, executor);
        last_words::leave(&self.pid_filename, &words, self.forgetting.take());
    }

    /// Tells all that is to be told, and removes the socket if it is still ours. Connections end when what this gives
    /// back is dropped: who waits for that knows that the daemon is over.
    pub(crate) fn close(mut self) -> impl Sized {
        if let Some(server) = &mut self.server {
            let events = &self.events;
            self.event_readers.iter_mut().for_each(|reader| reader.finish(server, events));
        }
        if let Some(file) = self.event_file {
            file.finish();
        }
        // They would be told of this daemon.
        if let Some(forgetting) = self.forgetting {
            forgetting.wait();
        }
        if let Some(socket) = self.socket
            && let Err(error) = socket.unbind()
        {
            log::warn!("the control socket cannot be removed: {error}");
        }
        self.server
    }
}

/// What everybody may ask who may connect.
const LOOKS: [&str; 6] = ["Status", "Workers", "Files", "WorkerFiles", "Events", "Wait"];

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Deserialize)]
struct Last {
    last: Option<u64>,
}

#[derive(Deserialize)]
struct DryRun {
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
struct Phases {
    phases: Vec<String>,
}
