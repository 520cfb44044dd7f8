//! What is asked of the system, and all that only one system has.
//!
//! Who decides (`acquire`, `claim`, `probe`, `holder`, `wait`, `pidfile`, `restore`, `stale`) asks by the
//! functions below and calls itself only what every Unix has. A backend is a module beside `linux` that
//! has them, too; nothing outside this folder changes for it. It gives:
//!
//! * **Locks of single bytes**: [`try_lock`], [`is_locked`], [`wait_unlocked`], [`unlock`], [`unlock_all`].
//!   They exclude everybody who has opened the file anew, also in the same process. They end when the
//!   last copy of the descriptor is closed, so at the latest with the process, however that ends, and
//!   not when another descriptor of the file is. To ask takes nothing and needs no right to write; a
//!   shared lock, which any reader can have, is no answer. *Linux:* open-file-description locks,
//!   `F_OFD_SETLK` of fcntl(2), which macOS has in its fcntl.h. *FreeBSD:* fcntl(2) has those of the
//!   process alone, which any close of the file drops, and flock(2) knows no bytes.
//! * **Who holds it, by the kernel's own word**: [`take_proof`], [`proven_holder`]. It may be lost, and
//!   is `None` then. *POSIX:* `F_SETLK`, and `l_pid` of `F_GETLK`, of fcntl(2).
//! * **A hold**: [`make_hold`], [`has_hold`], [`wait_until_no_hold`]. A descriptor through which nothing
//!   can be written, and which counts until its last copy is closed, in whatever process. A lock that a
//!   reader has taken is told from it; what cannot be told is believed to be a hold. *Linux, BSD:*
//!   flock(2).
//! * **Which processes have locked it**: [`dependents`], [`readers`], [`has_locked`], [`users`]. What
//!   cannot be seen is `None` or left out: then messages name nobody, and only he is signalled whom the
//!   kernel's word names. *Linux:* proc_pid_fdinfo(5), proc_locks(5), proc_pid_status(5).
//! * **A process that cannot come to mean another one**: [`Process`], [`has_ended`]. Its descriptor is
//!   readable once it has ended. *Linux:* pidfd_open(2), pidfd_send_signal(2). *BSD, macOS:* kqueue(2),
//!   `EVFILT_PROC` with `NOTE_EXIT`, tells the end; kill(2) goes by number, after a look that it is alive.
//! * **A file without a name, that gets one whole**: [`create_nameless`], [`reopen`], [`give_name`]. Where
//!   `create_nameless` gives none, a file is made under a temporary name; where `give_name` fails, a
//!   pid file that somebody has removed is made anew. *Linux:* `O_TMPFILE` of open(2), linkat(2),
//!   proc_pid_fd(5).
//! * **A renaming that replaces nothing**: [`rename_to_free`]. Where there is none (`NOSYS`), a second name
//!   is given and the first one removed. *Linux:* `RENAME_NOREPLACE` of rename(2). *macOS:* `RENAME_EXCL`
//!   of renamex_np(2).
//!
//! What is refused comes as an errno; where the file system has no locks, as one of those of
//! `Error::lock`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
compile_error!("pidfile needs Linux: open-file-description locks, pidfds and O_TMPFILE");

pub(crate) use system::{
    files::{create_nameless, give_name, rename_to_free, reopen},
    hold::{dependents, has_hold, make_hold, wait_until_no_hold},
    locks::{is_locked, try_lock, unlock, unlock_all, wait_unlocked},
    process::{Process, has_ended},
    proof::{proven_holder, take_proof},
    who::{has_locked, readers, users},
};
