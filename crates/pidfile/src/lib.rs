//! A pid file whose truth is a lock held for life, not the number in it.
