//! The loop that everything is compared with: it starts programs, and waits for them.

use std::path::Path;
use std::process::{Child, Stdio};

use testbed::{Failure, Outcome};

use super::ground::{Ground, Line, now};

/// The loop while it runs. Killed with its ground.
pub(crate) struct Floor {
    ground: Ground,
    child: Child,
}

impl Floor {
    /// Starts `count` times `program`, which writes its line and waits.
    pub(crate) fn start(workload: &Path, program: &Path, count: usize) -> Outcome<Floor> {
        let ground = Ground::new()?;
        let child = ground
            .command(workload)
            .args(["floor", &count.to_string()])
            .arg(program)
            .arg("line")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(Failure::at("run", workload))?;
        let floor = Floor { ground, child };
        // Its own line: what comes after it is the programs'.
        floor.lines(0)?;
        Ok(floor)
    }

    /// Who began when: the first line is the call, in the loop.
    pub(crate) fn lines(&self, count: usize) -> Outcome<Vec<Line>> {
        self.ground.lines(count + 1)
    }

    /// Has it start one more; when it was called, and when the program's line was written.
    pub(crate) fn one_more(&mut self) -> Outcome<(u64, u64)> {
        use std::io::Write;
        let before = self.ground.count();
        let input = self.child.stdin.as_mut().expect("it is piped, and not closed before the end");
        input.write_all(b".").map_err(Failure::step("talk to the floor"))?;
        match &self.ground.lines(before + 2)?[before..] {
            [call, line] => Ok((call.at, line.at)),
            _ => Err(Failure::new("the floor's journal has too many lines")),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it end all that it started; the nanoseconds when it was asked and when it had.
    pub(crate) fn stop(mut self) -> Outcome<(u64, u64)> {
        let asked = now();
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(Failure::step("wait for the floor"))?;
        if status.success() { Ok((asked, now())) } else { Err(Failure::new("the floor failed")) }
    }
}
