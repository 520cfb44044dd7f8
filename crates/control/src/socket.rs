//! The name of a socket: bound where nobody else can put another, never wider than it is to be, and removed only if
//! it is ours.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use trusted_path::{Identity, Kind, Place, Seen, Trust};

use crate::sys::{self, Connected};

/// Why a socket was not bound. What stood at the path still does, unless it was a socket that nobody listens at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The way to the folder is none, or not to be trusted.
    #[error("the way to the socket is not to be gone")]
    Path(#[source] trusted_path::Error),
    /// Others can put their socket in place of ours.
    #[error("the socket `{}` is in a folder where others can exchange it: name one that only its owner writes to", path.display())]
    OpenFolder {
        /// Of the socket.
        path: PathBuf,
    },
    /// Something else has the name.
    #[error("`{}` is {}: remove it, or name another path", path.display(), name_of(*kind))]
    Occupied {
        /// Of the socket.
        path: PathBuf,
        /// What it is.
        kind: Kind,
    },
    /// A socket of somebody else has the name.
    #[error("the socket `{}` belongs to user {owner}: remove it, or name another path", path.display())]
    Foreign {
        /// Of the socket.
        path: PathBuf,
        /// The user id that it belongs to.
        owner: u32,
    },
    /// Somebody listens there.
    #[error("somebody listens at the socket `{}` already", path.display())]
    Live {
        /// Of the socket.
        path: PathBuf,
    },
    /// The name alone is longer than an address can hold.
    #[error("the name of the socket `{}` is too long: up to 80 bytes fit in any folder", path.display())]
    NameTooLong {
        /// Of the socket.
        path: PathBuf,
    },
    /// It was bound, and is not there: its folder was renamed meanwhile, or somebody has removed it.
    #[error("the socket `{}` was taken away while it was bound", path.display())]
    Displaced {
        /// Of the socket.
        path: PathBuf,
    },
    /// The system has refused something.
    #[error("cannot {step} the socket `{}`", path.display())]
    System {
        /// What was tried.
        step: &'static str,
        /// Of the socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "a file",
        Kind::Folder => "a folder",
        Kind::Link => "a symbolic link",
        Kind::Fifo => "a FIFO",
        Kind::Socket => "a socket",
        Kind::Device => "a device",
        Kind::Other | _ => "something else",
    }
}

/// The file of a socket that we have bound. Dropping it leaves the file.
#[derive(Debug)]
pub struct SocketFile {
    place: Place,
    identity: Identity,
    path: PathBuf,
}

/// Binds a socket at a path and listens. The socket (`SOCK_STREAM`) closes on exec and does not wait. Its file has
/// these permissions whatever the umask, and this group (`None`: the one that the system gives), and at no time
/// others or more.
///
/// A path of any length will do, but its last part has to fit behind `/proc/self/fd/N/`. Where the whole path fits into
/// an address, that is what is bound: by that text in `/proc/net/unix` systemd-tmpfiles tells live sockets.
///
/// A socket of ours, or root's, that nobody listens at is replaced; see that no other does this at the same time, as
/// by the lock of a pid file. The folder must be one where nobody can exchange it but root and who we are, or the
/// members of a group to which root or we have given it.
///
/// # Errors
///
/// [`BindError`]. Nothing of it is left then.
pub fn bind(
    path: &Path,
    mode: u32,
    group: Option<u32>,
) -> Result<(OwnedFd, SocketFile), BindError> {
    let path = std::path::absolute(path).map_err(refused("find", path))?;
    let place = Place::find_name(&path, Trust::RootAndUs).map_err(BindError::Path)?;
    if !place.keeps_names() && !place.is_shared_by_a_group() {
        return Err(BindError::OpenFolder { path });
    }
    if let Some(seen) = place.look().map_err(BindError::Path)? {
        make_way(&place, &path, &seen)?;
    }
    let socket = sys::socket().map_err(refused("create", &path))?;
    // With a group it is nobody's but ours until it has it.
    let at_first = if group.is_some() { mode & 0o700 } else { mode };
    sys::prepare(&socket, at_first).map_err(refused("set the permissions of", &path))?;
    bind_at(&socket, &place, &path)?;
    let Some(seen) = place.look().map_err(BindError::Path)?.filter(is_ours) else {
        return Err(BindError::Displaced { path });
    };
    let file = SocketFile { place, identity: seen.identity, path };
    let prepared = sys::set_rights(file.place.folder(), file.place.name(), mode, group)
        .map_err(refused("set the permissions of", &file.path))
        .and_then(|()| sys::listen(&socket).map_err(refused("listen at", &file.path)));
    match prepared {
        Ok(()) => Ok((socket, file)),
        Err(error) => {
            // The first error says more.
            let _ = file.unbind();
            Err(error)
        }
    }
}

impl SocketFile {
    /// The path, made absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the name is still this socket's, as long as somebody listens at it. One system call.
    pub fn is_in_place(&self) -> bool {
        self.place.leads_to(self.identity)
    }

    /// Removes the file, if it is still this socket's; `false`: it is not.
    ///
    /// # Errors
    ///
    /// The system refuses it.
    pub fn unbind(self) -> io::Result<bool> {
        Ok(self.place.remove_this(self.identity)?)
    }
}

/// Removes a socket that nobody listens at.
fn make_way(place: &Place, path: &Path, seen: &Seen) -> Result<(), BindError> {
    let path = path.to_owned();
    if seen.kind != Kind::Socket {
        return Err(BindError::Occupied { path, kind: seen.kind });
    }
    if !is_trusted(seen.owner) {
        return Err(BindError::Foreign { path, owner: seen.owner });
    }
    let probe = sys::socket().map_err(refused("create", &path))?;
    match sys::connect(&probe, &path) {
        Ok(Connected::Yes | Connected::Full) => Err(BindError::Live { path }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            place.remove_this(seen.identity).map_err(BindError::Path)?;
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(BindError::System { step: "connect to", path, source }),
    }
}

fn bind_at(socket: &OwnedFd, place: &Place, path: &Path) -> Result<(), BindError> {
    let real = place.path();
    let bound = if real.as_os_str().as_bytes().len() <= sys::LONGEST_PATH {
        sys::bind(socket, &real)
    } else {
        sys::bind_in(socket, place.folder(), place.name())
    };
    let path = path.to_owned();
    bound.map_err(|source| {
        if source.kind() == io::ErrorKind::InvalidFilename {
            BindError::NameTooLong { path }
        } else {
            BindError::System { step: "bind", path, source }
        }
    })
}

fn is_ours(seen: &Seen) -> bool {
    seen.kind == Kind::Socket && seen.owner == sys::effective_user()
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == sys::effective_user()
}

fn refused(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BindError + use<> {
    let path = path.to_owned();
    move |source| BindError::System { step, path, source }
}
