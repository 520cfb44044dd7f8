//! The descriptor that keeps a successor waiting, whoever has a copy of it.
//!
//! It is given to processes that may lower their rights, so nothing can be written through it: what they
//! could write would be the number that root signals by `kill $(cat …)`. A lock of a byte that readers
//! cannot have, too, needs a descriptor open for writing (fcntl(2)); an exclusive flock(2) needs one open
//! for reading. A reader can have one as well, but not while ours lives: ours is taken before the file
//! can be opened by anybody. When our last copy is gone, a reader can lock the file. Then /proc/locks
//! names the process that has taken the lock (proc_locks(5)): ours was taken by the process whose number
//! is in the file, which was the file owner's or root's.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{
    AtFlags, FlockOperation, OFlags, Stat, StatxFlags, flock, fstat, fstatfs, major, minor, statx,
};
use rustix::io::{Errno, retry_on_intr};

use super::locks::try_lock;
use super::who::{self, Kinds};
use crate::bytes::Byte;
use crate::deadline::Deadline;
use crate::descriptor::above_stdio;
use crate::id::Id;
use crate::number;

/// File systems that make a lock of bytes of every flock(2): there it would collide with the holder's
/// own. NFS, SMB in three dialects, 9P, AFS (statfs(2)).
const NETWORK: [u32; 6] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997, 0x5346_414F];

/// How often a lock is looked at, if somebody takes and drops one without pause: it may go between the
/// refusal and the look at who has it.
const LOOKS: usize = 16;

/// Bounds how long /proc/locks is read, which has a line for each lock of the whole machine: the system walks
/// through all that was read before for each page of it, and anybody may have as many locks as he likes.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Bounds what is read of the list of mounts; of them there are 100,000 at most (proc_sys_fs(5),
/// `mount-max`).
const MOST_MOUNTS: usize = 1 << 17;

/// Makes a hold, of a file that nobody else can open yet. `None`: somebody could, and has locked it.
pub(crate) fn make_hold(
    reopen: impl Fn(OFlags) -> Result<OwnedFd, Errno>,
) -> Result<Option<OwnedFd>, Errno> {
    let file = above_stdio(reopen(OFlags::RDONLY)?)?;
    if is_local(file.as_fd()) {
        match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => return Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => return Ok(None),
            // The file system does not know this kind of lock: a byte is locked instead.
            Err(Errno::BADF | Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => (),
            Err(errno) => return Err(errno),
        }
    }
    let file = above_stdio(reopen(OFlags::RDWR)?)?;
    Ok(try_lock(file.as_fd(), Byte::Dependent)?.then_some(file))
}

/// Whether a copy of such a descriptor is alive somewhere. To ask hinders nobody: it takes a shared lock
/// for a moment, which only refuses an exclusive one, and that is taken only before anybody else can open
/// the file.
pub(crate) fn has_hold(file: BorrowedFd<'_>) -> Result<bool, Errno> {
    let patience = Deadline::after(LONGEST_LOOK);
    for _ in 0..LOOKS {
        match retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockShared)) {
            Ok(()) => return flock(file, FlockOperation::Unlock).map(|()| false),
            Err(Errno::WOULDBLOCK) if !is_local(file) => return Ok(false),
            Err(Errno::WOULDBLOCK) => (),
            // There is no flock(2) here, so the holder has locked a byte.
            Err(Errno::BADF | Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                return Ok(false);
            }
            Err(errno) => return Err(errno),
        }
        if let Some(ours) = is_ours(file, patience)? {
            return Ok(ours);
        }
    }
    // What cannot be told is believed to be ours: a successor that waits in vain does no harm, two that
    // run do.
    Ok(true)
}

/// Blocks until nobody has an exclusive lock of this kind.
pub(crate) fn wait_until_no_hold(file: BorrowedFd<'_>) -> Result<(), Errno> {
    retry_on_intr(|| flock(file, FlockOperation::LockShared))?;
    flock(file, FlockOperation::Unlock)
}

fn is_local(file: BorrowedFd<'_>) -> bool {
    // The constants have 32 bits, the field has more on some machines, and a sign.
    fstatfs(file).is_ok_and(|system| !NETWORK.contains(&((system.f_type as u64) as u32)))
}

/// Whether the exclusive lock was taken for the holder of the file. `None`: no such lock is seen, because
/// it has gone, or because whoever took it is dead, or of another pid namespace, or because the list has
/// left it out: the kernel gives it page by page, and leaves some out where others go meanwhile.
///
/// A successor that waits for a stranger is a nuisance, two that run are a disaster: it is a stranger's
/// only if that is certain.
fn is_ours(file: BorrowedFd<'_>, patience: Deadline) -> Result<Option<bool>, Errno> {
    let Some(number) = number::read(file)? else { return Ok(Some(false)) };
    if !who::proc_speaks_of_us() {
        return Ok(Some(true));
    }
    let stat = fstat(file)?;
    let device = device(file, &stat);
    let Ok(locks) = fs::File::open("/proc/locks") else { return Ok(None) };
    let lines = BufReader::new(locks).lines().map_while(Result::ok);
    let (mut strangers, mut unclear) = (false, false);
    for line in lines {
        if patience.has_passed() {
            return Ok(Some(true));
        }
        let Some((pid, on)) = exclusive(&line, stat.st_ino) else { continue };
        let locker = Locker { pid, number, owner: stat.st_uid, file: Id::of(&stat) };
        match locker.took_it_for(on == device) {
            Whom::Us => return Ok(Some(true)),
            Whom::Themselves => strangers = true,
            Whom::Unclear => unclear = true,
            Whom::AnotherFile => (),
        }
    }
    Ok((strangers && !unclear).then_some(false))
}

/// The device of the file as /proc/locks names it, which is that of the mount (proc_pid_mountinfo(5)).
/// stat(2) shows other devices on some file systems, btrfs one for each subvolume.
fn device(file: BorrowedFd<'_>, stat: &Stat) -> String {
    let mount = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok();
    let mount = mount.filter(|seen| seen.stx_mask & StatxFlags::MNT_ID.bits() != 0);
    let table = mount.and_then(|_| fs::File::open("/proc/thread-self/mountinfo").ok());
    let lines = table.into_iter().flat_map(|table| BufReader::new(table).lines());
    let mut lines = lines.map_while(Result::ok).take(MOST_MOUNTS);
    let on_mount = mount.and_then(|seen| lines.find_map(|line| device_of(&line, seen.stx_mnt_id)));
    let (major, minor) = on_mount.unwrap_or((major(stat.st_dev), minor(stat.st_dev)));
    format!("{major:02x}:{minor:02x}")
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime …`: the first number is the mount's, the third word its device.
fn device_of(line: &str, mount: u64) -> Option<(u32, u32)> {
    let mut words = line.split(' ');
    (words.next()?.parse() == Ok(mount)).then_some(())?;
    let (major, minor) = words.nth(1)?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// For whom a lock was taken.
enum Whom {
    /// It was taken for the process that holds the file, or held it.
    Us,
    Themselves,
    /// The lock has been given up since, or somebody else has a copy of it: look again.
    Unclear,
    /// It is on another file system, where a file has the same inode number.
    AnotherFile,
}

/// Whoever took an exclusive lock of a file with this inode, by the number that we see.
struct Locker {
    pid: u32,
    /// In the file: that of its holder, in the holder's own pid namespace.
    number: u32,
    /// The owner of the file.
    owner: u32,
    file: Id,
}

impl Locker {
    fn took_it_for(&self, device_fits: bool) -> Whom {
        let users = who::users(self.pid);
        // Neither can be known of a process that is gone.
        let is_foreign =
            users.is_some_and(|users| !users.contains(&0) && !users.contains(&self.owner));
        match who::holds_flock(self.pid, self.file) {
            // The process has the lock itself, is the owner's or root's, and has the number in the file.
            // The number alone proves nothing: a reader can come to have it.
            Some(true) if !is_foreign && who::numbers(self.pid).contains(&self.number) => Whom::Us,
            Some(true) => Whom::Themselves,
            // The process hides from us what it has, as another user's does, or it is dead; and no
            // process of the file's owner has a copy. It may have the number in the file: whoever starts
            // processes often enough gets it.
            _ if device_fits
                && (is_foreign || users.is_none() && self.pid != self.number)
                && who::is_first_namespace()
                && who::nobody_has_flock(self.file, self.owner) =>
            {
                Whom::Themselves
            }
            // The number is the one in the file. A copy is left of what this process took, or of what a
            // dead holder took whose number it has by now.
            _ if self.pid == self.number => Whom::Us,
            _ if !device_fits => Whom::AnotherFile,
            _ if users.is_some() => Whom::Unclear,
            // The process is dead. All who have the lock now are of our pid namespace, so it was, too,
            // and had the number there that we see. That is not the number in the file, so it was not the
            // holder.
            _ if who::is_first_namespace() && who::all_are_of_our_namespace(self.file) => {
                Whom::Themselves
            }
            _ => Whom::Us,
        }
    }
}

/// Which processes are left that have a copy, as far as /proc tells: whose lock counts.
pub(crate) fn dependents(file: BorrowedFd<'_>, id: Id) -> Vec<u32> {
    let kinds = match (has_hold(file), number::read(file)) {
        (Ok(true), Ok(Some(number))) => Kinds::AndFlockBy(number),
        _ => Kinds::Bytes,
    };
    who::holders(id, Byte::Dependent, kinds)
}

/// Who has taken an exclusive lock of this kind of a file with this inode, and on which device:
/// `3: FLOCK  ADVISORY  WRITE 303 fe:00:10018912 0 EOF`.
fn exclusive(line: &str, inode: u64) -> Option<(u32, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, "FLOCK", _, "WRITE", pid, file, _, _] = words[..] else { return None };
    let (device, number) = file.rsplit_once(':')?;
    (number.parse() == Ok(inode)).then_some(())?;
    Some((pid.parse().ok()?, device.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;
    use std::thread;

    use super::*;

    #[test]
    fn only_exclusive_locks_of_this_kind_and_file_count() {
        let found = |line: &str| exclusive(line, 912).map(|(pid, _)| pid);
        assert_eq!(found("3: FLOCK  ADVISORY  WRITE 303 fe:00:912 0 EOF"), Some(303));
        for other in [
            "3: FLOCK  ADVISORY  READ 303 fe:00:912 0 EOF",
            "3: FLOCK  ADVISORY  WRITE 303 fe:00:913 0 EOF",
            "2: OFDLCK ADVISORY  WRITE -1 fe:00:912 1 1",
            "1: POSIX  ADVISORY  WRITE 303 fe:00:912 3 3",
            // Waits for it, and has nothing.
            "3: -> FLOCK  ADVISORY  WRITE 304 fe:00:912 0 EOF",
            "",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn a_mount_is_found_by_its_number() {
        let line = "36 35 98:7 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(device_of(line, 36), Some((98, 7)));
        for (line, mount) in [(line, 35), (line, 3), ("36", 36), ("36 35 98", 36), ("", 0)] {
            assert_eq!(device_of(line, mount), None, "{line}");
        }
    }

    /// What the kernel says of a lock and what we say of the file is the same.
    #[test]
    fn the_device_of_a_file_is_that_of_its_locks() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("x")).unwrap();
        flock(&file, FlockOperation::LockExclusive).unwrap();
        let stat = fstat(&file).unwrap();
        // The list is read page by page, and leaves one out when others go meanwhile.
        let look = || {
            let locks = fs::read_to_string("/proc/locks").unwrap();
            let found = locks.lines().filter_map(|line| exclusive(line, stat.st_ino));
            found.filter(|(pid, _)| *pid == std::process::id()).collect::<Vec<_>>()
        };
        let ours = (0..1_000).map(|_| look()).find(|ours| !ours.is_empty()).unwrap_or_default();
        assert!(ours.iter().any(|(_, on)| *on == device(file.as_fd(), &stat)), "{ours:?}");
    }

    /// It took a minute, where somebody had 300,000 locks.
    ///
    /// Case: FLT-D5
    #[test]
    fn who_cannot_be_told_in_time_is_believed_to_be_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        fs::write(&path, "1\n").unwrap();
        let (locking, asking) = (fs::File::open(&path).unwrap(), fs::File::open(&path).unwrap());
        flock(&locking, FlockOperation::LockExclusive).unwrap();
        // A list may leave the lock out, where others go meanwhile.
        let look = |patience| is_ours(asking.as_fd(), Deadline::after(patience)).unwrap();
        let ours = |patience| (0..1_000).find_map(|_| look(patience));
        assert_eq!(ours(LONGEST_LOOK), Some(false));
        assert_eq!(ours(Duration::ZERO), Some(true));
    }

    /// About every tenth list had left out the lock, when this was tried.
    #[test]
    fn a_lock_that_a_list_leaves_out_is_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        fs::write(&path, format!("{}\n", std::process::id())).unwrap();
        let (locking, asking) = (fs::File::open(&path).unwrap(), fs::File::open(&path).unwrap());
        flock(&locking, FlockOperation::LockExclusive).unwrap();
        let others: Vec<_> = (0..300).map(|_| tempfile::tempfile().unwrap()).collect();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    for operation in [FlockOperation::LockExclusive, FlockOperation::Unlock] {
                        others.iter().for_each(|file| flock(file, operation).unwrap());
                    }
                }
            });
            let believed = (0..200).filter(|_| has_hold(asking.as_fd()).unwrap()).count();
            is_over.store(true, Relaxed);
            assert_eq!(believed, 200);
        });
    }

    /// A reader of a stale file may do this.
    #[test]
    fn a_lock_of_another_process_than_the_file_names_is_a_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.pid");
        for (number, held) in [(std::process::id(), true), (1, false)] {
            fs::write(&path, format!("{number}\n")).unwrap();
            let (locking, asking) =
                (fs::File::open(&path).unwrap(), fs::File::open(&path).unwrap());
            assert!(!has_hold(asking.as_fd()).unwrap());
            flock(&locking, FlockOperation::LockExclusive).unwrap();
            assert_eq!(has_hold(asking.as_fd()).unwrap(), held, "{number}");
        }
    }
}
