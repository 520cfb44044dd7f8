//! The rows of the table: what was measured, what it is compared with, and what it should be.

use super::options::Sizes;
use super::samples::{Samples, Summary};

/// What a row should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// At most so much of its own unit.
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times the own floor.
    Times(f64),
    /// Shown, and compared by who reads it.
    None,
}

pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) value: Summary,
    /// The same done by a plain loop, or what the row is compared with otherwise.
    pub(crate) floor: Option<f64>,
    pub(crate) kernel: Option<f64>,
    pub(crate) goal: Goal,
}

impl Row {
    /// Of what it is compared with.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.floor.map(|floor| self.value.median / floor)
    }

    /// Of the kernel floor.
    pub(crate) fn kernel_ratio(&self) -> Option<f64> {
        self.kernel.map(|kernel| self.value.median / kernel)
    }

    /// How far from the goal, as a factor: at most 1 is met. `None`: there is none.
    pub(crate) fn missed_by(&self) -> Option<f64> {
        match self.goal {
            Goal::AtMost(0.0) if self.value.median == 0.0 => Some(0.0),
            Goal::AtMost(most) => Some(self.value.median / most),
            Goal::AtLeast(least) => Some(least / self.value.median),
            Goal::Times(times) => self.ratio().map(|ratio| ratio / times),
            Goal::None => None,
        }
    }
}

/// Every row of which something was measured.
pub(crate) fn rows(samples: &Samples, sizes: Sizes) -> Vec<Row> {
    use Goal::{AtLeast, AtMost, None as Shown, Times};
    let Sizes { some, many, most, .. } = sizes;
    let mut rows = Vec::new();
    let mut row = |what: String, unit, value: &str, floor: &str, kernel: &str, goal| {
        if let Some(value) = samples.get(value) {
            let (floor, kernel) = (samples.median(floor), samples.median(kernel));
            rows.push(Row { what, unit, value, floor, kernel, goal });
        }
    };
    let ms = "ms";
    let mut times = |what: String, value: &str, floor: &str, kernel: &str, goal| {
        row(what, ms, value, floor, kernel, goal);
    };
    let text = str::to_owned;
    times(text("one spawn of the same binary"), "spawn", "spawn", "kernel.spawn", Shown);
    for (name, what) in [("entry", "its entry's first instruction"), ("returned", "`Launched`")] {
        let value = format!("launch.{name}");
        let what = format!("start of a daemon: call → {what}");
        times(what.clone(), &value, "spawn", "kernel.spawn", Times(5.0));
        let what =
            format!("{what}, by a caller with {} MiB and {} threads", sizes.memory, sizes.threads);
        times(what, &format!("heavy.{name}"), &value, "", Times(1.2));
    }
    for workers in [1, some, many, most] {
        let [value, floor, kernel] =
            ["start", "floor.start", "kernel.start"].map(|name| format!("{name}.{workers}"));
        let what = format!("start of {workers} workers: call → last first instruction");
        let goal = if workers == many || workers == most { Times(1.3) } else { Shown };
        times(what, &value, &floor, &kernel, goal);
    }
    for workers in [1, some, many] {
        let what = format!("death → successor's first instruction, one among {workers}");
        let goal = if workers == some { Shown } else { Times(2.0) };
        times(what, &format!("restart.{workers}"), "spawn", "kernel.spawn", goal);
    }
    for workers in [1, some, many, most] {
        let [value, floor, kernel] =
            ["stop", "floor.stop", "kernel.stop"].map(|name| format!("{name}.{workers}"));
        let what = format!("stop of {workers} workers: request → last process gone");
        let goal = if workers == most { Shown } else { Times(1.5) };
        times(what, &value, &floor, &kernel, goal);
    }
    for (workers, most) in [(1, 2.0), (many, 20.0)] {
        let what =
            format!("status of the daemon and of {workers} workers, with the memory of each");
        times(what, &format!("status.{workers}"), "", "", AtMost(most));
    }
    let further =
        [("calls.all", "everybody's"), ("calls", "its first thread's since its execution")];
    for (value, what) in further {
        let what = format!("system calls for the start of one more worker: {what}");
        row(what, "", value, "", "", Shown);
    }
    let mut times = |what: String, value: &str, floor: &str, kernel: &str, goal| {
        row(what, ms, value, floor, kernel, goal);
    };
    let what = format!("guardian killed → nothing left, {some} workers");
    times(what, "orphans", "", "", AtMost(50.0));
    let what = format!("arguments of {} MiB → entry", sizes.argument >> 20);
    times(what, "arguments", "", "", AtMost(100.0));
    times(text("wake of 100 sleeping threads by SIGTERM, the last"), "wake", "", "", AtMost(1.0));

    let kib = "KiB";
    let whole = 400.0 + many as f64;
    row(text("guardian, private dirty"), kib, "guardian.private", "", "", AtMost(450.0));
    row(text("guardian, PSS"), kib, "guardian.pss", "", "", Shown);
    let what = format!("executor of {many} workers, private dirty");
    row(what, kib, "executor.private", "", "", AtMost(whole));
    row(format!("executor of {many} workers, PSS"), kib, "executor.pss", "", "", Shown);
    let what = format!("one idle worker of {many}, PSS, the others' share included");
    row(what, kib, "idle", "floor.idle", "", Times(1.25));
    let what = format!("context switches of {many} idle workers and theirs in {} s", sizes.idle);
    row(what, "", "switches", "", "", AtMost(0.0));
    row(
        text("descriptors in the executor for each worker"),
        "",
        "descriptors",
        "",
        "",
        AtMost(2.0),
    );
    row(text("`quit_requested()`"), "ns", "quit", "", "", AtMost(1.0));
    let bare = "of the bare system calls";
    let what = format!("pid file: acquire and release, {bare}");
    row(what, "×", "pidfile.hold", "", "", AtMost(1.5));
    let what = format!("pid file: probe, {bare} of who takes no care");
    row(what, "×", "pidfile.probe", "", "", AtMost(1.5));
    let what = format!("pid file: probe, {bare} that its care needs");
    row(what, "×", "pidfile.careful", "", "", AtMost(1.5));
    row(text("log lines to a file, of env_logger's rate"), "×", "log", "", "", AtLeast(0.8));
    let what = format!("storm, {many} workers die every second: restarts missed");
    row(what, "", "storm.missed", "", "", AtMost(0.0));
    let core = "% of a core";
    let what = text("storm: the executor, beyond what the plain loop needs");
    row(what, core, "storm.beyond", "", "", AtMost(10.0));
    row(text("storm: the executor, all in all"), core, "storm.all", "", "", Shown);
    rows
}

#[cfg(test)]
mod tests {
    use super::{Goal, rows};
    use crate::options::Options;
    use crate::samples::Samples;

    #[test]
    fn a_row_is_judged_by_its_goal_and_rows_that_were_not_measured_are_left_out() {
        let mut samples = Samples::default();
        for (name, value) in [("spawn", 2.0), ("launch.entry", 12.0), ("switches", 0.0)] {
            samples.add(name, value);
        }
        let rows = rows(&samples, Options::default().sizes());
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].goal, Goal::Times(5.0));
        assert_eq!(rows[1].ratio(), Some(6.0));
        assert_eq!(rows[1].missed_by(), Some(1.2));
        assert_eq!(rows[2].missed_by(), Some(0.0));
    }
}
