//! Lines that follow, through the command.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use libtest_mimic::Trial;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bed::{Bed, LIMIT, expect, expect_file, rounds};
use crate::logs::with_talkers;

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        workers_are_asked_for_again_until_they_answer,
        each_line_comes_once_while_its_file_is_rotated,
        the_last_words_of_a_killed_worker_are_shown,
        a_worker_that_comes_later_joins_from_its_first_line,
        who_reads_slowly_gets_all_that_was_left_at_the_end,
        who_reads_no_more_ends_it_silently,
        a_pipe_that_is_open_for_both_has_its_reader,
        an_interruption_ends_it_with_a_whole_line,
        one_that_does_not_answer_is_followed_to_its_end,
    ]
}

/// So many lines are logged, which fill some 200 files.
const LINES: u32 = 20_000;

/// Logs them when there is a file `go`.
pub(crate) fn chatter() {
    while !Path::new("go").exists() && !quit::quit_requested() {
        quit::sleep(Duration::from_millis(5));
    }
    (0..LINES).for_each(|number| log::info!("number {number}"));
    fs::write("done", "").unwrap();
    rounds();
}

struct Follower {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn start(bed: &Bed, words: &str) -> Follower {
        let mut command = bed.command("one", words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Follower { child, lines }
    }

    /// The lines up to one with this in it.
    fn until(&mut self, part: &str) -> Vec<String> {
        let mut read = Vec::new();
        for line in self.lines.by_ref() {
            read.push(line.unwrap());
            if read.last().unwrap().contains(part) {
                return read;
            }
        }
        panic!("ended before `{part}`: {read:?}");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Whether it still waits for news of its daemon.
    fn listens(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let mut names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.any(|comm| comm.trim() == "files")
    }

    /// Its last lines, its code, and what it says on standard error.
    fn end(mut self) -> (Vec<String>, Option<i32>, String) {
        let lines = self.lines.map(Result::unwrap).collect();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (lines, self.child.wait().unwrap().code(), stderr)
    }
}

fn executor(bed: &Bed) -> Pid {
    let status: Value = serde_json::from_str(&bed.one("status --json").stdout).unwrap();
    let pid = status["daemons"][0]["executor"]["pid"].as_i64().unwrap();
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Cases: CC-64, CC-67, CC-89
fn each_line_comes_once_while_its_file_is_rotated() {
    let bed = Bed::new();
    let folder = serde_json::to_string(&bed.path("")).unwrap();
    let log = "logging_config: { file: jobd.log, time: utc, max_size: 4 KiB, keep: 10000 }";
    let entry = "pid_filename: jobd.pid, daemon_entry: 'it::following:chatter'";
    bed.write("jobd.yaml", &format!("{{ {entry}, {log}, directory: {folder} }}"));
    assert_eq!(bed.one("start").code, 0);
    let mut follower = Follower::start(&bed, "logs -f -n 1000");
    // What the daemon said at its start: from there on it follows.
    follower.until("INFO");
    bed.write("go", "");
    let mut lines = follower.until("number 99");
    // Somebody reads slowly, as a pager does.
    follower.signal(Signal::STOP);
    expect_file(&bed.path("done"));
    follower.signal(Signal::CONT);
    bed.one("stop");
    let (rest, code, stderr) = follower.end();
    lines.extend(rest);
    let numbers = lines.iter().filter_map(|line| line.split_once("number "));
    let numbers: Vec<u32> = numbers.map(|(_, number)| number.parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..LINES), "{} lines", numbers.len());
    let files = fs::read_dir(bed.path("")).unwrap().flatten();
    let files = files.filter(|file| file.file_name().to_string_lossy().starts_with("jobd.log."));
    assert!(200 <= files.count());
    assert_eq!((code, stderr.as_str()), (Some(0), "jobd: jobd has ended\n"));
}

/// Case: CC-74
fn the_last_words_of_a_killed_worker_are_shown() {
    let bed = with_talkers();
    let mut follower = Follower::start(&bed, "logs -f -n 6 web-1 web-2");
    follower.until("web-2 2");
    bed.write("die", "");
    let is_written = || fs::read_to_string(bed.path("web-1.out")).unwrap().ends_with("words");
    expect("it has died in the middle of a line", is_written);
    // The line is open until something else is shown.
    bed.one("stop");
    let (rest, code, _) = follower.end();
    assert_eq!((rest.as_slice(), code), (&["web-1 | last words".to_owned()][..], Some(0)));
}

/// Case: CC-72
fn a_worker_that_comes_later_joins_from_its_first_line() {
    let bed = with_talkers();
    let mut follower = Follower::start(&bed, "logs -f -n 100");
    let first = follower.until("web-2 2");
    // Somebody had the name of the file before.
    bed.write("late.out.1", "late last year\n");
    let file = OpenOptions::new().append(true).open(bed.path("late.out.1")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400)).unwrap();
    assert!(Command::new("gzip").arg(bed.path("late.out.1")).status().unwrap().success());
    bed.write("more", "");
    kill_process(executor(&bed), Signal::KILL).unwrap();
    let mut lines = follower.until("late 2");
    bed.one("stop");
    let (rest, code, _) = follower.end();
    lines.extend(rest);
    let of = |lines: &[String], name: &str| -> Vec<String> {
        lines.iter().filter(|line| line.starts_with(name)).cloned().collect()
    };
    let late: Vec<String> = (0..3)
        .map(|second| format!("late  | 2026-01-01T00:00:0{second}.200Z late {second}"))
        .collect();
    assert_eq!(of(&lines, "late"), late);
    // The others write the same once more in their second run.
    assert_eq!(of(&first, "web-1").len(), 3);
    assert_eq!(of(&lines, "web-1").len(), 3, "{lines:?}");
    assert_eq!(code, Some(0));
}

/// Its executor hangs when the command asks for the files of its workers, and when it asks again.
///
/// Case: CC-88
fn workers_are_asked_for_again_until_they_answer() {
    let bed = with_talkers();
    let executor = executor(&bed);
    kill_process(executor, Signal::STOP).unwrap();
    let mut follower = Follower::start(&bed, "logs -f -n 100");
    follower.until("INFO");
    // Each of these waits for an answer as long as the command does.
    for _ in 0..2 {
        assert!(!bed.one("logs -n 100").stdout.contains("web-1 | "));
    }
    kill_process(executor, Signal::CONT).unwrap();
    follower.until("web-1 2");
    bed.one("stop");
    let (_, code, stderr) = follower.end();
    assert!(stderr.contains("the files of its workers are not known"), "{stderr}");
    assert_eq!(code, Some(0));
}

/// What is read when the daemon has ended already was never held back for others.
///
/// Case: CC-89
fn who_reads_slowly_gets_all_that_was_left_at_the_end() {
    const MANY: usize = 20_000;
    let bed = with_talkers();
    let follower = Follower::start(&bed, "logs -f -n 0");
    expect("it follows", || follower.listens());
    let append = |name: &str, text: &str| {
        let mut file = OpenOptions::new().append(true).open(bed.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    // More than a pipe has room for.
    let many = (0..MANY).map(|number| format!("2026-01-01T00:00:05.{number:06}Z many {number}\n"));
    append("web-1.out", &many.collect::<String>());
    append("web-2.out", "2026-01-01T00:00:06.0Z last of web-2\n");
    bed.one("stop");
    expect("it has heard of the end", || !follower.listens());
    let (lines, code, _) = follower.end();
    assert_eq!(lines.iter().filter(|line| line.contains(" many ")).count(), MANY);
    assert!(lines.iter().any(|line| line.ends_with("last of web-2")));
    let log = fs::read_to_string(bed.path("jobd.log")).unwrap();
    let last = log.lines().last().unwrap();
    assert!(lines.iter().any(|line| line.ends_with(last)), "{last}");
    assert_eq!(code, Some(0));
}

/// Case: CC-51
fn who_reads_no_more_ends_it_silently() {
    let bed = with_talkers();
    // Nothing more is written that could fail.
    let mut follower = Follower::start(&bed, "logs -f -n 6 web-1 web-2");
    follower.until("web-2 2");
    let Follower { mut child, lines } = follower;
    drop(lines);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

/// As a shell has it by `exec 3<>fifo`. What waits in it is no sign that nobody reads.
///
/// Case: CC-51
fn a_pipe_that_is_open_for_both_has_its_reader() {
    for (words, end) in [("logs -f -n 6", "jobd: jobd has ended\n"), ("events", "")] {
        let bed = with_talkers();
        let (path, mode) = (bed.path("fifo"), Mode::RUSR | Mode::WUSR);
        mknodat(CWD, &path, FileType::Fifo, mode, 0).unwrap();
        let fifo = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut command = bed.command("one", words);
        let command = command.stdout(fifo.try_clone().unwrap()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        assert!(waiter::readable(&[fifo.as_fd()], Some(Instant::now() + LIMIT)).unwrap());
        // What it says of the end comes if it has not ended before.
        bed.one("stop");
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), end));
        let mut shown = [0; 1 << 16];
        let length = (&fifo).read(&mut shown).unwrap();
        let shown = String::from_utf8_lossy(&shown[..length]);
        assert!(words != "events" || shown.ends_with("jobd: stopped\n"), "{shown}");
    }
}

/// Case: CC-89
fn an_interruption_ends_it_with_a_whole_line() {
    let bed = with_talkers();
    let mut log = OpenOptions::new().append(true).open(bed.path("web-1.out")).unwrap();
    log.write_all(b"half\n").unwrap();
    log.write_all(b"a line").unwrap();
    let mut command = bed.command("one", "logs -f -n 2 web-1");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = [0; 11];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut shown).unwrap();
    assert_eq!(&shown, b"half\na line");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("\n", Some(130)));
}

/// Cases: CC-88, CC-89
fn one_that_does_not_answer_is_followed_to_its_end() {
    let bed = with_talkers();
    fs::remove_file(bed.path("jobd.pid.sock")).unwrap();
    let mut follower = Follower::start(&bed, "logs -f -n 100");
    follower.until("INFO");
    bed.one("stop");
    let (_, code, stderr) = follower.end();
    assert_eq!(code, Some(0));
    let lack = "shown are the files in its options; those of workers are not known: nobody listens";
    assert!(stderr.contains(lack) && stderr.ends_with("jobd: jobd has ended\n"), "{stderr}");
}
