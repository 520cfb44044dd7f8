//! Paths compared by where they lead.

use std::fs::{self, hard_link};
use std::os::unix::fs::symlink;
use std::path::Path;

use trusted_path::lead_to_one_file;

use crate::bed::Bed;

/// Case: FLT-A6
pub(crate) fn paths_are_compared_by_where_they_lead() {
    let bed = Bed::new();
    fs::create_dir_all(bed.path("dir/sub")).unwrap();
    symlink("dir", bed.path("linked")).unwrap();
    symlink("dir/new", bed.path("to-new")).unwrap();
    symlink("round", bed.path("round")).unwrap();
    fs::write(bed.path("dir/x.pid"), "").unwrap();
    hard_link(bed.path("dir/x.pid"), bed.path("hard")).unwrap();

    let table = [
        // Both there.
        ("dir/x.pid", "dir/sub/../x.pid", true),
        ("dir/x.pid", "linked/x.pid", true),
        ("dir/x.pid", "./dir//x.pid", true),
        ("dir/x.pid", "hard", true),
        ("dir/x.pid", "dir/y.pid", false),
        // Not there yet.
        ("dir/new", "linked/new", true),
        ("dir/new", "dir/sub/../new", true),
        ("dir/new", "to-new", true),
        ("dir/new", "dir/sub/new", false),
        ("dir/new", "new", false),
        // Not even their folder.
        ("dir/none/new", "linked/none/new", true),
        ("dir/none/new", "dir/none/other", false),
        ("dir/none/new", "dir/none/more/new", false),
        ("dir/none/new", "dir/new", false),
        // Where `round` leads cannot be seen: then it is the same as no other path.
        ("round", "dir/new", false),
    ];
    for (one, other, same) in table {
        let (one, other) = (bed.path(one), bed.path(other));
        assert_eq!(lead_to_one_file(&one, &other), same, "{one:?} {other:?}");
        assert_eq!(lead_to_one_file(&other, &one), same, "{other:?} {one:?}");
    }
    assert!(lead_to_one_file(&bed.path("round"), &bed.path("round")), "but as itself");
    // Relative to the current directory, which is that of the package.
    let base = std::env::current_dir().unwrap();
    assert!(lead_to_one_file(Path::new("src/lib.rs"), &base.join("src/../src/lib.rs")));
    assert!(lead_to_one_file(Path::new("new"), &base.join("new")));
}
