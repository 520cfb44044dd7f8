//! A stranger who may read files, and so may lock them: every lock that a reader can have, on every
//! file of a folder, and on the folder.
//!
//! A reader's locks are shared ones on bytes (F_OFD_SETLK of fcntl(2)) and both kinds of flock(2).

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::os::unix::fs::{DirEntryExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{FlockOperation, flock};

/// An ordinary user who owns nothing, by custom.
const NOBODY: u32 = 65534;

/// More bytes than a pid file has locks on.
const BYTES: i64 = 4;

/// How long locks are held that are not kept; and how long it takes to ask for those again that
/// could not be had.
const HELD: Duration = Duration::from_millis(3);

/// Between two looks at the folder in which nothing changes.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000 };

/// Until it is killed. With `keep` it holds every lock that it ever got.
pub(crate) fn hold(folder: &Path, keep: bool) -> Result<(), Box<dyn Error>> {
    become_nobody()?;
    // A file is seen as soon as it has its name.
    let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    inotify::add_watch(&changes, folder, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
    let mut held: BTreeMap<u64, (File, Instant)> = BTreeMap::new();
    let mut exclusive = false;
    loop {
        if !keep {
            held.retain(|_, (_, since)| since.elapsed() < HELD);
        }
        let names = std::fs::read_dir(folder)?.flatten();
        let files = names.map(|entry| (entry.path(), entry.ino()));
        for (path, number) in files.chain([(folder.to_owned(), std::fs::metadata(folder)?.ino())]) {
            match held.get_mut(&number) {
                Some((_, since)) if since.elapsed() < HELD => (),
                Some((file, since)) => {
                    exclusive = !exclusive;
                    lock(file, exclusive);
                    *since = Instant::now();
                }
                None => {
                    // A fifo must not hold us.
                    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
                    let file = File::options().read(true).custom_flags(flags).open(&path);
                    if let Ok(file) = file {
                        lock(&file, exclusive);
                        held.insert(number, (file, Instant::now()));
                    }
                }
            }
        }
        let mut waiting = [PollFd::new(&changes, PollFlags::IN)];
        poll(&mut waiting, Some(&PAUSE))?;
        let mut events = [0; 4096];
        while rustix::io::read(&changes, &mut events).is_ok_and(|read| read > 0) {}
    }
}

/// Whatever of it can be had now; the next look asks again.
fn lock(file: &File, exclusive: bool) {
    for byte in 0..BYTES {
        let wanted = libc::flock {
            l_type: libc::F_RDLCK as i16,
            l_whence: libc::SEEK_SET as i16,
            l_start: byte,
            l_len: 1,
            l_pid: 0,
        };
        let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&wanted));
    }
    let operation = match exclusive {
        true => FlockOperation::NonBlockingLockExclusive,
        false => FlockOperation::NonBlockingLockShared,
    };
    let _ = flock(file, operation);
}

/// A stranger has no rights of ours. Who is not root is one already.
fn become_nobody() -> nix::Result<()> {
    if Uid::effective().is_root() {
        setgroups(&[])?;
        setgid(Gid::from_raw(NOBODY))?;
        setuid(Uid::from_raw(NOBODY))?;
    }
    Ok(())
}
