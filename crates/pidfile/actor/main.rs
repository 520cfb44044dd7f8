//! The other process of the tests: does one thing with a pid file, says so on its standard output,
//! and ends at the latest when its standard input does, so that no test leaves it behind.
#![expect(clippy::print_stdout, reason = "its lines are what the tests wait for")]

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pidfile::{Dependent, Existing, Options, PidFile};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match act(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn act(args: &[&str]) -> Outcome {
    match args {
        ["idle"] => until_told("idle").map(drop),
        ["hold", path] => hold(Options::new(), path),
        ["take", path] => Ok(PidFile::acquire(path)?.release()?),
        ["hold-after-go", path] => {
            until_told("ready")?;
            hold(Options::new(), path)
        }
        ["hold-strictly", path] => hold(Options::new().existing(Existing::Refuse), path),
        ["hold-waiting", path, seconds] => {
            let limit = Duration::from_secs(seconds.parse()?);
            hold(Options::new().wait_for_dependent(limit), path)
        }
        ["hold-with-hold", path] => hold(Options::new().with_hold(), path),
        ["hold-and-leave", path] => {
            let mut pid_file = Options::new().with_hold().acquire(path)?;
            let hold = pid_file.take_hold().ok_or("no hold")?;
            Command::new("sleep").arg("1000").stdin(Stdio::null()).stderr(hold).spawn()?;
            // A holder that is killed leaves the file like this.
            std::mem::forget(pid_file);
            Ok(())
        }
        ["hold-unproved", path] => {
            let pid_file = PidFile::acquire(path)?;
            // Closing any descriptor of the file drops the proof.
            drop(File::open(path)?);
            hold_on(pid_file)
        }
        ["lock-whole", path] => {
            let file = File::open(path)?;
            file.try_lock()?;
            until_told("locked").map(drop)
        }
        ["lock-whole-and-leave", path] => {
            let file = File::open(path)?;
            file.try_lock()?;
            let myself = std::env::current_exe()?;
            let parent = std::process::id().to_string();
            Command::new(myself).args(["idle-when-gone", &parent]).stderr(file).spawn()?;
            Ok(())
        }
        ["idle-when-gone", parent] => {
            let parent = rustix::process::Pid::from_raw(parent.parse()?);
            while rustix::process::getppid() == parent {
                std::thread::yield_now();
            }
            until_told("left").map(drop)
        }
        ["lock-as-reader", path] => lock_as_reader(path),
        ["hold-and-move", path] => hold_and_move(path),
        ["hold-without-stdio", path] => hold_without_stdio(path),
        ["orphan", path] => {
            let pid_file = PidFile::acquire(path)?;
            let _dependent = Dependent::join(path, None)?;
            drop(pid_file);
            say(&format!("{:?}", pidfile::probe(path)?))
        }
        ["hold-in-turn", path] => hold_in_turn(path),
        ["join", path, holder] => {
            let _dependent = Dependent::join(path, Some(holder.parse()?))?;
            until_told("joined").map(drop)
        }
        ["cycle", path] => cycle(path, None),
        ["cycle", path, witness] => cycle(path, Some(&File::create(witness)?)),
        ["descriptors", path] => descriptors(path),
        ["wait", path] => say(&format!("free: {}", pidfile::wait_free(path, None, None)?)),
        ["give-up-waiting", path, times] => give_up_waiting(path, times.parse()?),
        ["probe", path] => say(&format!("{:?}", pidfile::probe(path)?)),
        ["holder-of-mine", path] => {
            let pid_file = PidFile::acquire(path)?;
            println!("held {}", pid_file.pid());
            act(&["holder", path])
        }
        ["holder", path] => {
            let holder = pidfile::holder(path)?;
            say(&format!("{:?}", holder.map(|holder| holder.pid())))
        }
        ["stop", path] => {
            let holder = pidfile::holder(path)?.ok_or("nobody holds it")?;
            holder.signal(15)?;
            say(&format!("gone: {}", holder.wait(None)?))
        }
        ["recycle", path] => recycle(path),
        _ => Err(format!("what is {args:?}?").into()),
    }
}

fn say(line: &str) -> Outcome {
    println!("{line}");
    Ok(())
}

/// Says where we are and waits for a line, or for the end.
fn until_told(state: &str) -> Result<String, Box<dyn Error>> {
    println!("{state}");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn hold(options: Options<'_>, path: &str) -> Outcome {
    hold_on(options.acquire(path)?)
}

fn hold_on(pid_file: PidFile) -> Outcome {
    match until_told(&format!("held {}", pid_file.pid()))?.as_str() {
        "release" => {
            pid_file.release()?;
            until_told("released").map(drop)
        }
        "drop" => {
            drop(pid_file);
            until_told("dropped").map(drop)
        }
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "this process is there to do it")]
fn hold_and_move(path: &str) -> Outcome {
    let pid_file = PidFile::acquire(path)?;
    std::env::set_current_dir("/")?;
    until_told(&format!("held {}", pid_file.path().display()))?;
    Ok(pid_file.release()?)
}

/// Takes every lock that a reader can have, and lets go, again and again. Says so of each file that is
/// another one than before. Ends when its standard output is closed.
fn lock_as_reader(path: &str) -> Outcome {
    println!("locking");
    let mut seen: Option<(u64, File)> = None;
    let mut out = io::stdout().lock();
    loop {
        let Ok(file) = File::open(path) else { continue };
        for (first, length) in [(0, 1), (1, 1), (2, 1)] {
            let _ = fcntl(&file, FcntlArg::F_OFD_SETLK(&for_reading(first, length)));
        }
        let _ = file.try_lock();
        let inode = file.metadata()?.ino();
        if seen.as_ref().is_none_or(|(known, _)| *known != inode) {
            // Kept open, so that its inode is not used again: by a descriptor of this very file that has
            // no locks.
            let Ok(again) = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) else {
                continue;
            };
            seen = Some((inode, again));
            writeln!(out, "locked")?;
        }
    }
}

fn for_reading(first: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: first,
        l_len: length,
        l_pid: 0,
    }
}

/// Descriptors 0 to 2 are closed, so that the next `open`s get their numbers.
fn hold_without_stdio(path: &str) -> Outcome {
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    for number in 0..3 {
        nix::unistd::close(number)?;
    }
    let _pid_file = PidFile::acquire(path)?;
    let _dependent = Dependent::join(path, None)?;
    let _holder = pidfile::holder(path)?;
    let taken = |number: &u32| fs::read_link(format!("/proc/self/fd/{number}")).is_ok();
    let taken: Vec<u32> = (0..3).filter(taken).collect();
    Ok(writeln!(out, "taken: {taken:?}")?)
}

/// Acquires again and again until it succeeds, waiting for whoever is in the way; then never lets go.
fn hold_in_turn(path: &str) -> Outcome {
    loop {
        match PidFile::acquire(path) {
            Ok(pid_file) => return until_told(&format!("held {}", pid_file.pid())).map(drop),
            Err(pidfile::Error::Held { .. }) => {
                pidfile::wait_free(path, None, None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes it and gives it back, without end, a line each time. `witness` can be locked by one at a
/// time: a second holder would notice.
fn cycle(path: &str, witness: Option<&File>) -> Outcome {
    let mut out = io::stdout().lock();
    loop {
        match PidFile::acquire(path) {
            Ok(pid_file) => {
                if let Some(witness) = witness {
                    match witness.try_lock() {
                        Ok(()) => witness.unlock()?,
                        Err(TryLockError::WouldBlock) => return Err("two holders".into()),
                        Err(TryLockError::Error(error)) => return Err(error.into()),
                    }
                }
                pid_file.release()?;
                writeln!(out, "round")?;
            }
            Err(pidfile::Error::Held { .. }) => (),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The descriptors above 2, and whether each is close-on-exec.
fn descriptors(path: &str) -> Outcome {
    let before: Vec<i32> = open_descriptors()?.into_iter().map(|(number, ..)| number).collect();
    let _pid_file = PidFile::acquire(path)?;
    let _dependent = Dependent::join(path, None)?;
    let _holder = pidfile::holder(path)?;
    let ours: Vec<_> =
        open_descriptors()?.into_iter().filter(|(number, _)| !before.contains(number)).collect();
    println!(
        "{} opened, {} of them kept from children",
        ours.len(),
        ours.iter().filter(|(_, kept)| *kept).count()
    );
    let seen_by_child = Command::new("ls").arg("-l").arg("/proc/self/fd").output()?.stdout;
    println!("child sees it: {}", String::from_utf8_lossy(&seen_by_child).contains(path));
    Ok(())
}

fn open_descriptors() -> io::Result<Vec<(i32, bool)>> {
    const O_CLOEXEC: u32 = 0o2_000_000;
    let names: Vec<_> =
        fs::read_dir("/proc/self/fdinfo")?.flatten().map(|entry| entry.file_name()).collect();
    let mut found = Vec::new();
    for name in names {
        let Ok(info) = fs::read_to_string(Path::new("/proc/self/fdinfo").join(&name)) else {
            continue;
        };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        if let (Some(number), Some(flags)) =
            (name.to_str().and_then(|name| name.parse().ok()), flags)
            && number > 2
        {
            found.push((number, flags & O_CLOEXEC != 0));
        }
    }
    Ok(found)
}

/// Says how many threads there are after so many waits have been given up.
fn give_up_waiting(path: &str, times: u32) -> Outcome {
    for _ in 0..times {
        if pidfile::wait_free(path, Some(Duration::from_millis(1)), None)? {
            return Err("it was free".into());
        }
    }
    until_told(&format!("{} threads", fs::read_dir("/proc/self/task")?.count()))?;
    // The parked thread serves the last wait, too.
    say(&format!("free: {}", pidfile::wait_free(path, None, None)?))
}

/// In a pid namespace with few numbers: lets a holder be killed and its number be used again, and
/// asks for the holder, by file and by an old handle.
fn recycle(path: &str) -> Outcome {
    let myself = std::env::current_exe()?;
    let start = |args: &[&str]| {
        let streams =
            Command::new(&myself).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        streams.map(KillOnDrop)
    };
    // Numbers below 300 are given out once only; after that they come round (pid.c, RESERVED_PIDS).
    while start(&["idle"])?.0.id() < 300 {}
    let mut victim = start(&["hold", path])?;
    victim.expect_line("held")?;
    let number = victim.0.id();
    let old = pidfile::holder(path)?.ok_or("nobody holds it")?;
    drop(victim); // Killed and reaped: its number is free, its file is left.

    let mut bystander = None;
    for _ in 0..2000 {
        let next = start(&["idle"])?;
        if next.0.id() == number {
            bystander = Some(next);
            break;
        }
    }
    let mut bystander = bystander.ok_or("the number did not come round")?;
    bystander.expect_line("idle")?;
    println!("probe {:?}", pidfile::probe(path)? == pidfile::Probe::Stale { number: Some(number) });
    println!("holder {:?}", pidfile::holder(path)?.map(|holder| holder.pid()));
    println!("signal {}", matches!(old.signal(9), Err(pidfile::Error::Gone { .. })));
    let pid_file = PidFile::acquire(path)?;
    println!("acquired {}", pid_file.pid() == std::process::id());
    println!("bystander alive {}", bystander.0.try_wait()?.is_none());
    Ok(())
}

struct KillOnDrop(std::process::Child);

impl KillOnDrop {
    fn expect_line(&mut self, start: &str) -> Outcome {
        let out = self.0.stdout.as_mut().ok_or("its output is not piped")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        if line.starts_with(start) {
            Ok(())
        } else {
            Err(format!("{line:?} instead of {start}").into())
        }
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
