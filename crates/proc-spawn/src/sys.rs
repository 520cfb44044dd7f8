//! What is asked of the system, and all that only one system has.
//!
//! Who decides (`link`, `peer`, `privilege`, `inherited`, `child`, `lifeline`, `spawner`, `closer`,
//! `program`) asks by the functions below and calls itself only what every Unix has. A backend is a module
//! beside `linux` that has them, too; nothing outside this folder changes for it. It gives:
//!
//! * **This program again**: [`own_image`], what is executed as a child. Best the image that runs, whatever
//!   has become of its file; else the path of the start. [`executed`] may know nothing. *Linux:*
//!   proc_pid_exe(5). *FreeBSD:* `KERN_PROC_PATHNAME` of sysctl(3). *macOS:* _NSGetExecutablePath of dyld(3).
//!   [`show_name`] may do nothing.
//! * **A process and its end**: [`Process`], [`watch_end`]. The descriptor is readable once the process
//!   has ended, and can be polled with others. A signal reaches that process or none: until its end was
//!   seen the number of a child is its own. *Linux:* pidfd_open(2), pidfd_send_signal(2), waitid(2) with
//!   `P_PIDFD`. *BSD, macOS:* kqueue(2), `EVFILT_PROC` with `NOTE_EXIT`; kill(2), waitid(2) with `P_PID`.
//!   Where only the end of a child can be watched, the socket alone tells of a parent's.
//!   [`wake_at_end_of_parent`] may do nothing: then a child that is stopped goes when it is continued.
//!   *FreeBSD:* procctl(2), `PROC_PDEATHSIG_CTL`.
//! * **A socket of packets** ([`socket`]) that keep their borders, bring their sender's ids as the kernel
//!   notes them, and may bring descriptors. At the end of all that was sent comes the end, whatever the
//!   other side died of; nothing is read beyond a packet, as the next may be another process's. A look at
//!   a packet takes none of its descriptors. An empty socket has room for two packets of 32 KiB and more.
//!   `CONNRESET` says once that the other end has left something unread; when one end has shut its
//!   reading (shutdown(2)), the other's sending fails with `PIPE`. The socket knows who made it, whoever
//!   has it: by this alone a child believes its standard input, so it must not be guessed. *Linux:*
//!   `SOCK_SEQPACKET`, `SCM_CREDENTIALS`, `SCM_RIGHTS`, `SO_PEERCRED` of unix(7). *FreeBSD:* the same
//!   kind, `SCM_CREDS2` and `LOCAL_PEERCRED` of unix(4). *macOS:* no such kind, so a stream with lengths
//!   in front; `LOCAL_PEERPID`, `LOCAL_PEERCRED`. A speaker may be `None`.
//! * **A file that nobody can change** ([`sealed`]), for a payload longer than a packet, made at once and
//!   passed on; recognized as such. *Linux, FreeBSD:* memfd_create(2), `F_ADD_SEALS` of fcntl(2). *POSIX:*
//!   shm_open(3), opened for reading and removed; it is as good as who has sent it.
//! * **What a child was given** ([`Ourselves`], [`descriptors`]): rights of its file, parent, ignored signals,
//!   open descriptors. Where it cannot be told, no signal is ignored and every descriptor may be inherited.
//!   *Linux:* proc_pid_status(5), proc_pid_auxv(5), proc_pid_fdinfo(5), capabilities(7).
//!   *BSD, macOS:* issetugid(2), sigaction(2), /dev/fd with `F_GETFD` of fcntl(2). [`ids_differ`]: getresuid(2), or
//!   getuid(2) and geteuid(2).
//! * **A thread with descriptors of its own**: [`own_table`], [`close_all_but`]. Where they are refused,
//!   children are started by the threads that want them. [`close_by_exit`] may wait, as close(2) does.
//!   *Linux:* unshare(2), `CLONE_FILES`.
//! * **Who was killed for lack of memory**: [`oom_kills`]; `None`: nobody counts. *Linux:* cgroups(7).
//! * **A number that nobody guesses**: [`random`]. *Linux:* getrandom(2). *POSIX:* getentropy(3).
//!
//! What is refused comes as an errno. A shortage, after which the same is asked again, is for the backend to
//! tell: [`socket::is_shortage`].

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
compile_error!("proc-spawn needs pidfds and /proc/self/exe, which only Linux has");

pub(crate) use system::{
    closing::close_by_exit,
    image::{executed, own_image, show_name},
    oom::oom_kills,
    ourselves::Ourselves,
    process::{End, Process, wake_at_end_of_parent, watch_end},
    random::random,
    rights::ids_differ,
    table::{close_all_but, own_table},
};

pub(crate) mod descriptors {
    pub(crate) use super::system::descriptors::{closes_on_exec, open};
}

pub(crate) mod sealed {
    pub(crate) use super::system::sealed::{is_sealed, write};
}

pub(crate) mod socket {
    pub(crate) use super::system::socket::{
        Look, ask_for_senders, is_one_of_a_pair, is_shortage, look, maker, pair, receive_with,
        send_packet, send_packet_now, send_with, send_with_now, take, take_with,
    };
}
