//! When records cannot be written: the program goes on, and says later how many it lost.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit};

use crate::support::bed::{Bed, Player};
use crate::support::lines::Found;

/// Case: LOG-08
pub(crate) fn without_its_folder_the_program_goes_on_and_counts() {
    let bed = Bed::new();
    let folder = bed.inside("logs");
    fs::create_dir(&folder).unwrap();
    let yaml =
        format!("file: {}\nformat: '{{level}} {{message}}'", folder.join("app.log").display());
    let mut command = Player::command("script", &yaml, "x", &[]);
    let mut program = Player::spawn(command.stderr(Stdio::piped()));
    assert_eq!(program.reply(), "ready");
    assert_eq!(program.ask("log one"), "dropped 0");

    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(program.ask("log two"), "dropped 1");
    assert_eq!(program.ask("log three"), "dropped 2");

    fs::create_dir(&folder).unwrap();
    assert_eq!(program.ask("log four"), "dropped 2");
    assert_eq!(program.ask("log five"), "dropped 2");
    assert_eq!(
        fs::read_to_string(folder.join("app.log")).unwrap(),
        "WARN 2 records could not be written: No such file or directory (os error 2)\n\
         INFO four\nINFO five\n"
    );
    assert_eq!(program.errors(), "INFO two\nINFO three\n", "somebody may be reading there");
}

/// Case: LOG-08
pub(crate) fn on_a_full_device_the_program_goes_on_and_counts() {
    let mut command = Player::command("script", "file: /dev/full", "x", &[]);
    let mut program = Player::spawn(command.stderr(Stdio::null()));
    assert_eq!(program.reply(), "ready");
    for count in 1..=3 {
        assert_eq!(program.ask("log lost"), format!("dropped {count}"));
    }
}

/// Case: LOG-08
pub(crate) fn on_a_full_disk_nothing_is_cut() {
    let bed = Bed::new();
    let yaml = bed.yaml("");
    let part = Player::command("fill", &yaml, "x", &[]);
    // A disk of 64 KiB that only the child sees and that goes with it.
    let mut command = Command::new("unshare");
    command.args(if rustix::process::geteuid().is_root() { &["-m"][..] } else { &["-Urm"][..] });
    command.args(["sh", "-c", "mount -t tmpfs -o size=64k,mode=700 none \"$0\" && exec \"$@\""]);
    command.arg(bed.folder.path()).arg(part.get_program()).args(part.get_args());
    let mut program = Player::spawn(command.stderr(Stdio::null()));
    if program.reply() != "ready" {
        println!("skipped: this machine does not let us mount a disk of our own");
        return;
    }
    let said = program.finish();
    let mut lines = said.lines();
    let wrote: u64 = lines.next().unwrap().strip_prefix("wrote ").unwrap().parse().unwrap();
    assert_eq!(lines.next(), Some("dropped 3"));
    let log: String = lines.map(|line| format!("{line}\n")).collect();
    let found = Found::in_files([log.as_str()]);
    assert_eq!(found.records["filler"], wrote - 3, "every one that is not counted as dropped");
    assert_eq!(
        found.fragments,
        ["3 records could not be written: No space left on device (os error 28)", "again"]
    );
}

/// Case: FLT-G1
pub(crate) fn at_the_largest_size_of_a_file_the_program_goes_on_and_counts() {
    let bed = Bed::new();
    let part = Player::command("script", &bed.yaml(""), "x", &[]);
    let mut command = Command::new("sh");
    // The unit of the limit depends on the shell.
    command.args(["-c", "ulimit -S -f 2 && exec \"$0\" \"$@\""]);
    command.arg(part.get_program()).args(part.get_args());
    let mut program = Player::spawn(command.stderr(Stdio::null()));
    assert_eq!(program.reply(), "ready");
    // The size is no multiple of a record's, so one is cut, and the next does not even begin.
    let told = program.ask("flood 40");
    let dropped: u64 = told.strip_prefix("dropped ").unwrap().parse().unwrap();
    assert!(dropped > 10, "{told}");
    let full = bed.read("app.log").len();

    let unlimited = Rlimit { current: None, maximum: None };
    program.limit(Resource::Fsize, unlimited);
    assert_eq!(program.ask("log again"), told);
    let found = Found::in_files([bed.read("app.log").as_str()]);
    assert_eq!(found.records["flood"], 40 - dropped, "every one that is not counted as dropped");
    assert_eq!(
        found.fragments,
        [
            format!("{dropped} records could not be written: File too large (os error 27)"),
            "again".to_owned()
        ]
    );
    assert!(bed.read("app.log").len() > full);
}

pub(crate) fn a_second_logger_is_refused() {
    let bed = Bed::new();
    let mut program = Player::start("script", &bed.yaml(""), "x", &[]);
    assert_eq!(program.ask("install again"), "error a logger is already set in this process");
    assert_eq!(program.reply(), "dropped 0");
    assert_eq!(program.ask("log still here"), "dropped 0");
    assert_eq!(bed.read("app.log"), "still here\n");
}
