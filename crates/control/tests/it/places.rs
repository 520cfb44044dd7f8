//! The client of this crate, and services that answer it in every way.
