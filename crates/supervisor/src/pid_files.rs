//! Pid files of processes further down, which nobody removes when those who would are killed.
//!
//! A worker removes its own pid file, and one that is killed has it removed by whoever called
//! `start_workers`. If that one is killed with it, the guardian does it, once all are gone. So it is
//! told of the files beforehand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_spawn::{ErrorText, tell};

/// Has the guardian, if there is one above this process, remove these pid files in the end, those
/// that are stale. For who starts processes with pid files of their own.
///
/// # Errors
///
/// The guardian is gone, or the paths cannot be encoded.
pub fn leave_pid_files<'a>(paths: impl IntoIterator<Item = &'a Path>) -> io::Result<()> {
    let paths: Vec<&Path> = paths.into_iter().collect();
    tell(&rmp_serde::to_vec(&paths).map_err(io::Error::other)?)
}

/// What a guardian was told of, in all runs of its executor. Kept as it came: there may be
/// thousands, most often the same in each run, and it is wanted once.
#[derive(Debug, Default)]
pub(crate) struct LeftPidFiles(BTreeSet<Vec<u8>>);

impl LeftPidFiles {
    pub(crate) fn note(&mut self, told: Vec<u8>) {
        self.0.insert(told);
    }

    /// Removes those that are stale. Somebody else's is not touched.
    pub(crate) fn remove(&self) {
        for told in &self.0 {
            let paths: Vec<PathBuf> = match rmp_serde::from_slice(told) {
                Ok(paths) => paths,
                Err(error) => {
                    log::warn!("cannot understand which pid files are left: {error}");
                    continue;
                }
            };
            // Most often there is none.
            let paths = paths.iter().filter(|path| fs::symlink_metadata(path).is_ok());
            for error in paths.filter_map(|path| pidfile::remove_stale(path).err()) {
                log::warn!("{}", ErrorText::new(&error).chain());
            }
        }
    }
}
