//! What this crate promises, seen from outside: real signals, sent to real processes.

mod background;
mod program;

mod signals;
mod sleeping;
mod tokens;
mod waiting;
