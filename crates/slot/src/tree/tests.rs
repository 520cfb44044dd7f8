//! What /proc says of processes, and is read.

use std::process::Command;

use super::*;

/// What stands behind the name is read whatever that is.
///
/// Case: FLT-F1
#[test]
fn a_name_hides_nothing_of_a_process() {
    let rest = "S 3 5 5 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 777 8 9";
    for name in [&b"sleep"[..], b"a) Z 1 1", b"a\n) X (", b"\xff\xfe", b""] {
        let stat = [b"7 (", name, b") ", rest.as_bytes()].concat();
        let process = parse(7, &stat).unwrap();
        assert_eq!((process.parent, process.group, process.is_dead), (3, 5, false));
        assert_eq!(process.seen, Seen { pid: 7, began: 777 });
    }
    for (state, threads, is_dead) in [('Z', 1, true), ('X', 0, true), ('Z', 2, false)] {
        let stat = format!("7 (a) {state} 3 5{} {threads} 0 777", " 0".repeat(14));
        assert_eq!(parse(7, stat.as_bytes()).unwrap().is_dead, is_dead, "{stat}");
    }
    assert!(parse(7, b"7 (a) S 3").is_none());
}

#[test]
fn children_are_known_by_their_parents_where_there_are_no_lists() {
    let mut child = Command::new("sleep").arg("777").spawn().unwrap();
    let found = children_by_parent(process::id()).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert!(found.contains(&child.id()), "{found:?}");
}
