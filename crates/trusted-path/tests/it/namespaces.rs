//! A user namespace in which root has no user id.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use trusted_path::{Fault, Place, Trust};

use crate::bed::{
    Bed, STRANGER, THIRD, append, fault, file_of, give, link_of, set_mode, we_are_root,
};

/// As a container of an ordinary user has it: his own id is root inside, everybody else's the
/// overflow user.
///
/// Case: FLT-A8
pub(crate) fn roots_links_are_followed_where_root_is_not_mapped() {
    if !we_are_root() {
        return;
    }
    let inside = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user"]).uid(STRANGER).gid(STRANGER);
        command
    };
    if !inside().arg("true").status().is_ok_and(|status| status.success()) {
        println!("(no user namespaces for ordinary users here: left out)");
        return;
    }
    let bed = Bed::new();
    let theirs = bed.folder("home", 0o755, STRANGER);
    let of_root = bed.folder("root", 0o755, 0);
    link_of(of_root.join("link"), &theirs, 0);
    set_mode(&file_of(of_root.join("shared.log"), THIRD), 0o666);
    let sticky = bed.folder("sticky", 0o1777, 0);
    link_of(sticky.join("link"), &theirs, THIRD);
    set_mode(&file_of(sticky.join("third.log"), THIRD), 0o666);
    give(&theirs, STRANGER);
    let role = bed.role("namespaces::play");
    let mut child = inside();
    assert!(child.arg(role.get_program()).args(role.get_args()).status().unwrap().success());
}

pub(crate) fn play(bed: &Path) {
    const OVERFLOW: u32 = 65534;
    let through_root = bed.join("root/link/app.log");
    assert!(append(&through_root).unwrap().is_created());
    assert!(append(&through_root).unwrap().is_ours());
    append(&bed.join("root/shared.log")).unwrap();
    // The root folder is root's, too, and what everybody goes through.
    let place = Place::find(Path::new("/etc/passwd"), Trust::default()).unwrap();
    assert!(place.is_closed());
    // Anybody may have made these.
    let link = bed.join("sticky/link");
    let expected = Fault::ForeignLink { link: link.clone(), owner: OVERFLOW };
    assert_eq!(fault(append(&link.join("app.log"))), expected);
    assert_eq!(
        fault(append(&bed.join("sticky/third.log"))),
        Fault::ForeignFile { owner: OVERFLOW }
    );
    assert!(append(&bed.join("sticky/ours.log")).unwrap().is_created());
    assert!(append(&bed.join("sticky/ours.log")).unwrap().is_ours());
}
