//! Whether two paths lead to one file, looked at as seldom as can be: there may be thousands.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use stdio_redirect::Stream;
use trusted_path::Destination;

use super::{Files, Folder, Met};

/// What a path leads to, as cheaply as it can be told: there may be thousands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A file that is there: its device and number.
    There(u64, u64),
    /// A file of this name in this folder, which is not there.
    New(u64, u64),
    /// A file that is not there, and to which a link leads.
    Leads(Box<Destination>),
    /// What is only itself, by its path: a device, a stream of whoever opens it, what cannot be looked at.
    Itself,
}

/// What a file is known by: equal means the same one.
pub(super) type Known<'a> = (&'a Key, &'a Path);

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

    /// Looks at all that were met, and were not looked at yet.
    pub(super) fn look_at_the_others(&mut self) {
        for index in 0..self.met.len() {
            let path = Arc::clone(&self.met[index].path);
            if !self.keys.contains_key(&path) {
                let key = self.key_of(&path, fs::symlink_metadata(&path));
                self.keys.insert(path, key);
            }
        }
        // If a link leads to a file that is not there, all files that are not there are known by where
        // they lead: otherwise the link and its file would be two.
        if self.keys.values().any(|key| matches!(key, Key::Leads(_))) {
            for (path, key) in &mut self.keys {
                if matches!(key, Key::New(..))
                    && let Ok(destination) = Destination::of(path)
                {
                    *key = Key::Leads(Box::new(destination));
                }
            }
        }
    }

    /// What each of those that were met is known by, in their order.
    pub(super) fn known(&self) -> Vec<Known<'_>> {
        let known = self.met.iter().map(|Met { path, .. }| {
            let key = self.keys.get(path).unwrap_or(&Key::Itself);
            let name = match key {
                Key::There(..) | Key::Leads(_) => None,
                Key::New(..) => path.file_name().map(Path::new),
                Key::Itself => Some(&**path),
            };
            (key, name.unwrap_or(Path::new("")))
        });
        known.collect()
    }

    pub(super) fn key_of(&mut self, path: &Path, found: io::Result<fs::Metadata>) -> Key {
        // What is in /dev or /proc may be something else to each process that opens it.
        if is_of_its_opener(path) || path.file_name().is_none() {
            return Key::Itself;
        }
        let there = |metadata: &fs::Metadata| Key::There(metadata.dev(), metadata.ino());
        match found {
            Ok(metadata) if metadata.is_symlink() => match fs::metadata(path) {
                Ok(metadata) => there(&metadata),
                Err(_) => Destination::of(path)
                    .map_or(Key::Itself, |destination| Key::Leads(Box::new(destination))),
            },
            Ok(metadata) => there(&metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => match self.folder(path) {
                (_, Folder::There((device, inode))) => Key::New(device, inode),
                _ => Key::Itself,
            },
            Err(_) => Key::Itself,
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
