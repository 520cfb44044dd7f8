//! How is the daemon, and would it please restart that worker?
//!
//! (to be written)

mod client;
mod description;
mod frame;
mod message;
mod peer;
mod refusal;
mod server;
pub mod service;
mod socket;
mod sys;

pub use client::{Client, ClientError, Replies};
pub use description::{Info, SERVICE_DESCRIPTION};
pub use frame::{Frames, LONGEST_CALL, LONGEST_REPLY, TooLong};
pub use message::{Call, NotACall, Reply};
pub use peer::{Access, May, Peer};
pub use refusal::Refusal;
pub use server::{LONGEST_ANSWER, PENDING, PLACES, PLACES_OF_ONE, Request, Room, Server, Ticket};
pub use socket::{BindError, SocketFile, bind};
