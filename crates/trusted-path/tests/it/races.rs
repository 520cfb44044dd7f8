//! A stranger who exchanges the name all the time.

use std::fs::{self, hard_link};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use trusted_path::{Access, Place, Trust};

use crate::bed::{Bed, Running, STRANGER, append, give, we_are_root};

/// So many rounds show a hole: without `O_NOFOLLOW`, or if only what stood there before the opening is
/// judged, some of them write to the victim.
const ROUNDS: usize = 5000;

/// Cases: FLT-A1, FLT-A2
pub(crate) fn a_name_that_is_exchanged_all_the_time_never_leads_elsewhere() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let victim = bed.path("victim");
    fs::write(&victim, "").unwrap();
    let folder = bed.folder("theirs", 0o755, STRANGER);
    // Root plays the stranger, who may make hard links where `protected_hardlinks` is 0; each name
    // that it makes is his.
    let _stranger = Running(bed.role("races::exchange").spawn().unwrap());
    let path = folder.join("app.log");
    let (mut opened, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        match append(&path) {
            Ok(file) => {
                let _ = file.file().write_all(b"x");
                opened += 1;
            }
            Err(_) => refused += 1,
        }
        let place = Place::find_name(&path, Trust::default()).unwrap();
        let _ = place.replace(b"y", 0o644);
        let _ = place.open(Access::Read);
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "", "{opened} opened, {refused} refused");
    assert!(!bed.path("made").exists());
}

pub(crate) fn exchange(bed: &Path) {
    let (folder, new) = (bed.join("theirs"), bed.join("theirs/new"));
    let (path, victim) = (folder.join("app.log"), bed.join("victim"));
    // In turn the name leads to a file that may be used, to one that may not, and to nothing.
    let may_be_used = || fs::write(&new, "").and_then(|()| fs::rename(&new, &path));
    loop {
        for leads_to in ["../victim", "../made"] {
            let _ = may_be_used();
            let _ = symlink(leads_to, &new);
            give(&new, STRANGER);
            let _ = fs::rename(&new, &path);
            let _ = fs::remove_file(&path);
        }
        let _ = may_be_used();
        let _ = hard_link(&victim, &new);
        let _ = fs::rename(&new, &path);
        let _ = fs::remove_file(&path);
    }
}
