//! What the daemon cannot have for a while: room on the disk, descriptors, processes.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use testbed::Process;

use super::Play;
use crate::round::Who;
use crate::who::is;

impl Play<'_> {
    fn filler(&self) -> PathBuf {
        self.world.disk.join("filler")
    }

    pub(super) fn fill_disk(&mut self) {
        self.tally.full += 1;
        if let Ok(mut file) = File::options().create(true).append(true).open(self.filler()) {
            // Until it is refused; the last bytes one by one.
            for size in [4096, 1] {
                while file.write_all(&vec![b'x'; size]).is_ok() {}
            }
        }
    }

    pub(super) fn free_disk(&mut self) {
        let _ = fs::remove_file(self.filler());
    }

    pub(super) fn starve(&mut self, who: Who) {
        let alive = self.bed.alive();
        if let Some(process) = alive.iter().find(|process| is(who, process)) {
            self.tally.starved += 1;
            // It may not even have been loaded.
            self.callers_hit |= is(Who::Caller, process);
            // What is open stays open.
            limit_descriptors(process, 3);
        }
    }

    pub(super) fn begin_storm(&mut self) {
        self.tally.storms += 1;
        let begin = || Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().ok();
        self.storm.extend(std::iter::from_fn(begin).take(400));
    }

    pub(super) fn end_storm(&mut self) {
        for mut child in self.storm.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(super) fn limit_descriptors(process: &Process, soft: u64) {
    if let Some(pid) = i32::try_from(process.pid()).ok().and_then(Pid::from_raw) {
        // The number is its own until it is reaped, and a stranger that had it by now would be
        // limited for its tenth of a second: none of them opens anything.
        let limit = Rlimit { current: Some(soft), maximum: getrlimit(Resource::Nofile).maximum };
        let _ = prlimit(Some(pid), Resource::Nofile, limit);
    }
}
