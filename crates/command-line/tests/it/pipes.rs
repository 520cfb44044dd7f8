//! Standard output that is closed, full, a pipe, a terminal.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use libtest_mimic::Trial;

use crate::bed::{Bed, Ended, expect};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        nobody_who_reads_is_no_error,
        events_end_when_nobody_reads_though_nothing_happens,
        a_full_disk_is_one,
        a_start_is_done_whoever_reads,
        metrics_replace_a_file_or_leave_it,
        metrics_replace_nothing_but_a_file,
        papers_are_those_of_the_program,
        help_is_wrapped,
    ]
}

/// A pipe whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Case: CC-51
fn nobody_who_reads_is_no_error() {
    let bed = Bed::with_one();
    for (words, code) in
        [("list", 0), ("status", 3), ("completions bash", 0), ("man", 0), ("--help", 0)]
    {
        let output = bed.command("one", words).stdout(closed()).output().unwrap();
        let ended = Ended::of(output);
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{words}");
    }
}

/// Case: CC-51
fn events_end_when_nobody_reads_though_nothing_happens() {
    let bed = Bed::with_one();
    bed.one("start");
    let mut command = bed.command("one", "events --json -n 0");
    let mut events = command.stdout(Stdio::piped()).spawn().unwrap();
    expect("it is asked", || bed.has_connection(events.id()));
    drop(events.stdout.take());
    expect("it ends", || events.try_wait().unwrap().is_some());
    assert_eq!(events.wait().unwrap().code(), Some(0));
}

/// Case: CC-51
fn a_full_disk_is_one() {
    let bed = Bed::with_one();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (words, code) in
        [("list", 1), ("list --json", 1), ("status", 4), ("completions bash", 1), ("--help", 1)]
    {
        let output = bed.command("one", words).stdout(full()).output().unwrap();
        let ended = Ended::of(output);
        assert_eq!(ended.code, code, "{words}");
        let text = "jobd: cannot write to standard output: No space left on device (os error 28)\n";
        assert!(ended.stderr.ends_with(text), "{words}: {ended:?}");
    }
}

/// Case: CC-52
fn a_start_is_done_whoever_reads() {
    let bed = Bed::with_one();
    let output = bed.command("one", "start").stdout(closed()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(bed.one("status").code, 0);
    // Also where it cannot be said: the code tells, and the daemon is there.
    bed.one("stop");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(bed.command("one", "start").stdout(full).output().unwrap().status.code(), Some(1));
    assert_eq!(bed.one("status").code, 0);
}

/// Case: CC-86
fn metrics_replace_a_file_or_leave_it() {
    let bed = Bed::with_one();
    bed.one("metrics --output jobd.prom").says(0, "");
    let read = || std::fs::read_to_string(bed.path("jobd.prom")).unwrap();
    assert!(read().contains("appkit_up{daemon=\"jobd\"} 0\n"));
    bed.one("start");
    bed.one("metrics --output jobd.prom").says(0, "");
    assert!(read().contains("appkit_up{daemon=\"jobd\"} 1\n"));
    assert_eq!(bed.one("metrics").stdout.lines().next(), read().lines().next());
    bed.one("stop");
    bed.write("jobd.pid", "no pid file\n");
    let refused = bed.one("metrics --output jobd.prom");
    assert_eq!(refused.code, 1);
    assert!(read().contains("appkit_up{daemon=\"jobd\"} 1\n"), "the old file stays");
    std::fs::remove_file(bed.path("jobd.pid")).unwrap();
    assert_eq!(bed.one("metrics --output no/where.prom").code, 1);
    let left: Vec<_> = std::fs::read_dir(bed.path("")).unwrap().flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')));
}

/// What is no file stays what it is: a device of the machine was replaced by a file, by root.
///
/// Case: CC-86
fn metrics_replace_nothing_but_a_file() {
    let bed = Bed::with_one();
    let _socket = UnixListener::bind(bed.path("a.socket")).unwrap();
    symlink(bed.path("a.socket"), bed.path("a.link")).unwrap();
    std::fs::create_dir(bed.path("a.folder")).unwrap();
    for name in ["a.socket", "a.link", "a.folder"] {
        let refused = bed.one(&format!("metrics --output {name}"));
        let why = "it is no regular file, and no other is replaced";
        refused.complains(1, &format!("jobd: cannot write `{name}`: {why}\n"));
    }
    assert!(std::fs::symlink_metadata(bed.path("a.socket")).unwrap().file_type().is_socket());
    assert!(bed.path("a.link").is_symlink());
}

/// Case: CC-58
fn papers_are_those_of_the_program() {
    let bed = Bed::with_one();
    // A program is called as its file is.
    let name = std::env::current_exe().unwrap();
    let name = name.file_name().unwrap().to_string_lossy().into_owned();
    for shell in ["bash", "zsh", "fish"] {
        let completions = bed.one(&format!("completions {shell}"));
        assert_eq!(completions.code, 0);
        assert!(completions.stdout.contains(&name) && completions.stdout.contains("restart"));
    }
    let page = bed.one("man").stdout;
    assert!(page.contains(".TH") && page.contains("restart"), "{page}");
    assert!(page.contains("starts, stops and shows"), "{page}");
    assert!(page.contains("Exit codes: 0 done") && page.contains("reload"), "{page}");
    // No page is named that nobody has installed.
    assert!(!page.contains("(1)"), "{page}");
    let page = bed.one("man status").stdout;
    assert!(page.contains("worker has failed"), "{page}");
    let title = page.lines().find(|line| line.starts_with(".TH")).unwrap();
    assert!(title.contains(&format!("\"{name} (appkit 0.")), "{title}");
}

/// Case: CC-54
fn help_is_wrapped() {
    let bed = Bed::with_one();
    for words in ["--help", "status --help", "logs -h"] {
        let help = bed.command("one", words).env("COLUMNS", "70").output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.lines().all(|line| line.chars().count() <= 70), "{help}");
    }
}
