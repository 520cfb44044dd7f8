//! Who is believed to be the holder, and who not, whatever the file and /proc say.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pidfile::{Doubt, Error, PidFile, Probe, dependents, holder, probe};

use crate::bed::{Actor, Bed, is_root, skip};
use crate::stale::range;

const NOBODY: u32 = 65534;

/// An actor, run from this program by a user who owns nothing else.
pub(crate) fn as_nobody(program: &Path, verb: &str, pid_file: &Path) -> Actor {
    let mut command = Command::new(program);
    command.arg(verb).arg(pid_file);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Actor::start(command)
}

/// A folder of that user, beside an actor that everybody can execute.
pub(crate) fn theirs(bed: &Bed) -> std::path::PathBuf {
    let folder = bed.path("theirs");
    fs::create_dir(&folder).unwrap();
    if is_root() {
        chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    folder.join("my.pid")
}

/// Whoever owns the file can lock it and pass the descriptor to a process that keeps it without having
/// asked, as dbus-daemon keeps what it is sent. So what /proc shows of that process proves nothing.
///
/// Case: FLT-C2
#[test]
fn a_process_to_which_somebody_passed_the_locked_file_is_not_the_holder() {
    if !is_root() {
        return skip("only root has a process that a user must not stop");
    }
    let bed = Bed::new();
    let path = theirs(&bed);
    fs::write(&path, "").unwrap();
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    let locked = fs::File::options().read(true).write(true).open(&path).unwrap();
    fcntl(&locked, FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, 1, 1))).unwrap();
    let mut command = Command::new("sleep");
    command.arg("600").stdin(Stdio::from(locked));
    let mut victim = KillOnDrop(command.spawn().unwrap());
    drop(command);
    let pid = victim.0.id();
    fs::write(&path, format!("{pid}\n")).unwrap();

    let error = holder(&path).unwrap_err();
    let expected = Doubt::ForeignFile { pid, owner: NOBODY };
    assert!(matches!(error, Error::Unverified { doubt, .. } if doubt == expected), "{error:?}");
    assert!(victim.0.try_wait().unwrap().is_none());

    // Root's own file cannot have been passed on by somebody else.
    chown(&path, Some(0), None).unwrap();
    assert_eq!(holder(&path).unwrap().map(|holder| holder.pid()), Some(pid));
}

struct KillOnDrop(std::process::Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A user's daemon in his own folder is his, for himself and for root.
#[test]
fn a_users_own_holder_is_verified_by_him_and_by_root() {
    let bed = Bed::open_to_others();
    let path = theirs(&bed);
    let actor = as_nobody(&bed.path("actor"), "hold", &path);
    actor.expect(&format!("held {}", actor.pid()));
    assert_eq!(holder(&path).unwrap().map(|holder| holder.pid()), Some(actor.pid()));
    as_nobody(&bed.path("actor"), "holder", &path).expect(&format!("Some({})", actor.pid()));
}

/// /proc hides the descriptors of a program that its user may not read, also from himself.
///
/// Case: FLT-C3
#[test]
fn a_user_can_stop_a_program_that_he_may_only_execute() {
    if !is_root() {
        return skip("only root can make a program that its user cannot read");
    }
    let bed = Bed::open_to_others();
    fs::set_permissions(bed.path("actor"), fs::Permissions::from_mode(0o711)).unwrap();
    let path = theirs(&bed);
    let mut actor = as_nobody(&bed.path("actor"), "hold", &path);
    actor.expect(&format!("held {}", actor.pid()));
    as_nobody(&bed.path("actor"), "stop", &path).expect("gone: true");
    assert_eq!(actor.end().signal(), Some(libc::SIGTERM));

    // Without the proof the refusal says why.
    let unproved = as_nobody(&bed.path("actor"), "hold-unproved", &path);
    unproved.expect(&format!("held {}", unproved.pid()));
    as_nobody(&bed.path("actor"), "stop", &path).expect(&format!(
        "error: cannot verify who holds pid file `{}`: /proc does not show what process {} has locked",
        path.display(),
        unproved.pid()
    ));
}

/// Case: FLT-C4
#[test]
fn who_may_not_signal_the_holder_is_told_whose_it_is() {
    if !is_root() {
        return skip("only root can be two users");
    }
    let bed = Bed::open_to_others();
    let held = PidFile::acquire(bed.pid_file()).unwrap();
    as_nobody(&bed.path("actor"), "stop", &bed.pid_file()).expect(&format!(
        "error: pid file `{}` is held by process {}, which belongs to root: only root can signal it",
        bed.pid_file().display(),
        held.pid()
    ));
    // We open the file here and close it, which drops the proof.
    drop(fs::File::open(bed.pid_file()).unwrap());
    as_nobody(&bed.path("actor"), "stop", &bed.pid_file()).expect(&format!(
        "error: cannot verify who holds pid file `{}`: process {} belongs to root, and what it has \
         locked is shown to root only",
        bed.pid_file().display(),
        held.pid()
    ));
}

/// What stands in the file informs, and can be overwritten by whoever may write it; the kernel knows.
///
/// Case: FLT-C2
#[test]
fn whatever_is_written_into_the_file_its_holder_is_found() {
    let bed = Bed::new();
    let actor = bed.actor("hold");
    let line = actor.line();
    let pid: u32 = line.strip_prefix("held ").expect(&line).parse().unwrap();
    for text in ["12345678\n", "1\n", ""] {
        fs::write(bed.pid_file(), text).unwrap();
        assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(pid) }, "{text:?}");
        assert_eq!(holder(bed.pid_file()).unwrap().unwrap().pid(), pid, "{text:?}");
        let error = PidFile::acquire(bed.pid_file()).unwrap_err();
        assert!(matches!(error, Error::Held { pid: Some(found), .. } if found == pid), "{error:?}");
    }
}

/// A reader's lock makes nobody a dependent, in whosever hands the descriptor is.
///
/// Case: FLT-C2
#[test]
fn who_has_a_readers_lock_of_a_stale_file_is_no_dependent() {
    let bed = Bed::new();
    fs::write(bed.pid_file(), "4194304\n").unwrap();
    let reader = fs::File::open(bed.pid_file()).unwrap();
    rustix::fs::flock(&reader, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Stale { number: Some(4_194_304) });
    assert!(dependents(bed.pid_file()).unwrap().is_empty());
}
