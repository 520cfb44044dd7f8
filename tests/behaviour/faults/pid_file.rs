//! What a pid file is (kind C), and what is inherited of it (B4).

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;

use bed::{Output, Process, TestBed};
use libtest_mimic::Trial;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::process::Signal;

use super::loops::limit_descriptors;
use crate::{AT_ONCE, NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        nothing_that_is_inherited_can_write_the_number,
        a_file_that_was_removed_is_made_again_and_the_daemon_is_found,
        a_file_that_was_renamed_or_replaced_is_put_back,
        a_file_that_was_overwritten_has_its_number_again,
        what_is_started_after_a_removal_is_waited_for_like_any_other,
        of_two_daemons_for_one_file_the_one_that_can_be_found_stays,
        a_lock_on_a_strangers_file_in_our_place_ends_no_daemon,
        daemons_whose_files_are_exchanged_by_a_stranger_go_on,
        who_removes_the_file_in_a_loop_fills_no_log,
        a_folder_that_was_removed_is_told_of_and_the_daemon_goes_on,
        a_file_that_cannot_be_looked_at_is_not_said_to_be_removed,
        a_file_that_is_removed_after_it_could_not_be_looked_at_is_told_of,
        what_could_not_be_put_back_is_tried_again,
        a_guardian_that_is_stopped_is_continued_by_a_stop,
        on_a_file_system_that_became_read_only_a_stop_stops_and_tells_of_the_file,
        a_user_stops_his_own_daemon_though_he_cannot_read_the_program,
        a_stop_by_another_user_says_whose_the_daemon_is,
    ]
}

/// Those descriptors of a process that lead to this file, by their flags (proc_pid_fdinfo(5)).
fn flags_of(process: &Process, file: &std::path::Path) -> Vec<u32> {
    let folder = format!("/proc/{}", process.pid());
    let numbers = fs::read_dir(format!("{folder}/fd")).unwrap().flatten();
    // By what it is: it had no name yet when it was opened.
    let file = fs::metadata(file).unwrap();
    let leading = numbers.filter(|entry| {
        let same = |found: fs::Metadata| (found.dev(), found.ino()) == (file.dev(), file.ino());
        fs::metadata(entry.path()).is_ok_and(same)
    });
    let flags = leading.filter_map(|entry| {
        let info = format!("{folder}/fdinfo/{}", entry.file_name().to_str()?);
        let info = fs::read_to_string(info).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(flags.trim(), 8).ok()
    });
    flags.collect()
}

/// An executor that gave up its rights could write any number, and `kill $(cat d.pid)` hits that.
///
/// Case: FLT-B4
fn nothing_that_is_inherited_can_write_the_number() {
    const ACCESS: u32 = 0o3;
    let bed = bed();
    let daemon = bed.start("{daemon_args: [{workers: {workers: [{name: red}]}}, rounds]}");
    bed.expect("worker red started, run 1");
    for below in [daemon.executor(), bed.process("worker red")] {
        let found = flags_of(&below, &bed.path("d.pid"));
        assert!(!found.is_empty(), "{} is waited for by nobody", below.title());
        for flags in found {
            assert_eq!(flags & ACCESS, 0, "{}: {flags:o}", below.title());
        }
    }
    daemon.stop();
    bed.nothing_left();
}

/// Waits until the file is there with this number.
#[track_caller]
fn wait_for_number(bed: &TestBed, pid: u32) {
    bed.until(&format!("{pid} in d.pid"), || (bed.pid_of("d.pid") == pid).then_some(()));
}

const LOGGED: &str = "logging_config: {file: d.log}";

/// Case: FLT-C5
fn a_file_that_was_removed_is_made_again_and_the_daemon_is_found() {
    let bed = bed();
    let daemon = bed.start(&format!("{{{LOGGED}}}"));
    for _ in 0..3 {
        fs::remove_file(bed.path("d.pid")).unwrap();
        wait_for_number(&bed, daemon.pid());
        bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({}) }}", daemon.pid()));
        let file = bed.options(&format!("{{{LOGGED}}}"));
        bed.run(["start", &file]).says(&format!("already running, pid {}", daemon.pid()));
    }
    bed.expect_in_file("d.log", "d.pid`: it was made again");
    daemon.stop();
    bed.nothing_left();
}

/// Case: FLT-C5
fn a_file_that_was_renamed_or_replaced_is_put_back() {
    let bed = bed();
    let daemon = bed.start(&format!("{{{LOGGED}}}"));
    fs::rename(bed.path("d.pid"), bed.path("away")).unwrap();
    wait_for_number(&bed, daemon.pid());
    bed.expect_in_file("d.log", "d.pid`: it has its name again");

    bed.write("other", "1\n");
    fs::rename(bed.path("other"), bed.path("d.pid")).unwrap();
    wait_for_number(&bed, daemon.pid());
    bed.expect_in_file("d.log", "d.pid`: it was made again");

    // What is no pid file is told of; when it goes, the file comes back.
    bed.write("other", "precious");
    fs::rename(bed.path("other"), bed.path("d.pid")).unwrap();
    bed.expect_in_file("d.log", "d.pid` is not a pid file and was left as it is");
    fs::remove_file(bed.path("d.pid")).unwrap();
    wait_for_number(&bed, daemon.pid());
    daemon.stop();
    bed.nothing_left();
}

/// Whoever trusts its text would signal somebody else.
///
/// Case: FLT-C5
fn a_file_that_was_overwritten_has_its_number_again() {
    let bed = bed();
    let daemon = bed.start(&format!("{{{LOGGED}}}"));
    for text in ["1\n", "", "precious"] {
        bed.write("d.pid", text);
        let line = format!("{}\n", daemon.pid());
        bed.until("its number in d.pid", || (bed.read("d.pid") == line).then_some(()));
        bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({}) }}", daemon.pid()));
    }
    bed.expect_in_file("d.log", "d.pid`: it has our number again");
    daemon.stop();
    bed.nothing_left();
}

/// An executor that is started afterwards has what a successor waits for, of the new file.
///
/// Case: FLT-C5
fn what_is_started_after_a_removal_is_waited_for_like_any_other() {
    let bed = bed();
    let daemon = bed.start(&format!("{{grace: 60s, {AT_ONCE}, daemon_args: [rounds, park]}}"));
    bed.expect("executor started, run 1");
    fs::remove_file(bed.path("d.pid")).unwrap();
    wait_for_number(&bed, daemon.pid());
    daemon.executor().signal(Signal::KILL);
    bed.expect("executor started, run 2");
    let executor = daemon.executor();
    daemon.guardian().signal(Signal::KILL);
    bed.wait_gone(daemon.guardian());
    bed.run(["status", "d.pid"]).says(&format!("Orphaned {{ pids: [{}] }}", executor.pid()));
    executor.signal(Signal::KILL);
    bed.wait_gone(&executor);
    bed.run(["stop", "d.pid"]).says("not running");
    bed.nothing_left();
}

/// Locks the byte of the holder, as a holder does.
fn lock_as_holder(file: &fs::File) {
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 1,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
}

/// Whoever owned the folder ended root's daemon so.
///
/// Case: FLT-C5
fn a_lock_on_a_strangers_file_in_our_place_ends_no_daemon() {
    if !is_root() {
        return eprintln!("skipped: only root can give files away");
    }
    // In his folder, and in one of ours.
    for owner in [NOBODY, 0] {
        let bed = bed();
        fs::create_dir(bed.path("u")).unwrap();
        chown(bed.path("u"), Some(owner), None).unwrap();
        let daemon = bed.start(&format!("{{{LOGGED}, pid_filename: u/d.pid}}"));
        let path = bed.write("u/x", format!("{}\n", std::process::id()));
        chown(&path, Some(NOBODY), None).unwrap();
        let file = fs::File::options().read(true).write(true).open(&path).unwrap();
        lock_as_holder(&file);
        fs::rename(&path, bed.path("u/d.pid")).unwrap();
        assert!(daemon.guardian().is_alive() && daemon.executor().is_alive(), "{}", bed.scene());
        fs::remove_file(bed.path("u/d.pid")).unwrap();
        bed.until("its number", || (bed.pid_of("u/d.pid") == daemon.pid()).then_some(()));
        bed.run(["stop", "u/d.pid"]).success();
        bed.nothing_left();
    }
}

/// Both were in the other's place for a moment, and both yielded.
///
/// Case: FLT-C5
fn daemons_whose_files_are_exchanged_by_a_stranger_go_on() {
    if !is_root() {
        return eprintln!("skipped: only root can give files away");
    }
    let bed = bed();
    fs::create_dir(bed.path("u")).unwrap();
    chown(bed.path("u"), Some(NOBODY), None).unwrap();
    let one = bed.start(&format!("{{{LOGGED}, pid_filename: u/a.pid}}"));
    let file = bed.options_of("e", "{pid_filename: u/b.pid, logging_config: {file: e.log}}");
    let other = bed.run(["start", &file]).success().number();
    let (a, b) = (bed.path("u/a.pid"), bed.path("u/b.pid"));
    for _ in 0..500 {
        let flags = rustix::fs::RenameFlags::EXCHANGE;
        // One of them may be away just now.
        let _ = rustix::fs::renameat_with(rustix::fs::CWD, &a, rustix::fs::CWD, &b, flags);
        std::thread::yield_now();
    }
    let pids = || {
        let mut pids = [bed.pid_of("u/a.pid"), bed.pid_of("u/b.pid")];
        pids.sort_unstable();
        pids
    };
    let mut both = [one.pid(), other];
    both.sort_unstable();
    bed.until("both numbers", || (pids() == both).then_some(()));
    assert!(one.guardian().is_alive(), "{}", bed.scene());
    for name in ["u/a.pid", "u/b.pid"] {
        bed.run(["stop", name]).success();
    }
    bed.nothing_left();
}

/// Two things by turns were told each time.
///
/// Case: FLT-C5
fn who_removes_the_file_in_a_loop_fills_no_log() {
    let bed = bed();
    let daemon = bed.start(&format!("{{{LOGGED}}}"));
    let began = std::time::Instant::now();
    for _ in 0..8 {
        fs::rename(bed.path("d.pid"), bed.path("away")).unwrap();
        wait_for_number(&bed, daemon.pid());
        fs::remove_file(bed.path("d.pid")).unwrap();
        let _ = fs::remove_file(bed.path("away"));
        wait_for_number(&bed, daemon.pid());
    }
    daemon.stop();
    let spans = 1 + usize::try_from(began.elapsed().as_secs() / 10).unwrap();
    let told = bed.read("d.log").matches("somebody has re").count();
    assert!((1..=3 * spans).contains(&told), "{}", bed.read("d.log"));
    bed.nothing_left();
}

/// The guardian sees it too late: it was stopped, and somebody has started a second daemon.
///
/// Case: FLT-C5
fn of_two_daemons_for_one_file_the_one_that_can_be_found_stays() {
    let bed = bed();
    let first = bed.start(&format!("{{{LOGGED}}}"));
    first.guardian().signal(Signal::STOP);
    fs::remove_file(bed.path("d.pid")).unwrap();
    let file = bed.options_of("e", "{pid_filename: d.pid}");
    let second = bed.run(["start", &file]).success().number();
    first.guardian().signal(Signal::CONT);
    first.wait_gone();
    bed.expect_in_file("d.log", "another daemon has the place now: this one stops");
    bed.run(["status", "d.pid"]).says(&format!("Running {{ pid: Some({second}) }}"));
    bed.run(["stop", "d.pid"]).says(&format!("stopped, pid was {second}"));
    bed.nothing_left();
}

/// What was in the way was forgotten, and the daemon found by nobody for as long as it ran.
///
/// Case: FLT-C5
fn what_could_not_be_put_back_is_tried_again() {
    let bed = bed();
    fs::create_dir(bed.path("run")).unwrap();
    let daemon = bed.start(&format!("{{pid_filename: run/d.pid, {LOGGED}}}"));
    fs::rename(bed.path("run"), bed.path("away")).unwrap();
    bed.expect_in_file("d.log", "it cannot be made again");
    fs::create_dir(bed.path("run")).unwrap();
    let line = format!("{}\n", daemon.pid());
    bed.until("the file in the new folder", || {
        (fs::read_to_string(bed.path("run/d.pid")).ok()? == line).then_some(())
    });
    let log = bed.read("d.log");
    assert_eq!(log.matches("it cannot be made again").count(), 1, "{log}");
    bed.run(["stop", "run/d.pid"]).says(&format!("stopped, pid was {}", daemon.pid()));
    bed.nothing_left();
}

/// Case: FLT-C5
fn a_folder_that_was_removed_is_told_of_and_the_daemon_goes_on() {
    let bed = bed();
    fs::create_dir(bed.path("run")).unwrap();
    let file = bed.options(&format!("{{pid_filename: run/d.pid, {LOGGED}}}"));
    bed.run(["start", &file]).success();
    let guardian = bed.process("guardian d");
    // Not removed at once: it would be filled again meanwhile.
    fs::rename(bed.path("run"), bed.path("away")).unwrap();
    bed.expect_in_file("d.log", "it cannot be made again: nobody finds this daemon");
    // As good as new when it is back.
    fs::rename(bed.path("away"), bed.path("run")).unwrap();
    let running = format!("Running {{ pid: Some({}) }}", guardian.pid());
    bed.run(["status", "run/d.pid"]).says(&running);
    fs::rename(bed.path("run"), bed.path("away")).unwrap();
    fs::remove_dir_all(bed.path("away")).unwrap();
    guardian.signal(Signal::TERM);
    bed.wait_gone(&guardian);
    assert_eq!(bed.times("executor finished, run 1"), 1, "{:?}", bed.journal());
    bed.nothing_left();
}

/// Cases: FLT-C6, DIE-11
fn a_guardian_that_is_stopped_is_continued_by_a_stop() {
    for signal in [Signal::STOP, Signal::TSTP] {
        let bed = bed();
        let daemon = bed.start("{}");
        daemon.guardian().signal(signal);
        daemon.stop();
        bed.nothing_left();
    }
}

/// Case: FLT-C7
fn on_a_file_system_that_became_read_only_a_stop_stops_and_tells_of_the_file() {
    let run = |bed: &TestBed, script: &str| -> Output {
        let mut command = bed.command("unshare");
        if !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "--", "sh", "-ec", script]).arg(bed.fixture()).arg(bed.path(""));
        bed.launch_command(command).finish()
    };
    // On top of what the daemon has open for writing, which the system would refuse to change.
    let change = "mount --bind \"$1/run\" \"$1/run\"; mount -o remount,bind,ro \"$1/run\"";
    if !run(&bed(), &format!("mkdir \"$1/run\"; {change}")).status.success() {
        return eprintln!("skipped: no mount namespace here");
    }
    let bed = bed();
    let file = bed.options("{pid_filename: run/d.pid}");
    // Left by a daemon that is stopped, and by one that was killed.
    let script = format!(
        "mkdir \"$1/run\"; \"$0\" start {file}; {change}; \
         \"$0\" stop run/d.pid; \"$0\" stop run/d.pid; \"$0\" status run/d.pid"
    );
    let said = run(&bed, &script).success().stdout;
    let lines: Vec<&str> = said.lines().collect();
    let pid = lines[0].strip_prefix("launched, pid ").expect(&said);
    let left = ", but its pid file cannot be removed: read-only filesystem or storage medium";
    assert_eq!(lines[1], format!("stopped, pid was {pid}{left}"), "{said}");
    assert_eq!(lines[2], format!("not running{left}"), "{said}");
    assert_eq!(lines[3], "NotRunning { stale: true }", "{said}");
    assert_eq!(bed.processes().len(), 0);
}

/// The fixture as a user who owns nothing but the bed.
fn as_nobody(bed: &TestBed, words: &[&str]) -> Output {
    let mut command = bed.command(bed.fixture());
    command.args(words).uid(NOBODY).gid(NOBODY);
    bed.launch_command(command).finish()
}

/// /proc hides the descriptors of a program that its user may execute and not read.
///
/// Case: FLT-C3
fn a_user_stops_his_own_daemon_though_he_cannot_read_the_program() {
    if !is_root() {
        return eprintln!("skipped: only root can make a program that its user cannot read");
    }
    let mut bed = bed();
    bed.open_to_others();
    fs::set_permissions(bed.fixture(), fs::Permissions::from_mode(0o711)).unwrap();
    chown(bed.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(bed.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let file = bed.options("{}");
    let pid = as_nobody(&bed, &["start", &file]).success().number();
    as_nobody(&bed, &["status", "d.pid"]).says(&format!("Running {{ pid: Some({pid}) }}"));
    as_nobody(&bed, &["start", &file]).says(&format!("already running, pid {pid}"));
    as_nobody(&bed, &["stop", "d.pid"]).says(&format!("stopped, pid was {pid}"));
    bed.nothing_left();
}

/// Case: FLT-C4
fn a_stop_by_another_user_says_whose_the_daemon_is() {
    if !is_root() {
        return eprintln!("skipped: only root can be two users");
    }
    let mut bed = bed();
    bed.open_to_others();
    fs::set_permissions(bed.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = bed.start("{}");
    as_nobody(&bed, &["stop", "d.pid"]).fails(&[
        &format!("is held by process {}, which belongs to root", daemon.pid()),
        "only root can signal it",
    ]);
    as_nobody(&bed, &["status", "d.pid"])
        .says(&format!("Running {{ pid: Some({}) }}", daemon.pid()));
    daemon.stop();
    bed.nothing_left();
}

/// A second daemon can be started, it was said, and nobody finds this one.
///
/// Case: FLT-C5
fn a_file_that_cannot_be_looked_at_is_not_said_to_be_removed() {
    let bed = bed();
    let daemon = bed.start(&format!("{{{LOGGED}}}"));
    let before = limit_descriptors(daemon.guardian(), 3);
    fs::write(bed.path("d.pid"), format!("{}\n", daemon.pid())).unwrap();
    bed.expect_in_file("d.log", "d.pid`, which cannot be looked at now");
    limit_descriptors(daemon.guardian(), before);
    daemon.stop();
    let log = bed.read("d.log");
    assert!(!log.contains("removed"), "{log}");
    bed.nothing_left();
}

/// Nothing was said any more, as it had been missing before.
///
/// Case: FLT-C5
fn a_file_that_is_removed_after_it_could_not_be_looked_at_is_told_of() {
    let bed = bed();
    fs::create_dir(bed.path("run")).unwrap();
    let file = bed.options(&format!("{{pid_filename: run/d.pid, {LOGGED}}}"));
    bed.run(["start", &file]).success();
    let guardian = bed.process("guardian d");
    let before = limit_descriptors(&guardian, 3);
    fs::write(bed.path("run/d.pid"), format!("{}\n", guardian.pid())).unwrap();
    bed.expect_in_file("d.log", "d.pid`, which cannot be looked at now");
    fs::rename(bed.path("run"), bed.path("away")).unwrap();
    limit_descriptors(&guardian, before);
    bed.expect_in_file("d.log", "it cannot be made again: nobody finds this daemon");
    fs::rename(bed.path("away"), bed.path("run")).unwrap();
    bed.run(["stop", "run/d.pid"]).says(&format!("stopped, pid was {}", guardian.pid()));
    bed.nothing_left();
}
