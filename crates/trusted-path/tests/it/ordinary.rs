//! The same for who is not root: a child that has given it up.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;

use trusted_path::Fault;

use crate::bed::{Bed, STRANGER, THIRD, append, fault, file_of, link_of, set_mode, we_are_root};

pub(crate) fn an_ordinary_user_is_served_by_the_same_rule() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    bed.folder("home", 0o755, STRANGER);
    bed.folder("umask-002", 0o775, STRANGER);
    let third = bed.folder("third", 0o777, THIRD);
    let sticky = bed.folder("sticky", 0o1777, 0);
    for folder in [third, sticky] {
        link_of(folder.join("of-root"), &bed.path("home/by-root"), 0);
        link_of(folder.join("of-third"), &bed.path("home/by-third"), THIRD);
        set_mode(&file_of(folder.join("third.log"), THIRD), 0o666);
        set_mode(&file_of(folder.join("root.log"), 0), 0o666);
    }
    let mut child = bed.role("ordinary::play");
    let status = child.uid(STRANGER).gid(STRANGER).status().unwrap();
    assert!(status.success());
}

pub(crate) fn play(bed: &Path) {
    for folder in ["home", "umask-002", "sticky", "third"] {
        let folder = bed.join(folder);
        assert!(append(&folder.join("app.log")).unwrap().is_created());
        assert!(append(&folder.join("app.log")).unwrap().is_ours());
        symlink("app.log", folder.join("link")).unwrap();
        assert!(append(&folder.join("link")).unwrap().is_ours());
    }
    for folder in ["sticky", "third"] {
        let folder = bed.join(folder);
        assert!(append(&folder.join("of-root")).is_ok());
        assert!(append(&folder.join("root.log")).unwrap().is_ours());
        let link = folder.join("of-third");
        assert_eq!(fault(append(&link)), Fault::ForeignLink { link, owner: THIRD });
        assert_eq!(fault(append(&folder.join("third.log"))), Fault::ForeignFile { owner: THIRD });
    }
    assert!(!bed.join("home/by-third").exists());
    assert!(fs::metadata(bed.join("home/by-root")).is_ok());
}
