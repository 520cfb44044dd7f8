//! Who is at the other end, and what he may do.

use std::io;
use std::os::fd::BorrowedFd;

use crate::sys;

/// The user that the kernel names where it has none to name: one of another user namespace, who is not mapped in ours
/// (user_namespaces(7), `/proc/sys/kernel/overflowuid` as it is unless changed).
const NOBODY: u32 = 65534;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum May {
    /// Ask how things are.
    Look,
    /// Change them, too.
    Act,
}

/// Who may do what at a socket. Root and the effective user of the server may act; others may not even look, unless
/// the socket has a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// What the group of the socket's file may do; `None`: it has no group.
    ///
    /// The kernel tells of a peer his first group only, not the others that he is in (unix(7), `SO_PEERCRED`). So it
    /// is the permissions of the file that keep out who is not of the group: with `Some`, everybody who could
    /// connect counts as of it.
    pub group: Option<May>,
}

/// Who is at the other end of a connection, as he was when he connected: who gives up privileges afterwards, or passes
/// the connection on, changes nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The process that connected; `None` if it is of another pid namespace, which ours does not contain. It may have
    /// ended since, and the number be another's.
    pub pid: Option<u32>,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// What he may do; `None`: nothing.
    pub may: Option<May>,
}

impl Peer {
    /// Asks the kernel who has connected (unix(7), `SO_PEERCRED`), and judges what he may do.
    ///
    /// # Errors
    ///
    /// It is not a connected socket of the Unix domain.
    pub fn of(connection: BorrowedFd<'_>, access: Access) -> io::Result<Peer> {
        let sys::Credentials { pid, uid, gid } = sys::peer(connection)?;
        Ok(Peer { pid, uid, gid, may: access.of(uid, sys::effective_user()) })
    }

    /// Whether he may change something.
    pub fn may_act(&self) -> bool {
        self.may == Some(May::Act)
    }
}

impl Access {
    /// What a user may do, to a server whose user this is.
    fn of(self, uid: u32, us: u32) -> Option<May> {
        match uid {
            // It may be anybody, and so it may also be somebody else if we are this user ourselves.
            NOBODY => None,
            0 => Some(May::Act),
            _ if uid == us => Some(May::Act),
            _ => self.group,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-20
    #[test]
    fn root_and_we_act_a_group_as_it_is_said_and_who_is_unmapped_does_nothing() {
        let private = Access::default();
        assert_eq!(private.of(0, 7), Some(May::Act));
        assert_eq!(private.of(7, 7), Some(May::Act));
        assert_eq!(private.of(8, 7), None);
        assert_eq!(private.of(7, 0), None);
        for may in [May::Look, May::Act] {
            let group = Access { group: Some(may) };
            assert_eq!(group.of(8, 7), Some(may));
            assert_eq!(group.of(7, 7), Some(May::Act));
            assert_eq!(group.of(NOBODY, 7), None);
            assert_eq!(group.of(NOBODY, NOBODY), None);
        }
    }
}
