//! Proof that no two processes are the same one: a lock for life that knows nothing of pid files.

use std::fs::{File, TryLockError};
use std::process::{Child, Command};
use std::time::Duration;

use appkit::{current, quit_requested, sleep};

use crate::{journal, records};

/// Kept until the entry returns.
pub(crate) struct Witness {
    who: String,
    _lock: Option<File>,
}

/// Takes the lock of this process' place; says so in the journal, and if somebody else has it.
pub(crate) fn arrive() -> Witness {
    let this = current();
    let who = format!("{} {}", this.role, this.name);
    let pid = std::process::id();
    let path = records().join(format!("witness-{}-{}", this.role, this.name));
    let open = || File::options().create(true).write(true).truncate(false).open(&path);
    let mut met = false;
    let lock = loop {
        // Without a witness it does not begin, however long no descriptor can be had.
        let locked = open().map(|file| file.try_lock().map(|()| file));
        match locked {
            Ok(Ok(file)) => break Some(file),
            Ok(Err(TryLockError::WouldBlock)) if !met => {
                met = true;
                journal::write(&format!("{who} met itself, pid {pid}"));
            }
            _ if quit_requested() => break None,
            _ => (),
        }
        sleep(Duration::from_millis(2));
    };
    journal::write(&format!("{who} entered, run {}, pid {pid}", this.incarnation));
    Witness { who, _lock: lock }
}

impl Drop for Witness {
    fn drop(&mut self) {
        journal::write(&format!("{} left, pid {}", self.who, std::process::id()));
    }
}

/// A process that stays behind unless somebody ends it.
pub(crate) fn descendant() -> Option<Child> {
    Command::new("sleep").arg("600").spawn().ok()
}
