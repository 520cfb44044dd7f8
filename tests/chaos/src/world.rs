//! A world for a job: its own numbers of processes, few of them, its own mounts, a small disk.

use std::fs;
use std::io::{BufRead, BufReader};
use std::mem::ManuallyDrop;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::{WaitOptions, geteuid, wait};
use tempfile::TempDir;
use testbed::{Failure, Outcome};

use super::bystanders::Bystanders;
use super::crowd::Crowd;
use super::options::Options;
use super::tally::Tally;

/// The first 300 numbers are used only once, so these are what comes round.
const PID_MAX: &str = "420";
const DISK: &str = "512k";

/// What copies of this program are called to do: what makes a world, and what plays in it.
pub(crate) const FIRST_PROCESS: &str = "first-process";
pub(crate) const INSIDE: &str = "inside";

/// Names the control group of a world, for who plays in it.
const CROWD: &str = "CHAOS_CROWD";

/// Why there can be no such world here.
pub(crate) fn impossible() -> Option<String> {
    let tried = unshare().args(["--", "true"]).stderr(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => None,
        Ok(_) => Some("this user may not have namespaces of its own".to_owned()),
        Err(error) => Some(format!("cannot run unshare: {error}")),
    }
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--mount"]);
    command
}

/// Before Linux 6.14 there is one limit for all, which is not ours to set.
fn own_pid_max() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (6, 14) <= version
}

/// Runs a job in a world of its own; what it says is passed on.
pub(crate) fn run(program: &Path, options: &Options, job: u64, jobs: u64) -> Outcome<Tally> {
    let folder =
        TempDir::with_prefix("appkit-chaos-").map_err(Failure::step("make a temporary folder"))?;
    // Our file may have been replaced by a build since we were started.
    let ourselves = folder.path().join("chaos");
    // By another program: a child of another job's thread may have a copy of a descriptor that is open for
    // writing until its exec, and a file that is open for writing cannot be executed.
    let copied = Command::new("cp")
        .arg(format!("/proc/{}/exe", std::process::id()))
        .arg(&ourselves)
        .status()
        .map_err(Failure::step("run cp"))?;
    if !copied.success() {
        return Err(Failure::new(format!("cannot copy this program to `{}`", ourselves.display())));
    }
    if job == 0 && !own_pid_max() {
        println!("skipped: numbers that come round soon, which needs Linux 6.14");
    }
    // Whoever is a stranger in there must get to the daemon's files.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))
        .map_err(Failure::at("open to others", folder.path()))?;
    if job == 0 && !geteuid().is_root() {
        println!("skipped: a stranger who takes locks, which needs root");
    }
    // Its last process goes with the world, before this does.
    let crowd = Crowd::new();
    if job == 0 && crowd.is_none() {
        println!("skipped: what multiplies below a worker, which needs a control group of pids");
    }
    let mut command = unshare();
    if let Some(crowd) = &crowd {
        command.env(CROWD, crowd.folder());
    }
    command
        .arg("--")
        .arg(ourselves)
        .arg(FIRST_PROCESS)
        .arg(program)
        .args([job.to_string(), jobs.to_string()])
        .arg(folder.path())
        .args(["--rounds", &options.rounds().to_string(), "--seed", &options.seed.to_string()])
        .args(["--adversaries", &options.adversaries.text()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(minutes) = options.minutes {
        command.args(["--minutes", &minutes.to_string()]);
    }
    let mut world = command.spawn().map_err(Failure::step("run unshare"))?;
    let output = world.stdout.take().expect("a pipe was asked for above");
    let mut last = None;
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match Tally::parse(&line) {
            Some(tally) => last = Some(tally),
            None => println!("{line}"),
        }
    }
    let status = world.wait().map_err(Failure::step("wait for unshare"))?;
    last.filter(|_| status.success())
        .ok_or_else(|| Failure::new(format!("job {job} did not come to its end ({status})")))
}

/// Sets the world up, starts what plays in it, and reaps whatever is left to process 1.
pub(crate) fn first_process(arguments: &[String]) -> Outcome {
    let play = set_up(arguments)?;
    reap_until(play.id())
}

fn set_up(arguments: &[String]) -> Outcome<std::process::Child> {
    if std::process::id() != 1 {
        return Err(Failure::new("this is not for people"));
    }
    if own_pid_max() {
        let path = Path::new("/proc/sys/kernel/pid_max");
        fs::write(path, PID_MAX).map_err(Failure::at("write", path))?;
    }
    let folder = arguments.get(3).map(PathBuf::from).unwrap_or_default();
    let disk = folder.join("disk");
    fs::create_dir(&disk).map_err(Failure::at("make", &disk))?;
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={DISK},mode=755"), "chaos"])
        .arg(&disk)
        .status()
        .map_err(Failure::step("run mount"))?;
    if !mounted.success() {
        return Err(Failure::new("cannot mount a small disk"));
    }
    let ourselves = std::env::current_exe().map_err(Failure::step("find this program"))?;
    Command::new(ourselves)
        .arg(INSIDE)
        .args(arguments)
        .spawn()
        .map_err(Failure::step("start what plays"))
}

fn reap_until(play: u32) -> Outcome {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().unsigned_abs() == play => {
                return match status.exit_status() {
                    Some(0) => Ok(()),
                    _ => Err(Failure::new("it did not come to its end")),
                };
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => (),
            Err(error) => return Err(Failure::step("reap")(error)),
        }
    }
}

/// What the rounds of a job have in common.
pub(crate) struct World {
    pub(crate) program: PathBuf,
    pub(crate) disk: PathBuf,
    pub(crate) bystanders: Arc<Bystanders>,
    /// The program of who is beside the daemon; it lies beside the daemon's.
    pub(crate) adversary: PathBuf,
    /// Where there may be what multiplies.
    pub(crate) crowd: Option<ManuallyDrop<Crowd>>,
}

impl World {
    pub(crate) fn new(program: &Path, folder: &Path) -> World {
        let adversary = program.with_file_name("adversary");
        let crowd = std::env::var_os(CROWD).map(|folder| Crowd::at(folder.as_ref()));
        let (program, disk) = (program.to_owned(), folder.join("disk"));
        World { program, disk, bystanders: Bystanders::new(), adversary, crowd }
    }
}
