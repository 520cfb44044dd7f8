//! Two pools in one process, which has one limit of descriptors.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::LIMIT;
use exit::Exit;
use proc_spawn::{Call, Spawn, Stdio};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use workers::{WorkerStartInfo, WorkersOptions, start_workers};

/// Little enough that any pool needs more: what is open, and what each reserves beside it, is more.
const LITTLE: u64 = 40;

fn soft() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn note(folder: &Path, text: &str) {
    let path = folder.join("journal");
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    file.write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// A worker that says what it may open, and ends when its gate is opened.
pub(crate) fn gated((folder, name): (PathBuf, String)) {
    // Opening a fifo waits for the other side.
    let mut up = File::options().write(true).open(folder.join(format!("{name}.up"))).unwrap();
    write!(up, "{}", soft()).unwrap();
    drop(up);
    File::open(folder.join(format!("{name}.end"))).unwrap().read_to_end(&mut Vec::new()).unwrap();
}

/// Two pools, of which the one that began first ends first.
pub(crate) fn two_pools(folder: PathBuf) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(LITTLE), maximum }).unwrap();
    let pool = |name: &'static str, count: usize| {
        let list: Vec<_> = (0..count)
            .map(|index| {
                let own = format!("{name}{index}");
                let pid_file = folder.join(format!("{own}.pid"));
                WorkerStartInfo::new(&own, pid_file, gated, (folder.clone(), own.clone()))
            })
            .collect();
        start_workers(list, WorkersOptions::default()).unwrap().into_result().unwrap();
    };
    // Waits until the pool is up, and its workers have said what they may open.
    let up = |name: &str| fs::read_to_string(folder.join(format!("{name}.up"))).unwrap();
    let open = |name: &str| {
        drop(File::options().write(true).open(folder.join(format!("{name}.end"))).unwrap());
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| pool("a", 1));
        note(&folder, &format!("a0 has {}", up("a0")));
        let one = soft();
        let second = scope.spawn(|| pool("b", 3));
        for name in ["b0", "b1", "b2"] {
            note(&folder, &format!("{name} has {}", up(name)));
        }
        let both = soft();
        note(&folder, &format!("counted together: {}", one + 6 <= both));
        open("a0");
        first.join().unwrap();
        note(&folder, &format!("after the first: {}", soft() == both));
        for name in ["b0", "b1", "b2"] {
            open(name);
        }
        second.join().unwrap();
        note(&folder, &format!("after the last: {}", soft()));
    });
}

/// Case: FLT-I5
pub(crate) fn two_pools_count_their_descriptors_together() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a0", "b0", "b1", "b2"] {
        for end in ["up", "end"] {
            let path = folder.path().join(format!("{name}.{end}"));
            mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        }
    }
    let boss = Spawn::new(Call::new(two_pools, folder.path().to_owned())).unwrap();
    // The boss is killed when it is dropped, and what it has started sees it gone.
    let mut boss = boss.stderr(Stdio::Inherit).spawn().unwrap();
    let expected = Instant::now() + LIMIT;
    let exit = loop {
        if let Some(exit) = boss.try_wait().unwrap() {
            break exit;
        }
        assert!(Instant::now() < expected, "it does not end");
        quit::sleep(Duration::from_millis(5));
    };
    let journal = fs::read_to_string(folder.path().join("journal")).unwrap_or_default();
    assert_eq!(exit, Exit::Code(0), "{journal}");
    let found: Vec<_> = journal.lines().collect();
    assert_eq!(
        found,
        [
            "a0 has 40",
            "b0 has 40",
            "b1 has 40",
            "b2 has 40",
            "counted together: true",
            "after the first: true",
            "after the last: 40",
        ]
    );
}
