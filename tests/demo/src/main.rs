//! `examples/workers` for a person to watch: started, shot at, looked at, restarted, stopped, by its own commands.

#![expect(clippy::print_stdout, reason = "it is made to be read")]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testbed::example::{ExampleBed, build, number_in};
use testbed::paint::{faint, good, strong};
use testbed::{Failure, Outcome, Process, Watch, interrupt};

/// How long one looks at each part.
const LOOK: Duration = Duration::from_secs(3);

/// How long any of it may take; it takes milliseconds.
const LIMIT: Duration = Duration::from_secs(20);

/// With this code `status` says that somebody has failed and will be started again.
const BACK_OFF: i32 = 152;

const PID_FILE: &str = ".data/workers.pid";
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];

fn main() -> ExitCode {
    testbed::at_end(interrupt::install().and_then(|()| run()))
}

fn run() -> Outcome {
    let programs = build(&["-p", "example-workers"])?;
    let bed = ExampleBed::new(&testbed::root().join("examples/workers"), &programs, false)?;
    let demo = Demo { watch: bed.watch()?, bed: &bed };
    demo.play().map_err(|failure| match interrupt::asked() {
        // Nobody who pressed Ctrl-C wants to read what was going on.
        true => failure,
        false => Failure::new(format!("{failure}\n{}", bed.describe())),
    })
}

struct Demo<'a> {
    bed: &'a ExampleBed,
    watch: Watch,
}

impl Demo<'_> {
    fn play(&self) -> Outcome {
        say(
            "A daemon with two workers, in a folder of its own. Everything below happens for real.",
        );
        // A worker that has failed waits for longer than one looks; the executor is back at once, so that what is
        // seen is the time that it takes.
        self.change("restart_interval_ms: 1000", "restart_interval_ms: 60000")?;
        self.change("restart_interval: 1s", "restart_interval: 0")?;
        self.change(", fails_in_round: 5", "")?;

        self.command("start")?;
        let guardian = self.process(PID_FILE)?;
        self.workers_other_than([0; 2])?;
        self.command("status")?;
        self.follow("What the workers write meanwhile:")?;

        let red = self.process(&pid_file(WORKERS[0]))?;
        let yellow = self.process(&pid_file(WORKERS[1]))?;
        kill(&red, WORKERS[0])?;
        self.waits(WORKERS[0])?;
        self.command("status")?;
        println!("  {}", faint("It waits for its next run; the other one did not notice."));
        self.look()?;
        let took = self.command(&format!("restart {}", WORKERS[0]))?;
        let successor = self.other_than(WORKERS[0], red.pid())?;
        println!("  {} after {took}: {} runs as {successor}", good("back"), WORKERS[0]);
        if !yellow.is_alive() {
            return Err(Failure::new(format!("{} has ended, too", WORKERS[1])));
        }
        self.events()?;

        let before = [self.process(&pid_file(WORKERS[0]))?, yellow];
        let executor = self.executor(&guardian)?;
        let killed = kill(&executor, "the executor, above both workers")?;
        self.workers_other_than(before.each_ref().map(|worker| worker.pid()))?;
        let took = since(killed);
        let gone = before.iter().all(|worker| !worker.is_alive());
        println!("  {} after {took}: a new executor and two new workers", good("back"));
        println!("  of the old ones {} is left", if gone { "nothing" } else { "something" });
        self.command("status")?;
        self.look()?;

        let took = self.command("stop")?;
        self.check_nothing_left()?;
        println!("  {} after {took}: no process and no pid file is left", good("stopped"));
        say("That was `examples/workers`. To see what it is made of: examples/workers/main.rs");
        Ok(())
    }

    fn change(&self, old: &str, new: &str) -> Outcome {
        let path = self.bed.folder().join("workers.yaml");
        let text = testbed::read(&path)?;
        std::fs::write(&path, text.replace(old, new)).map_err(Failure::at("write", &path))
    }

    /// Runs `workers <words>` to its end, for the person to read; says how long that took.
    fn command(&self, words: &str) -> Outcome<String> {
        let line = format!("workers {words}");
        say(&format!("$ {line}"));
        let started = Instant::now();
        let status = self.workers(words)?.status();
        let took = since(started);
        let status = status.map_err(Failure::step("run the example"))?;
        match status.success() {
            true => Ok(took),
            false => Err(Failure::new(format!("`{line}` ended with {status}"))),
        }
    }

    fn workers(&self, words: &str) -> Outcome<Command> {
        let words: Vec<String> =
            ["workers"].into_iter().chain(words.split(' ')).map(str::to_owned).collect();
        self.bed.command(&words)
    }

    /// Waits until a worker has failed and waits for its next run.
    fn waits(&self, worker: &str) -> Outcome {
        let look = || match self.is_in_back_off(worker) {
            Ok(false) => None,
            Ok(true) => Some(Ok(())),
            Err(failure) => Some(Err(failure)),
        };
        let overdue = || Err(Failure::new(format!("{worker} does not wait for its next run")));
        self.watch.until(LIMIT, look)?.unwrap_or_else(overdue)
    }

    fn is_in_back_off(&self, worker: &str) -> Outcome<bool> {
        let output = self.workers(&format!("status {worker}"))?.output();
        let output = output.map_err(Failure::step("run the example"))?;
        Ok(output.status.code() == Some(BACK_OFF))
    }

    /// Shows what has happened, and what happens while one looks.
    fn events(&self) -> Outcome {
        say("$ workers events");
        let mut events = self.workers("events")?;
        let mut events = events.spawn().map_err(Failure::step("run the example"))?;
        let looked = self.look();
        // It would go on for as long as the daemon does.
        let _ = events.kill();
        let _ = events.wait();
        looked
    }

    fn look(&self) -> Outcome {
        interrupt::pause(LOOK)
    }

    fn process(&self, pid_file: &str) -> Outcome<Process> {
        let found = self.watch.until(LIMIT, || self.bed.named_by(pid_file))?;
        found.ok_or_else(|| Failure::new(format!("`{pid_file}` names no process of the demo")))
    }

    fn executor(&self, guardian: &Process) -> Outcome<Process> {
        let look = || self.bed.bed().children(guardian.pid()).into_iter().next();
        let found = self.watch.until(LIMIT, look)?;
        found.ok_or_else(|| Failure::new("the guardian has no executor"))
    }

    /// Waits for a worker that has another number than `pid`, and has begun to work.
    fn other_than(&self, worker: &str, pid: u32) -> Outcome<u32> {
        let file = self.bed.folder().join(pid_file(worker));
        let log = self.bed.folder().join(format!(".data/{worker}.log"));
        let found = self.watch.until(LIMIT, || {
            let number = number_in(&file).filter(|number| *number != pid)?;
            testbed::read(&log).ok()?.contains(&format!(" {number} ")).then_some(number)
        })?;
        found.ok_or_else(|| Failure::new(format!("{worker} did not come back")))
    }

    fn workers_other_than(&self, pids: [u32; 2]) -> Outcome {
        for (worker, pid) in WORKERS.into_iter().zip(pids) {
            self.other_than(worker, pid)?;
        }
        Ok(())
    }

    /// Shows what comes into the logs for a while: the workers', and that of those above them.
    fn follow(&self, title: &str) -> Outcome {
        println!("\n  {}", faint(title));
        let logs = [WORKERS[0], WORKERS[1], "workers"];
        let mut shown = logs.map(|log| self.log(log).len());
        let never = self.watch.until(LOOK, || {
            for (log, shown) in logs.into_iter().zip(&mut shown) {
                let text = self.log(log);
                // Whole lines only: the next look sees the rest.
                let end = text.rfind('\n').map_or(0, |at| at + 1);
                for line in text.get(*shown..end).unwrap_or_default().lines() {
                    println!("  {}", faint(format!("│ {line}")));
                }
                *shown = end;
            }
            None::<()>
        });
        never.map(|_| ())
    }

    fn log(&self, name: &str) -> String {
        testbed::read(&self.bed.folder().join(format!(".data/{name}.log"))).unwrap_or_default()
    }

    fn check_nothing_left(&self) -> Outcome {
        let left = self.bed.bed().processes().len();
        let files = [PID_FILE.to_owned(), pid_file(WORKERS[0]), pid_file(WORKERS[1])];
        let files = files.iter().filter(|file| Path::exists(&self.bed.folder().join(file))).count();
        match (left, files) {
            (0, 0) => Ok(()),
            (left, files) => {
                Err(Failure::new(format!("{left} processes and {files} pid files are left")))
            }
        }
    }
}

fn pid_file(worker: &str) -> String {
    format!(".data/{worker}.pid")
}

fn kill(process: &Process, who: &str) -> Outcome<Instant> {
    say(&format!("$ kill -KILL {}   # {who}", process.pid()));
    let now = Instant::now();
    process.try_signal(Signal::KILL).map_err(Failure::step(&format!("kill {who}")))?;
    Ok(now)
}

fn say(text: &str) {
    println!("\n{}", strong(text));
}

fn since(then: Instant) -> String {
    format!("{:.1} ms", then.elapsed().as_secs_f64() * 1000.0)
}
