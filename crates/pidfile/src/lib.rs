//! Am I the only one? A pid file that answers truly, whatever was killed before.
//!
//! ```no_run
//! use pidfile::PidFile;
//!
//! # fn work() {}
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let held = match PidFile::acquire("/run/my.pid") {
//!         Ok(held) => held,
//!         Err(pidfile::Error::Held { pid: Some(pid), .. }) => {
//!             println!("process {pid} is running already");
//!             return Ok(());
//!         }
//!         Err(error) => return Err(error.into()),
//!     };
//!     work();
//!     Ok(held.release()?) // Removes the file; dropping does, too, but cannot tell.
//! }
//! ```
//!
//! The file is one line, the process id, as every Unix tool expects it. The truth is not that
//! number but a lock, held for life, which the system takes back when the process ends, however it
//! ends. So a file left by a crash is just taken over, whoever has that number now, and a file whose
//! holder lives is never.
//!
//! * [`PidFile::acquire`] and [`Options`] take it; [`PidFile::release`], or dropping, gives it back.
//! * [`probe`] says who has it, and takes nothing, so that asking never makes a start fail.
//! * [`holder`] verifies who has it, for [`signalling`](Holder::signal) and [`waiting`](Holder::wait):
//!   no number from a file is ever signalled.
//! * [`wait_free`] waits until nobody has it, [`remove_stale`] cleans up after a child that was killed.
//! * A [hold](PidFile::take_hold) is for processes that must be gone before a successor starts: if the
//!   holder is killed, its successor [waits](Options::wait_for_dependent) for them. [`Dependent`] is for
//!   one that joins by itself.
//! * [`PidFile::restore`] puts the file back that somebody has removed by hand.
//!
//! Four bytes of the file are locked. Three by open-file-description locks (fcntl(2)): byte 0 by whoever
//! removes a stale file, for that moment; byte 1 by the holder, for life; byte 2 by its dependent, for
//! life. Byte 3 is locked by the holder in the classic way, by which the kernel names it to whoever asks.
//! A hold is an exclusive flock(2). The file gets its name when it is complete and locked (`O_TMPFILE`,
//! open(2)), so nobody sees half of one, and a kill leaves nothing beside it. The holder writes to it
//! again only if somebody else has ([`PidFile::restore`]).
//!
//! # When it fits
//!
//! Daemons, workers, cron jobs: anything of which one instance should run per machine, and which a
//! person or a script finds by its pid file. If nobody needs to find it, a lock on any file will do.
//!
//! A folder into which only you can write is the place for it (`/run/my`, `$XDG_RUNTIME_DIR`).
//! Where others can, its owner for one, their links on the way are refused, and their files, except in a
//! folder that is theirs alone: the rules are trusted-path's.
//!
//! # What it cannot do
//!
//! * Tell a stale pid file from another file that is empty or contains one number. That is removed, if
//!   nobody has locked it; whatever else stands at the path is refused and stays.
//! * Keep an operator from removing the file by hand. Then a second instance can start, until the
//!   holder has put it back; [`PidFile::is_in_place`] tells.
//! * See instances on other machines. On a network file system locks may or may not reach across,
//!   and the number means nothing there. Where there are no locks at all, you get
//!   [`Error::LocksUnsupported`].
//! * Know programs that keep a pid file of the same name without such a lock: theirs looks stale.
//!   flock(2) of another program is not seen.
//! * Keep readers from locking. Whoever may read the file may lock it for reading. That makes nobody the
//!   holder, and prevents neither a start nor a hold nor a take-over, which then claims the file by a
//!   second one beside it for a moment, `.my.pid.taking`. But it keeps a [`Dependent`] from joining
//!   ([`Error::Hindered`]).
//! * Outlive a fork without exec in the usual way. The forked process has a copy of the descriptor:
//!   should its parent be killed, the lock lasts until the copy is closed, too. A child between its fork
//!   and its exec has such a copy, for a moment; until then a start says that the file is held by the
//!   number of the killed holder.
//! * Signal into a pid namespace that ours does not know. A holder in another container, sharing the
//!   folder, holds as any other; from the host it is found and signalled by its number there, from
//!   beside it [`holder`] says [`Error::Unverified`].
//! * Tell a reader's flock(2) from a killed holder's hold where /proc does not show who took it, as in a
//!   pid namespace if that process is dead. Then a start waits, and says which process is left; ending
//!   that one helps.
//! * Keep a process that has a copy of the hold from passing it on, or from unlocking it for all copies.
//! * Prove who holds the file after the holder itself has opened and closed it, as by [`probe`]: that
//!   drops its classic lock. Then [`holder`] needs a /proc that shows the holder's descriptors, which it
//!   does to root and, unless the program's file cannot be read, to the same user.
//! * Run elsewhere than on Linux.

mod acquire;
mod dependent;
mod detail;
mod error;
mod holder;
mod pidfile;
mod probe;
mod restore;
mod stale;
mod wait;

mod bytes;
mod claim;
mod create;
mod deadline;
mod descriptor;
mod fill;
mod id;
mod in_place;
mod number;
mod old_file;
mod place;
mod sys;

pub use acquire::{Existing, Options};
pub use dependent::Dependent;
pub use detail::{Danger, Doubt, FileKind, Op};
pub use error::Error;
pub use holder::{Holder, dependents, holder, try_holder};
pub use pidfile::PidFile;
pub use probe::{Probe, check_content, probe};
pub use restore::Restored;
pub use stale::{remove_stale, try_remove_stale};
pub use wait::{wait_free, wait_orphans};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
