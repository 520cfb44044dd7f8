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
    expect("it keeps both", || bed.one("completions names start web").stdout == "web-1\nweb-2\n");
    bed
}

/// Case: CC-59
fn names_are_those_that_fit() {
    let bed = crew();
    let names = |words: &str| bed.one(&format!("completions names {words}"));
    names("stop jobd/web-2").says(0, "jobd/web-2\n");
    names("stop --json web-1 w").says(0, "web-2\n");
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
    bed.one("completions names stop w").says(0, "web-1\nweb-2\n");
    bed.one("stop");
    bed.one("completions names start w").says(0, "");
    bed.one("completions names start j").says(0, "jobd\n");
    bed.write("jobd.yaml", "nonsense");
    bed.one("completions names start j").says(0, "");
}

/// What a shell completes, with this script of its own behind that of the program. `None`: it is not installed here.
fn completed(bed: &Bed, shell: &str, arguments: &[&str], typed: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|folder| folder.join(shell).is_file()) {
        let _ = writeln!(std::io::stderr(), "skipped: {shell} is not installed");
        return None;
    }
    let script = bed.one(&format!("completions {shell}")).stdout;
    bed.write("script", &format!("{script}\n{typed}"));
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().map(PathBuf::from);
    let path = std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)));
    let output = Command::new(shell)
        .args(arguments)
        .arg(bed.path("script"))
        .current_dir(bed.path(""))
        .envs([("PATH", path.unwrap()), (PROGRAM, "one".into()), ("HOME", bed.path("").into())])
        .stdin(Stdio::null())
        .output();
    let ended = Ended::of(output.unwrap());
    assert_eq!(ended.stderr, "", "{ended:?}");
    Some(ended.stdout)
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
    let Some(told) = completed(&bed, "bash", &["--norc"], &typed) else { return };
    let expected = "web-1 web-2\njobd web-2\n--json\nstatus\nready stopped\n\n";
    // What is hidden is not offered, and no files where names are wanted.
    let others = "SIGHUP\n\nstart status\nrestart reopen\n\njobd\n\n\
         +o bashdefault +o default\n\njobd.yaml\n";
    assert_eq!(told, expected.to_owned() + others);
    assert!(!bed.path("ran").exists(), "what is typed is not run");
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
    let Some(told) = completed(&bed, "zsh", &arguments, &typed) else { return };
    assert_eq!(told, "web-1 web-2\njobd web-2\nwithout names\nwithout names\n");
}

/// Case: CC-59
fn fish_completes_names() {
    let bed = crew();
    let program = program();
    let lines = ["start web", "stop web-1 ", "list ", "restart --js"];
    let line =
        |words: &str| format!("complete -C '{program} {words}' | string replace -r '\\t.*' ''\n");
    let typed: String = lines.iter().map(|words| line(words)).collect();
    let Some(told) = completed(&bed, "fish", &["--no-config"], &typed) else { return };
    assert_eq!(told, "web-1\nweb-2\njobd\nweb-2\njobd\n--json\n");
}
