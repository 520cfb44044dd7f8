//! How is the daemon, and would it please restart that worker?
//!
//! A service of [Varlink](https://varlink.org) on a socket of the Unix domain, whose connections are data in somebody
//! else's loop; and a client whose every wait has a deadline. Messages are JSON objects that end with a NUL byte,
//! interfaces have descriptions that a client can ask for, and a call may have several replies. `varlinkctl` and the
//! `varlink` packages of Python and Rust are clients of it as well.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::{Duration, Instant};
//!
//! use control::{Access, Client, Info, Server};
//!
//! const DESCRIPTION: &str = "interface org.example.echo\nmethod Echo(text: string) -> (text: string)";
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("echo.sock");
//! let (listener, file) = control::bind(&path, 0o600, None)?;
//! let mut server = Server::new(Info { interfaces: vec![DESCRIPTION.into()], ..Info::default() })?;
//! server.listen(listener, Access::default())?;
//!
//! let soon = Instant::now() + Duration::from_secs(5);
//! let client = std::thread::spawn(move || {
//!     let mut client = Client::connect(&path, soon)?;
//!     client.call::<serde_json::Value>("org.example.echo.Echo", &serde_json::json!({"text": "x"}), soon)
//! });
//! while !client.is_finished() {
//!     // A loop that has more to do watches this descriptor and deadline beside its own.
//!     let deadline = server.deadline().unwrap_or(soon).min(Instant::now() + Duration::from_millis(50));
//!     waiter::wait_once(&[server.descriptor()], Some(deadline))?;
//!     for request in server.turn(Instant::now()) {
//!         server.reply(&request.ticket, &request.call.parameters);
//!     }
//! }
//! assert_eq!(client.join().unwrap()?["text"], "x");
//! file.unbind()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a client can have the server do
//!
//! | what | bound |
//! |---|---|
//! | a call | 64 KiB ([`LONGEST_CALL`]); what is longer, or no call, ends the connection |
//! | calls at once | one of each connection in work; the next is read when its replies were taken |
//! | a turn | one message of each connection, 16 KiB of it read at a time; one write; eight new connections |
//! | replies that wait to be read | a mebibyte of each connection ([`PENDING`]); one alone, where none waits, four ([`LONGEST_ANSWER`]) |
//! | connections | 64 ([`PLACES`]), of one user 16 ([`PLACES_OF_ONE`]), 8 of them for root alone; who has been silent for ten seconds, unless it is us whom he waits for, gives way to one who comes |
//! | who gets no place | hears `io.appkit.Service.TooManyConnections` and is closed |
//! | no descriptor left | nobody is accepted for a second, or until a connection ends |
//! | descriptors sent along | are closed by the kernel |
//!
//! A client that hangs up is forgotten at once, also while its call is in work: see [`Server::is_open`]. One that only
//! shuts its writing side gets its answers.
//!
//! # Who may do what
//!
//! The kernel says who has connected (`SO_PEERCRED`). Root and the server's effective user may act, others may not even
//! look, unless the socket's file has a group: see [`Access`]. What a method needs is for the owner of the server to
//! say, by [`Peer::may_act`].
//!
//! # When it fits
//!
//! Loops that keep others, and programs that ask them, without threads or an async runtime.
//!
//! # What it cannot do
//!
//! * Be reached over a network, or change to another protocol on a connection (`upgrade`).
//! * Check parameters against a description: [`Call::read`] reads them as a Rust type.
//! * Know all groups of a peer: the kernel tells the first only.
//! * Tell users apart who are all shown as the overflow user (65534): such a peer is refused.
//! * Keep root, or who may act, from taking his places with calls that last long.
//! * Run where there is no Linux.

mod client;
mod description;
mod frame;
mod message;
mod peer;
mod refusal;
mod server;
pub mod service;
mod socket;
mod stream;
mod sys;

pub use client::{Client, ClientError, Replies};
pub use description::{Info, SERVICE_DESCRIPTION};
pub use frame::{Frames, LONGEST_CALL, LONGEST_REPLY, TooLong};
pub use message::{Call, NotACall, Reply};
pub use peer::{Access, May, Peer};
pub use refusal::Refusal;
pub use server::{LONGEST_ANSWER, PENDING, PLACES, PLACES_OF_ONE, Request, Room, Server, Ticket};
pub use socket::{BindError, SocketFile, bind};
pub use stream::EventStream;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
