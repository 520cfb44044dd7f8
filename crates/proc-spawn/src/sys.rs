//! What is asked of the system, and all that only one system has.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
compile_error!("proc-spawn needs pidfds and /proc/self/exe, which only Linux has");

pub(crate) use system::image::{executed, own_image, show_name};
pub(crate) use system::oom::oom_kills;
pub(crate) use system::process::{End, Process, wake_at_end_of_parent, watch_end};
pub(crate) use system::random::random;

pub(crate) mod sealed {
    pub(crate) use super::system::sealed::{is_sealed, write};
}
