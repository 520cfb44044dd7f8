//! Being told of changes in folders, which each system has in a way of its own.

#[cfg(target_os = "linux")]
#[path = "sys/linux.rs"]
mod folders;
#[cfg(not(target_os = "linux"))]
#[path = "sys/other.rs"]
mod folders;

pub(crate) use folders::Folders;

/// What has happened, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Happened {
    pub(crate) is_any: bool,
    /// Folders have come or gone, so that others are to be watched.
    pub(crate) has_moved: bool,
}
