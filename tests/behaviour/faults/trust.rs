//! Who is trusted on the way to a file (kind A): users who lay out links and files for root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use bed::TestBed;
use libtest_mimic::Trial;

use crate::{AT_ONCE, NOBODY, bed, is_root, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![
        output_of_root_in_a_users_folder_is_led_nowhere,
        output_is_led_nowhere_between_two_runs,
        a_link_on_the_way_is_refused_for_output_and_status,
        output_that_is_said_to_belong_to_a_user_goes_where_he_wants_it,
        captured_output_in_a_users_folder_is_led_nowhere,
        the_error_of_a_launch_tells_what_was_opened_and_nothing_else,
        the_status_file_replaces_a_link_and_leaves_what_it_led_to,
        the_status_file_is_private_where_it_carries_output,
        roots_links_are_followed_where_root_is_not_mapped,
    ]
}

/// A folder of an ordinary user, `U`, beside a file that is dear to root.
fn users_folder(bed: &TestBed) -> Option<(PathBuf, PathBuf)> {
    if !is_root() {
        eprintln!("skipped: only root can give a folder away");
        return None;
    }
    let dear = bed.write("dear", "dear\n");
    let folder = bed.path("U");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    lchown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    Some((folder, dear))
}

/// What the user does: his link in the place of whatever is there. At no time is it there while it still belongs to
/// root, who makes it for him: root's links are followed.
fn exchange(path: &Path, leads_to: &Path) {
    let made = path.with_extension("link");
    symlink(leads_to, &made).unwrap();
    lchown(&made, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::rename(&made, path).unwrap();
}

fn owner_and_mode(path: &Path) -> (u32, u32) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.uid(), metadata.mode() & 0o777)
}

/// Case: FLT-A1
fn output_of_root_in_a_users_folder_is_led_nowhere() {
    let bed = bed();
    let Some((folder, dear)) = users_folder(&bed) else { return };
    let before = owner_and_mode(&dear);
    let options = "{stdout_filename: U/out.txt, daemon_args: [print: hello, rounds]}";
    bed.start(options).stop();
    assert_eq!(bed.read("U/out.txt"), "hello\n");
    // In his folder, but root's: it goes on.
    bed.start(options).stop();
    assert_eq!(bed.read("U/out.txt"), "hello\nhello\n");

    let file = bed.options(options);
    for leads_to in [&dear, &bed.path("new")] {
        exchange(&folder.join("out.txt"), leads_to);
        bed.run(["start", &file]).fails(&[
            "stdout_filename",
            "the link",
            "belongs to user 65534",
            "or set `trust_folder_owner` if the folder's owner may decide",
        ]);
    }
    fs::remove_file(folder.join("out.txt")).unwrap();
    fs::hard_link(&dear, folder.join("out.txt")).unwrap();
    bed.run(["start", &file]).fails(&["stdout_filename", "has 2 names"]);
    fs::remove_file(folder.join("out.txt")).unwrap();
    bed.write("U/out.txt", "his\n");
    lchown(folder.join("out.txt"), Some(NOBODY), None).unwrap();
    bed.run(["start", &file]).fails(&["stdout_filename", "belongs to user 65534"]);

    assert_eq!(bed.read("dear"), "dear\n");
    assert_eq!(bed.read("U/out.txt"), "his\n");
    assert_eq!(owner_and_mode(&dear), before);
    assert!(!bed.path("new").exists());
    bed.nothing_left();
}

/// Each run opens its output anew.
///
/// Case: FLT-A1
fn output_is_led_nowhere_between_two_runs() {
    let bed = bed();
    let Some((folder, dear)) = users_folder(&bed) else { return };
    bed.gate("gate");
    let daemon = bed.start(&format!(
        "{{{AT_ONCE}, stdout_filename: U/out.txt, logging_config: {{file: d.log}}, daemon_args: \
         [print: hello, in_run: [1, {{gate: gate}}], in_run: [1, {{exit: 3}}], rounds]}}"
    ));
    bed.expect("executor is at the gate gate, run 1");
    exchange(&folder.join("out.txt"), &dear);
    bed.open_gate("gate");
    // It is tried again, and works when the link has gone.
    bed.expect_in_file("d.log", "belongs to user 65534");
    assert_eq!(bed.read("dear"), "dear\n");
    fs::remove_file(folder.join("out.txt")).unwrap();
    bed.expect_in_file("U/out.txt", "hello\n");
    assert_eq!(owner_and_mode(&folder.join("out.txt")), (0, 0o644));
    daemon.stop();
    assert_eq!(bed.read("dear"), "dear\n");
    bed.nothing_left();
}

/// Case: FLT-A2
fn a_link_on_the_way_is_refused_for_output_and_status() {
    let bed = bed();
    let Some((folder, _)) = users_folder(&bed) else { return };
    fs::create_dir(bed.path("roots")).unwrap();
    for (name, mode) in [("group", 0o775), ("sticky", 0o1777)] {
        fs::create_dir(bed.path(name)).unwrap();
        fs::set_permissions(bed.path(name), Permissions::from_mode(mode)).unwrap();
    }
    for folder in [folder, bed.path("group"), bed.path("sticky")] {
        exchange(&folder.join("sub"), &bed.path("roots"));
        let sub = folder.join("sub").display().to_string();
        for field in ["stdout_filename", "stderr_filename"] {
            let file = bed.options(&format!("{{{field}: {sub}/out.txt}}"));
            bed.run(["start", &file]).fails(&[field, &sub, "belongs to user 65534"]);
        }
        bed.write(
            "w.yaml",
            format!("{{debug_filename: {sub}/status.json, workers: [{{name: red}}]}}"),
        );
        bed.run(["workers", "w.yaml"]).fails(&["debug_filename", &sub, "belongs to user 65534"]);
    }
    assert_eq!(fs::read_dir(bed.path("roots")).unwrap().count(), 0);
}

/// Case: FLT-A1
fn output_that_is_said_to_belong_to_a_user_goes_where_he_wants_it() {
    let bed = bed();
    let Some((folder, dear)) = users_folder(&bed) else { return };
    exchange(&folder.join("out.txt"), &dear);
    bed.start(
        "{stdout_filename: U/out.txt, trust_folder_owner: true, daemon_args: [print: hello, rounds]}",
    )
    .stop();
    assert_eq!(bed.read("dear"), "dear\nhello\n");
}

/// Case: FLT-A1
fn captured_output_in_a_users_folder_is_led_nowhere() {
    let bed = bed();
    let Some((folder, dear)) = users_folder(&bed) else { return };
    let before = owner_and_mode(&dear);
    let file = folder.join("red.txt");
    for gate in ["first", "second"] {
        bed.gate(gate);
    }
    let daemon = bed.start(
        "{logging_config: {file: d.log}, daemon_args: [{workers: {workers: [{name: red, capture: \
         {file: U/red.txt, prefix: '{name}| ', rotation: size, max_size: 100}, args: [print: one, \
         gate: first, print: two, gate: second, print: three, rounds]}]}}]}",
    );
    bed.expect_in_file("U/red.txt", "red| one\n");
    exchange(&file, &dear);
    bed.open_gate("first");
    bed.expect_in_file("d.log", "belongs to user 65534");
    fs::remove_file(&file).unwrap();
    bed.open_gate("second");
    bed.expect_in_file("U/red.txt", "red| three\n");
    daemon.stop();
    assert_eq!(owner_and_mode(&file), (0, 0o644));
    assert_eq!((bed.read("dear").as_str(), owner_and_mode(&dear)), ("dear\n", before));

    // And from the beginning.
    for leads_to in [&dear, &bed.path("new")] {
        exchange(&file, leads_to);
        let options = bed.options("{capture: {file: U/red.txt}, daemon_args: [print: hello]}");
        bed.run(["start", &options]).fails(&["U/red.txt", "belongs to user 65534"]);
    }
    assert_eq!((bed.read("dear").as_str(), owner_and_mode(&dear)), ("dear\n", before));
    assert!(!bed.path("new").exists());
    bed.start(
        "{capture: {file: U/red.txt, prefix: '', trust_folder_owner: true}, daemon_args: \
         [print: hello, rounds]}",
    )
    .stop();
    assert_eq!(bed.read("new"), "hello\n");
    bed.nothing_left();
}

/// Case: FLT-A4
fn the_error_of_a_launch_tells_what_was_opened_and_nothing_else() {
    for there_before in [true, false] {
        let bed = bed();
        let Some((folder, _)) = users_folder(&bed) else { return };
        let secret = bed.write("secret", "a secret of root's\n".repeat(10));
        if there_before {
            bed.write("U/err.txt", "of yesterday\n");
        }
        bed.gate("gate");
        bed.write("before-executor", "[eprint: no such table, gate: gate, exit: 3]");
        let start = bed.launch(["start", &bed.options("{stderr_filename: U/err.txt}")]);
        bed.expect("caller is at the gate gate");
        exchange(&folder.join("err.txt"), &secret);
        bed.open_gate("gate");
        let text = start.finish().fails(&["exited with code 3", "no such table"]).stderr;
        assert!(!text.contains("a secret") && !text.contains("of yesterday"), "{text}");
        assert!(!bed.read("secret").contains("no such table"));
        bed.nothing_left();
    }
}

/// Cases: FLT-A1, FLT-A7
fn the_status_file_replaces_a_link_and_leaves_what_it_led_to() {
    let bed = bed();
    let Some((folder, dear)) = users_folder(&bed) else { return };
    let status = folder.join("status.json");
    exchange(&status, &dear);
    exchange(&folder.join(".status.json.new"), &dear);
    let daemon = bed.start(
        "{umask: 0, daemon_args: [{workers: {debug_filename: U/status.json, workers: [\
         {name: red, args: [say: works, rounds]}]}}]}",
    );
    bed.expect_in_file("U/status.json", "\"running\"");
    assert!(fs::symlink_metadata(&status).unwrap().is_file());
    assert_eq!(owner_and_mode(&status), (0, 0o644));
    daemon.stop();
    assert_eq!(bed.read("dear"), "dear\n");
    bed.nothing_left();
}

/// Case: FLT-A7
fn the_status_file_is_private_where_it_carries_output() {
    let bed = bed();
    for (lines, mode) in [(20, 0o600), (0, 0o644)] {
        let daemon = bed.start(&format!(
            "{{umask: 0, daemon_args: [{{workers: {{debug_filename: status.json, workers: [\
             {{name: red, capture: {{file: red.txt, last_lines: {lines}}}, args: [rounds]}}]}}}}]}}"
        ));
        bed.expect_in_file("status.json", "\"running\"");
        assert_eq!(owner_and_mode(&bed.path("status.json")).1, mode);
        daemon.stop();
        fs::remove_file(bed.path("status.json")).unwrap();
    }
    bed.nothing_left();
}

/// As root of a user namespace: what is root's outside belongs to the overflow user.
///
/// Case: FLT-A8
fn roots_links_are_followed_where_root_is_not_mapped() {
    if !is_root() {
        eprintln!("skipped: only root can have folders of two users");
        return;
    }
    let mut bed = bed();
    bed.open_to_others();
    fs::create_dir(bed.path("real")).unwrap();
    lchown(bed.path("real"), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::create_dir(bed.path("of-root")).unwrap();
    symlink("../real", bed.path("of-root/link")).unwrap();
    let file = bed.options(
        "{pid_filename: real/d.pid, stdout_filename: of-root/link/out.txt, daemon_args: \
         [print: hello, rounds]}",
    );
    let inside = |script: &str| {
        let mut command = bed.command("unshare");
        command.args(["--user", "--map-root-user", "--", "sh", "-ec", script]).arg(bed.fixture());
        bed.launch_command({
            command.uid(NOBODY).gid(NOBODY);
            command
        })
        .finish()
    };
    if !inside("true").status.success() {
        eprintln!("skipped: no user namespaces for ordinary users here");
        return;
    }
    inside(&format!("\"$0\" start {file}; \"$0\" stop real/d.pid")).success();
    assert_eq!(bed.read("real/out.txt"), "hello\n");
    bed.wait_nobody_left();
}
