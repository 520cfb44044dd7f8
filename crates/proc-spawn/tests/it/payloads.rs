//! What a child is told, where nobody may ever read it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proc_spawn::{Call, Exit, Program, Spawn};

use super::measure;

/// Such a child is stopped, or held up by the constructor of a library, ahead of its `main`.
///
/// Case: FLT-E3
pub(crate) fn a_child_that_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let deaf = folder.path().join("deaf");
    fs::write(&deaf, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&deaf, fs::Permissions::from_mode(0o700)).unwrap();
    let call = Call::new(measure, (vec![7u8; 3 << 20], folder.path().join("seen")));
    let spawn = Spawn::new(call).unwrap().program(Program::Path(deaf));
    // Story: such a child was killed after ten seconds, since it had not read its payload.
    let mut child = spawn.spawn().unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    child.kill().unwrap();
    assert!(matches!(child.wait().unwrap(), Exit::Signal { signal: 9, .. }));
}
