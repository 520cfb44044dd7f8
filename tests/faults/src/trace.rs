//! strace, attached to one process: it writes down the system calls, or spoils one of them.
//!
//! Attached, not around: so the process has the parent that it always has. `-f` takes its threads
//! too, `-b execve` lets go of what it executes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::process::{PidfdFlags, pidfd_open};
use testbed::{Failure, Outcome};

use super::calls::{Calls, Fault};

/// How long strace may take to let go.
const PATIENCE: Duration = Duration::from_millis(500);

/// A tracer at work. Dropping it lets go of the process.
pub(crate) struct Tracer {
    strace: Child,
    /// Its pipe, open until its end: it would be killed by a closed one.
    _words: BufReader<ChildStderr>,
    log: PathBuf,
    fault: Option<Fault>,
}

/// What it has seen.
pub(crate) struct Trace {
    pub(crate) calls: Calls,
    /// Whether the call that was to be spoilt was made.
    pub(crate) hit: bool,
    /// Whether another was, that cannot fail so ([`Fault::went_astray`]).
    pub(crate) astray: bool,
}

impl Tracer {
    /// When this returns, the process makes no call that is not traced.
    pub(crate) fn attach(pid: u32, fault: Option<&Fault>, log: &Path) -> Outcome<Tracer> {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-b", "execve", "-s", "64", "-p", &pid.to_string(), "-o"])
            .arg(log);
        if let Some(fault) = fault {
            command.args(["-e", &format!("trace={}", fault.call), "-e", &fault.expression()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut strace = command.spawn().map_err(Failure::step("run strace"))?;
        let words = strace.stderr.take().expect("a pipe was asked for two lines above");
        let mut words = BufReader::new(words);
        let mut line = String::new();
        words.read_line(&mut line).map_err(Failure::step("read what strace says"))?;
        let tracer = Tracer { strace, _words: words, log: log.to_owned(), fault: fault.cloned() };
        if line.contains(" attached") {
            Ok(tracer)
        } else {
            Err(Failure::new(format!("cannot trace: {}", line.trim_end())))
        }
    }

    /// Lets go of the process, if it is still there.
    pub(crate) fn finish(mut self) -> Trace {
        self.let_go();
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let hit = log.contains("(INJECTED)") || log.contains("+++ killed by SIGKILL");
        let astray = self.fault.as_ref().is_some_and(|fault| fault.went_astray(&log));
        Trace { calls: Calls::parse(&log), hit: hit && !astray, astray }
    }

    fn let_go(&mut self) {
        let pid = i32::try_from(self.strace.id()).ok().and_then(rustix::process::Pid::from_raw);
        // Our own child, which is reaped below: the number is its own.
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            // A process that waits for a vfork cannot be let go by strace, which waits for it while
            // holding its child. The system lets go of both when strace is killed.
            let ended = pidfd_open(pid, PidfdFlags::empty())
                .is_ok_and(|pidfd| testbed::readable(pidfd.as_fd(), PATIENCE));
            if !ended {
                let _ = self.strace.kill();
            }
        }
        let _ = self.strace.wait();
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        if let Ok(None) = self.strace.try_wait() {
            self.let_go();
        }
    }
}
