//! Replies to the calls that the owner of a server has in work.

use serde::Serialize;

use super::{Room, Server, Ticket};
use crate::message;
use crate::refusal::Refusal;

impl Server {
    /// The last reply of a call: its parameters are a struct, a map, or `()` for none. A call that wants no reply gets
    /// none, and is over all the same.
    ///
    /// A client that has gone hears nothing. One with so much unread of what came before that this does not fit
    /// ([`PENDING`](crate::PENDING)) is closed, as he does not read. In place of a reply that is longer than
    /// [`LONGEST_ANSWER`](crate::LONGEST_ANSWER) he hears `io.appkit.Service.ReplyTooLong`. Parameters that are no
    /// object close the connection: that is a mistake of the caller.
    pub fn reply(&mut self, to: &Ticket, parameters: impl Serialize) {
        if self.is_open(to) {
            self.finish(to.connection, message::reply(parameters, false).ok());
        }
    }

    /// The last reply of a call, which is that it was not done.
    pub fn refuse(&mut self, to: &Ticket, refusal: &Refusal) {
        if self.is_open(to) {
            self.finish(to.connection, Some(message::refusal(refusal)));
        }
    }

    /// A reply to the call that another service has given, as the message that it is, without its end. It is the last
    /// one unless others follow, as it says itself. What is no reply closes the connection.
    pub fn forward(&mut self, to: &Ticket, message: &[u8]) -> Room {
        if !self.is_open(to) {
            return Room::Gone;
        }
        let continues = message::continues(message);
        let reply = [message, b"\0"].concat();
        match continues {
            Ok(true) => self.write_more(to, reply),
            Ok(false) => {
                self.finish(to.connection, Some(reply));
                Room::Taken
            }
            Err(_) => {
                self.forget(to.connection);
                Room::Gone
            }
        }
    }

    /// A piece of the last reply to the call, which another service gives: the message that it is, with its end in the
    /// last piece. One piece is taken when the client has read the one before ([`Room::Full`]: not yet).
    pub fn forward_part(&mut self, to: &Ticket, piece: &[u8], is_last: bool) -> Room {
        if !self.is_open(to) {
            return Room::Gone;
        }
        let number = to.connection;
        let Some(connection) = self.connections.get_mut(&number) else { return Room::Gone };
        let wants_it = !connection.wants_no_reply();
        if wants_it && connection.pending() > 0 {
            return Room::Full;
        }
        let lives = !wants_it || connection.write(piece.to_vec(), self.now);
        if is_last {
            connection.end_work();
        }
        self.settle(number, lives);
        Room::Taken
    }

    /// Ends the connection of a call whose last reply has begun and has no end.
    pub fn abort(&mut self, to: &Ticket) {
        if self.is_open(to) {
            self.forget(to.connection);
        }
    }

    /// One of several replies to a call that asks for [more](crate::Call::more). Others follow, the last one by
    /// [`reply`](Server::reply) or [`refuse`](Server::refuse).
    pub fn reply_continues(&mut self, to: &Ticket, parameters: impl Serialize) -> Room {
        if !self.is_open(to) {
            return Room::Gone;
        }
        let Ok(reply) = message::reply(parameters, true) else {
            self.forget(to.connection);
            return Room::Gone;
        };
        self.write_more(to, reply)
    }

    fn write_more(&mut self, to: &Ticket, reply: Vec<u8>) -> Room {
        let number = to.connection;
        let Some(connection) = self.connections.get_mut(&number) else { return Room::Gone };
        if !connection.wants_more() {
            return Room::NotAsked;
        }
        if reply.len() > super::LONGEST_ANSWER {
            return Room::TooLong;
        }
        if !connection.has_room_for(&reply) {
            return Room::Full;
        }
        let lives = connection.write(reply, self.now);
        self.settle(number, lives);
        if self.is_open(to) { Room::Taken } else { Room::Gone }
    }

    /// Whether somebody still waits for a reply to this. It is false after the last reply, and as soon as the client
    /// has hung up. (Who has only shut his own side still waits.)
    pub fn is_open(&self, ticket: &Ticket) -> bool {
        let connection = self.connections.get(&ticket.connection);
        connection.is_some_and(|connection| connection.works_at(ticket.call))
    }

    /// Whether the client has given up waiting for this: asked right now, of a client that shuts nothing before it
    /// does. A call that wants no reply is not given up by that.
    pub fn is_given_up(&self, ticket: &Ticket) -> bool {
        let connection = self.connections.get(&ticket.connection);
        let connection = connection.filter(|connection| connection.works_at(ticket.call));
        connection.is_none_or(|connection| !connection.wants_no_reply() && connection.is_at_end())
    }

    /// How many bytes of the replies so far the client has not taken from us; `None` once it is not
    /// [open](Server::is_open).
    pub fn pending(&self, ticket: &Ticket) -> Option<usize> {
        let connection = self.connections.get(&ticket.connection)?;
        connection.works_at(ticket.call).then(|| connection.pending())
    }

    /// Ends the call in work, with this reply if it wants one. `None`: there is none to give.
    pub(super) fn finish(&mut self, number: u64, reply: Option<Vec<u8>>) {
        let Some(connection) = self.connections.get_mut(&number) else { return };
        let lives = match reply {
            _ if connection.wants_no_reply() => true,
            None => false,
            Some(reply) if reply.len() > super::LONGEST_ANSWER => {
                let too_long = Refusal::new(
                    "io.appkit.Service.ReplyTooLong",
                    serde_json::json!({ "bytes": reply.len() }),
                );
                connection.write(message::refusal(&too_long), self.now)
            }
            Some(reply) => connection.has_room_for(&reply) && connection.write(reply, self.now),
        };
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.end_work();
        }
        self.settle(number, lives);
    }
}
