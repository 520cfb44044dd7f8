//! What is asked of the system where systems answer differently.
//!
//! All else is done by what every Unix has. A backend gives the functions below: `linux`, and `other`
//! for the rest, which does with less and says for each what is lost. Between the two nothing else of the
//! crate differs.
//!
//! * **On the way**: [`NAMED`] opens a folder only to start from it, without the right to list it if
//!   that can be. [`look`] tells of a name what it is, and where a link leads, of one and the same link.
//!   [`open_without_links`] has the kernel find a folder if no link is on the way, and is a short cut that
//!   may say `None`. [`kernel_makes_links_in`] knows the folders whose links lead to no path.
//!   *Linux:* `O_PATH` of open(2), readlinkat(2) of what it has opened, openat2(2), proc_pid_fd(5).
//! * **Whose it is**: [`names_a_writer`], acl(5), and [`stands_for_root`], user_namespaces(7).
//! * **A name and its file**: [`identity`] asks which file has a name, and for nothing else, statx(2).
//!   [`has_lost_its_name`] is certain of it only if it says yes. [`rename_to_free`] replaces nothing, and
//!   is refused with `NOSYS` where there is no such way: rename(2), renamex_np(2) of macOS.

use std::ffi::{CString, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::seen::Seen;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
use linux as system;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use other as system;

pub(crate) use system::{
    NAMED, has_lost_its_name, identity, kernel_makes_links_in, look, names_a_writer,
    open_without_links, rename_to_free, stands_for_root,
};

/// What a name is.
pub(crate) enum Look {
    Link(Seen, PathBuf),
    /// The folder is open, unless its name is the last of the path.
    Folder(Seen, Option<OwnedFd>),
    Other(Seen),
}

impl Look {
    fn link(seen: Seen, leads_to: CString) -> Look {
        Look::Link(seen, PathBuf::from(OsString::from_vec(leads_to.into_bytes())))
    }
}
