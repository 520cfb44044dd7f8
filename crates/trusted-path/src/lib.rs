//! Is this file mine to write, or has somebody laid it out for me?
//!
//! A privileged program that opens a file by its path goes where the links on the way lead, and who
//! may put names into one of its folders decides where. This crate walks the path link by link, from
//! open folder to open folder, asks of each who can have made it, and acts within the folder that it
//! has reached. What it opens nobody else has chosen; what it creates is new.
//!
//! ```no_run
//! use std::io::Write;
//! use std::path::Path;
//! use trusted_path::{Access, Trust};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // As root, though the folder belongs to a user: a link that he puts there is not followed.
//! let path = Path::new("/home/ann/app/app.log");
//! let log = trusted_path::open_or_create(path, Access::Append, 0o644, Trust::default())?;
//! writeln!(log.file(), "started")?;
//! # Ok(())
//! # }
//! ```
//!
//! # The rule
//!
//! * Trusted are root and who we are (the effective user). [`Trust::FolderOwners`] adds, for one
//!   file, the owner of each folder on the way.
//! * A folder is *closed* if a trusted user owns it and neither group nor others may write to it.
//!   Every other one is *open*: somebody else can put names into it, its owner included.
//! * In a closed folder every link is followed and every file used: only the trusted can have put
//!   them there.
//! * In an open folder a link is followed only if it belongs to a trusted user and has one name.
//! * In an open folder a file is used only if it belongs to a trusted user and has one name: a hard
//!   link to a file of root's belongs to root, whoever made it.
//! * Two milder cases. A folder that a trusted owner has given to a group (0775, not sticky, and nobody
//!   else named in an access control list, acl(5)) is shared: the files that its members have made there
//!   are written to, and nothing is derived from them ([`Opened::is_ours`] is false). And what a stranger
//!   has written himself is read.
//! * What is created, is created by `O_EXCL`: it replaces nothing and follows nothing.
//! * Owner and permissions are passed on only from a file that is proved to be ours to one that we
//!   have just created ([`Opened::inherit`]).
//! * In a user namespace in which not everybody has a user id, root's files may show the overflow
//!   user (65534). If nobody inside has that id, it is trusted with closed folders of its own; where
//!   others can put names it may be anybody.
//! * Links in /proc that lead to no path are followed by the kernel, if they are those of a trusted
//!   user's process.
//!
//! No setting of the machine is relied on: `protected_symlinks`, `protected_hardlinks` and
//! `protected_regular` (proc_sys_fs(5)) may be 0. The rule holds between the look and the opening, too:
//! what was opened is judged, by its descriptor.
//!
//! # What that rules out
//!
//! Holes of other programs, each found in a file that root opened, created or gave away by its path:
//!
//! * CVE-2016-1247 (nginx in Debian and Ubuntu), CVE-2016-1255 (postgresql-common): a log in a
//!   folder of the service's user, replaced by a link, was opened by root.
//! * CVE-2016-1240 (Tomcat in Debian and Ubuntu), CVE-2016-6664 (`mysqld_safe`): such a log was also
//!   given to the user, with what it led to.
//! * CVE-2018-6954 (systemd-tmpfiles): a link on the way, not at the end. CVE-2017-18078 (the same):
//!   a hard link.
//! * CVE-2020-8831 (apport): a lock file made through a link in a folder where everybody can write.
//!
//! # What it offers
//!
//! [`open`] and [`open_or_create`] are all it takes for most. A [`Place`] is the folder, held open,
//! and a name in it: to [`create`](Place::create) exclusively, [`replace`](Place::replace) whole,
//! [`rename`](Place::rename) and [`remove`](Place::remove) within that folder, and to ask by one
//! system call whether the name is [still this file's](Place::leads_to). What is known of the folder
//! is as old as the place: to open a file later, find it anew. [`lead_to_one_file`] compares two
//! paths by where they lead, also if nothing is there yet, and [`descriptor_named`] knows the names that
//! mean an open descriptor.
//!
//! Where no link is on the way, finding takes three system calls (openat2(2), fstat, stat of the
//! name), and opening two more; in an open folder three more are asked.
//!
//! FIFOs, terminals and devices are opened without waiting, and without becoming the controlling
//! terminal; a FIFO that nobody reads is refused for output, and so are sockets and folders.
//!
//! # When it fits
//!
//! Programs with more rights than those who own some of their folders: daemons that root starts,
//! installers, whatever writes logs for users. A program whose folders are all its own needs none of
//! it.
//!
//! # What it cannot do
//!
//! * Keep others from hindering: who can put names into a folder can have us refuse, or remove what
//!   we wrote, or exchange two files that are both ours.
//! * See who else can write to a file that is ours: its permissions are its own affair.
//! * Know more of owners than the file system tells. One that shows all files as ours (some network
//!   and FUSE mounts) makes strangers of nobody; and a FUSE mount of another user says what he likes,
//!   where the administrator lets users mount for others too (`user_allow_other`).
//! * Tell owners apart who are all shown as the overflow user, where somebody in the namespace has that
//!   id too: their files are a stranger's then.
//! * Undo a race by those who are trusted, root above all.
//! * Compare names as a file system does that knows no upper case, for files that do not exist.

#![cfg(unix)]

mod change;
mod error;
mod open;
mod opener;
mod passing;
mod place;
mod rules;
mod same;
mod seen;
mod sys;
mod trust;
mod walk;

pub use error::{Error, Fault, Step};
pub use open::{Access, Opened, open, open_or_create};
pub use opener::descriptor_named;
pub use passing::may_pass;
pub use place::Place;
pub use same::{Destination, lead_to_one_file};
pub use seen::{Identity, Kind, Seen};
pub use trust::Trust;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
