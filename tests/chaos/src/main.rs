//! Starts, stops, kills and shortages at random, in a world of its own where numbers of processes
//! come round every second: after each round nothing may be left, met, or hit that is a stranger's.

#![expect(clippy::print_stdout, reason = "it tells who called it how it goes")]

mod adversary;
mod bystanders;
mod crowd;
mod idle;
mod options;
mod play;
mod round;
mod siege;
mod tally;
mod who;
mod world;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use testbed::{Failure, Outcome, interrupt};
use victim::Victim;

use options::Options;
use round::Round;
use tally::Tally;
use world::World;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    testbed::at_end(interrupt::install().and_then(|()| match words.split_first() {
        // Not for people: copies of this program, in a world of their own.
        Some((first, rest)) if first == world::FIRST_PROCESS => world::first_process(rest),
        Some((first, rest)) if first == world::INSIDE => inside(rest),
        _ => run(&words),
    }))
}

fn run(words: &[String]) -> Outcome {
    let options = Options::parse(lexopt::Parser::from_args(words))?;
    if options.help {
        print!("{}", options::USAGE);
        return Ok(());
    }
    if let Some(reason) = world::impossible() {
        println!("skipped: {reason}");
        return Ok(());
    }
    let victim = Victim::take(options.program.as_deref())?;
    let started = Instant::now();
    let (rounds, seed, jobs) = (options.rounds(), options.seed, options.jobs);
    match options.minutes {
        Some(minutes) => println!("at most {minutes} min from seed {seed}, {jobs} at a time"),
        None => println!("{rounds} rounds from seed {seed}, {jobs} at a time"),
    }
    let jobs = jobs.min(rounds.max(1));
    let outcomes: Vec<Outcome<Tally>> = std::thread::scope(|scope| {
        let run = |job| world::run(victim.program(), &options, job, jobs);
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
fn inside(arguments: &[String]) -> Outcome {
    let [program, job, jobs, folder, rest @ ..] = arguments else {
        return Err(Failure::new("this is not for people"));
    };
    let options = Options::parse(lexopt::Parser::from_args(rest))?;
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
