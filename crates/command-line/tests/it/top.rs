//! The view that stays, in a terminal of tmux's with a shell before and after it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use command_line::Service;
use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use supervisor::DaemonOptions;

use crate::bed::{Bed, LIMIT, PROGRAM, expect, expect_file};
use crate::crew::with_crew;

pub(crate) fn trials() -> Vec<Trial> {
    #![expect(clippy::print_stderr, reason = "who reads the log shall know what was not tried")]
    let mut trials = crate::trials![without_a_terminal_it_names_what_needs_none];
    if Command::new("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: the live view in a terminal, since there is no tmux");
        return trials;
    }
    trials.extend(crate::trials![
        the_terminal_is_as_before_however_it_ends,
        a_panic_in_another_thread_can_be_read,
        it_stops_and_goes_on_like_any_job,
        a_terminal_that_has_gone_ends_it_and_nothing_else,
        resizing_in_bursts_leaves_a_picture,
        it_acts_on_the_run_that_was_asked_about,
        a_guardian_that_says_nothing_makes_it_say_so,
    ]);
    trials
}

/// The program of one daemon, in which a thread panics as soon as the file `panic` is there.
pub(crate) fn panics() -> Service {
    std::thread::spawn(|| {
        expect_file(Path::new("panic"));
        panic!("no such key");
    });
    Service::new("jobd", || DaemonOptions::from_yaml_file("jobd.yaml"))
}

/// A terminal in which a shell runs; both end with it.
struct Pane<'a> {
    bed: &'a Bed,
}

impl<'a> Pane<'a> {
    /// In the folder of the bed, in which `./jobd` is this program.
    fn new(bed: &'a Bed, program: &str) -> Pane<'a> {
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), bed.path("jobd")).unwrap();
        let pane = Pane { bed };
        let begin = "-f /dev/null new-session -d -x 100 -y 24 sh";
        let mut command = pane.tmux(begin);
        command.env(PROGRAM, program).env("LANG", "C.UTF-8").env("RUST_BACKTRACE", "1");
        command.env_remove("ENV").env_remove("NO_COLOR").env_remove("LC_ALL");
        assert!(command.status().unwrap().success());
        pane.until("a prompt", |screen| !screen.trim().is_empty());
        pane
    }

    /// With words that are parted by blanks.
    fn tmux(&self, words: &str) -> Command {
        let mut command = Command::new("tmux");
        command.current_dir(self.bed.path("")).env_remove("TMUX");
        command.arg("-S").arg(self.bed.path("tmux")).args(words.split(' '));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn says(&self, words: &str) -> String {
        String::from_utf8(self.tmux(words).output().unwrap().stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.says("capture-pane -p")
    }

    /// Waits until this can be read.
    #[track_caller]
    fn sees(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let began = std::time::Instant::now();
        let mut screen = self.screen();
        while !is_so(&screen) {
            assert!(began.elapsed() < LIMIT, "not yet: {what}\n{screen}");
            quit::sleep(std::time::Duration::from_millis(5));
            screen = self.screen();
        }
    }

    /// Presses keys, as tmux(1) calls them.
    fn press(&self, keys: &str) {
        self.says(&format!("send-keys {keys}"));
    }

    /// Has the shell run this line.
    fn types(&self, line: &str) {
        let mut command = self.tmux("send-keys -l --");
        assert!(command.arg(line).status().unwrap().success());
        self.press("Enter");
    }

    /// Opens the view, and tells its process.
    #[track_caller]
    fn opens(&self) -> Pid {
        let _ = fs::remove_file(self.bed.path("top.pid"));
        self.types("stty -a > before; sh -c 'echo $$ > top.pid; exec ./jobd top'; echo code $?; stty -a > after");
        self.sees("executor");
        let pid = i32::try_from(self.bed.pid("top.pid")).unwrap();
        Pid::from_raw(pid).unwrap()
    }

    /// Waits until the shell is back, and looks whether the terminal is as before.
    #[track_caller]
    fn ended(&self, code: i32) {
        self.sees(&format!("code {code}"));
        // The shell reads the next line when it has done this one.
        self.types("echo da''one");
        self.sees("daone");
        let read = |name: &str| fs::read_to_string(self.bed.path(name)).unwrap();
        assert_eq!(read("after"), read("before"));
        assert_eq!(self.modes(), "0 1 1\n");
        assert!(!self.screen().contains("executor"), "{}", self.screen());
    }

    /// Whether the other screen is shown, whether the cursor is, and whether lines wrap.
    fn modes(&self) -> String {
        self.says("display-message -p #{alternate_on}|#{cursor_flag}|#{wrap_flag}")
            .replace('|', " ")
    }
}

impl Drop for Pane<'_> {
    fn drop(&mut self) {
        let _ = self.tmux("kill-server").status();
    }
}

/// Whether it has not ended; one that its parent has not asked for yet has (proc(5)).
fn is_there(pid: Pid) -> bool {
    fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero())).is_ok()
}

/// Case: CC-81
fn without_a_terminal_it_names_what_needs_none() {
    let bed = Bed::with_one();
    let text = "is no terminal; use `list`, or `status` or `events`\n";
    bed.one("top").complains(1, &format!("jobd: standard input {text}"));
}

/// Cases: CC-76, CC-81
fn the_terminal_is_as_before_however_it_ends() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "one");
    for (key, code) in [("q", 0), ("C-c", 130)] {
        pane.opens();
        assert_eq!(pane.modes(), "1 0 0\n");
        pane.press(key);
        pane.ended(code);
        pane.types("clear");
        pane.until("an empty screen", |screen| !screen.contains("code"));
    }
    for (signal, code) in
        [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)]
    {
        let top = pane.opens();
        kill_process(top, signal).unwrap();
        pane.ended(code);
        pane.types("clear");
        pane.until("an empty screen", |screen| !screen.contains("code"));
    }
    pane.types("./jobd top | cat");
    pane.sees("jobd: standard output is no terminal; use `list`");
    pane.types("clear; TERM=dumb ./jobd top");
    pane.sees("TERM=dumb); use `list`");
}

/// Case: CC-76
fn a_panic_in_another_thread_can_be_read() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "panics");
    pane.opens();
    bed.write("panic", "");
    pane.ended(1);
    let all = pane.says("capture-pane -p -S -");
    // The view's own line comes after the last of the backtrace, not between them.
    let told = all.find("no such key").expect(&all);
    let notes = all.find("note: Some details are omitted").expect(&all);
    let own = all.find("\njobd: a thread of this program has panicked\n").expect(&all);
    assert!(told < notes && notes < own, "{all}");
}

/// Case: CC-77
fn it_stops_and_goes_on_like_any_job() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "one");
    // The shell's own child, which it continues.
    pane.types("stty -a > before; ./jobd top");
    pane.sees("executor");
    for _ in 0..2 {
        pane.press("C-z");
        pane.sees("Stopped");
        pane.types("stty -a > stopped; echo usa''ble");
        pane.sees("usable");
        assert_eq!(pane.modes(), "0 1 1\n");
        let read = |name: &str| fs::read_to_string(bed.path(name)).unwrap();
        assert_eq!(read("stopped"), read("before"));
        pane.types("clear; fg");
        pane.sees("executor");
        assert_eq!(pane.modes(), "1 0 0\n");
        assert!(!pane.screen().contains("fg"));
    }
    // In the background it waits to be in front, and can be ended there.
    pane.press("C-z");
    pane.sees("Stopped");
    pane.types("clear; bg; echo back''ground");
    pane.sees("background");
    pane.types("until jobs > jobs; grep -q Stopped jobs; do :; done; echo stop''ped again");
    pane.sees("stopped again");
    pane.types("jobs -p > top.pid; kill %1; kill -CONT %1; echo sig''nalled");
    pane.sees("signalled");
    let top = Pid::from_raw(i32::try_from(bed.pid("top.pid")).unwrap()).unwrap();
    expect("it has ended", || !is_there(top));
    pane.types("wait %1; echo code $?");
    // At a prompt in between the shell may have told of the end itself, and forgotten the job.
    pane.until("its code", |screen| screen.contains("code 143") || screen.contains("Done(143)"));
    assert_eq!(pane.modes(), "0 1 1\n");
}

/// Case: CC-78
fn a_terminal_that_has_gone_ends_it_and_nothing_else() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "one");
    let top = pane.opens();
    pane.says("kill-server");
    expect("it has ended", || !is_there(top));
    assert_eq!(bed.one("status").code, 0);
}

/// Case: CC-79
fn resizing_in_bursts_leaves_a_picture() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "one");
    let top = pane.opens();
    for _ in 0..5 {
        for size in ["-x 1 -y 1", "-x 20 -y 5", "-x 300 -y 100", "-x 2 -y 24", "-x 79 -y 23"] {
            assert!(pane.tmux(&format!("resize-window {size}")).status().unwrap().success());
        }
    }
    pane.until("the picture, whole", |screen| {
        screen.contains("└─ executor") && screen.contains("web-2")
    });
    for (size, shown) in [("-x 1 -y 1", "…\n"), ("-x 20 -y 5", "jobd  running ")] {
        assert!(pane.tmux(&format!("resize-window {size}")).status().unwrap().success());
        pane.until(shown, |screen| screen.starts_with(shown));
    }
    assert!(is_there(top));
    assert!(pane.tmux("resize-window -x 100 -y 24").status().unwrap().success());
    pane.press("q");
    pane.sees("code 0");
}

/// Case: CC-80
fn it_acts_on_the_run_that_was_asked_about() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "one");
    pane.opens();
    pane.sees("web-2");
    let before = bed.pid("web-1.pid");
    pane.press("j j r");
    pane.sees(&format!("Restart web-1 (pid {before})?"));
    pane.press("y");
    pane.sees("Restart web-1");
    expect("it is another one", || {
        fs::read_to_string(bed.path("web-1.pid"))
            .is_ok_and(|text| text.trim().parse().is_ok_and(|pid: u32| pid != before))
    });
    let other = bed.pid("web-2.pid");
    pane.press("j x");
    pane.sees(&format!("Stop web-2 (pid {other})?"));
    kill_process(Pid::from_raw(i32::try_from(other).unwrap()).unwrap(), Signal::KILL).unwrap();
    pane.sees(&format!("web-2 (pid {other}) is gone: nothing was done"));
    pane.press("y q");
    pane.ended(0);
}

/// Case: CC-83
fn a_guardian_that_says_nothing_makes_it_say_so() {
    let bed = with_crew(0);
    let pane = Pane::new(&bed, "one");
    pane.opens();
    let guardian = Pid::from_raw(i32::try_from(bed.pid("jobd.pid")).unwrap()).unwrap();
    kill_process(guardian, Signal::STOP).unwrap();
    pane.sees(" s old: ");
    pane.press("j");
    pane.until("keys work", |screen| {
        screen.lines().any(|line| line.starts_with("> ") && line.contains("executor"))
    });
    kill_process(guardian, Signal::CONT).unwrap();
    pane.until("it answers", |screen| !screen.contains(" s old: "));
    assert_eq!(bed.one("stop").code, 0);
    pane.sees("jobd: not running");
    assert_eq!(bed.one("start").code, 0);
    pane.sees(&format!(" {} ", bed.pid("jobd.pid")));
    let guardian = Pid::from_raw(i32::try_from(bed.pid("jobd.pid")).unwrap()).unwrap();
    kill_process(guardian, Signal::STOP).unwrap();
    pane.sees(" s old: ");
    pane.press("q");
    pane.sees("code 0");
    kill_process(guardian, Signal::CONT).unwrap();
}
