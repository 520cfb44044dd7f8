//! Asking a running daemon by a socket.

pub mod service;
