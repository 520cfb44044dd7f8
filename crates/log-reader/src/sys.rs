//! Being told of changes in folders, which each system has in a way of its own.

#[cfg(target_os = "linux")]
#[path = "sys/linux.rs"]
mod folders;
#[cfg(not(target_os = "linux"))]
#[path = "sys/other.rs"]
mod folders;

pub(crate) use folders::Folders;
