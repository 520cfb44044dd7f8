//! What an error is about: the step, what stands in the way, why something is not believed.

use std::fmt;
use std::path::PathBuf;

/// The step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// Making the path absolute, or following it to its folder.
    Find,
    /// Asking what stands at the path.
    Look,
    /// Opening the file.
    Open,
    /// Asking for a lock, or about one.
    Lock,
    /// Reading the number.
    Read,
    /// Making a new file.
    Create,
    /// Writing the number.
    Write,
    /// Giving the new file its name.
    Name,
    /// Taking over a stale file, which may be read but not written.
    TakeOver,
    /// Removing the file.
    Remove,
    /// Waiting for whoever holds it.
    Wait,
    /// Signalling whoever holds it.
    Signal,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Find => "find the folder of",
            Op::Look => "look at",
            Op::Open => "open",
            Op::Lock => "lock",
            Op::Read => "read",
            Op::Create => "create",
            Op::Write => "write",
            Op::Name => "give its name to",
            Op::TakeOver => "take over the stale",
            Op::Remove => "remove",
            Op::Wait => "wait for the holder of",
            Op::Signal => "signal the holder of",
        })
    }
}

/// What stands where a pid file, or a folder on the way to it, should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link; its target was not looked at.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
    /// Something this version does not know.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::File => "a file",
            FileKind::Folder => "a folder",
            FileKind::Symlink => "a symbolic link",
            FileKind::Fifo => "a named pipe",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
            FileKind::Other => "something unknown",
        })
    }
}

/// Why a pid file is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Danger {
    /// Everybody may write the file: the number in it could be anybody's choice.
    WorldWritable,
    /// Others may write in its folder, and neither we nor root own the file, nor does the owner of the
    /// folder where nobody else may.
    ForeignOwner {
        /// Who owns the file.
        uid: u32,
    },
    /// It has other names, and others may write in its folder: one of them can have linked another
    /// daemon's file.
    SecondName {
        /// How many names it has.
        links: u64,
    },
    /// A symbolic link on the way has another name, and stands in a folder in which others may write.
    SecondLink {
        /// The link.
        link: PathBuf,
    },
    /// A symbolic link on the way stands in a folder in which others may write, its owner for one, and
    /// neither we nor root own the link.
    ForeignLink {
        /// The link.
        link: PathBuf,
        /// Who owns it.
        uid: u32,
    },
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Danger::WorldWritable => f.write_str("everybody may write it"),
            Danger::ForeignOwner { uid } => {
                write!(f, "it belongs to user {uid} and others may write in its folder")
            }
            Danger::ForeignLink { link, uid } => {
                let link = link.display();
                write!(
                    f,
                    "symbolic link `{link}` belongs to user {uid} and others may write beside it"
                )
            }
            Danger::SecondName { links } => {
                write!(f, "it has {links} names and others may write in its folder")
            }
            Danger::SecondLink { link } => {
                let link = link.display();
                write!(f, "symbolic link `{link}` has other names and others may write beside it")
            }
        }
    }
}

/// What is missing for a number to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The file is locked but does not contain a number: no pid file of ours.
    NoNumber,
    /// No process has the number, but somebody keeps the lock: a forked copy of the holder, or a
    /// holder in another pid namespace.
    NotRunning {
        /// The number.
        pid: u32,
    },
    /// The process with that number is not the one that has the lock.
    NotTheHolder {
        /// The number.
        pid: u32,
    },
    /// The process has the lock, but neither it nor root owns the file. Whoever does can have passed the
    /// locked file to it, so that a signal would hit whom he chose.
    ForeignFile {
        /// The number.
        pid: u32,
        /// The user who owns the file.
        owner: u32,
    },
    /// The process is another user's, and /proc shows what it has locked to that user and root only.
    OtherUser {
        /// The number.
        pid: u32,
        /// The user to whom it belongs.
        uid: u32,
    },
    /// /proc is absent, belongs to another pid namespace, or hides that process from us.
    Hidden {
        /// The number.
        pid: u32,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::NoNumber => f.write_str("it does not contain a process id"),
            Doubt::NotRunning { pid } => write!(f, "there is no process {pid}"),
            Doubt::NotTheHolder { pid } => write!(f, "process {pid} does not have the lock"),
            Doubt::ForeignFile { pid, owner } => {
                let owner = user(Some(*owner));
                write!(f, "the file belongs to {owner}, and process {pid} does not")
            }
            Doubt::OtherUser { pid, uid: 0 } => write!(
                f,
                "process {pid} belongs to root, and what it has locked is shown to root only"
            ),
            Doubt::OtherUser { pid, uid } => write!(
                f,
                "process {pid} belongs to user {uid}, and what it has locked is shown to root and \
                 that user only"
            ),
            Doubt::Hidden { pid } => write!(f, "/proc does not show what process {pid} has locked"),
        }
    }
}

pub(crate) fn user(uid: Option<u32>) -> String {
    match uid {
        None => "another user".to_owned(),
        Some(0) => "root".to_owned(),
        Some(uid) => format!("user {uid}"),
    }
}
