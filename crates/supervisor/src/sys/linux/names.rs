//! What happens to names, told by inotify(7).

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};

/// The file is removed, renamed or written to. `ATTRIB` is for a removal, too, since the number of links
/// is an attribute.
const OF_FILE: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DONT_FOLLOW);
const OF_FOLDER: WatchFlags =
    WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF).union(WatchFlags::ONLYDIR);
/// While something else is in our place, it is of interest when that goes.
const OF_NAMES: WatchFlags = WatchFlags::DELETE.union(WatchFlags::MOVED_FROM);

/// Readable when something has happened to what is watched. Dropping it may take milliseconds:
/// [`close_beside`](NameEvents::close_beside).
#[derive(Debug)]
pub(crate) struct NameEvents(OwnedFd);

impl NameEvents {
    /// Nothing is watched yet. The system has a limited number of them for each user.
    pub(crate) fn new() -> Result<NameEvents, Errno> {
        inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).map(NameEvents)
    }

    /// Watches a file and its folder, in place of what was watched of them. What is not there cannot be
    /// watched; the look that follows finds that it is not there.
    pub(crate) fn watch(&self, file: &Path) {
        let _ = inotify::add_watch(&self.0, file, OF_FILE);
        let _ = inotify::add_watch(&self.0, folder(file), OF_FOLDER);
    }

    /// Watches the folder of a file for any name that goes from it, too.
    pub(crate) fn watch_names_beside(&self, file: &Path) {
        let _ = inotify::add_watch(&self.0, folder(file), OF_FOLDER | OF_NAMES);
    }

    /// Whether anything has happened, which is forgotten by that.
    pub(crate) fn take(&self) -> Result<bool, Errno> {
        // Whatever does not fit is there the next time. That something happened is all that counts.
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        match rustix::io::read(&self.0, &mut buffer) {
            Ok((read, _)) => Ok(!read.is_empty()),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has the kernel close it in a thread of its own. Whoever closes the last descriptor of an inotify(7) waits
    /// for its watches to be torn down, for up to 20 milliseconds, and so does a process that ends with one: the
    /// end of every stop would wait for that.
    ///
    /// What is on the way in a socket that nobody has any more is closed by the kernel's garbage collector of such
    /// descriptors (unix(7), `SCM_RIGHTS`), which is a worker since Linux 6.10; before, it is we who wait, as without.
    pub(crate) fn close_beside(self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let pair = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None);
        let Ok((ours, theirs)) = pair else { return };
        let watched = self.0;
        // The receiving socket is sent to itself along with the inotify: only so nobody has it any more.
        let rights = [theirs.as_fd(), watched.as_fd()];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut message = SendAncillaryBuffer::new(&mut room);
        if message.push(SendAncillaryMessage::ScmRights(&rights)) {
            let _ = sendmsg(&ours, &[IoSlice::new(b"\0")], &mut message, SendFlags::NOSIGNAL);
        }
        // Before the sockets: once those are closed, the collector may be faster than we are, and ours would be the
        // last descriptor.
        drop(watched);
    }
}

impl AsFd for NameEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
