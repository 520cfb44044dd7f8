//! How processes are read from /proc.

use std::process::Command;

use super::*;

#[test]
fn children_are_known_by_their_parents_where_there_are_no_lists() {
    let mut child = Command::new("sleep").arg("777").spawn().unwrap();
    let found = children_by_parent(std::process::id()).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert!(found.contains(&child.id()), "{found:?}");
}
