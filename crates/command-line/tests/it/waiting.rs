//! Who waits, and what is seen meanwhile.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::bed::{Bed, Ended, expect, expect_file};

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        one_that_hangs_up_has_not_ended,
        ctrl_c_ends_the_waiting_and_not_the_start,
        a_terminal_is_told_that_a_start_takes_its_time,
        a_wait_for_the_end_ends_with_it,
    ]
}

/// Case: CC-55
fn ctrl_c_ends_the_waiting_and_not_the_start() {
    let bed = Bed::slow();
    let mut command = bed.command("one", "start");
    let start = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    expect("the pid file is held", || bed.one("status").code != 3);
    let pid = Pid::from_raw(i32::try_from(start.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let ended = Ended::of(start.wait_with_output().unwrap());
    let text = "jobd: interrupted; the start goes on without this command, which `status` shows and \
                `stop` ends\n";
    ended.complains(130, text);
    // It does.
    bed.write("go", "");
    expect_file(&bed.path("go.ready"));
    expect("it runs", || bed.one("status").code == 0);
    assert_eq!(bed.one("stop").code, 0);
}

/// Cases: CC-53, CC-54, CC-56
fn a_terminal_is_told_that_a_start_takes_its_time() {
    let bed = Bed::slow();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let mut start = bed.command("one", "start").stdout(open()).stderr(open()).spawn().unwrap();
    let mut terminal = File::from(master);
    let mut shown = String::new();
    let mut until = |text: &str| {
        let mut buffer = [0; 1000];
        while !shown.contains(text) {
            let read = terminal.read(&mut buffer).unwrap();
            shown.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        shown.clone()
    };
    until("\rjobd: warming up (");
    bed.write("go", "");
    let all = until("jobd: running, pid");
    assert_eq!(start.wait().unwrap().code(), Some(0));
    // The line is taken away before the next one, by blanks.
    let (_, cleared) = all.rsplit_once("warming up (").unwrap();
    assert!(cleared.contains(" \rjobd: running"), "{all:?}");
    assert!(!all.contains('\x1b'), "{all:?}");
}

/// Case: CTL-09
fn a_wait_for_the_end_ends_with_it() {
    let bed = Bed::with_one();
    bed.one("wait --until stopped").says(0, "");
    bed.one("start");
    bed.one("wait --until stopped --timeout 10ms")
        .complains(99, "jobd: still running when the time was over\n");
    let wait = bed.command("one", "wait --until stopped").spawn().unwrap();
    bed.one("stop");
    assert_eq!(wait.wait_with_output().unwrap().status.code(), Some(0));
}

/// Who listens in a daemon's place, or a guardian that is half dead, is not its end: the lock says that.
fn one_that_hangs_up_has_not_ended() {
    let bed = Bed::new();
    let options =
        "{ pid_filename: jobd.pid, daemon_entry: 'it::bed:rounds', control: { socket: false } }";
    bed.write("jobd.yaml", options);
    assert_eq!(bed.one("start").code, 0);
    let listener = std::os::unix::net::UnixListener::bind(bed.path("jobd.pid.sock")).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    for words in ["wait", "events"] {
        let ended = bed.one(words);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains("ended the connection"), "{ended:?}");
    }
    bed.one("stop");
}
