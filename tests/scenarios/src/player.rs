//! Carries out a scenario, step by step; the first that does not go as written ends it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use testbed::cargo::Built;
use testbed::example::{ExampleBed, text};
use testbed::{Failure, Outcome, Output, Process, Running, Watch, paint};

use crate::look::matching;
use crate::scenario::{Identity, Line, Scenario, Source, Step, Stream};
use crate::{detached, zone};

/// How long any step may take: far more than it needs, also on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(20);

/// Steps that took longer than this are printed with their time.
const NOTABLE: Duration = Duration::from_millis(20);

/// Plays `scenario` in a folder of its own. Whatever happens, nothing of it is left running.
pub(crate) fn play(scenario: &Scenario, programs: &[Built], keep: bool) -> Outcome {
    let bed = ExampleBed::new(&scenario.folder, programs, keep)?;
    let mut player = Player::new(&bed)?;
    for line in &scenario.steps {
        let started = Instant::now();
        let played = player.play(&line.step);
        let Line { number, text, .. } = line;
        if let Err(failure) = played {
            return Err(Failure::new(format!(
                "{} {}:{number}: {text}\n  {failure}\n{}",
                paint::bad("failed"),
                scenario.name,
                player.describe()
            )));
        }
        let time = started.elapsed();
        let time =
            if time < NOTABLE { String::new() } else { format!("  ({} ms)", time.as_millis()) };
        println!("{} {text}{}", paint::faint(format!("{:28}", scenario.name)), paint::faint(time));
    }
    // A scenario need not say it, but it is always so.
    player.nothing_left().map_err(|failure| {
        Failure::new(format!(
            "{} {}: {failure}\n{}",
            paint::bad("failed"),
            scenario.name,
            player.describe()
        ))
    })?;
    println!("{} {}", paint::good("passed"), scenario.name);
    Ok(())
}

struct Player<'a> {
    bed: &'a ExampleBed,
    watch: Watch,
    last: Option<Output>,
    processes: HashMap<String, Process>,
    /// Those that `begin` started: they are our children.
    begun: HashMap<String, Child>,
    /// The time zone of what is run; `None`: that of the machine.
    zone: Option<String>,
    /// How far `expect` has read under each name, and in which file that was.
    read: HashMap<String, (u64, usize)>,
}

impl<'a> Player<'a> {
    fn new(bed: &'a ExampleBed) -> Outcome<Self> {
        Ok(Player {
            bed,
            watch: bed.watch()?,
            last: None,
            processes: HashMap::new(),
            begun: HashMap::new(),
            zone: None,
            read: HashMap::new(),
        })
    }

    fn play(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Run { words, code } => self.run(words, *code),
            Step::Output { stream, contains, text } => self.output(*stream, *contains, text),
            Step::Begin { name, words } => self.begin(name, words),
            Step::Find { source, identity, name } => self.find(source, *identity, name),
            Step::Signal { signal, name } => {
                let process = self.process(name)?;
                process.try_signal(*signal).map_err(Failure::step(&format!("signal {name}")))
            }
            Step::Ends { name, code } => self.ends(name, *code),
            Step::Alive { name } if self.process(name)?.is_alive() => Ok(()),
            Step::Alive { name } => Err(Failure::new(format!("{name} has ended"))),
            Step::Detached { name } => detached::check(self.process(name)?.pid()),
            Step::Expect { file, text } => self.expect(file, text),
            Step::Lacks { file, text } => self.lacks(file, text),
            Step::Exists { file } => self
                .wait_for(&format!("{file} to exist"), |folder| !matching(folder, file).is_empty()),
            Step::Gone { file } => self.wait_for(&format!("{file} to be gone"), |folder| {
                matching(folder, file).is_empty()
            }),
            Step::Write { file, text } => {
                let path = self.bed.folder().join(file);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(Failure::at("make", folder))?;
                }
                fs::write(&path, text).map_err(Failure::at("write", &path))
            }
            Step::Change { file, old, new } => self.change(file, old, new),
            Step::Midnight { seconds } => self.midnight(*seconds),
            Step::NothingLeft => self.nothing_left(),
        }
    }

    /// Runs a program as `$(…)` does: until it has exited and nobody holds its streams any more.
    fn run(&mut self, words: &[String], code: i32) -> Outcome {
        let mut command = self.command(words)?;
        command.stdin(Stdio::null());
        let output = Running::start(command)?.finish_within(LIMIT)?;
        let fault = (output.status.code() != Some(code))
            .then(|| format!("it ended with {}, not with code {code}", output.status));
        self.last = Some(output);
        fault.map_or(Ok(()), |fault| Err(Failure::new(fault)))
    }

    fn command(&self, words: &[String]) -> Outcome<Command> {
        let mut command = self.bed.command(words)?;
        if let Some(zone) = &self.zone {
            command.env("TZ", zone);
        }
        Ok(command)
    }

    fn begin(&mut self, name: &str, words: &[String]) -> Outcome {
        let mut command = self.command(words)?;
        let into = |suffix: &str| {
            let path = self.bed.folder().join(format!("{name}.{suffix}"));
            File::create(&path).map_err(Failure::at("make", &path))
        };
        command.stdin(Stdio::null()).stdout(into("stdout")?).stderr(into("stderr")?);
        let child = command.spawn().map_err(Failure::step(&format!("run {}", words.join(" "))))?;
        let process = self.bed.bed().open(child.id())?;
        self.processes.insert(name.to_owned(), process);
        self.begun.insert(name.to_owned(), child);
        Ok(())
    }

    fn ends(&mut self, name: &str, code: Option<i32>) -> Outcome {
        if let Some(mut child) = self.begun.remove(name) {
            let status = self.wait(&mut child)?;
            return match code {
                Some(code) if status.code() != Some(code) => {
                    Err(Failure::new(format!("{name} ended with {status}, not with code {code}")))
                }
                _ => Ok(()),
            };
        }
        if code.is_some() {
            return Err(Failure::new(format!(
                "only what `begin` started tells its exit code, and {name} was not"
            )));
        }
        let process = self.process(name)?;
        let look = || (!process.is_alive()).then_some(());
        let ended = self.watch.until_beside(Some(process.as_fd()), LIMIT, look)?;
        ended.ok_or_else(|| Failure::new(format!("{name} is still alive")))
    }

    /// Waits for our own child; when it takes too long, its bed will kill it.
    fn wait(&self, child: &mut Child) -> Outcome<ExitStatus> {
        let end = pidfd_open(Pid::from_child(child), PidfdFlags::empty());
        let end = end.map_err(Failure::step("follow the program"))?;
        let look = || child.try_wait().transpose();
        let ended = self.watch.until_beside(Some(end.as_fd()), LIMIT, look)?;
        match ended {
            Some(status) => status.map_err(Failure::step("wait for the program")),
            None => {
                Err(Failure::new(format!("the program has not ended within {} s", LIMIT.as_secs())))
            }
        }
    }

    fn output(&self, stream: Stream, contains: bool, wanted: &str) -> Outcome {
        let last = self.last.as_ref().ok_or_else(|| Failure::new("nothing was run yet"))?;
        let wanted = self.with_numbers(wanted)?;
        match of(last, stream).contains(&wanted) == contains {
            true => Ok(()),
            false => Err(Failure::new(format!("it does not:\n{}", describe(last)))),
        }
    }

    fn find(&mut self, source: &Source, identity: Identity, name: &str) -> Outcome {
        let known = match identity {
            Identity::Any => None,
            Identity::New | Identity::Same => Some(self.process(name)?.pid()),
        };
        let parent = match source {
            Source::ChildOf(parent) => Some(self.process(parent)?.pid()),
            Source::PidFile(_) => None,
        };
        let found = self.watch.until(LIMIT, || {
            let process = match source {
                Source::PidFile(file) => self.bed.named_by(file),
                Source::ChildOf(_) => {
                    let children = self.bed.bed().children(parent?).into_iter();
                    let living = children.filter(Process::is_alive).collect::<Vec<_>>();
                    <[Process; 1]>::try_from(living).ok().map(|[only]| only)
                }
            }?;
            let fits = match identity {
                Identity::Any => true,
                Identity::New => Some(process.pid()) != known,
                Identity::Same => Some(process.pid()) == known,
            };
            fits.then_some(process)
        })?;
        let process = found.ok_or_else(|| Failure::new("there is no such process"))?;
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    fn expect(&mut self, file: &str, wanted: &str) -> Outcome {
        let wanted = self.with_numbers(wanted)?;
        let (known, read) = self.read.get(file).copied().unwrap_or_default();
        let found = self.watch.until(LIMIT, || {
            let path = matching(self.bed.folder(), file).into_iter().next()?;
            let inode = fs::metadata(&path).ok()?.ino();
            let content = text(&path)?;
            // One that was replaced or cut short is another file, of which nothing was read.
            let from = if inode == known && content.is_char_boundary(read) { read } else { 0 };
            let at = content[from..].find(&wanted)?;
            Some((inode, from + at + wanted.len()))
        })?;
        let overdue = || format!("`{wanted}` did not come within {} s", LIMIT.as_secs());
        let found = found.ok_or_else(|| Failure::new(overdue()))?;
        self.read.insert(file.to_owned(), found);
        Ok(())
    }

    fn lacks(&self, file: &str, unwanted: &str) -> Outcome {
        let unwanted = self.with_numbers(unwanted)?;
        let holds =
            |path: &std::path::PathBuf| text(path).is_some_and(|text| text.contains(&unwanted));
        match matching(self.bed.folder(), file).iter().find(|path| holds(path)) {
            Some(path) => Err(Failure::new(format!("`{}` holds it", path.display()))),
            None => Ok(()),
        }
    }

    fn change(&self, file: &str, old: &str, new: &str) -> Outcome {
        let path = self.bed.folder().join(file);
        let content = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
        if !content.contains(old) {
            return Err(Failure::new(format!("`{file}` does not hold `{old}`")));
        }
        fs::write(&path, content.replace(old, new)).map_err(Failure::at("write", &path))
    }

    /// A time zone in which the day ends soon: midnight comes by itself, and really.
    fn midnight(&mut self, seconds: u64) -> Outcome {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_err(Failure::step("read the clock"))?.as_secs();
        self.zone = Some(zone::with_midnight_at(now + seconds));
        Ok(())
    }

    fn wait_for(&self, what: &str, is_so: impl Fn(&Path) -> bool) -> Outcome {
        let found = self.watch.until(LIMIT, || is_so(self.bed.folder()).then_some(()))?;
        found.ok_or_else(|| Failure::new(format!("waited {} s for {what}", LIMIT.as_secs())))
    }

    fn nothing_left(&self) -> Outcome {
        let left =
            self.watch.until(LIMIT, || self.bed.bed().processes().is_empty().then_some(()))?;
        left.ok_or_else(|| Failure::new("processes of the scenario are left"))
    }

    fn process(&self, name: &str) -> Outcome<&Process> {
        let unknown = || Failure::new(format!("no process is called `{name}` yet"));
        self.processes.get(name).ok_or_else(unknown)
    }

    /// `$name` becomes that process's number.
    fn with_numbers(&self, text: &str) -> Outcome<String> {
        let mut pieces = text.split('$');
        let mut done = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let (name, rest) = piece.split_at(end.unwrap_or(piece.len()));
            done += &format!("{}{rest}", self.process(name)?.pid());
        }
        Ok(done)
    }

    fn describe(&self) -> String {
        let last = self.last.as_ref().map_or_else(String::new, describe);
        format!("{last}{}", self.bed.describe())
    }
}

impl Drop for Player<'_> {
    fn drop(&mut self) {
        // Our own children would stay zombies; the rest is the bed's.
        self.bed.bed().kill_all();
        for child in self.begun.values_mut() {
            let _ = child.wait();
        }
    }
}

fn of(output: &Output, stream: Stream) -> &str {
    match stream {
        Stream::Stdout => &output.stdout,
        Stream::Stderr => &output.stderr,
    }
}

fn describe(output: &Output) -> String {
    let mut text = String::new();
    for (name, printed) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        text += &format!("  {name} of the last run:\n");
        for line in printed.lines() {
            text += &format!("    {line}\n");
        }
    }
    text
}
