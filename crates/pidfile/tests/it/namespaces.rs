//! What needs a file system or a pid namespace of its own: shown where the system lets us make
//! one, skipped with a line that says so elsewhere.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use pidfile::{Error, PidFile, Probe, holder, probe};

use crate::bed::{Actor, Bed, LIMIT, is_root, skip};

/// Runs `script` with these unshare(1) options; `$0` is the actor, `$1` the bed's folder.
fn unshare(bed: &Bed, options: &[&str], script: &str) -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(options).args(["--", "sh", "-ec", script]);
    command.arg(Actor::command().get_program()).arg(bed.folder());
    command
}

/// Whether such a script would run at all here.
fn can(options: &[&str], script: &str) -> bool {
    let bed = Bed::new();
    let mut command = unshare(&bed, options, script);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

const MOUNT: &[&str] = &["--mount"];

/// Case: PID-20
#[test]
fn a_read_only_file_system_is_a_typed_error() {
    let prepare =
        "mount -t tmpfs none \"$1\"; echo 123 > \"$1/old.pid\"; mount -o remount,bind,ro \"$1\"";
    if !can(MOUNT, prepare) {
        return skip("no mount namespace");
    }
    let bed = Bed::new();
    for (name, step) in [("my.pid", "create"), ("old.pid", "take over the stale")] {
        let actor = Actor::start(unshare(
            &bed,
            MOUNT,
            &format!("{prepare}; exec \"$0\" hold \"$1/{name}\""),
        ));
        let line = actor.line();
        let expected = format!(
            "error: cannot {step} pid file `{}`: Read-only file system",
            bed.path(name).display()
        );
        assert!(line.starts_with(&expected), "{line:?}");
    }
}

/// Case: PID-20
#[test]
fn a_full_file_system_is_a_typed_error_and_nothing_is_left() {
    let prepare = "mount -t tmpfs -o size=4k none \"$1\"; echo full > \"$1/file\"";
    if !can(MOUNT, prepare) {
        return skip("no mount namespace");
    }
    let bed = Bed::new();
    let script = format!("{prepare}; \"$0\" hold \"$1/my.pid\" || ls -A \"$1\"");
    let actor = Actor::start(unshare(&bed, MOUNT, &script));
    let line = actor.line();
    let expected = format!(
        "error: cannot write pid file `{}`: No space left on device",
        bed.pid_file().display()
    );
    assert!(line.starts_with(&expected), "{line:?}");
    actor.expect("file");
    actor.expect("");
}

/// Without /proc a file can be made and held, and the kernel names its holder. If the holder has lost
/// that proof, it cannot be verified.
///
/// Case: FLT-C3
#[test]
fn without_proc_a_start_works_and_nobody_unproved_is_signalled() {
    let prepare = "mount -t tmpfs none /proc";
    if !can(MOUNT, prepare) {
        return skip("no mount namespace");
    }
    let bed = Bed::new();
    let act = |verb| format!("{prepare}; exec \"$0\" {verb} \"$1/my.pid\"");
    let actor = Actor::start(unshare(&bed, MOUNT, &act("hold")));
    actor.expect(&format!("held {}", actor.pid()));
    let asking = Actor::start(unshare(&bed, MOUNT, &act("holder")));
    asking.expect(&format!("Some({})", actor.pid()));
    drop(actor);

    let mut actor = Actor::start(unshare(&bed, MOUNT, &act("hold-unproved")));
    actor.expect(&format!("held {}", actor.pid()));
    assert_eq!(bed.names(), ["my.pid"]);
    let asking = Actor::start(unshare(&bed, MOUNT, &act("holder")));
    asking.expect(&format!(
        "error: cannot verify who holds pid file `{}`: /proc does not show what process {} has locked",
        bed.pid_file().display(),
        actor.pid()
    ));
    actor.tell("release");
    actor.expect("released");
    assert_eq!(bed.names(), [""; 0]);
}

/// On bindfs no file can be made without a name, a hard link is another file, and no rename spares what
/// is there. Its program ends with the namespace, of which our script is number 1.
///
/// Case: FLT-C8
#[test]
fn where_a_link_is_another_file_a_start_works_all_the_same() {
    let mount = "mkdir \"$1/there\" \"$1/here\"; bindfs \"$1/there\" \"$1/here\"";
    if !can(PID, mount) {
        return skip("no bindfs, or no namespaces to mount it in");
    }
    for verb in ["hold", "hold-with-hold"] {
        let bed = Bed::new();
        // bindfs keeps what is removed while it is open for a moment, by another name.
        let names = || -> Vec<String> {
            let entries = fs::read_dir(bed.path("there")).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| !name.starts_with(".fuse_hidden")).collect()
        };
        let script =
            format!("{mount}; cd \"$1/here\"; echo 4194304 > my.pid; \"$0\" {verb} my.pid");
        let mut actor = Actor::start(unshare(&bed, PID, &script));
        let line = actor.line();
        let pid = line.strip_prefix("held ").expect(&line).to_owned();
        assert_eq!(fs::read_to_string(bed.path("there/my.pid")).unwrap(), format!("{pid}\n"));
        assert_eq!(names(), ["my.pid"]);
        actor.tell("release");
        actor.expect("released");
        assert_eq!(names(), [""; 0]);
    }
    // And there are never two.
    let bed = Bed::new();
    let both = format!(
        "{mount}; \"$0\" cycle \"$1/here/my.pid\" \"$1/witness\" & \"$0\" cycle \"$1/here/my.pid\" \"$1/witness\""
    );
    let actors = Actor::start(unshare(&bed, PID, &both));
    for round in 0..300 {
        assert_eq!(actors.line(), "round", "in round {round}");
    }
}

const PID: &[&str] = &["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// The number is one of the holder's namespace. In ours it is another process, or none.
///
/// Case: SEC-04
#[test]
fn a_number_from_another_pid_namespace_is_never_believed() {
    if !can(PID, "true") {
        return skip("no pid namespace");
    }
    let bed = Bed::new();
    // The holder's number in its namespace is 1, and number 1 here is another process.
    let inside = Actor::start(unshare(&bed, PID, "exec \"$0\" hold \"$1/my.pid\""));
    inside.expect("held 1");
    // The kernel tells the number that it has here, whatever stands in the file.
    let found = holder(bed.pid_file()).unwrap().unwrap();
    assert_ne!(found.pid(), 1);
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(found.pid()) });
    drop(inside);
    assert!(found.wait(Some(LIMIT)).unwrap(), "the process that was found is the one that held it");
}

/// A guardian in a container is killed, and what it has started goes on: nobody may start beside it,
/// within or without.
///
/// Case: FLT-D5
#[test]
fn a_hold_from_another_pid_namespace_is_seen() {
    if !can(PID, "true") {
        return skip("no pid namespace");
    }
    for namespace in [PID, &PID[..PID.len() - 1]] {
        let bed = Bed::new();
        // The holder is not the first process of its namespace, whose end would take the others with it.
        let script = "\"$0\" hold-and-leave \"$1/my.pid\"; echo left; read -r _";
        let inside = Actor::start(unshare(&bed, namespace, script));
        inside.expect("left");
        // The process that it has started lets go of the holder's own descriptor a moment after its exec
        // is seen (vfork(2)).
        let began = Instant::now();
        let seen = loop {
            let seen = probe(bed.pid_file()).unwrap();
            if !matches!(seen, Probe::Held { .. }) || began.elapsed() > LIMIT {
                break seen;
            }
        };
        assert!(matches!(seen, Probe::Orphaned { .. }), "{namespace:?}: {seen:?}");
        let error = PidFile::acquire(bed.pid_file()).unwrap_err();
        assert!(matches!(error, Error::Orphaned { .. }), "{error:?}");
    }
}

/// With a /proc that belongs to another namespace, nothing it says is about the number we mean.
///
/// Case: SEC-04
#[test]
fn a_proc_of_another_pid_namespace_is_not_believed() {
    let foreign_proc = &PID[..PID.len() - 1];
    if !can(foreign_proc, "true") {
        return skip("no pid namespace");
    }
    let bed = Bed::new();
    let script = "exec \"$0\" holder-of-mine \"$1/my.pid\"";
    let inside = Actor::start(unshare(&bed, foreign_proc, script));
    let first = inside.line();
    assert!(first.starts_with("held "), "{first:?}");
    let doubt = inside.line();
    assert!(doubt.contains("/proc does not show"), "{doubt:?}");

    // Nor does it tell us who is left.
    for (options, left) in [(foreign_proc, "[]"), (PID, "[1]")] {
        let bed = Bed::new();
        let inside = Actor::start(unshare(&bed, options, "exec \"$0\" orphan \"$1/my.pid\""));
        inside.expect(&format!("Orphaned {{ number: Some(1), left: {left} }}"));
    }
}

/// Numbers come round; a pid file and a handle from before mean the old process all the same.
///
/// Cases: PID-04, SEC-04
#[test]
fn a_number_that_was_used_again_is_not_signalled() {
    let few = "echo 340 > /proc/sys/kernel/pid_max";
    let before = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    if !has_pid_max_of_its_own() || !can(PID, few) {
        return skip("no pid namespace with a pid_max of its own (Linux 6.14)");
    }
    let bed = Bed::new();
    let inside =
        Actor::start(unshare(&bed, PID, &format!("{few}; \"$0\" recycle \"$1/my.pid\"; true")));
    for line in
        ["probe true", "holder None", "signal true", "acquired true", "bystander alive true"]
    {
        inside.expect(line);
    }
    assert_eq!(fs::read_to_string("/proc/sys/kernel/pid_max").unwrap(), before);
}

/// Before Linux 6.14 the limit is the whole machine's, and not ours to touch.
fn has_pid_max_of_its_own() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(14))
}
