//! A folder, and every process that was started in it.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use testbed::{Bed, LIMIT, Output, Process, Running, Watch};

use crate::daemon::Daemon;

/// Where the fixture's processes find the journal.
const FOLDER: &str = "APPKIT_BED_FOLDER";

/// Whether folders stay, for looking.
pub fn kept() -> bool {
    std::env::var_os("KEEP_BED").is_some()
}

/// A folder and everything that runs in it. Dropping it kills those processes, also when the test
/// has panicked, and removes the folder, unless `KEEP_BED` is set.
pub struct TestBed {
    bed: Bed,
    fixture: PathBuf,
    watch: Watch,
    /// What is to be seen after a failure has been shown.
    told: Cell<bool>,
}

impl TestBed {
    /// An empty one, whose programs are the one at this path.
    pub fn new(fixture: impl Into<PathBuf>) -> TestBed {
        let mut bed = Bed::new().unwrap();
        if kept() {
            eprintln!("the bed stays in {}", bed.keep().display());
        }
        let watch = Watch::new(bed.folder()).unwrap();
        TestBed { bed, fixture: fixture.into(), watch, told: Cell::new(false) }
    }

    /// A path in the folder.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.bed.folder().join(name)
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// What is in a file; empty if there is none.
    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Lets every user in, and gives them a fixture that they can execute.
    pub fn open_to_others(&mut self) {
        fs::set_permissions(self.bed.folder(), fs::Permissions::from_mode(0o777)).unwrap();
        self.own_fixture();
    }

    /// From now on the fixture is a copy of its own in the folder, which the test may replace.
    pub fn own_fixture(&mut self) -> PathBuf {
        let copy = self.path("fixture");
        // Not by us: another test's child may have a copy of a descriptor that is open for writing
        // until its exec, and a file that is open for writing cannot be executed.
        let copied = Command::new("cp").arg(&self.fixture).arg(&copy).status();
        assert!(copied.unwrap().success(), "the fixture was not copied");
        self.fixture.clone_from(&copy);
        copy
    }

    /// Where the fixture is.
    pub fn fixture(&self) -> &Path {
        &self.fixture
    }

    /// Makes a fifo at which a process of the fixture waits: see [`open_gate`](TestBed::open_gate).
    pub fn gate(&self, name: &str) {
        let (kind, mode) = (rustix::fs::FileType::Fifo, Mode::from_raw_mode(0o666));
        rustix::fs::mknodat(rustix::fs::CWD, self.path(name), kind, mode, 0).unwrap();
    }

    /// Lets the one through who waits at that gate, or comes to it.
    #[track_caller]
    pub fn open_gate(&self, name: &str) {
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // Refused as long as nobody reads.
        self.until(&format!("somebody at the gate {name}"), || {
            rustix::fs::open(self.path(name), flags, Mode::empty()).ok()
        });
    }

    /// From now on each process of the application says so ahead of `init`: `… is early`.
    pub fn tell_of_children(&self) {
        for role in ["launcher", "guardian", "executor", "worker"] {
            self.write(format!("before-{role}"), "[]");
        }
    }

    /// Any program, in the folder and with the marker.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.bed.command(program);
        command.env(FOLDER, self.bed.folder());
        // script(1) would run its command with whatever somebody works in, and bash and perl complain to
        // standard error of a locale that is not installed.
        command.env("SHELL", "/bin/sh").env("LC_ALL", "C");
        // A log would be put aside in the middle of a test that reads it, were it midnight for the processes too.
        command.env("TZ", zone_with_midnight_in(12 * 60 * 60));
        command
    }

    /// The fixture with these arguments; waits until it has ended and its output, too.
    #[track_caller]
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        self.launch(args).finish()
    }

    /// The fixture with these arguments, running.
    pub fn launch<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Running {
        let mut command = self.command(&self.fixture);
        command.args(args);
        self.launch_command(command)
    }

    /// A program that [`command`](TestBed::command) has made, running, with pipes to its three streams.
    pub fn launch_command(&self, mut command: Command) -> Running {
        command.stdin(Stdio::piped());
        Running::start(command).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Writes the options of the daemon `d` to `d.yaml`: these, and what they leave out. Its pid
    /// file is `d.pid`, its entry does the steps in `daemon_args`.
    pub fn options(&self, yaml: &str) -> String {
        self.options_of("d", yaml)
    }

    /// The same for another daemon.
    pub fn options_of(&self, name: &str, yaml: &str) -> String {
        let mut options: serde_yaml::Mapping = serde_yaml::from_str(yaml)
            .unwrap_or_else(|error| panic!("the test's YAML is none: {error}: {yaml}"));
        let mut default = |key: &str, value: String| {
            if !options.contains_key(key) {
                options.insert(key.into(), value.into());
            }
        };
        default("pid_filename", format!("{name}.pid"));
        default("daemon_entry", "fixture:script".to_owned());
        if !options.contains_key("daemon_args") {
            options.insert("daemon_args".into(), vec!["rounds"].into());
        }
        let file = format!("{name}.yaml");
        self.write(&file, serde_yaml::to_string(&options).unwrap());
        file
    }

    /// Starts the daemon `d` with these options, and sees it launched.
    #[track_caller]
    pub fn start(&self, yaml: &str) -> Daemon<'_> {
        self.start_of("d", yaml)
    }

    /// The same for another daemon.
    #[track_caller]
    pub fn start_of(&self, name: &str, yaml: &str) -> Daemon<'_> {
        self.start_with(name, yaml, &[])
    }

    /// The same, by a caller in these conditions: flags of the fixture.
    #[track_caller]
    pub fn start_with(&self, name: &str, yaml: &str, flags: &[&str]) -> Daemon<'_> {
        let file = self.options_of(name, yaml);
        let output = self.run(["start", &file].into_iter().chain(flags.iter().copied())).success();
        let pid = output.stdout.lines().find_map(|line| line.strip_prefix("launched, pid "));
        let pid = pid.and_then(|pid| pid.parse().ok());
        Daemon::new(self, name, pid.unwrap_or_else(|| panic!("not launched: {output:?}")))
    }

    /// Looks until there is something to see; fails with all there is to know when there is not.
    #[track_caller]
    pub fn until<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> T {
        self.watch.until(LIMIT, look).unwrap().unwrap_or_else(|| {
            self.told.set(true);
            panic!("waited in vain for {what}\n{}", self.scene())
        })
    }

    /// The same, where it may be that there never is: `None` when the limit is over.
    pub fn wait<T>(&self, limit: Duration, look: impl FnMut() -> Option<T>) -> Option<T> {
        self.watch.until(limit, look).unwrap()
    }

    /// The journal: what every process of the fixture has said it does, in order.
    pub fn journal(&self) -> Vec<String> {
        self.read("journal").lines().map(str::to_owned).collect()
    }

    /// Waits for a line in the journal.
    #[track_caller]
    pub fn expect(&self, line: &str) {
        self.expect_times(line, 1);
    }

    /// Waits until a line is there so many times.
    #[track_caller]
    pub fn expect_times(&self, line: &str, times: usize) {
        self.until(&format!("{times} × the journal line {line:?}"), || {
            (times <= self.times(line)).then_some(())
        });
    }

    /// How often a line is in the journal by now.
    pub fn times(&self, line: &str) -> usize {
        self.journal().iter().filter(|found| *found == line).count()
    }

    /// Waits until a file is there.
    #[track_caller]
    pub fn expect_file(&self, name: &str) {
        self.until(&format!("the file {name}"), || self.path(name).exists().then_some(()));
    }

    /// Waits until a file is gone.
    #[track_caller]
    pub fn expect_no_file(&self, name: &str) {
        self.until(&format!("the end of the file {name}"), || {
            (!self.path(name).exists()).then_some(())
        });
    }

    /// Waits until some text is in a file.
    #[track_caller]
    pub fn expect_in_file(&self, name: &str, text: &str) {
        self.until(&format!("{text:?} in {name}"), || self.read(name).contains(text).then_some(()));
    }

    /// What a process has reported to a file, once it is there whole.
    #[track_caller]
    pub fn report(&self, name: &str) -> serde_json::Value {
        self.until(&format!("the report {name}"), || serde_json::from_str(&self.read(name)).ok())
    }

    /// The number in a pid file, once there is one.
    #[track_caller]
    pub fn pid_of(&self, pid_file: &str) -> u32 {
        self.until(&format!("a number in {pid_file}"), || {
            self.read(pid_file).strip_suffix('\n')?.parse().ok()
        })
    }

    /// All that lives in this bed.
    pub fn processes(&self) -> Vec<Process> {
        self.bed.processes()
    }

    /// Waits for the process that calls itself so: `executor d`, `worker red`, `guardian d`.
    #[track_caller]
    pub fn process(&self, who: &str) -> Process {
        self.until(&format!("the process {who:?}"), || self.find(who).pop())
    }

    /// Those that call themselves so now.
    pub fn find(&self, who: &str) -> Vec<Process> {
        let title = format!("fixture: {who} ");
        self.processes().into_iter().filter(|process| process.title().starts_with(&title)).collect()
    }

    /// Waits for the process of this number that belongs to this bed.
    #[track_caller]
    pub fn by_pid(&self, pid: u32) -> Process {
        self.until(&format!("process {pid}"), || {
            self.processes().into_iter().find(|process| process.pid() == pid)
        })
    }

    /// Waits for the executor of a guardian.
    #[track_caller]
    pub fn executor_of(&self, guardian: u32) -> Process {
        self.until(&format!("the executor of {guardian}"), || {
            self.processes().into_iter().find(|process| {
                process.title().starts_with("fixture: executor ")
                    && process.is_alive()
                    && process.stat().parent == guardian
            })
        })
    }

    /// Sends a signal to a process of this bed.
    #[track_caller]
    pub fn kill(&self, pid: u32, signal: Signal) {
        self.by_pid(pid).signal(signal);
    }

    /// Waits until a process has ended.
    #[track_caller]
    pub fn wait_gone(&self, process: &Process) {
        if !process.wait(LIMIT) {
            self.told.set(true);
            panic!("{} does not end\n{}", process.title(), self.scene());
        }
    }

    /// Fails if anything of this bed is alive now, or a pid file is there.
    #[track_caller]
    pub fn nothing_left(&self) {
        let left: Vec<String> = self.processes().iter().map(Process::title).collect();
        let files = self.pid_files();
        if !left.is_empty() || !files.is_empty() {
            self.told.set(true);
            panic!("something is left: {left:?} {files:?}\n{}", self.scene());
        }
    }

    /// Waits until nothing of this bed is alive.
    #[track_caller]
    pub fn wait_nobody_left(&self) {
        self.until("everybody's end", || self.processes().is_empty().then_some(()));
    }

    /// The pid files in the folder.
    pub fn pid_files(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| name.ends_with(".pid")).collect()
    }

    /// What is in the folder, sorted; nothing if the folder is gone.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.bed.folder()).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// All there is to know: who lives, and what stands in the files.
    pub fn scene(&self) -> String {
        const MOST: usize = 4000;
        let mut text = String::from("--- alive\n");
        for process in self.processes() {
            text += &format!("{} {}\n", process.pid(), process.title());
        }
        for name in self.names() {
            let path = self.path(&name);
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file())
                && name != "fixture"
            {
                let content = self.read(&name);
                let from = content.len().saturating_sub(MOST);
                let from = (from..=content.len()).find(|at| content.is_char_boundary(*at));
                text += &format!("--- {name}\n{}\n", &content[from.unwrap_or(0)..]);
            }
        }
        text
    }
}

impl Drop for TestBed {
    fn drop(&mut self) {
        // The bed itself goes after this.
        if std::thread::panicking() && !self.told.get() {
            eprintln!("{}", self.scene());
        }
    }
}

/// A time zone, as POSIX writes it (environ(7)), in which it is so long until midnight.
pub fn zone_with_midnight_in(seconds: i64) -> String {
    const DAY: i64 = 24 * 60 * 60;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap() % DAY;
    // Between -12 and 12 hours east of Greenwich; POSIX counts to the west.
    let east = (DAY - seconds - now + DAY / 2).rem_euclid(DAY) - DAY / 2;
    let sign = if east < 0 { '+' } else { '-' };
    let off = east.abs();
    format!("BED{sign}{:02}:{:02}:{:02}", off / 3600, off / 60 % 60, off % 60)
}
