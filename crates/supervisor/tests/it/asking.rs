//! Asking a daemon by its control socket.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Signal, Uid};
use supervisor::service::Events;
use supervisor::{
    ClientError, ControlOptions, Daemon, DaemonOptions, DaemonStatus, Refusal, StopStatus,
};

use crate::bed::{self, Bed, LIMIT, expect_gone, kill, launch, signal};
use crate::restarting::{counts_and_fails, crashes_twice};
use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        a_daemon_tells_how_it_is,
        its_socket_is_for_its_user_and_goes_with_it,
        without_the_socket_the_lock_still_tells,
        what_a_killed_guardian_left_is_taken_over,
        what_stands_in_the_way_stays_and_the_daemon_runs,
        a_socket_that_was_removed_is_made_again_when_asked,
        events_are_numbered_and_end_with_the_daemon,
        a_wait_is_over_when_the_phase_has_come,
        a_daemon_that_gave_up_has_left_why,
        what_happens_is_written_to_a_file,
        a_stop_by_the_socket_is_a_stop,
        what_cannot_be_done_yet_is_refused,
        who_has_made_the_pid_file_is_believed_where_the_folder_is_his,
        a_link_at_the_sockets_name_leads_to_nobody,
    ]
}

fn options(bed: &Bed) -> DaemonOptions {
    DaemonOptions::new(bed.pid_file(), bed::rounds, bed.path("journal"))
}

fn ask(bed: &Bed) -> Daemon {
    Daemon::at(bed.pid_file()).patience(LIMIT)
}

/// Cases: CTL-01, CC-05
fn a_daemon_tells_how_it_is() {
    let bed = Bed::new();
    assert_eq!(ask(&bed).status().unwrap().lock, DaemonStatus::NotRunning { stale: false });
    let pid = launch(options(&bed).name("teller"));
    let report = ask(&bed).status().unwrap();
    assert_eq!(report.lock, DaemonStatus::Running { pid: Some(pid) });
    let said = report.said.unwrap().unwrap();
    assert_eq!((said.name.as_str(), said.guardian.pid), ("teller", Some(pid)));
    assert_eq!(said.pid_filename, bed.pid_file().to_str().unwrap());
    let executor = said.executor;
    assert_eq!((executor.phase.as_str(), executor.pid), ("running", Some(bed.executor())));
    assert_eq!((executor.run, executor.restarts), (1, 0));
    assert!(executor.ready_since.is_some() && executor.memory_bytes.is_some(), "{executor:?}");
    // Nobody below it keeps workers.
    let refused = ask(&bed).workers(&[], false).unwrap_err();
    assert!(refused.to_string().contains("NoWorkers"), "{refused}");
    assert_eq!(ask(&bed).stop().unwrap(), StopStatus::Stopped { pid });
    assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 1, "only the journal is left");
}

/// Cases: SEC-05, CC-07
fn its_socket_is_for_its_user_and_goes_with_it() {
    let bed = Bed::new();
    let socket = ask(&bed).socket();
    launch(options(&bed).umask(0));
    let seen = fs::symlink_metadata(&socket).unwrap();
    assert!(seen.file_type().is_socket());
    assert_eq!(seen.permissions().mode() & 0o777, 0o600);
    ask(&bed).stop().unwrap();
    assert!(!socket.exists());
    launch(options(&bed).umask(0o777).control(ControlOptions::new().group("0")));
    let seen = fs::symlink_metadata(&socket).unwrap();
    assert_eq!((seen.permissions().mode() & 0o777, seen.gid()), (0o660, 0));
    ask(&bed).stop().unwrap();
    launch(options(&bed).control(ControlOptions::new().socket(false)));
    assert!(!socket.exists());
    ask(&bed).stop().unwrap();
}

/// Cases: CC-04, CC-08, CTL-05
fn without_the_socket_the_lock_still_tells() {
    let bed = Bed::new();
    let pid = launch(options(&bed));
    signal(pid, Signal::STOP);
    let impatient = Daemon::at(bed.pid_file()).patience(Duration::from_millis(100));
    let report = impatient.status().unwrap();
    assert_eq!(report.lock, DaemonStatus::Running { pid: Some(pid) });
    let failed = report.said.unwrap().unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NoAnswer), "{failed}");
    signal(pid, Signal::CONT);
    fs::remove_file(ask(&bed).socket()).unwrap();
    let failed = ask(&bed).status().unwrap().said.unwrap().unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NotThere { .. }), "{failed}");
    assert!(failed.to_string().contains("d.pid.sock"), "{failed}");
    assert_eq!(ask(&bed).stop().unwrap(), StopStatus::Stopped { pid });
}

/// Case: CC-01
fn what_a_killed_guardian_left_is_taken_over() {
    let bed = Bed::new();
    let first = launch(options(&bed));
    kill(first);
    expect_gone(first);
    assert!(ask(&bed).socket().exists());
    let second = launch(options(&bed));
    let said = ask(&bed).status().unwrap().said.unwrap().unwrap();
    assert_eq!(said.guardian.pid, Some(second));
    ask(&bed).stop().unwrap();
}

/// Case: CC-03
fn what_stands_in_the_way_stays_and_the_daemon_runs() {
    let bed = Bed::new();
    let socket = ask(&bed).socket();
    let elsewhere = bed.path("elsewhere");
    for put in [
        (|path, _| fs::write(path, "mine").unwrap()) as fn(&std::path::Path, &std::path::Path),
        |path, _| fs::create_dir(path).unwrap(),
        |path, elsewhere| std::os::unix::fs::symlink(elsewhere, path).unwrap(),
    ] {
        put(&socket, &elsewhere);
        let kind = fs::symlink_metadata(&socket).unwrap().file_type();
        let pid = launch(options(&bed));
        assert!(ask(&bed).status().unwrap().said.unwrap().is_err());
        assert_eq!(ask(&bed).stop().unwrap(), StopStatus::Stopped { pid });
        assert_eq!(fs::symlink_metadata(&socket).unwrap().file_type(), kind, "it is as it was");
        assert!(!elsewhere.exists());
        if kind.is_dir() { fs::remove_dir(&socket) } else { fs::remove_file(&socket) }.unwrap();
    }
}

/// Case: CC-04
fn a_socket_that_was_removed_is_made_again_when_asked() {
    let bed = Bed::new();
    let pid = launch(options(&bed).reopen_on(Signal::HUP.as_raw()));
    let socket = ask(&bed).socket();
    fs::remove_file(&socket).unwrap();
    signal(pid, Signal::HUP);
    let until = Instant::now() + LIMIT;
    while !socket.exists() {
        assert!(Instant::now() < until, "it is not made again");
        quit::sleep(Duration::from_millis(5));
    }
    let said = ask(&bed).status().unwrap().said.unwrap().unwrap();
    assert_eq!(said.guardian.pid, Some(pid));
    ask(&bed).stop().unwrap();
    assert!(!socket.exists());
}

/// Cases: CTL-10, CC-33, CC-36, CC-37
fn events_are_numbered_and_end_with_the_daemon() {
    let bed = Bed::new();
    let options = DaemonOptions::new(bed.pid_file(), crashes_twice, bed.path("journal"))
        .restart_interval(Duration::from_secs(3600));
    launch(options);
    let until = || Instant::now() + LIMIT;
    let mut stream = ask(&bed).events(99).unwrap();
    let mut told = Vec::new();
    let mut take = |told: &mut Vec<_>| stream.next(until()).unwrap().map(|new| told.push(new));
    while !kinds(&told).ends_with(&["ended".to_owned(), "phase".to_owned()]) {
        assert!(take(&mut told).is_some());
    }
    ask(&bed).stop().unwrap();
    while take(&mut told).is_some() {}
    let seen: Vec<_> = told.iter().flat_map(|new| &new.events).collect();
    let numbers: Vec<_> = seen.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(told.iter().all(|new| new.epoch == told[0].epoch));
    let mut kinds = kinds(&told);
    // The guardian's own is that it stops.
    let expected =
        ["phase", "phase", "started", "ready", "phase", "ended", "phase", "finished", "phase"];
    let mut expected = expected.map(str::to_owned).to_vec();
    kinds.sort_unstable();
    expected.sort_unstable();
    assert_eq!(kinds, expected);
    let end = seen.iter().find_map(|event| event.end.clone()).unwrap();
    assert_eq!((end.cause.as_str(), end.run), ("error", 1));
}

fn kinds(told: &[Events]) -> Vec<String> {
    told.iter().flat_map(|new| &new.events).map(|event| event.kind.clone()).collect()
}

/// Cases: CTL-09, CC-32
fn a_wait_is_over_when_the_phase_has_come() {
    let bed = Bed::new();
    let pid = launch(options(&bed));
    assert_eq!(ask(&bed).wait(&["running"], Duration::MAX).unwrap(), "running");
    assert!(ask(&bed).patience(Duration::MAX).files().is_ok());
    let failed = ask(&bed).wait(&["runing"], LIMIT).unwrap_err();
    assert!(failed.to_string().contains("phases"), "{failed}");
    let failed = ask(&bed).wait(&["waiting"], Duration::from_millis(10)).unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NoAnswer), "{failed}");
    let waiting = std::thread::spawn({
        let daemon = ask(&bed);
        move || daemon.wait(&["waiting"], LIMIT)
    });
    assert_eq!(ask(&bed).stop().unwrap(), StopStatus::Stopped { pid });
    let failed = waiting.join().unwrap().unwrap_err();
    let over = matches!(failed.cause(), ClientError::Gone | ClientError::NotThere { .. });
    assert!(over, "{failed}");
}

pub(crate) fn ends_at_once(_: ()) {}

fn a_daemon_that_gave_up_has_left_why() {
    let bed = Bed::new();
    let journal = bed.path("journal");
    let fails = DaemonOptions::new(bed.pid_file(), counts_and_fails, (journal, false));
    expect_gone(launch(fails.name("failing")));
    let words = ask(&bed).status().unwrap().last_words.unwrap();
    assert_eq!(words.name, "failing");
    let [end] = words.executor.ends.try_into().unwrap();
    assert_eq!((end.cause.as_str(), end.text.as_str()), ("error", "returned an error: it failed"));
    let file = bed.path("d.pid.last");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // Also of one that ends at once, and well, nothing is told that was before it.
    let words = fs::read(&file).unwrap();
    for _ in 0..30 {
        fs::write(&file, &words).unwrap();
        expect_gone(launch(DaemonOptions::new(bed.pid_file(), ends_at_once, ())));
        assert!(!file.exists(), "what was is still told");
    }
    fs::write(&file, &words).unwrap();
    launch(options(&bed));
    let until = Instant::now() + LIMIT;
    while file.exists() {
        assert!(Instant::now() < until, "what was is still told");
        quit::sleep(Duration::from_millis(5));
    }
    ask(&bed).stop().unwrap();
    assert_eq!(ask(&bed).status().unwrap().last_words, None);
}

/// Case: CC-38
fn what_happens_is_written_to_a_file() {
    let bed = Bed::new();
    let file = bed.path("events");
    let control = ControlOptions::new().events_filename(&file);
    launch(options(&bed).control(control.clone()));
    ask(&bed).stop().unwrap();
    // Also where nobody else can ask.
    launch(options(&bed).control(control.socket(false)));
    ask(&bed).stop().unwrap();
    let lines = fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut epochs: Vec<_> = lines.iter().map(|line| line["epoch"].as_str().unwrap()).collect();
    epochs.dedup();
    let [first, second] = epochs[..] else { panic!("{epochs:?}") };
    for epoch in [first, second] {
        let of = lines.iter().filter(|line| line["epoch"] == epoch);
        let (kinds, numbers): (Vec<_>, Vec<_>) = of
            .map(|line| (line["kind"].as_str().unwrap(), line["number"].as_u64().unwrap()))
            .unzip();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        assert!(
            ["started", "ready", "stopping", "ended", "finished"]
                .iter()
                .all(|kind| kinds.contains(kind)),
            "{kinds:?}"
        );
    }
    // A disk that is full holds up nobody.
    if std::path::Path::new("/dev/full").exists() {
        let full = ControlOptions::new().events_filename("/dev/full");
        let pid = launch(options(&bed).control(full));
        assert_eq!(ask(&bed).stop().unwrap(), StopStatus::Stopped { pid });
    }
}

/// Cases: CTL-12, CC-16
fn a_stop_by_the_socket_is_a_stop() {
    let bed = Bed::new();
    let pid = launch(options(&bed));
    ask(&bed).ask_to_stop().unwrap();
    expect_gone(pid);
    assert!(!bed.pid_file().exists() && !ask(&bed).socket().exists());
    assert!(bed.journal().contains("asked to quit"));
    let failed = ask(&bed).ask_to_stop().unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NotThere { .. }), "{failed}");
}

fn what_cannot_be_done_yet_is_refused() {
    let bed = Bed::new();
    launch(options(&bed));
    let until = Instant::now() + LIMIT;
    let mut client = control::Client::connect(&ask(&bed).socket(), until).unwrap();
    let refused = client.call::<()>("io.appkit.Service.Upgrade", &(), until).unwrap_err();
    let ClientError::Refused(refusal) = refused else { panic!("{refused}") };
    assert_eq!(refusal.name(), "io.appkit.Service.NotYet");
    let refused = client.call::<()>("io.appkit.Service.Events", &(), until).unwrap_err();
    assert!(matches!(refused, ClientError::Refused(Refusal::ExpectedMore)), "{refused}");
    ask(&bed).stop().unwrap();
}

/// Where everybody can write, a stranger makes both a pid file and a socket beside it.
///
/// Case: CC-50
fn who_has_made_the_pid_file_is_believed_where_the_folder_is_his() {
    const STRANGER: u32 = 12345;
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root asks another user's daemon");
    }
    let bed = Bed::new();
    let folder = bed.folder.path();
    fs::write(bed.pid_file(), "1\n").unwrap();
    chown(bed.pid_file(), Some(STRANGER), None).unwrap();
    let listener = UnixListener::bind(ask(&bed).socket()).unwrap();
    chown(ask(&bed).socket(), Some(STRANGER), None).unwrap();
    let listen = || {
        // Of this thread alone, which ends.
        let user = Uid::from_raw(STRANGER);
        rustix::thread::set_thread_res_uid(user, user, user).unwrap();
        rustix::net::listen(&listener, 8).unwrap();
    };
    std::thread::scope(|scope| scope.spawn(listen).join().unwrap());
    let asked = || Daemon::at(bed.pid_file()).patience(Duration::from_millis(10)).files();
    let mode = |mode| fs::set_permissions(folder, PermissionsExt::from_mode(mode)).unwrap();
    for shared in [0o1777, 0o777] {
        mode(shared);
        let failed = asked().unwrap_err();
        let not_expected = matches!(failed.cause(), ClientError::NotExpected { uid: STRANGER, .. });
        assert!(not_expected, "{shared:o}: {failed}");
    }
    // In a folder of his own it is his to say who answers; here nobody does.
    mode(0o755);
    chown(folder, Some(STRANGER), None).unwrap();
    let failed = asked().unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NoAnswer), "{failed}");
    // A pid file of somebody else says nothing of the one who listens.
    chown(bed.pid_file(), Some(STRANGER + 1), None).unwrap();
    let failed = asked().unwrap_err();
    assert!(matches!(failed.cause(), ClientError::NotExpected { .. }), "{failed}");
}

/// Who can put a link beside a pid file would have another daemon of ours, which he cannot reach himself, shown and stopped
/// in its place.
///
/// Case: CC-91
fn a_link_at_the_sockets_name_leads_to_nobody() {
    let (bed, other) = (Bed::new(), Bed::new());
    std::os::unix::fs::symlink(ask(&other).socket(), ask(&bed).socket()).unwrap();
    let pid = launch(options(&bed));
    let others = launch(options(&other));
    let report = ask(&bed).status().unwrap();
    assert_eq!(report.lock, DaemonStatus::Running { pid: Some(pid) });
    let failed = report.said.unwrap().unwrap_err();
    let text = exit::ErrorText::new(&failed).chain();
    assert!(text.contains("something else is there, and no socket"), "{text}");
    ask(&bed).restart_executor().unwrap_err();
    ask(&bed).ask_to_stop().unwrap_err();
    // The stop is by the lock's holder.
    ask(&bed).stop().unwrap();
    expect_gone(pid);
    let report = ask(&other).status().unwrap();
    assert_eq!(report.lock, DaemonStatus::Running { pid: Some(others) });
    assert_eq!(report.said.unwrap().unwrap().executor.run, 1);
    ask(&other).stop().unwrap();
}
