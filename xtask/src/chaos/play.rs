//! A round as it happens, and what must be true of it afterwards.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal as Number, getrlimit, prlimit};
use tempfile::TempDir;

use super::round::{Act, Before, Ending, Round, Signal, Who};
use super::tally::Tally;
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::faults::bed::{Answer, Bed, Calling, LIMIT, State, describe};
use crate::paint;
use crate::process::{self, Process};

/// How long the victim may take to start, in milliseconds: a starter whose guardian is stopped
/// waits so long.
const START: u64 = 800;

/// How much longer than its grace anything may be there that is on its way out: others use the
/// machine too.
const SLACK: Duration = Duration::from_secs(2);

/// Plays a round; says so if it goes wrong.
pub(crate) fn play(round: &Round, world: &World, tally: &mut Tally) {
    tally.rounds += 1;
    let (problems, description) = match Play::new(round, world, tally) {
        Ok(mut play) => {
            if let Err(failure) = play.all() {
                play.problems.push(failure.to_string());
            }
            let wrong = !play.problems.is_empty();
            let description = if wrong { play.bed.describe() } else { String::new() };
            (std::mem::take(&mut play.problems), description)
        }
        Err(failure) => (vec![failure.to_string()], String::new()),
    };
    tally.bystanders = world.bystanders.lived();
    if !problems.is_empty() {
        tally.failures += 1;
        println!(
            "{} cargo xtask chaos --rounds 1 --seed {}",
            paint::bad("went wrong:"),
            round.seed
        );
        for problem in problems {
            println!("    {problem}");
        }
        println!("  {round:?}\n{description}");
    }
}

struct Play<'a> {
    round: &'a Round,
    world: &'a World,
    tally: &'a mut Tally,
    bed: Bed,
    calls: Vec<(&'static str, Calling)>,
    /// Callers that were hit have no answer to give.
    callers_hit: bool,
    /// What a guardian's death leaves of the descendants of workers is not promised.
    guardian_killed: bool,
    /// Stopped when their parents were dead already: nobody is there to wake them.
    forsaken: Vec<Process>,
    storm: Vec<Child>,
    problems: Vec<String>,
}

impl<'a> Play<'a> {
    fn new(round: &'a Round, world: &'a World, tally: &'a mut Tally) -> Outcome<Play<'a>> {
        let root = TempDir::with_prefix("appkit-round-")
            .map_err(Failure::step("make a temporary folder"))?;
        let work = world.disk.join(format!("round-{}", round.seed));
        let pairs = [
            ("--restart", round.restart),
            ("--grace", round.grace),
            ("--timeout", START),
            ("--linger", round.linger),
            ("--descendant", u64::from(round.descendant)),
        ];
        let flags = pairs.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.to_string()]);
        let bed =
            Bed::in_folder(&world.program, root, work.clone(), round.workers, flags.collect())?;
        let before = match round.before {
            Before::Nothing => None,
            Before::Garbage => Some("not a number\n"),
            // The first of the numbers that come round, so always somebody's.
            Before::Stranger => Some("301\n"),
        };
        if let Some(content) = before {
            let path = work.join("d.pid");
            fs::write(&path, content).map_err(Failure::at("write", &path))?;
        }
        Ok(Play {
            round,
            world,
            tally,
            bed,
            calls: Vec::new(),
            callers_hit: false,
            guardian_killed: false,
            forsaken: Vec::new(),
            storm: Vec::new(),
            problems: Vec::new(),
        })
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn all(&mut self) -> Outcome {
        for act in &self.round.acts {
            self.act(*act)?;
        }
        self.calm_down()?;
        self.end()?;
        self.once_more()?;
        self.look_around();
        Ok(())
    }

    fn act(&mut self, act: Act) -> Outcome {
        match act {
            Act::Start => self.call("start"),
            Act::Run => self.call("run"),
            Act::Stop => self.call("stop"),
            Act::Status => self.call("status"),
            Act::Hit(who, signal) => self.hit(&[who], signal),
            Act::HitTwo(one, other, signal) => self.hit(&[one, other], signal),
            Act::HitAll(signal) => {
                let alive = self.bed.alive();
                self.hit_these(&alive, signal);
            }
            Act::FillDisk => self.fill_disk(),
            Act::FreeDisk => self.free_disk(),
            Act::Starve(who) => self.starve(who),
            Act::Storm => self.begin_storm(),
            Act::Wait(microseconds) => {
                std::thread::park_timeout(Duration::from_micros(microseconds));
            }
        }
        Ok(())
    }

    fn call(&mut self, word: &'static str) {
        // None can be had during a storm.
        if let Ok(calling) = self.bed.call(word, None) {
            self.calls.push((word, calling));
            match word {
                "start" | "run" => self.tally.starts += 1,
                "stop" => self.tally.stops += 1,
                _ => (),
            }
        }
    }

    fn hit(&mut self, who: &[Who], signal: Signal) {
        let alive = self.bed.alive();
        let number = usize::try_from(self.round.seed).unwrap_or_default() + alive.len();
        let chosen: Vec<&Process> = who
            .iter()
            .filter_map(|who| {
                let fitting: Vec<_> = alive.iter().filter(|process| is(*who, process)).collect();
                fitting.get(number % fitting.len().max(1)).copied()
            })
            .collect();
        self.hit_these(chosen, signal);
    }

    fn hit_these<'p>(&mut self, whom: impl IntoIterator<Item = &'p Process>, signal: Signal) {
        let number = match signal {
            Signal::Term => Number::TERM,
            Signal::Int => Number::INT,
            Signal::Kill => Number::KILL,
            Signal::Stop => Number::STOP,
            Signal::Cont => Number::CONT,
        };
        for process in whom {
            // A caller without a role in its name may be a `run`, which is a guardian.
            self.callers_hit |= is(Who::Caller, process);
            self.guardian_killed |= is(Who::Guardian, process) || is(Who::Caller, process);
            self.tally.signals += u64::from(process.signal(number).is_ok());
            if signal == Signal::Stop && self.is_orphan(process) {
                self.forsaken.extend(Process::open(process.pid, self.bed.marker()));
            }
        }
    }

    /// Whether its parent is none of the daemon's. Who is stopped before that dies is woken then.
    fn is_orphan(&self, process: &Process) -> bool {
        let parent = process::stat(process.pid).map_or(0, |stat| stat.parent);
        let has_parent = self.bed.alive().iter().any(|other| other.pid == parent);
        !has_parent && !is(Who::Guardian, process)
    }

    fn filler(&self) -> PathBuf {
        self.world.disk.join("filler")
    }

    fn fill_disk(&mut self) {
        self.tally.full += 1;
        if let Ok(mut file) = File::options().create(true).append(true).open(self.filler()) {
            // Until it is refused; the last bytes one by one.
            for size in [4096, 1] {
                while file.write_all(&vec![b'x'; size]).is_ok() {}
            }
        }
    }

    fn free_disk(&mut self) {
        let _ = fs::remove_file(self.filler());
    }

    fn starve(&mut self, who: Who) {
        let alive = self.bed.alive();
        if let Some(process) = alive.iter().find(|process| is(who, process)) {
            self.tally.starved += 1;
            // It may not even have been loaded.
            self.callers_hit |= is(Who::Caller, process);
            // What is open stays open.
            limit_descriptors(process, 3);
        }
    }

    fn begin_storm(&mut self) {
        self.tally.storms += 1;
        let begin = || Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().ok();
        self.storm.extend(std::iter::from_fn(begin).take(400));
    }

    fn end_storm(&mut self) {
        for mut child in self.storm.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// From here on everything can do what it is for.
    fn calm_down(&mut self) -> Outcome {
        self.end_storm();
        self.free_disk();
        for process in self.bed.alive() {
            if self.round.feed {
                limit_descriptors(&process, 1024);
            }
            // Who waits for a stopped guardian learns that it does not answer; below it, somebody
            // who is stopped must not be in the way. Unless that happened in its first millisecond: it has
            // not asked yet to be woken when its parent dies, and nobody can find it.
            if self.round.wake_all
                || is(Who::Caller, &process)
                || is(Who::Guardian, &process)
                || is(Who::Launcher, &process)
                || process::threads(process.pid) < 2
            {
                let _ = process.signal(Number::CONT);
            }
        }
        for (word, calling) in std::mem::take(&mut self.calls) {
            if word == "run" {
                // It is a guardian, and ends when it is told to.
                self.calls.push((word, calling));
                continue;
            }
            match calling.answer(LIMIT)? {
                Answer::None => self.problem(format!("no answer to {word}")),
                Answer::Died(how) if !self.callers_hit => {
                    self.problem(format!("{word} died: {how}"));
                }
                Answer::Launched(_) => self.tally.launched += 1,
                Answer::Died(_)
                | Answer::AlreadyRunning
                | Answer::Stopped
                | Answer::NotRunning
                | Answer::Failed(_)
                | Answer::Other(_) => (),
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Outcome {
        let kill: &[Who] = match self.round.ending {
            Ending::Stop => &[],
            Ending::KillGuardian => &[Who::Guardian],
            Ending::KillBoth => &[Who::Guardian, Who::Executor],
        };
        for (_, calling) in &self.calls {
            // A guardian in the foreground.
            let _ = calling.signal(Number::TERM);
        }
        if kill.is_empty() || !self.calls.is_empty() {
            self.stop()?;
        } else {
            self.tally.orphaned += 1;
            let alive = self.bed.alive();
            let hit = alive.iter().filter(|process| kill.iter().any(|who| is(*who, process)));
            self.hit_these(hit, Signal::Kill);
        }
        for (word, calling) in std::mem::take(&mut self.calls) {
            if calling.answer(LIMIT)? == Answer::None {
                self.problem(format!("{word} did not end"));
            }
        }
        self.expect_gone()
    }

    fn stop(&mut self) -> Outcome {
        let stop = self.bed.call("stop", None)?.answer(LIMIT)?;
        if !matches!(stop, Answer::Stopped | Answer::NotRunning) {
            self.problem(format!("the stop: {stop:?}"));
        }
        Ok(())
    }

    /// Nobody is left when the grace is over.
    fn expect_gone(&mut self) -> Outcome {
        for process in self.forsaken.drain(..) {
            let _ = process.signal(Number::CONT);
        }
        let until = Instant::now() + Duration::from_millis(self.round.grace) + SLACK;
        loop {
            // A daemon whose starter was killed may have come up since.
            if self.callers_hit && self.bed.pid_files().iter().any(|name| name == "d.pid") {
                self.stop()?;
            }
            let left = self.bed.alive();
            for process in &left {
                if self.guardian_killed && process::title(process.pid).starts_with("sleep") {
                    let _ = process.signal(Number::KILL);
                }
            }
            let Some(first) = left.first() else { return Ok(()) };
            let limit = until.saturating_duration_since(Instant::now());
            // With a starter killed, the first that is found may be what comes up.
            let look = if self.callers_hit { Duration::from_millis(20) } else { limit };
            if !first.wait(look.min(limit)) && limit.is_zero() {
                let left: Vec<String> = left.iter().map(describe).collect();
                self.problem(format!("in the end there is {left:?}"));
                return Ok(());
            }
        }
    }

    /// Whatever happened: it can be started and stopped.
    fn once_more(&mut self) -> Outcome {
        self.guardian_killed = false;
        let entered = self.bed.journal().count("executor d");
        // Whose workers go when they are told to. Those of before may have been killed together with
        // who would have removed their pid files.
        let start = self.bed.call_with("start", &["--linger", "0"], None)?.answer(LIMIT)?;
        if matches!(start, Answer::Launched(_)) {
            let state = self.bed.settle(LIMIT, "executor d", entered + 1)?;
            if state != State::Up {
                self.problem(format!("after the next start it is {state:?}"));
            }
        } else {
            self.problem(format!("the next start: {start:?}"));
        }
        let stop = self.bed.call("stop", None)?.answer(LIMIT)?;
        if stop != Answer::Stopped {
            self.problem(format!("the last stop: {stop:?}"));
        }
        let left = self.bed.left();
        if !left.is_empty() {
            self.problem(format!("after the last stop there is {left:?}"));
        }
        Ok(())
    }

    fn look_around(&mut self) {
        let journal = self.bed.journal();
        self.tally.entered += journal.all() as u64;
        let met: Vec<String> = journal.met().into_iter().map(str::to_owned).collect();
        self.problems.extend(met);
        self.problems.extend(self.world.bystanders.take_hit());
        let litter = self.bed.litter();
        if !litter.is_empty() {
            self.problem(format!("left behind: {litter:?}"));
        }
        self.problems.extend(self.bed.changed_outside());
    }
}

impl Drop for Play<'_> {
    fn drop(&mut self) {
        self.end_storm();
        self.free_disk();
        // Its folder is not the bed's, so that it can be on a disk that gets full.
        for process in self.bed.alive() {
            let _ = process.signal(Number::KILL);
        }
        let _ = fs::remove_dir_all(self.bed.work());
    }
}

/// By the name that the library gives to its processes; a caller has none.
fn is(who: Who, process: &Process) -> bool {
    let title = process::title(process.pid);
    let named = |role: &str| title.contains(&format!(": {role}"));
    match who {
        Who::Anybody => true,
        Who::Launcher => named("launcher"),
        Who::Guardian => named("guardian"),
        Who::Executor => named("executor"),
        Who::Worker => named("worker"),
        Who::Caller => {
            !["launcher", "guardian", "executor", "worker"].into_iter().any(named)
                && !title.starts_with("sleep")
        }
    }
}

fn limit_descriptors(process: &Process, soft: u64) {
    if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
        // The number is its own until it is reaped, and a stranger that had it by now would be
        // limited for its tenth of a second: none of them opens anything.
        let limit = Rlimit { current: Some(soft), maximum: getrlimit(Resource::Nofile).maximum };
        let _ = prlimit(Some(pid), Resource::Nofile, limit);
    }
}
