//! The name of a socket: what may stand there, and what is left.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use control::{Access, BindError, Client, Server, bind};
use tempfile::{TempDir, tempdir};

use crate::bed::later;

/// A path in a folder, whose length is this.
fn path_of(folder: &TempDir, length: usize) -> PathBuf {
    let mut path = folder.path().to_owned();
    loop {
        let left = length - path.as_os_str().as_bytes().len() - 1;
        if left <= 50 {
            return path.join("s".repeat(left));
        }
        path.push("d".repeat(40.min(left - 2)));
        fs::create_dir_all(&path).unwrap();
    }
}

fn reach(path: &Path) {
    Client::connect(path, later()).unwrap();
}

/// Case: CC-06
#[test]
fn a_path_of_any_length_will_do() {
    let folder = tempdir().unwrap();
    for length in [106, 107, 108, 109, 300, 1000] {
        let path = path_of(&folder, length);
        assert_eq!(path.as_os_str().as_bytes().len(), length);
        let (_listener, file) = bind(&path, 0o600, None).unwrap();
        reach(&path);
        assert!(file.is_in_place());
        if length <= 107 {
            // As systemd-tmpfiles wants to see it.
            let sockets = fs::read_to_string("/proc/net/unix").unwrap();
            assert!(sockets.lines().any(|line| line.ends_with(path.to_str().unwrap())));
        }
        assert!(file.unbind().unwrap());
        assert!(!path.exists());
    }
    let path = path_of(&folder, 300).with_file_name("s".repeat(200));
    assert!(matches!(bind(&path, 0o600, None), Err(BindError::NameTooLong { .. })));
    assert!(!path.exists());
}

/// Case: CC-03
#[test]
fn what_is_no_socket_is_kept() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "x").unwrap();
    fs::create_dir(at("folder")).unwrap();
    drop(UnixListener::bind(at("stale")).unwrap());
    symlink(at("stale"), at("link")).unwrap();
    symlink(at("nothing"), at("dangling")).unwrap();
    for (name, what) in [
        ("file", "is a file"),
        ("folder", "is a folder"),
        ("link", "is a symbolic link"),
        ("dangling", "is a symbolic link"),
    ] {
        let error = bind(&at(name), 0o600, None).unwrap_err();
        assert!(matches!(error, BindError::Occupied { .. }), "{error:?}");
        assert!(error.to_string().contains(what), "{error}");
        assert!(fs::symlink_metadata(at(name)).is_ok());
    }
    assert!(fs::symlink_metadata(at("stale")).is_ok());
    assert!(!at("nothing").exists());
    let error = bind(&at("none").join("s"), 0o600, None).unwrap_err();
    assert!(matches!(error, BindError::Path(_)), "{error:?}");
}

/// Case: CC-01
#[test]
fn a_socket_that_nobody_listens_at_is_replaced() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    drop(bind(&path, 0o600, None).unwrap());
    assert!(path.exists());
    let (_listener, file) = bind(&path, 0o600, None).unwrap();
    reach(&path);
    drop(file);
    assert!(path.exists());
}

/// Case: CC-02
#[test]
fn a_live_one_is_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let (listener, file) = bind(&path, 0o600, None).unwrap();
    let live = || matches!(bind(&path, 0o600, None), Err(BindError::Live { .. }));
    assert!(live());
    // As many wait as fit.
    let waiting: Vec<_> =
        (0..1000).map_while(|_| Client::connect(&path, std::time::Instant::now()).ok()).collect();
    assert!(waiting.len() < 1000);
    assert!(live());
    assert!(file.is_in_place());
    drop(waiting);
    let mut server = Server::new(crate::bed::info()).unwrap();
    server.listen(listener, Access::default()).unwrap();
    while waiter::readable(&[server.descriptor()], Some(std::time::Instant::now())).unwrap() {
        server.turn(std::time::Instant::now());
    }
    reach(&path);
}

/// Case: CC-04
#[test]
fn one_that_was_removed_or_exchanged_is_seen_and_its_successor_is_kept() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let (_first, file) = bind(&path, 0o600, None).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(!file.is_in_place());
    let (_second, successor) = bind(&path, 0o600, None).unwrap();
    assert!(!file.is_in_place());
    assert!(!file.unbind().unwrap());
    assert!(successor.is_in_place());
    reach(&path);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "x").unwrap();
    assert!(!successor.unbind().unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"x");
}

/// In a folder of a group its members can rename a link over the name between two steps of ours.
#[test]
fn what_a_link_leads_to_keeps_its_permissions() {
    use std::os::unix::fs::MetadataExt;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    let folder = tempdir().unwrap();
    let (path, link, secret) =
        (folder.path().join("s"), folder.path().join("l"), folder.path().join("secret"));
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o400)).unwrap();
    let is_over = AtomicBool::new(false);
    let (mut bound, mut hindered) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                let _ = symlink(&secret, &link);
                let _ = fs::rename(&link, &path);
            }
        });
        let until = later();
        while bound < 100 || hindered < 100 {
            match bind(&path, 0o660, Some(rustix::process::getegid().as_raw())) {
                Ok(_) => bound += 1,
                Err(BindError::Occupied { .. } | BindError::Displaced { .. }) => hindered += 1,
                // The name was another's between two steps, or is no more.
                Err(BindError::System { step: "bind" | "set the permissions of", .. }) => {
                    hindered += 1;
                }
                Err(error) => {
                    is_over.store(true, Relaxed);
                    panic!("{error:?}");
                }
            }
            let _ = fs::remove_file(&path);
            if std::time::Instant::now() > until {
                break;
            }
        }
        is_over.store(true, Relaxed);
    });
    // How many of each there are depends on the machine.
    assert!(0 < bound && 0 < hindered, "{bound} bound, {hindered} hindered");
    assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o400);
}

#[test]
fn a_folder_where_others_can_exchange_it_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    for mode in [0o777, 0o757] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = bind(&path, 0o600, None).unwrap_err();
        assert!(matches!(error, BindError::OpenFolder { .. }), "{error:?}");
    }
    // A folder of ours that a group was given, as by a umask of 002, and one where only owners rename.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o775)).unwrap();
    bind(&path, 0o600, None).unwrap().1.unbind().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let (listener, file) = bind(&path, 0o600, None).unwrap();
    if rustix::process::geteuid().is_root() {
        // A stale one of somebody else.
        drop((listener, file));
        std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
        let error = bind(&path, 0o600, None).unwrap_err();
        assert!(matches!(error, BindError::Foreign { owner: 12345, .. }), "{error:?}");
        assert!(path.exists());
        // In a folder of his own it is his to say who is there.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(folder.path(), Some(12345), None).unwrap();
        let error = bind(&path, 0o600, None).unwrap_err();
        assert!(matches!(error, BindError::OpenFolder { .. }), "{error:?}");
    } else {
        println!("skipped: only root can give a socket to somebody else");
    }
}

/// It was refused with an error about no file.
#[test]
fn a_socket_for_its_user_needs_no_proc() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root has another root folder");
    }
    let folder = tempdir().unwrap();
    let tries = |umask: u32, mode| {
        let folder = folder.path();
        let alone = move || {
            // Of this thread alone, which ends.
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).unwrap();
            rustix::process::chroot(folder).unwrap();
            rustix::process::chdir("/").unwrap();
            rustix::process::umask(rustix::fs::Mode::from_bits_truncate(umask));
            bind(Path::new("/s"), mode, None).map(drop)
        };
        std::thread::scope(|scope| scope.spawn(alone).join().unwrap())
    };
    let mode = || fs::metadata(folder.path().join("s")).unwrap().mode() & 0o7777;
    tries(0o022, 0o600).unwrap();
    assert_eq!(mode(), 0o600);
    tries(0, 0o666).unwrap();
    assert_eq!(mode(), 0o666);
    let BindError::System { source, .. } = tries(0o777, 0o600).unwrap_err() else { panic!() };
    assert!(source.to_string().contains("/proc"), "{source}");
}

/// Case: CC-07
#[test]
fn a_group_gets_what_it_is_to_have_and_nobody_else() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("s");
    let group = if rustix::process::geteuid().is_root() {
        12345
    } else {
        rustix::process::getegid().as_raw()
    };
    let (_listener, _file) = bind(&path, 0o660, Some(group)).unwrap();
    let seen = fs::metadata(&path).unwrap();
    assert_eq!((seen.mode() & 0o7777, seen.gid()), (0o660, group));
}
