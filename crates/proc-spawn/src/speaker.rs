//! Who has sent a packet, as the kernel has noted with it.
//!
//! A process may be somebody else by the time that its word is read: a set-user-ID program executed in
//! its place has the same number, and root's rights. So its rights are not asked for, but come with
//! the [packet](crate::sys::socket::look), fixed when it was sent: the *real* user and group, which such
//! an execution does not change.

/// Who has said something: see [`Told::by`](crate::Told::by).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Speaker {
    /// The process: the child, or another one that has got its end of the socket.
    pub pid: u32,
    /// Its real user.
    pub user: u32,
    /// Its real group.
    pub group: u32,
}
