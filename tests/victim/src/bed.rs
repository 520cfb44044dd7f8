//! A folder of its own for one attack, and every process that began in it. Both go with the value.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use testbed::{Bed, Failure, Outcome, Process, Watch};

use crate::journal::Journal;
use crate::outside::Outside;

/// How many workers the victim has.
pub const WORKERS: usize = 2;

/// Longer than anything that the victim is allowed: its time to start, its grace, and the two
/// seconds that a caller waits for a guardian that cannot keep the time itself.
pub const LIMIT: Duration = Duration::from_secs(8);

/// The place where an attack happens.
pub struct VictimBed {
    bed: Bed,
    program: PathBuf,
    /// The folder of the daemon's own files.
    work: PathBuf,
    workers: usize,
    flags: Vec<String>,
    /// More of the environment.
    variables: Vec<(&'static str, OsString)>,
    calls: AtomicU32,
    watch: Watch,
    before: Outside,
}

/// How a command of the victim ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A daemon, whose guardian has this number.
    Launched(u32),
    /// Nothing was started.
    AlreadyRunning,
    /// It was running, and is gone.
    Stopped,
    /// There was nothing to stop.
    NotRunning,
    /// An error, in its own words.
    Failed(String),
    /// Something about a status, or how a foreground run ended.
    Other(String),
    /// It ended without an answer.
    Died(String),
    /// It did not end in time, and was killed.
    None,
}

/// What there is of a daemon, when nothing changes any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Executor and all workers run their entries.
    Up,
    /// No process is left.
    Gone,
    /// Neither of both came to be.
    Unsettled,
}

/// A command of the victim that has not been waited for.
pub struct Calling {
    child: Child,
    pidfd: OwnedFd,
    output: PathBuf,
}

impl VictimBed {
    /// One with everything in it.
    pub fn new(program: &Path) -> Outcome<VictimBed> {
        let bed = Bed::new()?;
        let work = bed.folder().join("work");
        VictimBed::in_folder(program, bed, work, WORKERS, Vec::new())
    }

    /// The daemon's files in `work`, which is not there yet; with more flags.
    pub fn in_folder(
        program: &Path,
        bed: Bed,
        work: PathBuf,
        workers: usize,
        flags: Vec<String>,
    ) -> Outcome<VictimBed> {
        let root = bed.folder();
        fs::create_dir(&work).map_err(Failure::at("make", &work))?;
        for name in ["records", "tmp", "beside"] {
            let folder = root.join(name);
            fs::create_dir(&folder).map_err(Failure::at("make", &folder))?;
        }
        let file = root.join("beside/file");
        fs::write(&file, "of somebody else\n").map_err(Failure::at("write", &file))?;
        let watch = Watch::new(&root.join("records"))?;
        let before = Outside::look(root);
        let (program, calls) = (program.to_owned(), AtomicU32::new(1));
        let variables = Vec::new();
        Ok(VictimBed { bed, program, work, workers, flags, variables, calls, watch, before })
    }

    /// Puts one more into the environment of whoever is called.
    pub fn set_variable(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.variables.push((name, value.into()));
    }

    /// What its processes have in their environment.
    pub fn marker(&self) -> &str {
        self.bed.marker()
    }

    /// The folder of the daemon's files.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The folder of what its processes write down.
    pub fn records(&self) -> PathBuf {
        self.bed.folder().join("records")
    }

    /// What they have written so far.
    pub fn journal(&self) -> Journal {
        Journal::read(&self.records())
    }

    /// Begins `victim <word>`; `gate` names the process that is to wait for a tracer.
    pub fn call(&self, word: &str, gate: Option<(&str, usize)>) -> Outcome<Calling> {
        self.call_with(word, &[], gate)
    }

    /// Begins `victim <word>`, whose standard error is this.
    pub fn call_into(&self, word: &str, errors: OwnedFd) -> Outcome<Calling> {
        self.call_beside(word, &[], None, Some(errors.into()))
    }

    /// The same with other flags, which win.
    pub fn call_with(
        &self,
        word: &str,
        flags: &[&str],
        gate: Option<(&str, usize)>,
    ) -> Outcome<Calling> {
        self.call_beside(word, flags, gate, None)
    }

    fn call_beside(
        &self,
        word: &str,
        flags: &[&str],
        gate: Option<(&str, usize)>,
        errors: Option<Stdio>,
    ) -> Outcome<Calling> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let output = self.records().join(format!("answer-{number}"));
        let file = File::create(&output).map_err(Failure::at("create", &output))?;
        let errors = match errors {
            Some(errors) => errors,
            None => file.try_clone().map_err(Failure::at("open", &output))?.into(),
        };
        let mut command = self.bed.command(&self.program);
        command
            .args([word, "--workers", &self.workers.to_string()])
            .args(&self.flags)
            .args(flags)
            .env("VICTIM_RECORDS", self.records())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("TMPDIR", self.bed.folder().join("tmp"))
            .current_dir(&self.work)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors);
        command.env_remove("VICTIM_GATE");
        if let Some((role, which)) = gate {
            let folder = self.records();
            command.env("VICTIM_GATE", format!("{} {role} {which}", folder.display()));
        }
        let child = command.spawn().map_err(Failure::at("run", &self.program))?;
        let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let number = number.expect("a child's number is positive");
        let pidfd = pidfd_open(number, PidfdFlags::empty())
            .map_err(Failure::step("open a pidfd of our child"))?;
        Ok(Calling { child, pidfd, output })
    }

    /// Waits until executor and workers are there, or nobody is; `fresh` processes must have
    /// entered as `who` before, so that what is about to be restarted does not count.
    pub fn settle(&self, limit: Duration, who: &str, fresh: usize) -> Outcome<State> {
        let state = self.watch.until(limit, || {
            let alive = self.bed.processes();
            if alive.is_empty() {
                return Some(State::Gone);
            }
            let journal = self.journal();
            let numbers: Vec<u32> = alive.iter().map(Process::pid).collect();
            let is_up = |who: &str| journal.last(who).is_some_and(|pid| numbers.contains(&pid));
            let workers = (1..=self.workers).all(|number| is_up(&format!("worker w{number}")));
            let fresh = fresh <= journal.count(who);
            (fresh && workers && is_up("executor d")).then_some(State::Up)
        })?;
        Ok(state.unwrap_or(State::Unsettled))
    }

    /// The living process that entered last as `who`.
    pub fn process(&self, who: &str) -> Outcome<Process> {
        let pid = self.journal().last(who).unwrap_or_default();
        self.bed.open(pid).map_err(Failure::step(&format!("find the {who}")))
    }

    /// The process of this number, if it is one of ours.
    pub fn open(&self, pid: u32) -> Outcome<Process> {
        self.bed.open(pid)
    }

    /// Everybody who is alive.
    pub fn alive(&self) -> Vec<Process> {
        // The list is read in the order of the numbers. Where they come round, one that is born
        // behind the reader, of one that dies before it, is not in it.
        let mut looks = (0..3).map(|_| self.bed.processes());
        looks.find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// Who is alive, with name and state.
    pub fn left(&self) -> Vec<String> {
        self.alive().iter().map(describe).collect()
    }

    /// Pid files in the folder.
    pub fn pid_files(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| name.ends_with(".pid")).collect()
    }

    /// What should not be there after a stop.
    pub fn litter(&self) -> Vec<String> {
        let own = |name: &str| {
            ["captured.txt", "d.log", "err.txt", "out.txt", "status.json", "w.log"].contains(&name)
                || (1..=self.workers).any(|number| name == format!("w{number}.txt"))
                // Those of a set, of which there may be any number.
                || name.starts_with("s-") && name.ends_with(".txt")
        };
        // Old logs have a date behind their name: they were full, or the day ended meanwhile.
        let dated = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
        let expected = |name: &str| {
            let old = name.match_indices('.').find(|(at, _)| own(&name[..*at]));
            own(name) || old.is_some_and(|(at, _)| dated(&name[at + 1..]))
        };
        self.names().into_iter().filter(|name| !expected(name)).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.work).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// What has changed where nothing should.
    pub fn changed_outside(&self) -> Vec<String> {
        Outside::look(self.bed.folder()).since(&self.before)
    }

    /// Everything one wants to see of a failure.
    pub fn describe(&self) -> String {
        let mut text = format!("  alive: {:#?}\n", self.left());
        let (records, work) = (self.records(), &self.work);
        let journal = records.join("journal");
        for path in [journal, work.join("d.log"), work.join("err.txt"), records.join("trace")] {
            // A fifo would wait for whoever writes.
            let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
            let bytes = is_file.then(|| fs::read(&path).ok()).flatten().unwrap_or_default();
            let content = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = content.lines().collect();
            text += &format!("  {}:\n", path.display());
            for line in &lines[lines.len().saturating_sub(40)..] {
                text += &format!("    {line}\n");
            }
        }
        text
    }
}

/// Number, state and name.
pub fn describe(process: &Process) -> String {
    let state = testbed::stat(process.pid()).map_or('?', |stat| stat.state);
    format!("{} {state} {}", process.pid(), process.title())
}

impl Calling {
    /// Readable when it has ended.
    pub fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }

    /// Sends a signal; fails when it has ended.
    pub fn signal(&self, signal: Signal) -> std::io::Result<()> {
        Ok(pidfd_send_signal(&self.pidfd, signal)?)
    }

    /// Waits for its end, and kills it if that takes too long.
    pub fn answer(mut self, limit: Duration) -> Outcome<Answer> {
        if !testbed::readable(self.pidfd.as_fd(), limit) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return Ok(Answer::None);
        }
        let status = self.child.wait().map_err(Failure::step("wait for the victim"))?;
        let text = fs::read(&self.output).map_err(Failure::at("read", &self.output))?;
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        if let Some(signal) = status.signal() {
            return Ok(Answer::Died(format!("signal {signal} {text}")));
        }
        Ok(parse(&text).unwrap_or(Answer::Died(format!("{status} {text}"))))
    }
}

fn parse(text: &str) -> Option<Answer> {
    let number = || text.rsplit(' ').next()?.parse().ok();
    Some(match text {
        _ if text.starts_with("failed: ") => Answer::Failed(text.to_owned()),
        _ if text.starts_with("launched ") => Answer::Launched(number()?),
        _ if text.starts_with("already running ") => Answer::AlreadyRunning,
        _ if text.starts_with("stopped ") => Answer::Stopped,
        "not running" => Answer::NotRunning,
        _ if text.starts_with("running ")
            || text.starts_with("orphaned ")
            || text.starts_with("not running, ")
            || text.starts_with("ended") =>
        {
            Answer::Other(text.to_owned())
        }
        _ => return None,
    })
}
