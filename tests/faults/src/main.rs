//! Every system call of every role is made to fail once, and every process is killed once at each:
//! then the daemon must be up or gone, its caller must know, and nothing may be left.

#![expect(clippy::print_stdout, reason = "it tells who called it how it goes")]

mod calls;
mod errors;
mod gate;
mod options;
mod scenario;
mod trace;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use testbed::{Failure, Outcome, interrupt, paint};
use victim::Victim;

use calls::Fault;
use options::Options;
use scenario::{Played, Scenario};

/// How many failures are shown with all that there is to see; of the others only what was wrong.
const SHOWN_WHOLE: usize = 5;

fn main() -> ExitCode {
    testbed::at_end(run())
}

fn run() -> Outcome {
    let options = Options::parse(lexopt::Parser::from_env())?;
    if options.help {
        print!("{}", options::USAGE);
        return Ok(());
    }
    interrupt::install()?;
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        println!("skipped, because strace is not installed");
        return Ok(());
    }
    let victim = Victim::take(options.program.as_deref())?;
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut attacks = Vec::new();
    let scenarios: Vec<_> =
        scenario::all().into_iter().filter(|scenario| options.wants(*scenario)).collect();
    if scenarios.is_empty() {
        return Err(Failure::new("that role has no such phase"));
    }
    for scenario in scenarios.iter().copied() {
        let recorded = record(scenario, victim.program())?;
        tally.of(scenario).calls = recorded.trace.calls.count();
        let faults = recorded.trace.calls.faults().into_iter();
        attacks.extend(
            faults
                .filter(|fault| options.wants_fault(fault))
                .map(|fault| Attack { scenario, fault }),
        );
    }
    if let Some(exact) = &options.exact {
        // A replay is about one fault, also if today's recording has one call less.
        let attack = |scenario: &Scenario| Attack { scenario: *scenario, fault: exact.clone() };
        attacks = scenarios.iter().map(attack).collect();
    }
    let all = attacks.len();
    if let Some(sample) = options.sample {
        attacks = self::sample(attacks, sample, options.seed);
        println!("{} of {all} faults, seed {}", attacks.len(), options.seed);
    }
    let tally = Mutex::new(tally);
    attack_all(&attacks, victim.program(), &options, &tally)?;
    let tally = tally.into_inner().expect("no thread panics while it holds this");
    tally.print();
    println!("{:.0} s", started.elapsed().as_secs_f64());
    match tally.failures {
        0 => Ok(()),
        failures => Err(Failure::new(format!("{failures} faults were not survived"))),
    }
}

/// So many of them, in a random order, which repeats with its seed.
fn sample<T>(mut from: Vec<T>, count: usize, seed: u64) -> Vec<T> {
    fastrand::Rng::with_seed(seed).shuffle(&mut from);
    from.truncate(count);
    from
}

/// What is done to whom.
#[derive(Clone)]
struct Attack {
    scenario: Scenario,
    fault: Fault,
}

impl Attack {
    /// An error that went astray every time did not happen, and proves nothing either way.
    fn play(&self, program: &Path) -> Outcome<Played> {
        let mut played = self.scenario.play(program, Some(&self.fault))?;
        for _ in 1..TRIES {
            if !played.trace.astray {
                break;
            }
            played = self.scenario.play(program, Some(&self.fault))?;
        }
        if played.trace.astray {
            played.problems.clear();
        }
        Ok(played)
    }

    /// The command that does it again.
    fn replay(&self) -> String {
        let Scenario { role, phase } = self.scenario;
        let Fault { call, nth, what } = &self.fault;
        format!(
            "cargo xtask faults --role {role} --phase {phase} --call {call} --nth {nth} --fault {what}"
        )
    }
}

/// So often it is tried to bring an error where it can happen.
const TRIES: usize = 5;

fn record(scenario: Scenario, program: &Path) -> Outcome<Played> {
    let Scenario { role, phase } = scenario;
    let played = scenario.play(program, None)?;
    if let Some(problem) = played.problems.first() {
        return Err(Failure::new(format!(
            "{role}, {phase}, without any fault: {problem}\n{}",
            played.description
        )));
    }
    println!("{role:9} {phase:8} {:4} calls", played.trace.calls.count());
    Ok(played)
}

fn attack_all(
    attacks: &[Attack],
    program: &Path,
    options: &Options,
    tally: &Mutex<Tally>,
) -> Outcome {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(attacks.len()) {
            scope.spawn(|| {
                while let Some(attack) = attacks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if interrupt::asked() {
                        return;
                    }
                    let played = attack.play(program);
                    let mut tally = tally.lock().expect("no thread panics while it holds this");
                    tally.note(attack, played, attacks.len());
                }
            });
        }
    });
    if interrupt::asked() { Err(interrupt::failure()) } else { Ok(()) }
}

/// The table.
#[derive(Default)]
struct Tally {
    rows: BTreeMap<Scenario, Row>,
    done: usize,
    failures: usize,
}

#[derive(Default)]
struct Row {
    /// How many calls the process makes.
    calls: usize,
    /// What was tried.
    tried: usize,
    /// What was tried and did happen: a call that is made now and then may not be made.
    hit: usize,
    survived: usize,
    /// Of those, how many ended a daemon that was running.
    gave_up: usize,
}

impl Tally {
    fn of(&mut self, scenario: Scenario) -> &mut Row {
        self.rows.entry(scenario).or_default()
    }

    fn note(&mut self, attack: &Attack, played: Outcome<Played>, all: usize) {
        self.done += 1;
        let row = self.of(attack.scenario);
        row.tried += 1;
        let problems = match played {
            Ok(mut played) => {
                row.hit += usize::from(played.trace.hit);
                row.gave_up += usize::from(played.gave_up);
                if played.gave_up && attack.fault.may_pass() {
                    played.problems.push("a daemon that was up has ended for good".to_owned());
                } else if played.gave_up {
                    println!("{} {}", paint::faint("ended by an error:"), attack.replay());
                }
                (played.problems, played.description)
            }
            Err(failure) => (vec![failure.to_string()], String::new()),
        };
        let (problems, description) = problems;
        if problems.is_empty() {
            row.survived += 1;
        } else {
            self.failures += 1;
            println!("{} {}", paint::bad("not survived:"), attack.replay());
            for problem in &problems {
                println!("    {problem}");
            }
            if self.failures <= SHOWN_WHOLE {
                println!("{description}");
            }
        }
        if self.done.is_multiple_of(100) {
            println!("{} of {all}, {} not survived", self.done, self.failures);
        }
    }

    fn print(&self) {
        println!("\n role      phase     calls  injected  happened  survived  ended by an error");
        let mut sum = Row::default();
        for (Scenario { role, phase }, row) in &self.rows {
            let Row { calls, tried, hit, survived, gave_up } = row;
            println!(" {role:9} {phase:8} {calls:6} {tried:9} {hit:9} {survived:9} {gave_up:10}");
            sum.calls += calls;
            sum.tried += tried;
            sum.hit += hit;
            sum.survived += survived;
            sum.gave_up += gave_up;
        }
        let Row { calls, tried, hit, survived, gave_up } = sum;
        println!(" {:18} {calls:6} {tried:9} {hit:9} {survived:9} {gave_up:10}", "all");
    }
}

#[cfg(test)]
mod tests {
    use super::sample;

    #[test]
    fn a_seed_repeats_and_a_sample_has_each_at_most_once() {
        let draw = || sample((0..100).collect::<Vec<_>>(), 30, 7);
        let mut first = draw();
        assert_eq!(first, draw());
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 30);
    }
}
