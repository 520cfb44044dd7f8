//! What is asked of the system, and all that only one system has.
//!
//! The modules that decide (`descendants`, `watched`, `early_stderr`) ask by the names below, and call by
//! themselves only what every Unix has. A backend is a module beside `linux` that has these names, too;
//! nothing outside this folder changes for it. It gives:
//!
//! * **Orphans that come to us**: [`adopt_orphans`]. Where they go to the first process, a sweep finds the executor's own
//!   children only. *Linux:* prctl(2), `PR_SET_CHILD_SUBREAPER`. *FreeBSD:* procctl(2), `PROC_REAP_ACQUIRE`.
//! * **Who they are**: [`Children`], the direct children of this process, zombies included, also when nothing more can
//!   be opened. *Linux:* proc_pid_task_children(5), made for the first and the calling thread before it is needed.
//!   *FreeBSD:* `PROC_REAP_GETPIDS`. *macOS:* `KERN_PROC` of sysctl(3).
//! * **A word when a file or its folder loses its name, or the file is written to**: [`NameEvents`]. It may tell too
//!   much, and has no more to say than that something has happened. *Linux:* inotify(7). *BSD, macOS:* kqueue(2),
//!   `EVFILT_VNODE`. Refused, the pid file is as any other.
//! * **A file without a name**: [`nameless_file`]. *Linux, FreeBSD:* memfd_create(2). *POSIX:* shm_open(3), opened and
//!   removed.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
compile_error!("supervisor needs subreapers and inotify, which only Linux has");

pub(crate) use system::{
    children::{Children, adopt_orphans},
    nameless::nameless_file,
    names::NameEvents,
};
