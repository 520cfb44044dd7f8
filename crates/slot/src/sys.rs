//! What is asked of the system, and all that only one system has.
//!
//! The modules that decide (`tree`, `search`, `burial`, `pid_files`) ask by the names below, and call by
//! themselves only what every Unix has. A backend is a module beside `linux` that has these names, too;
//! nothing outside this folder changes for it. It gives:
//!
//! * **Processes as they are seen**: [`process`], [`all`], [`children_of`]. A process that has gone and one that is
//!   hidden look the same; any other failure says nothing of them. [`Seen`] tells a process from another that gets its
//!   number later. [`shows_us`]: the numbers mean here what they mean to kill(2). *Linux:* proc_pid_stat(5),
//!   proc_pid_task_children(5). *FreeBSD:* `KERN_PROC` of sysctl(3), with `ki_start`. *macOS:* the same, with
//!   `p_starttime`.
//! * **What keeps a process from getting on**: [`state`], a letter as ps(1) has it; [`waited_for_processor`];
//!   [`is_frozen`]. *Linux:* proc_pid_stat(5), `schedstat`, control groups. *BSD, macOS:* the letter alone.
//! * **A process' environment as it was executed**: [`environment`]. *Linux:* proc_pid_environ(5). *FreeBSD:*
//!   `KERN_PROC_ENV` of sysctl(3). *macOS:* `KERN_PROCARGS2`, of one's own processes.
//! * **A signal to the one that was seen, or to nobody**: [`signal`]. *Linux:* pidfd_open(2),
//!   pidfd_send_signal(2). *BSD, macOS:* kill(2), and a number may come round in between.
//! * **A thread with another user's rights to files**: [`become_user`]. *Linux:* setfsuid(2), setfsgid(2), setgroups(2) of
//!   one thread. *macOS:* pthread_setugid_np. Refused, the files stay.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
compile_error!("slot needs pidfds and /proc, which only Linux has");

pub use system::processes::Seen;
pub(crate) use system::{
    processes::{all, children_of, environment, process, shows_us, signal},
    rights::become_user,
    silent::{is_frozen, state, waited_for_processor},
};
