//! Errors that say nothing of a file, but of the moment.

use std::io;

use rustix::io::Errno;

/// Whether the system may answer otherwise the next time: it was short of something, was interrupted, or a disk
/// or server did not answer. Of the file such an error says nothing: who looks beforehand has not seen what is
/// wrong, and who acts may try again.
///
/// Other errors do not pass: the file is missing, is something else, is forbidden, or cannot exist by its
/// name.
pub fn may_pass(error: &io::Error) -> bool {
    use Errno as E;
    let short = [E::NOMEM, E::MFILE, E::NFILE, E::NOBUFS, E::NOLCK, E::NOSPC, E::DQUOT];
    // These also come if a daemon that serves a file system (FUSE) has died, or a server is not reached
    // (CIFS, NFS).
    let absent = [E::IO, E::STALE, E::TIMEDOUT, E::NXIO, E::NODEV, E::NOTCONN, E::CONNABORTED];
    let unreached = [E::CONNREFUSED, E::CONNRESET, E::HOSTDOWN, E::HOSTUNREACH, E::SHUTDOWN];
    let busy = [E::INTR, E::AGAIN, E::BUSY];
    let errno = E::from_io_error(error);
    errno.is_some_and(|errno| [&short[..], &absent, &unreached, &busy].concat().contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_file_does_not_pass() {
        for (errno, passes) in [
            (Errno::IO, true),
            (Errno::NOMEM, true),
            (Errno::STALE, true),
            (Errno::NOTCONN, true),
            (Errno::NOSPC, true),
            (Errno::NOENT, false),
            (Errno::NOTDIR, false),
            (Errno::ACCESS, false),
            (Errno::LOOP, false),
            (Errno::NAMETOOLONG, false),
        ] {
            assert_eq!(may_pass(&errno.into()), passes, "{errno}");
        }
        assert!(!may_pass(&io::Error::other("of our own")));
    }
}
