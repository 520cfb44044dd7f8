//! Links: whose are followed, and where.

use std::fs::{self, hard_link};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use trusted_path::{Access, Fault, Place, Trust};

use crate::bed::{Bed, STRANGER, append, fault, file_of, give, link_of, read, we_are_root};

/// Cases: FLT-A1, FLT-A2
pub(crate) fn a_strangers_link_is_not_followed_wherever_it_is() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let elsewhere = bed.folder("elsewhere", 0o755, 0);
    let victim = file_of(elsewhere.join("victim"), 0);
    let folders = [
        ("theirs", 0o755, STRANGER),
        ("private", 0o700, STRANGER),
        ("group", 0o775, 0),
        ("sticky", 0o1777, 0),
        ("anybody", 0o777, 0),
    ];
    for (name, mode, owner) in folders {
        let folder = bed.folder(name, mode, owner);
        let foreign = |link: &Path| Fault::ForeignLink { link: link.to_owned(), owner: STRANGER };

        let to_file = link_of(folder.join("to-file"), &victim, STRANGER);
        assert_eq!(fault(append(&to_file)), foreign(&to_file));
        assert_eq!(fault(read(&to_file)), foreign(&to_file));

        let dangling = link_of(folder.join("dangling"), &elsewhere.join("new"), STRANGER);
        assert_eq!(fault(append(&dangling)), foreign(&dangling));

        let on_the_way = link_of(folder.join("sub"), &elsewhere, STRANGER);
        assert_eq!(fault(append(&on_the_way.join("victim"))), foreign(&on_the_way));
        assert_eq!(fault(append(&on_the_way.join("new"))), foreign(&on_the_way));
        assert_eq!(fault(append(&on_the_way.join("../elsewhere/new"))), foreign(&on_the_way));

        // Our own link that leads to the stranger's.
        let ours = link_of(bed.path(&format!("by-way-of-{name}")), &to_file, 0);
        assert_eq!(fault(append(&ours)), foreign(&to_file));
    }
    assert_eq!(fs::read_to_string(victim).unwrap(), "there before\n");
    assert!(!elsewhere.join("new").exists());

    // In our own folder it is there because we want it.
    let folder = bed.folder("ours", 0o755, 0);
    append(&link_of(folder.join("wanted"), &elsewhere.join("wanted"), STRANGER)).unwrap();
    assert!(elsewhere.join("wanted").exists());
}

/// A link of root's can be given a second name by anybody where `protected_hardlinks` is 0.
///
/// Case: FLT-A1
pub(crate) fn a_link_with_a_second_name_is_not_followed_where_others_put_names() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let victim = file_of(bed.path("victim"), 0);
    let ours = link_of(bed.path("link"), &victim, 0);
    let theirs = bed.folder("theirs", 0o755, STRANGER).join("app.log");
    hard_link(&ours, &theirs).unwrap();
    assert_eq!(fault(append(&theirs)), Fault::SecondLink { link: theirs });
    append(&ours).unwrap();
}

pub(crate) fn links_of_our_own_are_followed_to_what_is_not_there_yet() {
    let bed = Bed::new();
    let us = rustix::process::geteuid().as_raw();
    let folder = bed.folder("open", 0o1777, us);
    fs::create_dir_all(bed.path("real/deep")).unwrap();
    symlink("../real/deep/../deep", folder.join("logs")).unwrap();
    symlink("actual.txt", bed.path("real/deep/out.txt")).unwrap();
    let path = folder.join("./logs//out.txt");
    let opened = append(&path).unwrap();
    assert!(opened.is_created() && opened.is_ours());
    assert!(bed.path("real/deep/actual.txt").exists());
    let place = Place::find(&path, Trust::default()).unwrap();
    assert_eq!(place.name(), "actual.txt");
    assert!(place.leads_to(opened.identity()));
    // By `find_name` the place is that of the link itself.
    let place = Place::find_name(&path, Trust::default()).unwrap();
    assert_eq!(place.name(), "out.txt");
    assert!(!place.leads_to(opened.identity()));

    symlink("b", bed.path("a")).unwrap();
    symlink("a", bed.path("b")).unwrap();
    assert!(append(&bed.path("a")).unwrap_err().to_string().contains("find"));
}

pub(crate) fn links_of_the_kernel_are_followed_if_they_are_ours() {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let bed = Bed::new();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let number = writer.as_raw_fd();
    let link = bed.path("log");
    symlink(format!("/proc/self/fd/{number}"), &link).unwrap();
    let opened = append(&link).unwrap();
    assert!(opened.is_by_kernel());
    opened.file().write_all(b"through").unwrap();
    drop((opened, writer));
    let mut received = String::new();
    reader.read_to_string(&mut received).unwrap();
    assert_eq!(received, "through");

    if !we_are_root() {
        return;
    }
    // A file that another user's process has open, for whatever purpose: which one it is, he decides.
    use std::os::unix::process::CommandExt;
    let victim = file_of(bed.path("victim"), 0);
    let mut sleeper = std::process::Command::new("sleep");
    sleeper.arg("600").stdin(fs::File::open(&victim).unwrap()).uid(STRANGER).gid(STRANGER);
    let sleeper = crate::bed::Running(sleeper.spawn().unwrap());
    let theirs = format!("/proc/{}/fd/0", sleeper.0.id());
    let theirs = Path::new(&theirs);
    assert_eq!(
        fault(append(theirs)),
        Fault::ForeignLink { link: theirs.to_owned(), owner: STRANGER }
    );
}

pub(crate) fn what_is_no_file_is_told_by_its_kind() {
    let bed = Bed::new();
    let _socket = UnixListener::bind(bed.path("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, bed.path("fifo"), rustix::fs::Mode::RWXU).unwrap();
    fs::create_dir(bed.path("folder")).unwrap();
    let us = rustix::process::geteuid().as_raw();
    let open = bed.folder("open", 0o1777, us);
    for (name, expected) in [("socket", Fault::IsSocket), ("fifo", Fault::NoReader)] {
        assert_eq!(fault(append(&bed.path(name))), expected);
        fs::rename(bed.path(name), open.join(name)).unwrap();
        assert_eq!(fault(append(&open.join(name))), expected);
    }
    for name in ["folder", "folder/", "new/", ".", "folder/.."] {
        assert_eq!(fault(append(&bed.path(name))), Fault::IsFolder, "{name}");
        assert_eq!(fault(read(&bed.path(name))), Fault::IsFolder, "{name}");
    }
    assert_eq!(fault(append(Path::new(""))), Fault::Empty);
    assert_eq!(fault(append(&bed.path("a\0b"))), Fault::Nul);
    append(Path::new("/dev/null")).unwrap().file().write_all(b"x").unwrap();

    // A place that was found before a link came does not lead through it.
    let place = Place::find(&bed.path("log"), Trust::default()).unwrap();
    symlink("victim", bed.path("log")).unwrap();
    assert_eq!(fault(place.open(Access::Append)), Fault::IsLink);
    assert_eq!(fault(place.open_or_create(Access::Append, 0o644)), Fault::IsLink);
    assert!(place.create(Access::Append, 0o644).unwrap().is_none());
    assert!(!bed.path("victim").exists());
    give(&bed.path("log"), us);
}
