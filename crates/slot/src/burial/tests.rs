//! How long what a run has left is waited for, and who is taken for it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use exit::Exit;
use lifecycle::Event;
use policy::Policy;

use super::*;

struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Such a process was waited for as if it were what the run has left, for ten seconds.
///
/// Case: FLT-F1
#[test]
fn whoever_has_got_the_number_of_a_group_is_not_taken_for_it() {
    let other = Command::new("sleep").arg("777").process_group(0).spawn().unwrap();
    let mut other = Other(other);
    let group = i32::try_from(other.0.id()).ok().and_then(Pid::from_raw);
    let now = Instant::now();
    let mut burial = Burial::held(now);
    burial.reaped(RunEnd::Exited(Exit::Code(3)), group, None, false);
    let machine = Machine::new(Policy::default(), 0);
    assert_eq!(burial.go_on(&machine, now), Some(RunEnd::Exited(Exit::Code(3))));
    assert_eq!(other.0.try_wait().unwrap(), None);
}

/// What cannot be killed held up a stop for ten seconds, whatever its grace.
///
/// Case: FLT-F1
#[test]
fn what_does_not_go_is_waited_for_until_others_expect_the_end() {
    let script = "sleep 777 & exec sleep 778";
    let leader = Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
    let mut leader = Other(leader);
    let group = i32::try_from(leader.0.id()).ok().and_then(Pid::from_raw).unwrap();
    struct Group(Pid);
    impl Drop for Group {
        fn drop(&mut self) {
            let _ = kill_process_group(self.0, Signal::KILL);
        }
    }
    let _group = Group(group);
    let began = Instant::now();
    while tree::children_of(leader.0.id()).unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "it starts nobody");
    }
    leader.0.kill().unwrap();
    leader.0.wait().unwrap();
    let now = Instant::now();
    let after = |ms| now + Duration::from_millis(ms);
    let end = || RunEnd::Exited(Exit::Code(3));
    let burial = || {
        let mut burial = Burial::held(now);
        burial.reaped(end(), Some(group), None, false);
        burial
    };
    let grace = |ms| {
        let mut machine = Machine::new(Policy::default(), 0);
        for event in [Event::Start, Event::Ready, Event::Died] {
            machine.step(event, now);
        }
        if let Some(ms) = ms {
            machine.step(Event::Quit { within: Some(Duration::from_millis(ms)) }, now);
        }
        machine
    };
    // Nothing was promised; a grace; one so short that what is dying needs more.
    for (machine, over) in
        [(grace(None), 10_000), (grace(Some(1_500)), 1_500), (grace(Some(5)), 1_000)]
    {
        let mut burial = burial();
        assert_eq!(burial.go_on(&machine, after(over - 1)), None);
        assert_eq!(burial.look_at(&machine), after(over));
        assert_eq!(burial.go_on(&machine, after(over)), Some(end()));
    }
    // The child is asked to stop between two looks, which brings the next one nearer.
    let mut burial = burial();
    assert_eq!(burial.go_on(&grace(None), after(4)), None);
    burial.later(after(1_000));
    burial.later(after(1_000));
    for _ in 0..9 {
        burial.later(after(1_200));
    }
    assert_eq!(burial.look_at(&grace(None)), after(2_200));
    assert_eq!(burial.look_at(&grace(Some(1_500))), after(1_500));
}

/// Such a /proc shows others by our numbers: the parents, children and groups of another namespace.
///
/// Cases: SEC-04, FLT-F1
#[test]
fn what_a_proc_of_another_namespace_shows_means_nobody_of_a_run() {
    const INSIDE: &str = "APPKIT_TEST_FOREIGN_PROC";
    if std::env::var_os(INSIDE).is_some() {
        // Process 1 is a shell here; in /proc it is another one, whose children would be searched.
        assert!(!is_anothers(Pid::INIT), "somebody who is not here has its number");
        assert_eq!(tree::living_groups().unwrap(), None);
        assert!(Search::begin(Some("1.1.1"), None, true).unwrap().is_none());
        return;
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--pid", "--fork", "--kill-child", "--", "sh", "-c"]);
        command
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no such namespaces here");
    }
    let module = module_path!().split_once("::").unwrap().1;
    let name = format!("{module}::what_a_proc_of_another_namespace_shows_means_nobody_of_a_run");
    // The shell stays process 1, above the test, since `exit` comes after it.
    let mut inside = unshare();
    inside.arg("\"$0\" --exact \"$1\"; exit $?").arg(std::env::current_exe().unwrap()).arg(&name);
    let output = inside.env(INSIDE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{name}: {text}");
}
