//! Files: whose are used, and where.

use std::fs::{self, hard_link};
use std::os::unix::fs::MetadataExt;

use trusted_path::{Access, Fault, Opened, Place, Trust, open_or_create};

use crate::bed::{
    Bed, STRANGER, THIRD, append, fault, file_of, give, link_of, read, set_mode, we_are_root,
};

/// Case: FLT-A3
pub(crate) fn a_strangers_file_is_not_used_and_ours_is() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let foreign = Fault::ForeignFile { owner: STRANGER };
    for (name, mode, owner) in
        [("sticky", 0o1777, 0), ("anybody", 0o777, 0), ("theirs", 0o755, STRANGER)]
    {
        let folder = bed.folder(name, mode, owner);
        let theirs = file_of(folder.join("theirs.log"), STRANGER);
        assert_eq!(fault(append(&theirs)), foreign, "{name}");
        assert!(!read(&theirs).unwrap().is_ours(), "to read it harms nobody");
        let ours = append(&folder.join("ours.log")).unwrap();
        assert!(ours.is_created() && ours.is_ours());
        let again = append(&folder.join("ours.log")).unwrap();
        assert!(!again.is_created() && again.is_ours());
        assert_eq!(again.identity(), ours.identity());
    }
}

/// Where `protected_hardlinks` is 0, anybody can make one.
///
/// Case: FLT-A1
pub(crate) fn a_hard_link_to_a_file_of_roots_is_not_used() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let victim = file_of(bed.path("victim"), 0);
    let of_third = file_of(bed.path("third"), THIRD);
    for (name, mode, owner) in
        [("theirs", 0o755, STRANGER), ("sticky", 0o1777, 0), ("group", 0o775, 0)]
    {
        let folder = bed.folder(name, mode, owner);
        for victim in [&victim, &of_third] {
            let path = folder.join("app.log");
            hard_link(victim, &path).unwrap();
            assert_eq!(fault(append(&path)), Fault::SecondName { links: 2 }, "{name}");
            assert_eq!(fault(read(&path)), Fault::SecondName { links: 2 }, "{name}");
            fs::remove_file(&path).unwrap();
        }
    }
    // In a folder of our own it is there because we want it.
    hard_link(&victim, bed.path("second")).unwrap();
    append(&bed.path("second")).unwrap();
}

pub(crate) fn the_usual_folders_go_on_working() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    // As /var/log on some systems: others' logs beside ours, in a folder of a group.
    let log = bed.folder("log", 0o775, 0);
    let theirs = append(&file_of(log.join("syslog"), STRANGER)).unwrap();
    assert!(!theirs.is_ours(), "a group shares it, and nothing is derived from it");
    for (name, mode) in [("log/app.log", None), ("run", Some(0o755)), ("umask-002", Some(0o775))] {
        let path = match mode {
            None => bed.path(name),
            Some(mode) => bed.folder(name, mode, 0).join("app.log"),
        };
        assert!(append(&path).unwrap().is_created());
        assert!(append(&path).unwrap().is_ours());
    }
    // What root has given away in its own folder is there because root wants it.
    assert!(append(&file_of(bed.path("run/given.log"), STRANGER)).unwrap().is_ours());
}

/// `setfacl -m u:STRANGER:rwx`: the mode shows a group that may write, which is the mask of the list.
///
/// Case: FLT-A1
#[cfg(target_os = "linux")]
pub(crate) fn a_folder_given_to_somebody_by_name_is_not_shared_by_a_group() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let folder = bed.folder("given", 0o755, 0);
    let list: Vec<u8> = [(0x01, 7, u32::MAX), (0x02, 7, STRANGER), (0x04, 5, u32::MAX)]
        .into_iter()
        .chain([(0x10, 7, u32::MAX), (0x20, 5, u32::MAX)])
        .flat_map(|(tag, rights, number): (u16, u16, u32)| {
            [&tag.to_le_bytes()[..], &rights.to_le_bytes(), &number.to_le_bytes()].concat()
        })
        .collect();
    let list = [&2u32.to_le_bytes()[..], &list].concat();
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&folder, "system.posix_acl_access", &list, flags).is_err() {
        println!("(no access control lists here: left out)");
        return;
    }
    assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o775, "the mask is shown");
    let laid_out = file_of(folder.join("app.log"), STRANGER);
    assert_eq!(fault(append(&laid_out)), Fault::ForeignFile { owner: STRANGER });
    // To read what somebody has written himself harms nobody.
    assert!(!read(&laid_out).unwrap().is_ours());
    assert!(append(&folder.join("new.log")).unwrap().is_created());
}

/// Case: FLT-A1
pub(crate) fn owner_and_mode_are_inherited_only_from_what_is_ours() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let owner_and_mode = |opened: &Opened| {
        let metadata = opened.file().metadata().unwrap();
        (metadata.uid(), metadata.mode() & 0o777)
    };
    // A member's log in a shared folder: its owner does not become the owner of the next log.
    let shared = bed.folder("shared", 0o775, 0);
    let old = append(&file_of(shared.join("old"), STRANGER)).unwrap();
    set_mode(&shared.join("old"), 0o666);
    let new = append(&shared.join("new")).unwrap();
    let before = owner_and_mode(&new);
    assert!(!new.inherit(&old));
    assert_eq!(owner_and_mode(&new), before);

    // In our own folder a file that root has given away is there because root wants it: its owner is
    // passed on.
    let ours = bed.folder("ours", 0o755, 0);
    let old = append(&file_of(ours.join("old"), STRANGER)).unwrap();
    set_mode(&ours.join("old"), 0o640);
    let new = append(&ours.join("new")).unwrap();
    assert!(new.inherit(&old));
    assert_eq!(owner_and_mode(&new), (STRANGER, 0o640));

    // A file that was there before inherits nothing.
    let there = append(&file_of(ours.join("there"), 0)).unwrap();
    assert!(!there.inherit(&old));
    assert_eq!(owner_and_mode(&there).0, 0);
}

pub(crate) fn a_folders_owner_can_be_trusted() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let trusted =
        |path: &_| open_or_create(path, Access::Append, 0o644, Trust::folder_owners_if(true));
    let theirs = bed.folder("theirs", 0o755, STRANGER);
    assert!(trusted(&file_of(theirs.join("app.log"), STRANGER)).unwrap().is_ours());
    link_of(theirs.join("link"), &bed.path("elsewhere.log"), STRANGER);
    assert!(trusted(&theirs.join("link")).unwrap().is_created());
    assert!(bed.path("elsewhere.log").exists());

    // Somebody else who can write to the folder, as it is sticky, is not trusted.
    set_mode(&theirs, 0o1777);
    let foreign = link_of(theirs.join("foreign"), &bed.path("elsewhere.log"), THIRD);
    assert_eq!(
        fault(trusted(&foreign)),
        Fault::ForeignLink { link: foreign.clone(), owner: THIRD }
    );
    let foreign = file_of(theirs.join("foreign.log"), THIRD);
    assert_eq!(fault(trusted(&foreign)), Fault::ForeignFile { owner: THIRD });

    // What a place says of its folder is as old as the place.
    let place = Place::find(&foreign, Trust::default()).unwrap();
    assert!(!place.is_closed());
    give(&theirs, 0);
    set_mode(&theirs, 0o755);
    assert!(Place::find(&foreign, Trust::default()).unwrap().is_closed());
}
