//! What a child inherits without being asked, put right before anything else runs.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Arc, Once};

use nix::sys::signal::SigSet;
use rustix::fs::{Mode, OFlags};
use signal_hook::consts::{SIGFPE, SIGILL, SIGPIPE, SIGSEGV, SIGXFSZ};

use crate::called::Called;
use crate::peer::{self, Stranger};
use crate::program;
use crate::sys::{self, Ourselves, descriptors};

/// Signals, stray descriptors, and the name that `top` shows.
pub(crate) fn reset(called: &Called, ourselves: &Ourselves) {
    // A signal blocked in the thread that spawned us would stay so for ever, SIGTERM too.
    let _ = SigSet::empty().thread_set_mask();
    unignore_signals(called, ourselves.ignored_signals());
    outlive_file_size_limits();
    close_strays(called, ourselves);
    sys::show_name(&called.comm);
}

/// The parent's socket, taken from descriptor 0.
pub(crate) fn take_stdin(called: &Called, ourselves: &Ourselves) -> Result<OwnedFd, Stranger> {
    let stdin = rustix::stdio::stdin();
    peer::check(stdin, called.relayed, ourselves)?;
    let socket = rustix::io::fcntl_dupfd_cloexec(stdin, 3);
    socket.map_err(|errno| Stranger::NoSocket(errno.into()))
}

/// Descriptor 0 becomes `/dev/null`.
pub(crate) fn empty_stdin() -> io::Result<()> {
    let null = open_null()?;
    Ok(rustix::stdio::dup2_stdin(&null)?)
}

pub(crate) fn open_null() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Has a write beyond the limit of a file's size (`RLIMIT_FSIZE`, setrlimit(2)) fail with `EFBIG`, like
/// one to a full disk: SIGXFSZ, which comes with it, would end the process before anybody could
/// say why.
pub(crate) fn outlive_file_size_limits() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| do_nothing_at(SIGXFSZ));
}

/// "Ignore" would be inherited by every program that we execute; a handler is not (execve(2)).
fn do_nothing_at(signal: i32) {
    // Refused only for a signal that there is not.
    let _ = signal_hook::flag::register(signal, Arc::default());
}

/// Gives every ignored signal its default back.
///
/// A disposition of "ignored" survives exec, a handler does not. So a child that finds an ignored signal
/// registers a handler that does nothing, and executes itself once more; no other child pays for it. If a
/// signal is ignored even then, something in this very program ignores it ahead of us, and would do so
/// again.
///
/// SIGPIPE is left as it is in any Rust program, SIGXFSZ gets a handler anyway, and the two signals that
/// glibc keeps for itself are not ours. SIGILL, SIGFPE and SIGSEGV cannot be ignored where an instruction
/// of ours raises them, and no handler may take them: they stay as they are.
fn unignore_signals(called: &Called, mut ignored: Vec<i32>) {
    const OWN: &[i32] = &[SIGPIPE, SIGXFSZ, SIGILL, SIGFPE, SIGSEGV, 32, 33];
    ignored.retain(|signal| !OWN.contains(signal));
    for signal in &ignored {
        do_nothing_at(*signal);
    }
    if !ignored.is_empty() && !called.anew {
        let inherited = Some(strays().unwrap_or_default());
        let anew = Called { anew: true, inherited, and_others: false, ..called.clone() };
        let title = std::env::args_os().next().unwrap_or_default();
        // This call comes back only if it has failed. Then the handlers that do nothing must suffice.
        let _ = Command::new(program::own_image()).arg0(title).args(anew.to_args()).exec();
    }
}

/// Closes what was inherited without being meant to be: of the descriptors from 3 on that lack
/// close-on-exec those that were open when this program was executed. The others belong to something that
/// ran before us in this very process: a runtime, or the constructor of a library.
///
/// The starter has told us which they are, as far as it knew. Otherwise our parent's own table tells:
/// what lacks close-on-exec there came with us. But that is the table of now, and what the parent has
/// closed since it started us is not in it.
fn close_strays(called: &Called, ourselves: &Ourselves) {
    let listed = called.inherited.as_deref();
    let inherited = match listed {
        Some(inherited) if !called.and_others => inherited.to_vec(),
        _ => {
            let is_listed = |fd: &i32| listed.is_some_and(|listed| listed.contains(fd));
            let strays = strays().unwrap_or_default().into_iter();
            strays.filter(|fd| is_listed(fd) || ourselves.may_have_inherited(*fd)).collect()
        }
    };
    for fd in inherited {
        let _ = nix::unistd::close(fd);
    }
}

/// What a child that is started now inherits from this process, to be told to the child: by itself it
/// would see only what is still open here when it looks. `None`: that is not known, or would cost too
/// much.
pub(crate) fn bequeathed() -> Option<Vec<i32>> {
    let open = descriptors::open().ok()?;
    let few = open.len() <= MOST_LOOKED_AT;
    few.then(|| open.into_iter().filter(|fd| !descriptors::closes_on_exec(*fd)).collect())
}

/// A look at a descriptor takes three system calls, at each start, and the list has to fit an argument. A
/// process that has more open should start its children by a [spawner](crate::Spawner), where one is to
/// be had.
const MOST_LOOKED_AT: usize = 1024;

/// Every descriptor from 3 on that lacks close-on-exec.
pub(crate) fn strays() -> io::Result<Vec<i32>> {
    let open = descriptors::open()?;
    Ok(open.into_iter().filter(|fd| !descriptors::closes_on_exec(*fd)).collect())
}
