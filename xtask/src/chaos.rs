//! Starts, stops, kills and shortages at random, in a world of its own where numbers of processes
//! come round every second: after each round nothing may be left, met, or hit that is a stranger's.

mod adversary;
mod bystanders;
mod crowd;
mod idle;
mod play;
mod round;
mod siege;
mod tally;
mod who;
mod world;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::faults::{Victim, some_seed};
use adversary::Choice;
use round::Round;
use tally::Tally;
use testbed::interrupt;
use testbed::{Failure, Outcome};
use world::World;
pub(crate) use world::first_process;

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    rounds: Option<u64>,
    seed: u64,
    minutes: Option<u64>,
    jobs: u64,
    adversaries: Choice,
    /// Who is attacked, if not what is built.
    program: Option<PathBuf>,
    /// Whether the whole workspace is built: see [`Victim`].
    whole: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Outcome<Options> {
        let (rounds, seed) = (None, some_seed());
        let mut options = Options {
            rounds,
            seed,
            minutes: None,
            jobs: 2,
            adversaries: Choice::default(),
            program: None,
            whole: false,
        };
        for pair in arguments.chunks(2) {
            let [flag, value] = pair else {
                return Err(Failure::new(format!("`{}` needs a value", pair[0])));
            };
            match flag.as_str() {
                "--build" => {
                    options.whole = value == "workspace";
                    continue;
                }
                "--adversaries" => {
                    options.adversaries = Choice::parse(value)?;
                    continue;
                }
                "--program" => {
                    options.program = Some(value.into());
                    continue;
                }
                _ => (),
            }
            let number: u64 =
                value.parse().map_err(Failure::step(&format!("understand {flag} {value}")))?;
            match flag.as_str() {
                "--rounds" => options.rounds = Some(number),
                "--seed" => options.seed = number,
                "--minutes" => options.minutes = Some(number),
                "--jobs" => options.jobs = number.max(1),
                unknown => return Err(Failure::new(format!("unknown option `{unknown}`"))),
            }
        }
        Ok(options)
    }

    /// Those that were asked for; as many as the time allows; or enough for a look.
    fn rounds(&self) -> u64 {
        let otherwise = if self.minutes.is_some() { 1_000_000 } else { 200 };
        self.rounds.unwrap_or(otherwise)
    }
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments)?;
    if let Some(reason) = world::impossible() {
        println!("skipped: {reason}");
        return Ok(());
    }
    let victim = Victim::take(options.program.as_deref(), options.whole)?;
    let started = Instant::now();
    let (rounds, seed, jobs) = (options.rounds(), options.seed, options.jobs);
    match options.minutes {
        Some(minutes) => println!("at most {minutes} min from seed {seed}, {jobs} at a time"),
        None => println!("{rounds} rounds from seed {seed}, {jobs} at a time"),
    }
    let jobs = jobs.min(rounds.max(1));
    let outcomes: Vec<Outcome<Tally>> = std::thread::scope(|scope| {
        let run = |job| world::run(&victim.program, &options, job, jobs);
        let jobs: Vec<_> = (0..jobs).map(|job| scope.spawn(move || run(job))).collect();
        jobs.into_iter().map(|job| job.join().expect("no job panics")).collect()
    });
    let mut tally = Tally::default();
    for outcome in outcomes {
        tally.add(&outcome?);
    }
    tally.print();
    println!("{:.0} s", started.elapsed().as_secs_f64());
    match tally.failures {
        0 => Ok(()),
        failures => Err(Failure::new(format!("{failures} rounds went wrong"))),
    }
}

/// The rounds of one job, inside its world. Tells what it has counted in its last line.
pub(crate) fn inside(arguments: &[String]) -> Outcome {
    let [program, job, jobs, folder, rest @ ..] = arguments else {
        return Err(Failure::new("this is not for people"));
    };
    let options = Options::parse(rest)?;
    let number = |text: &String| text.parse::<u64>().map_err(Failure::step("count jobs"));
    let (job, jobs) = (number(job)?, number(jobs)?);
    let until = options.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let world = World::new(program.as_ref(), folder.as_ref());
    let mut tally = Tally::default();
    for number in (job..options.rounds()).step_by(usize::try_from(jobs).unwrap_or(1)) {
        if interrupt::asked() || until.is_some_and(|until| until <= Instant::now()) {
            break;
        }
        let seed = options.seed.wrapping_add(number);
        let round = Round::new(seed, &options.adversaries);
        play::play(&round, &options.adversaries, &world, &mut tally);
        if tally.rounds.is_multiple_of(100) {
            println!("{} rounds of job {job}, {} went wrong", tally.rounds, tally.failures);
        }
    }
    println!("{}", tally.line());
    Ok(())
}
