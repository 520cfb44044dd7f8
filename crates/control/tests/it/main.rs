//! A server and its clients over real sockets.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

mod bed;
mod calls;
mod client;
mod ends;
mod forwarded;
mod hostile;
mod places;
mod service;
mod socket;
