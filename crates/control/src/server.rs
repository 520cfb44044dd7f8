//! Connections that are data in somebody else's loop.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use waiter::{Key, Waiter};

use crate::description::{Dispatched, Info, Services};
use crate::message::{self, Call, NotACall};
use crate::peer::{Access, May, Peer};
use crate::refusal::Refusal;
use crate::socket::{BindError, SocketFile, bind};
use crate::sys;
use connection::{Connection, Received};
pub use connection::{LONGEST_ANSWER, PENDING};
pub use places::{PLACES, PLACES_OF_ONE};

mod answering;
mod connection;
mod places;

/// How many calls are given to the owner in a turn; the others are still to be read in the next ones.
const CALLS: usize = 8;

/// How many connections are accepted in a turn; the others have theirs in the next ones.
const ACCEPTS: usize = 8;

/// How many there may be for one more to be [adopted](Server::adopt): who accepts has a bound for his clients, and may
/// have one of his own.
const ADOPTED: usize = 2 * PLACES;

/// How long nobody is accepted after the system had no descriptor or memory for one, unless a connection ends before.
const PAUSE: Duration = Duration::from_secs(1);

/// Which call a reply is for. Numbers are never used again: a ticket of a connection that has ended answers nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket {
    connection: u64,
    call: u64,
}

/// A call that is to be answered by its ticket, at any time.
#[derive(Clone, Debug)]
pub struct Request {
    /// By which it is answered.
    pub ticket: Ticket,
    /// What is asked. Its method is one that a description has; its parameters are as they came.
    pub call: Call,
    /// Who asks. He may look at least.
    pub peer: Peer,
}

/// What became of a reply after which others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It is on its way.
    Taken,
    /// It was not taken: the client has not read so much of what came before. Whether there is room again is seen
    /// by [`Server::pending`] after each turn.
    Full,
    /// It was not taken, and none will be: the client has gone.
    Gone,
    /// It was not taken, and would not be later: it is longer than [`LONGEST_ANSWER`]. Tell it in parts.
    TooLong,
    /// It was not taken: the call does not ask for more than one reply. Answer it with
    /// [`ExpectedMore`](Refusal::ExpectedMore).
    NotAsked,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
enum Watched {
    Door,
    Connection(u64),
}

impl Key for Watched {
    fn into_number(self) -> u64 {
        match self {
            Watched::Door => 0,
            Watched::Connection(number) => number,
        }
    }

    fn from_number(number: u64) -> Watched {
        if number == 0 { Watched::Door } else { Watched::Connection(number) }
    }
}

/// Where clients come in.
#[derive(Debug)]
struct Door {
    listener: OwnedFd,
    access: Access,
    /// Until when nobody is accepted, since there was no descriptor for him.
    shut_until: Option<Instant>,
}

/// A service of Varlink whose connections are data in somebody else's loop: the loop watches one
/// [descriptor](Server::descriptor) and one [deadline](Server::deadline), and calls [`turn`](Server::turn) when either
/// has come. Nothing here waits, and all that clients can have it do or keep is bounded: see the crate's page.
///
/// Each connection has one call in work. The next one is looked at when that has its last reply and the client has
/// taken it from us, so replies have the order of the calls. Every [`Request`] is to be answered once, also one that
/// wants no answer: until then its connection stands still.
///
/// Dropping it closes the listener and all connections.
#[derive(Debug)]
pub struct Server {
    waiter: Waiter<Watched>,
    services: Services,
    door: Option<Door>,
    connections: BTreeMap<u64, Connection>,
    /// The number of the connection that came last.
    last: u64,
    /// That of the one of which was read last.
    read_last: u64,
    /// When the latest turn was.
    now: Instant,
}

impl Server {
    /// A server that nobody can reach yet.
    ///
    /// # Errors
    ///
    /// The system has no descriptor to give.
    pub fn new(info: Info) -> io::Result<Server> {
        Ok(Server {
            waiter: Waiter::new()?,
            services: Services::new(info),
            door: None,
            connections: BTreeMap::new(),
            last: 0,
            read_last: 0,
            now: Instant::now(),
        })
    }

    /// Accepts clients at a socket that listens (`SOCK_STREAM`; it is made so that it does not wait), in place of the
    /// one before, which is closed. Connections stay as they are.
    ///
    /// # Errors
    ///
    /// The system refuses to watch it, or to have it not wait. Then it is closed, and nobody is accepted.
    pub fn listen(&mut self, listener: OwnedFd, access: Access) -> io::Result<()> {
        self.stop_listening();
        sys::set_nonblocking(&listener)?;
        self.waiter.watch(listener.as_fd(), Watched::Door)?;
        self.door = Some(Door { listener, access, shut_until: None });
        Ok(())
    }

    /// [Binds](bind) a socket at this path, and accepts clients at it as [`listen`](Server::listen) does. Its file has mode
    /// 0600; with a group, whose members may do so much, it has that group and mode 0660.
    ///
    /// # Errors
    ///
    /// [`BindError`]. Nothing of it is left then.
    pub fn listen_at(
        &mut self,
        path: &Path,
        group: Option<(u32, May)>,
    ) -> Result<SocketFile, BindError> {
        let mode = if group.is_some() { 0o660 } else { 0o600 };
        let (listener, file) = bind(path, mode, group.map(|(number, _)| number))?;
        let listening = self.listen(listener, Access { group: group.map(|(_, may)| may) });
        if let Err(source) = listening {
            let path = file.path().to_owned();
            // The first error says more.
            let _ = file.unbind();
            return Err(BindError::System { step: "watch", path, source });
        }
        Ok(file)
    }

    /// Accepts nobody any more, and closes the listener. Connections stay as they are.
    pub fn stop_listening(&mut self) {
        if let Some(door) = self.door.take() {
            self.waiter.forget(door.listener.as_fd());
        }
    }

    /// Takes over a connection that somebody else has accepted, or made, and of which nothing has been read. Who is at
    /// its other end may do what he may at a socket without a group. Whoever gives it has bounds for each user: here it
    /// counts with all others alone, and where there are twice as many as [`PLACES`], the client is told and it is
    /// closed. Once here it keeps its place, however long it is silent.
    ///
    /// # Errors
    ///
    /// It is not a connected socket of the Unix domain, or the system refuses to watch it, or to have it not wait. Then
    /// it is closed.
    pub fn adopt(&mut self, connection: OwnedFd) -> io::Result<()> {
        let peer = Peer::of(connection.as_fd(), Access::default())?;
        sys::set_nonblocking(&connection)?;
        if self.connections.len() >= ADOPTED {
            let _ = sys::send(&connection, &message::refusal(&places::too_many()));
            return Ok(());
        }
        self.keep(Connection::adopted(connection, peer, self.now))
    }

    /// Readable when [`turn`](Server::turn) has something to do.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.waiter.as_fd()
    }

    /// When a turn is due though nothing has happened; `None`: never.
    pub fn deadline(&self) -> Option<Instant> {
        self.door.as_ref().and_then(|door| door.shut_until)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Does what has come: of each connection an end, what can be written, or one message; then a few new ones are
    /// accepted. It never waits, and gives the calls that are for the owner, at most one of each connection.
    pub fn turn(&mut self, now: Instant) -> Vec<Request> {
        self.now = now;
        // What is wrong with the waiter itself would be said each time; nothing is known to be.
        let told = self.waiter.wait(Some(Instant::now())).unwrap_or_default();
        let (mut readers, mut at_door) = (Vec::new(), false);
        for key in told {
            match key {
                Watched::Door => at_door = true,
                Watched::Connection(number) => match self.connections.get(&number) {
                    Some(connection) if connection.is_to_be_read() => readers.push(number),
                    Some(_) => self.go_on(number),
                    None => (),
                },
            }
        }
        // In turn, by their numbers: who has his next call there already when he is answered keeps his place in the
        // list of epoll(7), and would keep out the others.
        readers.sort_unstable();
        let next = readers.partition_point(|number| *number <= self.read_last);
        readers.rotate_left(next);
        let read = |number| {
            self.read_last = number;
            self.read(number)
        };
        let requests = readers.into_iter().filter_map(read).take(CALLS).collect();
        self.reopen_if_due();
        if at_door {
            self.accept();
        }
        requests
    }

    /// A connection in work, or with output, of which its end is told or that there is room.
    fn go_on(&mut self, number: u64) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let ended = connection.is_only_watched_for_its_end();
        if ended && !connection.wants_no_reply() {
            self.forget(number);
        } else if !ended {
            let sent = connection.send(self.now);
            self.settle(number, sent);
        }
    }

    /// One message of a connection.
    fn read(&mut self, number: u64) -> Option<Request> {
        let connection = self.connections.get_mut(&number)?;
        let message = match connection.receive(self.now) {
            Received::Nothing => {
                self.settle(number, true);
                return None;
            }
            Received::End => {
                self.forget(number);
                return None;
            }
            Received::Message(message) => message,
        };
        let peer = connection.peer;
        let dispatched = if peer.may.is_none() {
            connection.close_when_sent();
            Dispatched::Refused(Refusal::PermissionDenied)
        } else {
            match Call::parse(&message) {
                Ok(call) => {
                    connection.begin(&call);
                    self.services.dispatch(call)
                }
                Err(NotACall::Refused(refusal)) => Dispatched::Refused(refusal),
                Err(NotACall::Malformed(_)) => {
                    self.forget(number);
                    return None;
                }
            }
        };
        let ticket = Ticket { connection: number, call: connection.call() };
        match dispatched {
            Dispatched::Call(call) => {
                self.settle(number, true);
                Some(Request { ticket, call, peer })
            }
            Dispatched::Answered(parameters) => {
                let reply = message::reply(parameters, false);
                self.finish(number, reply.ok());
                None
            }
            Dispatched::Refused(refusal) => {
                self.finish(number, Some(message::refusal(&refusal)));
                None
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS {
            let Some(door) = self.door.as_mut().filter(|door| door.shut_until.is_none()) else {
                return;
            };
            match sys::accept(&door.listener) {
                Ok(Some(connection)) => {
                    let access = door.access;
                    // Who cannot be told is closed, and so is who cannot be watched.
                    let _ = Peer::of(connection.as_fd(), access)
                        .and_then(|peer| self.admit(connection, peer));
                }
                Ok(None) => return,
                Err(_) => {
                    self.waiter.forget(door.listener.as_fd());
                    door.shut_until = Some(self.now + PAUSE);
                }
            }
        }
    }

    fn admit(&mut self, connection: OwnedFd, peer: Peer) -> io::Result<()> {
        match places::find(&self.connections, &peer, self.now) {
            places::Found::Free => (),
            places::Found::InsteadOf(number) => self.forget(number),
            places::Found::None => {
                let _ = sys::send(&connection, &message::refusal(&places::too_many()));
                return Ok(());
            }
        }
        self.keep(Connection::new(connection, peer, self.now))
    }

    fn keep(&mut self, connection: Connection) -> io::Result<()> {
        self.last += 1;
        self.waiter.watch(connection.fd(), Watched::Connection(self.last))?;
        self.connections.insert(self.last, connection);
        Ok(())
    }

    /// What is to be told of a connection after something was done with it; if it lives.
    fn settle(&mut self, number: u64, lives: bool) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        if !lives || connection.is_done() {
            return self.forget(number);
        }
        if let Some(interest) = connection.changed_interest() {
            let key = Watched::Connection(number);
            self.waiter.set_interest(connection.fd(), key, interest);
        }
    }

    fn forget(&mut self, number: u64) {
        if let Some(connection) = self.connections.remove(&number) {
            self.waiter.forget(connection.fd());
            drop(connection);
            self.open_door();
        }
    }

    fn reopen_if_due(&mut self) {
        if self.deadline().is_some_and(|at| at <= self.now) {
            self.open_door();
        }
    }

    /// Accepts again, if nobody was for lack of a descriptor.
    fn open_door(&mut self) {
        let Some(door) = self.door.as_mut().filter(|door| door.shut_until.is_some()) else {
            return;
        };
        match self.waiter.watch(door.listener.as_fd(), Watched::Door) {
            Ok(()) => door.shut_until = None,
            Err(_) => door.shut_until = Some(self.now + PAUSE),
        }
    }
}
