//! What the care costs: acquiring and releasing, and asking, beside the bare system calls that
//! would do the same where nothing ever goes wrong.
//!
//! ```console
//! $ cargo run --release -p pidfile --example cost
//! ```
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::error::Error;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pidfile::{PidFile, Probe, probe};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, fchmod, fstat, linkat, open, openat, openat2, statat,
    unlink,
};
use rustix::io::{pread, pwrite};

const ROUNDS: u32 = 5_000;
/// The best of several runs: what disturbs a run only ever makes it slower.
const RUNS: u32 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("my.pid");

    let bare = best(|| bare_acquire_and_release(folder.path(), &path))?;
    let ours = best(|| Ok(PidFile::acquire(&path)?.release()?))?;
    report("acquire and release", bare, ours);

    let held = PidFile::acquire(&path)?;
    let bare = best(|| bare_probe(&path))?;
    let ours = best(|| match probe(&path)? {
        Probe::Held { .. } => Ok(()),
        not_held @ (Probe::Absent | Probe::Stale { .. } | Probe::Orphaned { .. }) => {
            Err(format!("{not_held:?}").into())
        }
    })?;
    report("probe", bare, ours);
    let careful = best(|| careful_probe(folder.path()))?;
    report("careful probe", careful, ours);
    Ok(held.release()?)
}

fn best(mut round: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            round()?;
        }
        best = best.min(start.elapsed() / ROUNDS);
    }
    Ok(best)
}

fn report(what: &str, bare: Duration, ours: Duration) {
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("{what:20} bare {bare:>9.2?}  ours {ours:>9.2?}  ratio {ratio:.2}");
}

/// No path is compared, no link refused, no folder judged, no dependent asked for.
fn bare_acquire_and_release(folder: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
    let file =
        open(folder, OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
    fcntl(&file, FcntlArg::F_OFD_SETLK(&byte_1(libc::F_WRLCK)))?;
    pwrite(&file, format!("{}\n", std::process::id()).as_bytes(), 0)?;
    fchmod(&file, Mode::from_raw_mode(0o644))?;
    give_name(&file, path)?;
    unlink(path)?;
    Ok(())
}

fn give_name(file: &OwnedFd, path: &Path) -> rustix::io::Result<()> {
    use std::os::fd::AsRawFd;
    linkat(file, "", CWD, path, AtFlags::EMPTY_PATH).or_else(|_| {
        let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, by_number, CWD, path, AtFlags::SYMLINK_FOLLOW)
    })
}

fn bare_probe(path: &Path) -> Result<(), Box<dyn Error>> {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut lock = byte_1(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    let mut content = [0; 32];
    pread(&file, &mut content, 0)?;
    Ok(())
}

/// What it takes to follow nobody's link, to open nothing but a file, and to be sure in the end that
/// the answer is about the file at the path: the calls, and no decision.
fn careful_probe(folder: &Path) -> Result<(), Box<dyn Error>> {
    let path_only = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat2(CWD, folder, path_only, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
    statat(&folder, "my.pid", AtFlags::SYMLINK_NOFOLLOW)?;
    let careful = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&folder, "my.pid", careful, Mode::empty())?;
    fstat(&file)?;
    let mut content = [0; 32];
    let length = pread(&file, &mut content, 0)?;
    pread(&file, &mut content[length..], length as u64)?;
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut byte_1(libc::F_RDLCK)))?;
    statat(&folder, "my.pid", AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

fn byte_1(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 1,
        l_len: 1,
        l_pid: 0,
    }
}
