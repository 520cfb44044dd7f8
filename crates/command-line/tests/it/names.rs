//! Several daemons in a file.

use libtest_mimic::Trial;

use crate::bed::Bed;

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        daemons_are_taken_by_their_names,
        one_that_fails_does_not_keep_the_others,
        what_cannot_be_told_is_done_nevertheless,
        a_daemon_called_all_is_refused,
        a_file_of_no_daemons_is_refused,
        two_daemons_with_one_pid_file_are_refused,
    ]
}

fn two() -> Bed {
    let bed = Bed::new();
    bed.write(
        "daemons.yaml",
        "
web: { pid_filename: web.pid, daemon_entry: 'it::bed:rounds' }
mail: { pid_filename: mail.pid, daemon_entry: 'it::bed:rounds' }
",
    );
    bed
}

fn daemons_are_taken_by_their_names() {
    let bed = two();
    assert_eq!(bed.several("start").code, 2, "nobody was named");
    for words in ["events", "run"] {
        let text = "name the one that is meant; there are web, mail\n";
        let refused = bed.several(words);
        assert!(refused.code == 2 && refused.stderr.ends_with(text), "{refused:?}");
        let refused = bed.several(&format!("{words} all"));
        let text = "one at a time; there are web, mail\n";
        assert!(refused.code == 2 && refused.stderr.ends_with(text), "{refused:?}");
    }
    let refused = bed.several("logs executor");
    let text = "each daemon has its `executor`; did you mean web/executor or mail/executor?\n";
    assert!(refused.code == 2 && refused.stderr.ends_with(text), "{refused:?}");
    assert_eq!(bed.several("start web").code, 0);
    let shown = bed.several("status");
    assert_eq!(shown.code, 3, "of several the worst counts");
    assert!(shown.stdout.ends_with("mail: not running\n"), "{shown:?}");
    assert_eq!(bed.several("status web").code, 0);
    assert_eq!(bed.several("start all").code, 0);
    assert_eq!(bed.several("status").code, 0);
    let names: Vec<String> = bed
        .several("list")
        .stdout
        .lines()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["NAME", "web", "mail"], "in the order of the file");
    assert_eq!(bed.several("stop mail web mail").stdout.lines().count(), 2);
}

/// Case: CC-61
fn one_that_fails_does_not_keep_the_others() {
    let bed = two();
    bed.write("web.pid", "no pid file\n");
    let started = bed.several("start all");
    assert_eq!(started.code, 1);
    assert!(started.stderr.starts_with("web: "), "{started:?}");
    assert!(started.stdout.starts_with("mail: running"), "{started:?}");
    let stopped = bed.several("stop all");
    assert_eq!(stopped.code, 1);
    assert!(stopped.stderr.starts_with("web: the daemon cannot be stopped"), "{stopped:?}");
    assert!(stopped.stdout.starts_with("mail: stopped, pid was"), "{stopped:?}");
    let listed = bed.several("list");
    assert!(listed.stdout.contains("\nweb   unknown") && listed.stdout.contains("\nmail  stopped"));
    std::fs::remove_file(bed.path("web.pid")).unwrap();
}

/// Cases: CC-52, CC-61
fn what_cannot_be_told_is_done_nevertheless() {
    let bed = two();
    assert_eq!(bed.several("start all").code, 0);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let stopped = bed.command("several", "stop all").stdout(full).output().unwrap();
    assert_eq!(stopped.status.code(), Some(1));
    assert_eq!(bed.several("status").stdout, "web: not running\nmail: not running\n");
}

/// Case: CC-63
fn a_daemon_called_all_is_refused() {
    let bed = Bed::new();
    bed.write("daemons.yaml", "all: { pid_filename: a.pid, daemon_entry: 'it::bed:rounds' }");
    let refused = bed.several("start all");
    assert_eq!(refused.code, 6);
    assert!(refused.stderr.contains("a daemon called `all`"), "{refused:?}");
    assert!(!bed.path("a.pid").exists());
}

fn a_file_of_no_daemons_is_refused() {
    let bed = Bed::new();
    bed.write("daemons.yaml", "");
    let refused = bed.several("list");
    assert_eq!((refused.code, refused.stdout.as_str()), (6, ""), "{refused:?}");
    assert!(refused.stderr.contains("`daemons.yaml`"), "{refused:?}");
    assert_eq!(bed.several("status").code, 4);
}

/// Case: CC-63
fn two_daemons_with_one_pid_file_are_refused() {
    let bed = Bed::new();
    let daemon = |name, file| {
        format!("{name}: {{ pid_filename: {file}, daemon_entry: 'it::bed:rounds' }}\n")
    };
    bed.write("daemons.yaml", &format!("{}{}", daemon("a", "x.pid"), daemon("b", "./x.pid")));
    let refused = bed.several("start all");
    assert_eq!((refused.code, refused.stdout.as_str()), (6, ""));
    let text = "pid_filename `./x.pid` is that of `a` and of `b`; give each daemon its own\n";
    assert!(refused.stderr.ends_with(text), "{refused:?}");
}
