//! Rights to files, which each thread has its own of.

use std::io;

use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use rustix::io::Errno;
use rustix::thread::set_thread_groups;

/// Gives this thread the rights of this user and group, and none of ours, in what it does to files
/// (setfsuid(2)).
pub(crate) fn become_user(user: u32, group: u32) -> io::Result<()> {
    set_thread_groups(&[])?;
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    setfsgid(group);
    setfsuid(user);
    // Both fail without a word. Called again, they give back what is in force, which tells whether they
    // failed.
    if setfsgid(group) == group && setfsuid(user) == user {
        Ok(())
    } else {
        Err(Errno::PERM.into())
    }
}
