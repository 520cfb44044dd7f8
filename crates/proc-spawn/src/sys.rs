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

pub(crate) mod socket {
    pub(crate) use super::system::socket::{
        Look, ask_for_senders, is_one_of_a_pair, is_shortage, look, maker, pair, receive_with,
        send_packet, send_packet_now, send_with, take, take_with,
    };
}
