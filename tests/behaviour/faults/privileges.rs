//! Who may make a child of this program, and what a child may make its parent do (kind B).

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use bed::{Output, TestBed};
use libtest_mimic::Trial;

use crate::{NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![a_program_that_gained_rights_starts_nothing, the_marker_by_hand_is_answered_at_once]
}

fn as_nobody(bed: &TestBed, args: &[&str]) -> Output {
    let mut command = bed.command(bed.fixture());
    command.args(args).uid(NOBODY).gid(NOBODY);
    bed.launch_command(command).finish()
}

/// What it starts would have its rights, and the caller's environment. All ways to start are refused
/// before anything is touched.
///
/// Cases: FLT-B1, SEC-10
fn a_program_that_gained_rights_starts_nothing() {
    if !is_root() {
        eprintln!("skipped: only root can make a program that gains rights");
        return;
    }
    for kind in ["set-user-ID", "set-group-ID", "capabilities"] {
        let mut bed = bed();
        bed.open_to_others();
        let file = bed.options("{stdout_filename: out.txt}");
        let pool = bed.write("pool.yaml", "{workers: [{name: red}]}");
        let mode = match kind {
            "set-user-ID" => 0o4755,
            "set-group-ID" => 0o2755,
            _ => 0o755,
        };
        fs::set_permissions(bed.fixture(), Permissions::from_mode(mode)).unwrap();
        if mode == 0o755 {
            let set = Command::new("setcap").arg("cap_kill+ep").arg(bed.fixture()).status();
            if !set.is_ok_and(|status| status.success()) {
                eprintln!("skipped: a program with capabilities, which setcap(8) makes");
                continue;
            }
        }
        let reason = "this program has gained rights by being executed";
        as_nobody(&bed, &["start", &file]).fails(&[reason]);
        as_nobody(&bed, &["run", &file]).fails(&[reason]);
        as_nobody(&bed, &["workers", pool.to_str().unwrap()]).fails(&[reason]);
        assert!(!bed.path("out.txt").exists());
        bed.nothing_left();
        // Who has no more rights than his own starts it.
        let owner = fs::metadata(bed.fixture()).unwrap().uid();
        assert_eq!(owner, 0);
        bed.run(["start", &file]).success();
        bed.run(["stop", "d.pid"]).success();
        bed.nothing_left();
    }
}

/// With what a terminal, a script and a curious user have for a standard input.
///
/// Case: FLT-B2
fn the_marker_by_hand_is_answered_at_once() {
    for shell in [r#""$@" </dev/null"#, r#": | "$@""#, r#""$@" <&-"#, r#"exec "$@""#] {
        let bed = bed();
        let mut command = bed.command("sh");
        command.args(["-c", shell, "sh"]).arg(bed.fixture());
        command.args(["--proc-spawn-child=0123456789abcdef", "executor", "relayed"]);
        let output = bed.launch_command(command).finish();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(output.stderr.contains("is for processes that this program starts itself"));
        bed.nothing_left();
    }
}
