//! A file where others can do something: put names into its folder, lock what they can read.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use log_file::{Error, LogFile, Options, Rotation};
use rustix::process::geteuid;
use tempfile::TempDir;

mod support {
    pub(crate) mod log;
}

use support::log::Log;

/// An ordinary user who owns nothing, by custom.
const NOBODY: u32 = 65534;

/// Far more than anything takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A folder that belongs to `NOBODY` or that everybody can write to, and one of our own with a secret.
struct Bed {
    root: TempDir,
    folder: PathBuf,
    log: PathBuf,
    secret: PathBuf,
}

impl Bed {
    /// None: only root can make files of somebody else's.
    fn new(owner: u32, mode: u32) -> Option<Bed> {
        if !geteuid().is_root() {
            println!("skipped: only root can be fooled by the files of others");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        // Others have to get to the folder that they can write to.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let folder = root.path().join("theirs");
        let ours = root.path().join("ours");
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&ours).unwrap();
        chown(&folder, Some(owner), Some(owner)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let secret = ours.join("secret");
        fs::write(&secret, "secret\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        Some(Bed { log: folder.join("app.log"), root, folder, secret })
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Nothing of ours was written, given away, made or renamed.
    fn check_ours(&self) {
        let ours = self.secret.parent().unwrap();
        let names: Vec<_> =
            fs::read_dir(ours).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["secret"]);
        assert_eq!(fs::read_to_string(&self.secret).unwrap(), "secret\n");
        let secret = fs::metadata(&self.secret).unwrap();
        assert_eq!((secret.uid(), secret.mode() & 0o777), (0, 0o600));
    }

    fn refusal(&self, log: &Path) -> String {
        let error = LogFile::open(log).unwrap_err();
        assert!(matches!(error, Error::Field { field: "file", .. }), "{error:?}");
        self.check_ours();
        error.to_string()
    }
}

impl Drop for Bed {
    /// A thread that compresses may outlive its file's opener, and make a file while the folder is removed.
    fn drop(&mut self) {
        let start = Instant::now();
        while fs::remove_dir_all(self.root.path())
            .is_err_and(|error| error.kind() != std::io::ErrorKind::NotFound)
            && start.elapsed() < LIMIT
        {
            std::thread::yield_now();
        }
    }
}

/// A link of somebody else's.
fn link_of(owner: u32, to: &Path, at: &Path) {
    symlink(to, at).unwrap();
    lchown(at, Some(owner), Some(owner)).unwrap();
}

fn file_of(owner: u32, text: &str, at: &Path) {
    fs::write(at, text).unwrap();
    chown(at, Some(owner), Some(owner)).unwrap();
}

/// Case: FLT-A1
#[test]
fn a_link_in_the_place_of_the_log_leads_nowhere() {
    // Links to a file that is there, and to one that is not: the latter would be created.
    for mode in [0o755, 0o700, 0o1777] {
        for target in ["secret", "new"] {
            let Some(bed) = Bed::new(NOBODY, mode) else { return };
            let target = bed.secret.with_file_name(target);
            // Before the start.
            link_of(NOBODY, &target, &bed.log);
            let text = bed.refusal(&bed.log);
            assert!(
                text.contains("belongs to user 65534") && text.contains("`trust_folder_owner`"),
                "{text}"
            );
            fs::remove_file(&bed.log).unwrap();

            // Between two records.
            let log = Log::open(&bed.log, |options| options.rotation(Rotation::Size).max_size(10));
            log.append("one");
            fs::remove_file(&bed.log).unwrap();
            link_of(NOBODY, &target, &bed.log);
            (0..5).for_each(|number| log.append(&format!("record {number}")));
            assert_eq!(log.dropped(), 5);
            log.reopen().unwrap_err();
            bed.check_ours();
            assert_eq!(
                fs::read_dir(&bed.folder).unwrap().count(),
                1,
                "the link, and nothing put aside"
            );
            fs::remove_file(&bed.log).unwrap();
            log.append("again");
            assert_eq!(fs::read_to_string(&bed.log).unwrap(), "again\n");
            assert!(log.why().starts_with("the link `"), "{}", log.why());
        }
    }
}

/// Case: FLT-A1
#[test]
fn a_second_name_of_a_file_of_ours_is_not_written_to() {
    let Some(bed) = Bed::new(NOBODY, 0o755) else { return };
    fs::hard_link(&bed.secret, &bed.log).unwrap();
    assert!(bed.refusal(&bed.log).contains("it has 2 names"));
    fs::remove_file(&bed.log).unwrap();
    let log = Log::open(&bed.log, |options| options);
    log.append("one");
    fs::remove_file(&bed.log).unwrap();
    fs::hard_link(&bed.secret, &bed.log).unwrap();
    log.append("two");
    bed.check_ours();
    assert_eq!(log.dropped(), 1);
}

/// Somebody exchanges the log without a pause, for whatever he likes, while it is rotated.
///
/// Case: FLT-A1
#[test]
fn nobody_is_led_anywhere_by_exchanging_the_log_while_it_is_rotated() {
    let Some(bed) = Bed::new(NOBODY, 0o777) else { return };
    // Made before, since a link is root's for a moment before it is somebody else's.
    let links = bed.inside("links");
    fs::create_dir(&links).unwrap();
    for number in 0..1000 {
        let target = if number % 2 == 0 { "secret" } else { "new" };
        link_of(NOBODY, &bed.secret.with_file_name(target), &links.join(format!("{number}")));
    }
    let over = AtomicBool::new(false);
    let log = Log::open(&bed.log, |options| {
        options.rotation(Rotation::Size).max_size(20).keep(5).compress(true)
    });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..1000 {
                fs::rename(links.join(format!("{number}")), &bed.log).unwrap();
                let _ = fs::remove_file(&bed.log);
                // So that files are put aside now and then.
                std::thread::yield_now();
            }
            over.store(true, Ordering::Relaxed);
        });
        while !over.load(Ordering::Relaxed) {
            log.append("a record of us");
        }
    });
    bed.check_ours();
}

/// Case: FLT-A2
#[test]
fn a_link_of_a_stranger_on_the_way_is_not_followed() {
    for (owner, mode) in [(NOBODY, 0o755), (0, 0o1777), (0, 0o775), (0, 0o777)] {
        let Some(bed) = Bed::new(owner, mode) else { return };
        link_of(NOBODY, bed.secret.parent().unwrap(), &bed.inside("sub"));
        let log = bed.inside("sub/app.log");
        assert!(bed.refusal(&log).contains("belongs to user 65534"), "{owner} {mode:o}");
        // A link of ours is followed, there too.
        let mine = bed.inside("mine");
        symlink(bed.folder.parent().unwrap().join("theirs"), &mine).unwrap();
        Log::open(&mine.join("app.log"), |options| options);
        assert!(bed.log.is_file());
    }
}

/// Case: FLT-A3
#[test]
fn a_file_of_a_stranger_is_not_the_log() {
    let Some(bed) = Bed::new(0, 0o1777) else { return };
    file_of(NOBODY, "theirs\n", &bed.log);
    assert!(bed.refusal(&bed.log).contains("it belongs to user 65534"));
    assert_eq!(fs::read_to_string(&bed.log).unwrap(), "theirs\n");
    // Nor is it when it takes the place of ours.
    fs::remove_file(&bed.log).unwrap();
    let log = Log::open(&bed.log, |options| options.rotation(Rotation::Size).max_size(10));
    log.append("one");
    fs::remove_file(&bed.log).unwrap();
    file_of(NOBODY, "theirs\n", &bed.log);
    (0..3).for_each(|_| log.append("a long record"));
    assert_eq!(fs::read_to_string(&bed.log).unwrap(), "theirs\n");
    assert_eq!(log.dropped(), 3);
}

/// Case: FLT-A1
#[test]
fn a_successor_inherits_from_a_file_of_ours_only() {
    let change = |options: Options| options.rotation(Rotation::Size).max_size(10);
    let rotated = |bed: &Bed| {
        let log = Log::open(&bed.log, change);
        ["one more", "one more"].iter().for_each(|text| log.append(text));
        let log = fs::metadata(&bed.log).unwrap();
        (log.uid(), log.mode() & 0o777)
    };
    // In a folder that a group shares, a member's file is written to, and decides nothing.
    let Some(bed) = Bed::new(0, 0o775) else { return };
    file_of(NOBODY, "", &bed.log);
    fs::set_permissions(&bed.log, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(rotated(&bed), (0, 0o644));
    // What root has given away in a folder of its own stays given away.
    let Some(bed) = Bed::new(0, 0o755) else { return };
    file_of(NOBODY, "", &bed.log);
    fs::set_permissions(&bed.log, fs::Permissions::from_mode(0o660)).unwrap();
    assert_eq!(rotated(&bed), (NOBODY, 0o660));
}

/// Case: FLT-A1
#[test]
fn the_owner_of_the_folder_can_be_trusted_with_the_log() {
    let Some(bed) = Bed::new(NOBODY, 0o755) else { return };
    let theirs = bed.inside("theirs.log");
    file_of(NOBODY, "", &theirs);
    link_of(NOBODY, &theirs, &bed.log);
    let options = Options::file(&bed.log);
    assert!(options.distrust().is_some());
    let options = options.trust_folder_owner(true);
    Log::open(&bed.log, |_| options.clone()).append("by his link");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "by his link\n");
    // Nobody else is trusted, also where others can put names.
    fs::set_permissions(&bed.folder, fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(options.distrust().is_none());
    fs::remove_file(&bed.log).unwrap();
    link_of(1, &theirs, &bed.log);
    assert!(options.distrust().is_some());
}

/// Case: FLT-A5
#[test]
fn what_others_have_put_aside_is_neither_counted_nor_removed() {
    // Where everybody can put files, and where a group shares them.
    [0o1777, 0o2770].into_iter().for_each(keeps_to_our_own);
}

fn keeps_to_our_own(folder: u32) {
    let Some(bed) = Bed::new(0, folder) else { return };
    let names = ["app.log.2020-01-01", "app.log.2020-01-02.gz", "app.log.2020-01-03.gz.part"];
    names.iter().for_each(|name| file_of(NOBODY, "theirs", &bed.inside(name)));
    let log = Log::open(&bed.log, |options| {
        options.rotation(Rotation::Size).max_size(10).keep(1).compress(true)
    });
    for number in 0..20 {
        log.append(&format!("record {number:02}"));
        // The name that ours will have when it is compressed.
        let aside = fs::read_dir(&bed.folder).unwrap().map(|entry| entry.unwrap().path());
        let aside: Vec<_> =
            aside.filter(|path| path.metadata().is_ok_and(|it| it.uid() == 0)).collect();
        assert!(aside.len() <= 1 + 2, "one is kept, perhaps half compressed: {aside:?}");
    }
    for name in names {
        assert_eq!(fs::read_to_string(bed.inside(name)).unwrap(), "theirs");
    }
}

#[test]
fn a_folder_whose_lock_is_held_delays_rotation_and_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let log = Log::open(&path, |options| options.rotation(Rotation::Size).max_size(10));
    let lock = File::open(folder.path()).unwrap();
    lock.lock().unwrap();
    ["one more", "two more"].iter().for_each(|text| log.append(text));
    assert_eq!(fs::read_to_string(&path).unwrap(), "one more\ntwo more\n");
    lock.unlock().unwrap();
    // As soon as someone tries again, which is a millisecond later.
    while fs::read_dir(folder.path()).unwrap().count() == 1 {
        log.append("x");
    }
    assert_eq!(log.dropped(), 0);
}

/// Anybody who can read a folder can lock it.
///
/// Case: FLT-D3
#[test]
fn a_folder_whose_lock_is_held_for_ever_does_not_keep_a_file_from_being_rotated() {
    for exclusive in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let lock = File::open(folder.path()).unwrap();
        if exclusive {
            lock.lock().unwrap()
        } else {
            lock.lock_shared().unwrap()
        }
        let log = Log::open(&path, |options| options.rotation(Rotation::Size).max_size(10).keep(2));
        let start = Instant::now();
        while fs::read_dir(folder.path()).unwrap().count() < 3 {
            log.append("a record");
            assert!(start.elapsed() < LIMIT, "it should be rotated, again and again");
        }
        assert_eq!(log.dropped(), 0);
        drop(lock);
    }
}

/// Anybody who can read a file can lock it, too, for ever and in both ways.
///
/// Case: FLT-D3
#[test]
fn locks_on_the_log_itself_hold_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    for exclusive in [true, false] {
        fs::write(&path, "").unwrap();
        let lock = File::open(&path).unwrap();
        if exclusive {
            lock.lock().unwrap()
        } else {
            lock.lock_shared().unwrap()
        }
        let log = Log::open(&path, |options| {
            options.rotation(Rotation::Size).max_size(10).keep(3).compress(true)
        });
        let wanted = lock.metadata().unwrap().ino();
        (0..50).for_each(|number| log.append(&format!("record {number:02}")));
        assert_eq!(log.dropped(), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "record 49\n");
        assert_ne!(fs::metadata(&path).unwrap().ino(), wanted);
        drop(lock);
    }
}

#[test]
fn a_link_of_ours_is_followed_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("app.log"), folder.path().join("link.log"));
    symlink(&path, &link).unwrap();
    for mode in [0o700, 0o777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        Log::open(&link, |options| options).append("by the link");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "by the link\nby the link\n");
    // A link of somebody else's is not followed where he can put one.
    if geteuid().is_root() {
        lchown(&link, Some(NOBODY), Some(NOBODY)).unwrap();
        let error = LogFile::open(&link).unwrap_err();
        assert!(error.to_string().contains("belongs to user 65534"), "{error}");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Log::open(&link, |options| options).append("by his link");
        assert!(fs::read_to_string(&path).unwrap().ends_with("by his link\n"));
    }
}
