//! Whether the socket at standard input is one that our parent has made for us.
//!
//! Nobody is believed for what he sends, only for who the kernel says he is: the socket remembers who
//! made it, whoever holds it now.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::sys::{Ourselves, socket};

/// Why a child does not take its standard input for its link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stranger {
    #[error("standard input is no socket of a parent ({0})")]
    NoSocket(#[source] io::Error),
    #[error("standard input is a socket, but not one of packets within this machine")]
    OtherSocket,
    #[error("the socket on standard input was made by user {theirs}, and this is user {ours}")]
    OtherUser { theirs: u32, ours: u32 },
    #[error(
        "the socket on standard input was made by process {maker}, which is not the parent of this \
         one ({parent})"
    )]
    OtherProcess { maker: i32, parent: i32 },
    #[error(
        "the other end of the socket on standard input is closed: process {maker}, which has made it, has \
         ended or let go of it, and process {parent} is the parent of this one now"
    )]
    ParentGone { maker: i32, parent: i32 },
    #[error("the socket on standard input says nothing")]
    Silent,
}

/// Refuses a socket that is not the end of a link to our parent. `relayed`: the link leads to the parent
/// of the launcher that has started us, so who our parent is does not matter.
pub(crate) fn check(
    stdin: BorrowedFd<'_>,
    relayed: bool,
    ourselves: &Ourselves,
) -> Result<(), Stranger> {
    let no_socket = |errno: Errno| Stranger::NoSocket(errno.into());
    if !socket::is_one_of_a_pair(stdin).map_err(no_socket)? {
        return Err(Stranger::OtherSocket);
    }
    let maker = socket::maker(stdin).map_err(no_socket)?;
    let ours = ourselves.user();
    // Root may do all that a process of ours can; anybody else who is not us may not.
    if maker.user != 0 && maker.user != ours {
        return Err(Stranger::OtherUser { theirs: maker.user, ours });
    }
    // Both numbers are 0 for a parent in another pid namespace.
    let parent = ourselves.parent();
    let maker = maker.process;
    if relayed || maker == parent {
        Ok(())
    } else if is_closed(stdin) {
        // The parent may have been killed in our first moments: whoever adopts us then is not the maker.
        Err(Stranger::ParentGone { maker, parent })
    } else {
        Err(Stranger::OtherProcess { maker, parent })
    }
}

/// Whether nobody has the other end any more (poll(2), `POLLHUP`).
fn is_closed(socket: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::HUP)
}
