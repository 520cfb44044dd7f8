//! What is asked of the system, and all that only one system has.
//!
//! A backend is a module beside `linux` that has the items below, too. It gives:
//!
//! * **Sockets of streams in the Unix domain** that close on exec and never wait: [`socket`], [`accept`]. *Linux:*
//!   `SOCK_CLOEXEC`, `SOCK_NONBLOCK`, accept4(2). *POSIX:* fcntl(2) afterwards.
//! * **Names of any length**: [`bind`] and [`connect`] take an open folder and a name in it, or a path that fits.
//!   *Linux:* /proc/self/fd. *macOS, FreeBSD:* bindat(2), connectat(2) where they are; else what fits.
//! * **A mode before the name**: [`prepare`]. *Linux:* fchmod(2) of a socket that has no name yet is what its file gets.
//!   *POSIX:* the umask of a process that does nothing else.
//! * **Who a peer is**: [`peer`]. *Linux:* `SO_PEERCRED`. *FreeBSD, macOS:* `LOCAL_PEERCRED` of unix(4).
//! * **Writing without a signal**: [`send`]. *Linux, FreeBSD:* `MSG_NOSIGNAL`. *macOS:* `SO_NOSIGPIPE`.
//!
//! What would wait is `None`.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Connected, Credentials, LONGEST_PATH, accept, bind, bind_in, connect, effective_user,
    is_at_end, listen, peer, prepare, receive, send, set_nonblocking, set_rights, socket,
};

#[cfg(not(target_os = "linux"))]
compile_error!("control needs epoll and SO_PEERCRED, which only Linux has");
