//! This program as the kernel knows it: the image that runs, and the name that is shown.

use std::ffi::{CString, OsStr};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// The image itself, whatever has become of its file (proc_pid_exe(5)).
const SELF: &str = "/proc/self/exe";

/// What is executed to become this very image again. `started_as`: where its file was at the start, which is
/// all that is left after a chroot without /proc.
pub(crate) fn own_image(started_as: Option<&Path>) -> &Path {
    match started_as {
        Some(path) if access(SELF, Access::EXISTS).is_err() => path,
        _ => Path::new(SELF),
    }
}

/// The file that is executed as [`own_image`], and its name. `None`: that cannot be told, or it was replaced
/// or removed since.
pub(crate) fn executed() -> Option<(Metadata, PathBuf)> {
    let file = fs::metadata(SELF).ok()?;
    let name = fs::read_link(SELF).ok()?;
    let is_there = !name.as_os_str().as_encoded_bytes().ends_with(b" (deleted)");
    is_there.then_some((file, name))
}

/// The name that `top` shows, of which 15 bytes are kept (prctl(2), `PR_SET_NAME`).
pub(crate) fn show_name(name: &OsStr) {
    let bytes = name.as_bytes().iter().copied().filter(|byte| *byte != 0).take(15);
    if let Ok(name) = CString::new(bytes.collect::<Vec<u8>>()) {
        let _ = rustix::thread::set_name(&name);
    }
}
