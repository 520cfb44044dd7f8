//! Names that a shell completes.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::bed::{Bed, Ended, PROGRAM, expect};
use crate::crew::with_crew;

pub(crate) fn trials() -> Vec<Trial> {
    crate::trials![
        names_are_those_that_fit,
        where_something_is_wrong_there_are_no_names,
        bash_completes_names,
        zsh_completes_names,
        fish_completes_names,
    ]
}

/// A daemon with two workers, both of which run.
fn crew() -> Bed {
    let bed = with_crew(0);
    expect_names(&bed, "start web", "web-1\nweb-2\n");
    bed
}

/// A daemon that does not answer at once, as on a machine with much to do, has no names for that moment.
fn expect_names(bed: &Bed, words: &str, names: &str) {
    let words = format!("completions names {words}");
    expect(&words, || {
        let ended = bed.one(&words);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        ended.stdout == names
    });
}

/// Case: CC-59
fn names_are_those_that_fit() {
    let bed = crew();
    let names = |words: &str| bed.one(&format!("completions names {words}"));
    expect_names(&bed, "stop jobd/web-2", "jobd/web-2\n");
    expect_names(&bed, "stop --json web-1 w", "web-2\n");
    names("logs g").says(0, "guardian\n");
    names("events j").says(0, "jobd\n");
    names("reopen j").says(0, "jobd\n");
    names("stop nobody").says(0, "");
    // Where no name can stand a shell may offer files.
    names("wait --timeout w").says(1, "");
    names("").says(1, "");
    let refused = bed.one("completions bash start");
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{refused:?}");
}

/// Case: CC-59
fn where_something_is_wrong_there_are_no_names() {
    let bed = crew();
    let guardian = Pid::from_raw(i32::try_from(bed.pid("jobd.pid")).unwrap()).unwrap();
    kill_process(guardian, Signal::STOP).unwrap();
    bed.one("completions names stop w").says(0, "");
    kill_process(guardian, Signal::CONT).unwrap();
    expect_names(&bed, "stop w", "web-1\nweb-2\n");
    bed.one("stop");
    bed.one("completions names start w").says(0, "");
    bed.one("completions names start j").says(0, "jobd\n");
    bed.write("jobd.yaml", "nonsense");
    bed.one("completions names start j").says(0, "");
}

/// Waits until a shell completes this, with this script of its own behind that of the program. False: it is not
/// installed here.
#[track_caller]
fn completes(bed: &Bed, (shell, arguments): (&str, &[&str]), typed: &str, expected: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join(shell).is_file()) {
        let _ = writeln!(std::io::stderr(), "skipped: {shell} is not installed");
        return false;
    }
    let script = bed.one(&format!("completions {shell}")).stdout;
    bed.write("script", &format!("{script}\n{typed}"));
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().map(PathBuf::from);
    let path = std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)));
    let path = path.unwrap();
    expect(&format!("{shell} completes {expected:?}"), || {
        let mut command = Command::new(shell);
        command.args(arguments).arg(bed.path("script")).current_dir(bed.path(""));
        command.envs([("PATH", path.clone()), (PROGRAM, "one".into())]);
        let output = command.env("HOME", bed.path("")).stdin(Stdio::null()).output();
        let ended = Ended::of(output.unwrap());
        assert_eq!(ended.stderr, "", "{ended:?}");
        ended.stdout == expected
    });
    true
}

/// How the program is called.
fn program() -> String {
    std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

/// Case: CC-59
fn bash_completes_names() {
    let bed = crew();
    let program = program();
    // As bash calls the function of a command whose words these are.
    let typed = format!(
        r#"
completed() {{
    COMP_WORDS=({program} "$@"); COMP_CWORD=$#
    local spec; spec=$(complete -p {program}); spec=${{spec#*-F }}
    "${{spec%% *}}" {program} "${{@: -1}}" "${{@: -2:1}}"
    echo "${{COMPREPLY[*]}}"
}}
completed start web
completed stop web-1 ""
completed restart --js
completed stat
completed wait --until ""
completed start '$(touch ran)'
completed signal SIGHU
completed man relo
completed man sta
completed re
completed completions n
completed events --last = 3 j
completed wait --timeout = we
compopt() {{ echo "$*"; }}
completed start nobody
completed metrics --output jobd.y
"#
    );
    let expected = "web-1 web-2\njobd web-2\n--json\nstatus\nready stopped\n\n";
    // No files are offered where names are wanted.
    let others = "SIGHUP\nreload\nstart status\nrestart reopen reload\n\njobd\n\n\
         +o bashdefault +o default\n\njobd.yaml\n";
    let expected = expected.to_owned() + others;
    if completes(&bed, ("bash", &["--norc"]), &typed, &expected) {
        assert!(!bed.path("ran").exists(), "what is typed is not run");
    }
}

/// Case: CC-59
fn zsh_completes_names() {
    let bed = crew();
    let program = program();
    // Where no line is edited: what would be added is told instead.
    let typed = format!(
        r#"
compadd() {{ shift; print -r -- ${{(P)1}} }}
_{program}_without_names() {{ print -r -- without names }}
completed() {{ words=({program} "$@"); CURRENT=$#words; PREFIX=$words[-1]; _{program} }}
completed start web
completed stop web-1 ""
completed stat
completed start nobody
"#
    );
    let arguments = ["-f", "-c", "compdef() { :; }; autoload() { :; }; source $0"];
    completes(
        &bed,
        ("zsh", &arguments),
        &typed,
        "web-1 web-2\njobd web-2\nwithout names\nwithout names\n",
    );
}

/// Case: CC-59
fn fish_completes_names() {
    let bed = crew();
    let program = program();
    let lines = ["start web", "stop web-1 ", "list ", "restart --js"];
    let line =
        |words: &str| format!("complete -C '{program} {words}' | string replace -r '\\t.*' ''\n");
    let typed: String = lines.iter().map(|words| line(words)).collect();
    completes(
        &bed,
        ("fish", &["--no-config"]),
        &typed,
        "web-1\nweb-2\njobd\nweb-2\njobd\n--json\n",
    );
}
