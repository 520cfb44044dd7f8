//! Daemons and worker processes that are kept alive.
