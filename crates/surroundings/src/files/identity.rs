//! Whether two paths lead to one file, looked at as seldom as can be: there may be thousands.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use stdio_redirect::Stream;
use trusted_path::Destination;

use super::{Files, Folder};

/// What a path leads to, as cheaply as it can be told: there may be thousands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A file that is there: its device and number.
    There(u64, u64),
    /// A file that is not there: its folder and its name.
    New((u64, u64), std::ffi::OsString),
    /// A file that is not there, and to which a link leads.
    Leads(Destination),
    /// What is only itself: a device, a stream of whoever opens it, what cannot be looked at.
    Text(PathBuf),
}

impl Files {
    /// The standard stream of whoever opens it that a path leads to, if it does.
    pub(crate) fn stream_of_opener(&mut self, path: &Path) -> Option<Stream> {
        /// As many links as the kernel follows (path_resolution(7)).
        const MOST_LINKS: usize = 40;
        if !is_of_its_opener(path) {
            let found = fs::symlink_metadata(path);
            let is_link = found.as_ref().is_ok_and(fs::Metadata::is_symlink);
            let key = self.key_of(path, found);
            self.keys.insert(path.into(), key);
            if !is_link {
                return None;
            }
        }
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(stream) = Stream::named(&plain(&path)) {
                return Some(stream);
            }
            let leads_to = fs::read_link(&path).ok()?;
            path = path.parent()?.join(leads_to);
        }
        None
    }

    pub(super) fn keys(&mut self) -> Vec<Key> {
        let paths: Vec<_> = self.met.iter().map(|met| Arc::clone(&met.path)).collect();
        let mut keys: Vec<Key> = paths.iter().map(|path| self.key(path)).collect();
        // If a link leads to a file that is not there, all files that are not there are known by where
        // they lead: otherwise the link and its file would be two.
        if keys.iter().any(|key| matches!(key, Key::Leads(_))) {
            for (key, path) in keys.iter_mut().zip(&paths) {
                if matches!(key, Key::New(..))
                    && let Ok(destination) = Destination::of(path)
                {
                    *key = Key::Leads(destination);
                }
            }
        }
        keys
    }

    fn key(&mut self, path: &Path) -> Key {
        match self.keys.get(path) {
            Some(key) => key.clone(),
            None => self.key_of(path, fs::symlink_metadata(path)),
        }
    }

    pub(super) fn key_of(&mut self, path: &Path, found: io::Result<fs::Metadata>) -> Key {
        let text = || Key::Text(path.to_owned());
        // What is in /dev or /proc may be something else to each process that opens it.
        let Some(name) = path.file_name().filter(|_| !is_of_its_opener(path)) else {
            return text();
        };
        let there = |metadata: &fs::Metadata| Key::There(metadata.dev(), metadata.ino());
        match found {
            Ok(metadata) if metadata.is_symlink() => match fs::metadata(path) {
                Ok(metadata) => there(&metadata),
                Err(_) => Destination::of(path).map_or_else(|_| text(), Key::Leads),
            },
            Ok(metadata) => there(&metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => match self.folder(path) {
                (_, Folder::There(folder)) => Key::New(folder, name.to_owned()),
                _ => text(),
            },
            Err(_) => text(),
        }
    }
}

/// The path without `..`, by its text: enough for names that are no links.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(component);
        }
    }
    plain
}

pub(super) fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Whether a path may lead each process that opens it somewhere else: `/dev/stdout`, `/proc/self/fd/1`,
/// `/dev/tty`.
pub(super) fn is_of_its_opener(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}
