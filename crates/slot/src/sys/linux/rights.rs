//! Rights to files, which each thread has its own of.

use std::io;

use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use rustix::io::Errno;
use rustix::thread::set_thread_groups;

/// For this thread, and for what is done to files (setfsuid(2)): with the rights of this user and group, without any
/// of ours.
pub(crate) fn become_user(user: u32, group: u32) -> io::Result<()> {
    set_thread_groups(&[])?;
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    setfsgid(group);
    setfsuid(user);
    // They fail without a word; asked again, they tell what is.
    if setfsgid(group) == group && setfsuid(user) == user {
        Ok(())
    } else {
        Err(Errno::PERM.into())
    }
}
