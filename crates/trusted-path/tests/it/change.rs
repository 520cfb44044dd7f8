//! Files created, replaced, renamed and removed.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use trusted_path::{Access, Error, Fault, Place, Trust};

use crate::bed::{Bed, STRANGER, file_of, link_of, we_are_root};

fn named(path: &Path) -> Place {
    Place::find_name(path, Trust::default()).unwrap()
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into());
    let mut names: Vec<PathBuf> = names.collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

pub(crate) fn a_file_is_replaced_whole_and_links_are_not_followed() {
    let bed = Bed::new();
    fs::create_dir(bed.path("f")).unwrap();
    let path = bed.path("f/status");
    named(&path).replace(b"one", 0o644).unwrap();
    let first = fs::File::open(&path).unwrap();
    // As a crash leaves it.
    fs::write(bed.path("f/.status.new"), "half").unwrap();
    named(&path).replace(b"two", 0o600).unwrap();
    assert_eq!(std::io::read_to_string(first).unwrap(), "one", "who has it open reads it whole");
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(mode(&path) & 0o177, 0);
    assert_eq!(names(&bed.path("f")), [PathBuf::from("status")]);

    fs::write(bed.path("victim"), "there before").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(bed.path("victim"), &path).unwrap();
    symlink(bed.path("victim"), bed.path("f/.status.new")).unwrap();
    named(&path).replace(b"three", 0o644).unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read(bed.path("victim")).unwrap(), b"there before");
}

pub(crate) fn a_file_that_is_not_complete_may_stand_where_somebody_else_put_one() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let folder = bed.folder("theirs", 0o755, STRANGER);
    let path = folder.join("status");
    let in_the_way = file_of(folder.join(".status.new"), STRANGER);
    named(&path).replace(b"one", 0o644).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(fs::read(&in_the_way).unwrap(), b"there before\n", "his stays");

    let theirs = file_of(folder.join("theirs"), STRANGER);
    let error = named(&theirs).replace(b"one", 0o644).unwrap_err();
    let Error::Path { fault, .. } = error else { panic!("{error:?}") };
    assert_eq!(fault, Fault::ForeignFile { owner: STRANGER });
    assert_eq!(fs::read(&theirs).unwrap(), b"there before\n");

    // Whoever gives ours a second name does not keep us from replacing it.
    fs::hard_link(&path, folder.join("second")).unwrap();
    named(&path).replace(b"two", 0o644).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::read(folder.join("second")).unwrap(), b"one");

    let link = link_of(folder.join("link"), &bed.path("victim"), STRANGER);
    named(&link).replace(b"one", 0o644).unwrap();
    assert!(fs::symlink_metadata(link).unwrap().is_file());
    assert!(!bed.path("victim").exists());
}

pub(crate) fn a_name_is_given_only_if_it_is_free() {
    let bed = Bed::new();
    let path = bed.path("a");
    fs::write(&path, "a").unwrap();
    symlink("nowhere", bed.path("taken")).unwrap();
    let place = named(&path);
    assert!(!place.rename(OsStr::new("taken")).unwrap());
    assert!(place.rename(OsStr::new("free")).unwrap());
    assert!(place.look().unwrap().is_none());
    assert_eq!(fs::read(bed.path("free")).unwrap(), b"a");
    assert!(place.rename(OsStr::new("again")).is_err());

    let free = place.sibling(OsStr::new("free")).unwrap();
    let identity = free.look().unwrap().unwrap().identity;
    fs::rename(bed.path("free"), bed.path("moved")).unwrap();
    fs::write(bed.path("free"), "another").unwrap();
    assert!(!free.remove_this(identity).unwrap());
    assert!(free.remove().unwrap());
    assert!(!free.remove().unwrap());
    assert_eq!(fs::read(bed.path("moved")).unwrap(), b"a");
}

pub(crate) fn what_is_created_replaces_nothing() {
    let bed = Bed::new();
    for (name, make) in [
        ("file", (|path: &Path| fs::write(path, "there").unwrap()) as fn(&Path)),
        ("link", |path| symlink("new", path).unwrap()),
        ("folder", |path| fs::create_dir(path).unwrap()),
    ] {
        make(&bed.path(name));
        let created = named(&bed.path(name)).create(Access::ReadWrite, 0o600).unwrap();
        assert!(created.is_none(), "{name}");
    }
    assert!(!bed.path("new").exists());
    let new = named(&bed.path("new")).create(Access::ReadWrite, 0o600).unwrap().unwrap();
    assert!(new.is_created() && new.is_ours());
    new.file().write_all(b"x").unwrap();
    assert_eq!(mode(&bed.path("new")), 0o600);
}

pub(crate) fn siblings_are_single_names() {
    let bed = Bed::new();
    let place = named(&bed.path("a"));
    for name in ["", ".", "..", "b/c", "/etc/passwd", "../x", "b/", "b\0"] {
        assert!(place.sibling(OsStr::new(name)).is_err(), "{name:?}");
    }
    place.sibling(OsStr::new("...")).unwrap();
}
