//! A round as it happens, and what must be true of it afterwards.

mod besieged;
mod ending;
mod shortages;

use std::fs;
use std::process::Child;
use std::time::Duration;

use rustix::process::Signal as Number;
use testbed::{Bed, Failure, Outcome, Process, paint};
use victim::{Calling, VictimBed};

use super::adversary::Choice;
use super::round::{Act, Before, Round, Signal, Who};
use super::siege::Siege;
use super::tally::Tally;
use super::who::is;
use super::world::World;

/// How long the victim may take to start, in milliseconds: a starter whose guardian is stopped
/// waits so long.
const START: u64 = 800;

/// What is in a file that is no pid file.
const FOREIGN: &str = "not a number\n";

/// How much longer than its grace anything may be there that is on its way out: others use the
/// machine too.
const SLACK: Duration = Duration::from_secs(2);

/// Plays a round; says so if it goes wrong.
pub(crate) fn play(round: &Round, choice: &Choice, world: &World, tally: &mut Tally) {
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
            "{} cargo xtask chaos --rounds 1 --seed {}{}",
            paint::bad("went wrong:"),
            round.seed,
            match choice {
                Choice::Some => String::new(),
                Choice::None | Choice::Only(_) => format!(" --adversaries {}", choice.text()),
            }
        );
        println!("  {round:?}\n{description}");
        // Last, where somebody who has only the end of a log still sees it.
        println!(
            "{} {} of the round with seed {}:",
            paint::bad("wrong:"),
            problems.len(),
            round.seed
        );
        for problem in problems {
            println!("    {problem}");
        }
    }
}

struct Play<'a> {
    round: &'a Round,
    world: &'a World,
    tally: &'a mut Tally,
    bed: VictimBed,
    calls: Vec<(&'static str, Calling)>,
    /// Callers that were hit have no answer to give.
    callers_hit: bool,
    /// What a guardian's death leaves of the descendants of workers is not promised.
    guardian_killed: bool,
    /// Stopped when their parents were dead already: nobody is there to wake them.
    forsaken: Vec<Process>,
    /// Killed, and with locks until the kernel has come to them.
    dying: Vec<Process>,
    storm: Vec<Child>,
    problems: Vec<String>,
    siege: Siege,
}

impl<'a> Play<'a> {
    fn new(round: &'a Round, world: &'a World, tally: &'a mut Tally) -> Outcome<Play<'a>> {
        let work = world.disk.join(format!("round-{}", round.seed));
        let pairs = [
            ("--restart", round.restart),
            ("--grace", round.grace),
            ("--timeout", START),
            ("--linger", round.linger),
            ("--descendant", u64::from(round.descendant)),
        ];
        let pairs = pairs.into_iter().chain(round.adversaries.iter().flat_map(|it| it.flags()));
        let flags = pairs.flat_map(|(flag, value)| [flag.to_owned(), value.to_string()]);
        let mut bed = VictimBed::in_folder(
            &world.program,
            Bed::new()?,
            work.clone(),
            round.workers,
            flags.collect(),
        )?;
        if let Some(crowd) = &world.crowd {
            bed.set_variable("VICTIM_CGROUP", crowd.folder());
        }
        let siege = Siege::lay(&round.adversaries, world, &work)?;
        tally.besieged += u64::from(!round.adversaries.is_empty());
        let before = match round.before {
            Before::Nothing => None,
            Before::Garbage if round.is_foreign() => Some(FOREIGN),
            Before::Garbage => Some(""),
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
            dying: Vec::new(),
            storm: Vec::new(),
            problems: Vec::new(),
            siege,
        })
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.problems.push(text.into());
    }

    fn all(&mut self) -> Outcome {
        for (number, act) in self.round.acts.iter().enumerate() {
            self.besiege(number);
            self.act(*act)?;
        }
        self.besiege_at_last();
        self.calm_down()?;
        self.look_at_foreign_file()?;
        self.end()?;
        self.once_more()?;
        self.look_around();
        Ok(())
    }

    fn act(&mut self, act: Act) -> Outcome {
        match act {
            // Only who is in the foreground has a standard error of its caller's.
            Act::Start if self.siege.foreground().is_some() => self.call("run"),
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
        let errors = self.siege.foreground().filter(|_| word == "run");
        let calling = match errors.and_then(|errors| errors.try_clone().ok()) {
            Some(errors) => self.bed.call_into(word, errors),
            None => self.bed.call(word, None),
        };
        if let Ok(calling) = calling {
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
            if signal == Signal::Kill {
                self.dying.extend(Process::open(process.pid(), self.bed.marker()));
            }
            self.tally.signals += u64::from(process.try_signal(number).is_ok());
            if signal == Signal::Stop && self.is_orphan(process) {
                self.forsaken.extend(Process::open(process.pid(), self.bed.marker()));
            }
        }
    }

    /// Whether its parent is none of the daemon's. Who is stopped before that dies is woken then.
    fn is_orphan(&self, process: &Process) -> bool {
        let parent = testbed::stat(process.pid()).map_or(0, |stat| stat.parent);
        let has_parent = self.bed.alive().iter().any(|other| other.pid() == parent);
        !has_parent && !is(Who::Guardian, process)
    }
}

impl Drop for Play<'_> {
    fn drop(&mut self) {
        self.end_storm();
        self.free_disk();
        self.siege.release();
        self.clear_leavings(&[]);
        // Its folder is not the bed's, so that it can be on a disk that gets full.
        for process in self.bed.alive() {
            let _ = process.try_signal(Number::KILL);
        }
        let _ = fs::remove_dir_all(self.bed.work());
    }
}
