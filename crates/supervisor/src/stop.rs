//! Stopping a daemon from another process, and asking whether there is one.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fmt, io};

use exit::ErrorText;
use pidfile::Probe;

/// What [`stop_daemon`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopStatus {
    /// It was running, and everything of it is gone, the pid file too.
    Stopped {
        /// The guardian's process id.
        pid: u32,
    },
    /// There was none. A pid file that a crash had left was removed.
    NotRunning,
    /// Nothing of it runs, but its pid file is left, which nobody holds: the file system has become
    /// read-only, or we may not write in the folder. The next start takes it over, where it can.
    FileLeft {
        /// The guardian's process id, if it was running and was stopped.
        pid: Option<u32>,
        /// Why the file could not be removed.
        kind: io::ErrorKind,
    },
}

impl fmt::Display for StopStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopStatus::Stopped { pid } => write!(f, "stopped, pid was {pid}"),
            StopStatus::NotRunning => f.write_str("not running"),
            StopStatus::FileLeft { pid, kind } => {
                match pid {
                    Some(pid) => write!(f, "stopped, pid was {pid}")?,
                    None => f.write_str("not running")?,
                }
                write!(f, ", but its pid file cannot be removed: {kind}")
            }
        }
    }
}

/// How long [`stop_daemon`] waits: three times the default grace.
pub const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A guardian that has given up its file ends at once, but for a disk that its last record waits for.
const ENDING: Duration = Duration::from_secs(1);

/// Stops the daemon of this pid file and waits until everything of it is gone, for at most 30 s.
/// The daemon itself kills what is left of it after its grace. Where the guardian is a process that has
/// called `run_daemon`, that process may go on.
///
/// A file that nobody holds is removed, if its number is stale, whatever a start's
/// [`existing`](crate::DaemonOptions::existing) says of such a file.
///
/// Where somebody hinders this call from finding out whose a file or a lock is, it may take some seconds
/// more.
///
/// The number in the file is never trusted: the process is signalled only if it is the one that
/// holds the file. A guardian of whom that cannot be told, as one of another pid namespace, is asked by its control
/// socket, if it has one.
///
/// # Errors
///
/// It is still running after that time ([`StopFailed::StillRunning`]: it will stop, if ever it
/// can), the pid file cannot be looked at or is none, or its holder cannot be signalled: it may be
/// another user's ([`pidfile::Error::NotPermitted`]).
pub fn stop_daemon(pid_filename: impl AsRef<Path>) -> Result<StopStatus, StopFailed> {
    stop_daemon_within(pid_filename, DEFAULT_STOP_TIMEOUT)
}

/// [`stop_daemon`] with another time to wait. Zero only asks it to stop, [`Duration::MAX`] waits for
/// as long as it takes.
///
/// # Errors
///
/// See [`stop_daemon`].
pub fn stop_daemon_within(
    pid_filename: impl AsRef<Path>,
    timeout: Duration,
) -> Result<StopStatus, StopFailed> {
    let path = pid_filename.as_ref();
    let failed = |source| StopFailed::PidFile { source };
    let deadline = Instant::now().checked_add(timeout);
    let left = || deadline.map(|at| at.saturating_duration_since(Instant::now()));
    let mut holder = match pidfile::holder(path) {
        // Of another pid namespace, or hidden by /proc: but it may be one that answers us.
        Err(error @ pidfile::Error::Unverified { .. }) => {
            let Some(pid) = ask_to_stop(path) else { return Err(failed(error)) };
            return match pidfile::wait_free(path, left(), None).map_err(failed)? {
                true => Ok(StopStatus::Stopped { pid }),
                false => Err(still_running(path)),
            };
        }
        holder => holder.map_err(failed)?,
    };
    if let Some(holder) = &mut holder {
        match holder.signal(signal_hook::consts::SIGTERM) {
            // The guardian has ended by itself, which is as good.
            Ok(()) | Err(pidfile::Error::Gone { .. }) => (),
            Err(error) => return Err(failed(error)),
        }
        // A guardian that is stopped (SIGSTOP, Ctrl-Z) sees SIGTERM only when it goes on.
        let _ = holder.signal(signal_hook::consts::SIGCONT);
        // Wait until the file is released, not until its holder ends: a program that has run a daemon in
        // the foreground may have other things to do.
        while holder.wait_released(left()).map_err(failed)? && !has_ended(holder)? {
            // If somebody has removed the file, its guardian has made another one: wait for that.
            match pidfile::holder(path) {
                Ok(Some(again)) if again.pid() == holder.pid() => *holder = again,
                Ok(_) | Err(_) => break,
            }
        }
    }
    wake_orphans(path);
    let gone = match &holder {
        // Only what is left of this daemon counts: another one may have been started since.
        Some(holder) => holder.wait_free(left()),
        // Also without a guardian there may be an executor, which is in its grace.
        None => pidfile::wait_orphans(path, left(), None),
    };
    if !gone.map_err(failed)? {
        return Err(still_running(path));
    }
    // The guardian has nothing more to do. Wait for its end, too, so that the caller finds nothing of the
    // daemon.
    if let Some(holder) = &holder {
        let soon = left().map_or(ENDING, |left| left.min(ENDING));
        holder.wait(Some(soon)).map_err(failed)?;
    }
    let pid = holder.as_ref().map(pidfile::Holder::pid);
    let done = pid.map_or(StopStatus::NotRunning, |pid| StopStatus::Stopped { pid });
    // A guardian that was killed meanwhile has left its file; that of a successor is not touched.
    match pidfile::remove_stale(path) {
        Ok(_) => Ok(done),
        Err(pidfile::Error::Io { source, .. }) => {
            Ok(StopStatus::FileLeft { pid, kind: source.kind() })
        }
        // The daemon is gone, and what stands there now is not the file that it held.
        Err(_) if pid.is_some() => Ok(done),
        Err(error) => Err(failed(error)),
    }
}

/// Asks a guardian to stop by its control socket, and gives its number as it knows it. `None`: nobody answers whom we
/// believe.
fn ask_to_stop(path: &Path) -> Option<u32> {
    let daemon = crate::Daemon::at(path);
    let pid = match daemon.status().ok()?.said?.ok()?.guardian.pid? {
        0 => return None,
        pid => pid,
    };
    daemon.ask_to_stop().ok()?;
    Some(pid)
}

fn has_ended(holder: &pidfile::Holder) -> Result<bool, StopFailed> {
    holder.wait(Some(Duration::ZERO)).map_err(|source| StopFailed::PidFile { source })
}

/// Wakes what a killed guardian has left behind by SIGCONT. It goes by itself unless it is stopped, and
/// nobody else is left above it to wake it or to kill it.
pub(crate) fn wake_orphans(path: &Path) {
    if !matches!(pidfile::probe(path), Ok(Probe::Orphaned { .. })) {
        return;
    }
    for orphan in pidfile::dependents(path).unwrap_or_default() {
        // A process that has gone needs no signal.
        let _ = orphan.signal(signal_hook::consts::SIGCONT);
    }
}

fn still_running(path: &Path) -> StopFailed {
    let pids = match pidfile::probe(path) {
        Ok(Probe::Held { pid }) => pid.into_iter().collect(),
        Ok(Probe::Orphaned { left, .. }) => left,
        _ => Vec::new(),
    };
    StopFailed::StillRunning { path: path.to_owned(), pids }
}

/// Why a daemon was not stopped.
///
/// `Display` and `Debug` are one line: what failed, and why, down to the last cause. So there is nothing
/// behind `source()`.
#[non_exhaustive]
pub enum StopFailed {
    /// It was asked, but is not gone yet.
    StillRunning {
        /// The pid file.
        path: PathBuf,
        /// Who is left, as far as can be told.
        pids: Vec<u32>,
    },
    /// The pid file cannot be looked at, or its holder cannot be signalled.
    PidFile {
        /// Why.
        source: pidfile::Error,
    },
}

impl fmt::Display for StopFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopFailed::StillRunning { path, pids } => {
                let (path, who) = (path.display(), list(pids));
                write!(f, "the daemon of pid file `{path}` is still running: {who}")
            }
            StopFailed::PidFile { source } => {
                write!(f, "the daemon cannot be stopped: {}", one_line(source))
            }
        }
    }
}

impl fmt::Debug for StopFailed {
    /// The same: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StopFailed {}

/// With all causes; a path may have lines of its own.
fn one_line(error: &pidfile::Error) -> String {
    safe_text::escaped(&ErrorText::new(error).chain())
}

fn list(pids: &[u32]) -> String {
    match pids {
        [] => "nobody can tell who".to_owned(),
        [pid] => format!("process {pid}"),
        pids => {
            format!("processes {}", pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether a daemon runs, as [`daemon_status`] found it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DaemonStatus {
    /// It runs.
    Running {
        /// The guardian's process id; `None` if the file's holder has not written one.
        pid: Option<u32>,
    },
    /// Its guardian was killed, and the executor has not gone yet.
    Orphaned {
        /// Who is left, as far as can be told.
        pids: Vec<u32>,
    },
    /// It does not run.
    NotRunning {
        /// Whether a crash has left the pid file behind; the next start takes it over.
        stale: bool,
    },
}

impl fmt::Display for DaemonStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DaemonStatus::Running { pid: Some(pid) } => write!(f, "running, pid {pid}"),
            DaemonStatus::Running { pid: None } => f.write_str("running"),
            DaemonStatus::Orphaned { pids } => {
                write!(f, "its guardian was killed, but not all is gone: {}", list(pids))
            }
            DaemonStatus::NotRunning { stale: false } => f.write_str("not running"),
            DaemonStatus::NotRunning { stale: true } => {
                f.write_str("not running (a crash has left the pid file)")
            }
        }
    }
}

/// Asks whether the daemon of this pid file runs. Disturbs nobody: a start that happens at the same
/// time does not notice.
///
/// # Errors
///
/// The pid file cannot be looked at, or is none ([`pidfile::Error::NotAPidFile`]).
pub fn daemon_status(pid_filename: impl AsRef<Path>) -> Result<DaemonStatus, StatusFailed> {
    let path = pid_filename.as_ref();
    let failed = |source| StatusFailed { source };
    let probe = pidfile::probe(path).map_err(failed)?;
    if matches!(probe, Probe::Stale { number: None }) {
        pidfile::check_content(path).map_err(failed)?;
    }
    Ok(match probe {
        Probe::Held { pid } => DaemonStatus::Running { pid },
        Probe::Orphaned { left, .. } => DaemonStatus::Orphaned { pids: left },
        Probe::Stale { .. } => DaemonStatus::NotRunning { stale: true },
        Probe::Absent => DaemonStatus::NotRunning { stale: false },
    })
}

/// Why nobody can say whether a daemon runs.
///
/// `Display` and `Debug` are one line, with the [cause](StatusFailed::cause). So there is nothing behind
/// `source()`.
pub struct StatusFailed {
    source: pidfile::Error,
}

impl StatusFailed {
    /// Why.
    pub fn cause(&self) -> &pidfile::Error {
        &self.source
    }
}

impl fmt::Display for StatusFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the daemon's status cannot be told: {}", one_line(&self.source))
    }
}

impl fmt::Debug for StatusFailed {
    /// The same: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StatusFailed {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A file that nobody holds is removed if it can be a pid file. Nobody is signalled: this process,
    /// whose number may stand in it, lives on.
    ///
    /// Case: FLT-C1
    #[test]
    fn whatever_stands_in_a_file_that_nobody_holds_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.pid");
        let ours = std::process::id().to_string();
        let numbers = prop_oneof![Just(ours), "-?[0-9]{1,12}\n?"].prop_map(String::into_bytes);
        let letters = prop::collection::vec(prop_oneof![Just(b'x'), any::<u8>()], 1..100);
        let others = letters.prop_map(|mut bytes| {
            bytes.insert(0, b'x');
            bytes
        });
        let any = prop_oneof![others, numbers];
        proptest!(|(content in any)| {
            let line = content.strip_suffix(b"\n").unwrap_or(&content);
            let digits = line.strip_prefix(b"-").unwrap_or(line);
            let is_pid_file = digits.iter().all(u8::is_ascii_digit) && (line != b"-");
            std::fs::write(&path, &content).unwrap();
            let status = daemon_status(&path);
            let stopped = stop_daemon(&path);
            if is_pid_file {
                prop_assert_eq!(status.unwrap(), DaemonStatus::NotRunning { stale: true });
                prop_assert_eq!(stopped.unwrap(), StopStatus::NotRunning);
                prop_assert!(!path.exists());
            } else {
                let refused = matches!(
                    &stopped,
                    Err(StopFailed::PidFile { source: pidfile::Error::NotAPidFile { .. } })
                );
                prop_assert!(refused, "{stopped:?}");
                let cause = status.unwrap_err();
                let refused = matches!(cause.cause(), pidfile::Error::NotAPidFile { .. });
                prop_assert!(refused, "{cause:?}");
                prop_assert_eq!(std::fs::read(&path).unwrap(), content);
            }
        });
    }
}
