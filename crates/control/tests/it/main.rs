//! A server and its clients over real sockets.

mod bed;
mod calls;
mod client;
mod ends;
mod hostile;
mod places;
mod socket;
