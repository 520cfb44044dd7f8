//! A folder for a test, what stands in it, and children of this program that play a role. All of it is
//! gone when dropped.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use tempfile::TempDir;
use trusted_path::{Access, Error, Fault, Opened, Trust, open_or_create};

/// The first argument of a child.
pub(crate) const ROLE: &str = "--role";

/// Two users who are neither us nor root.
pub(crate) const STRANGER: u32 = 4_000_001;
pub(crate) const THIRD: u32 = 4_000_002;

/// Giving a file away takes root. What is decided then is also proved by the tables in `rules`.
pub(crate) fn we_are_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("(a stranger's files cannot be made without root: left out)");
    }
    root
}

pub(crate) struct Bed(TempDir);

impl Bed {
    pub(crate) fn new() -> Bed {
        let bed = Bed(tempfile::tempdir().unwrap());
        // Users other than the one who runs the tests go through it.
        set_mode(bed.0.path(), 0o755);
        bed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn folder(&self, name: &str, mode: u32, owner: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        set_mode(&path, mode);
        give(&path, owner);
        path
    }

    /// A child of this program in this role, in this folder.
    pub(crate) fn role(&self, role: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([ROLE, role]).arg(self.0.path());
        command
    }
}

/// A child that is killed and waited for when this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Makes this user the owner, unless he is that already.
pub(crate) fn give(path: &Path, owner: u32) {
    if fs::symlink_metadata(path).map(|seen| std::os::unix::fs::MetadataExt::uid(&seen)).unwrap()
        != owner
    {
        lchown(path, Some(owner), None).unwrap();
    }
}

pub(crate) fn file_of(path: PathBuf, owner: u32) -> PathBuf {
    fs::write(&path, "there before\n").unwrap();
    give(&path, owner);
    path
}

pub(crate) fn link_of(path: PathBuf, leads_to: &Path, owner: u32) -> PathBuf {
    symlink(leads_to, &path).unwrap();
    give(&path, owner);
    path
}

pub(crate) fn append(path: &Path) -> Result<Opened, Error> {
    open_or_create(path, Access::Append, 0o644, Trust::default())
}

pub(crate) fn read(path: &Path) -> Result<Opened, Error> {
    trusted_path::open(path, Access::Read, Trust::default())
}

#[track_caller]
pub(crate) fn fault(result: Result<Opened, Error>) -> Fault {
    match result {
        Err(Error::Path { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}
