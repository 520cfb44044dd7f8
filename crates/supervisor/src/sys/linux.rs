//! Linux: subreapers, /proc, inotify, files in memory.

pub(super) mod children;
pub(super) mod nameless;
pub(super) mod names;
