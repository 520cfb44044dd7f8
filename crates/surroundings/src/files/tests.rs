//! What is one file, and what may share one.

use std::os::unix::fs::symlink;

use rustix::fs::{FileType, Mode};

use super::*;

fn tell(problems: &mut Problems, owner: Owner, problem: Problem) {
    let mut own = Problems::new();
    own.push(problem);
    match owner {
        Owner::Worker(index) => problems.add_part(&format!("workers[{index}]"), own),
        Owner::Options | Owner::Above => own.iter().for_each(|own| problems.push(own.clone())),
    }
}

/// What is told of a pid file, and of another file.
fn told(pid_file: &Path, purpose: Purpose, path: &Path) -> String {
    let mut files = Files::default();
    files.note(Owner::Worker(0), "pid_filename", Purpose::PidFile, pid_file);
    files.note(Owner::Options, "file", purpose, path);
    let mut problems = Problems::new();
    files.check(|owner, problem| tell(&mut problems, owner, problem));
    problems.to_string()
}

/// Case: FLT-A6
#[test]
fn paths_are_compared_by_what_they_lead_to() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    symlink("sub", at("linked")).unwrap();
    fs::write(at("sub/there.pid"), "").unwrap();
    fs::hard_link(at("sub/there.pid"), at("second-name")).unwrap();
    symlink("sub/there.pid", at("link")).unwrap();
    symlink("sub/new.pid", at("dangling")).unwrap();
    symlink("dangling", at("dangling-too")).unwrap();
    for (pid_file, other) in [
        ("sub/there.pid", "sub/there.pid"),
        ("sub/there.pid", "sub/../sub/there.pid"),
        ("sub/there.pid", "sub/./there.pid"),
        ("sub/there.pid", "linked/there.pid"),
        ("sub/there.pid", "linked/../linked/there.pid"),
        ("sub/there.pid", "second-name"),
        ("sub/there.pid", "link"),
        ("sub/new.pid", "sub/../sub/new.pid"),
        ("sub/new.pid", "linked/new.pid"),
        ("sub/new.pid", "dangling"),
        ("linked/new.pid", "dangling-too"),
        ("dangling", "dangling-too"),
    ] {
        let text = told(&at(pid_file), Purpose::Output, &at(other));
        assert!(
            text.starts_with("file `") && text.contains("the pid file of workers[0]"),
            "{text}"
        );
        let leads = format!("leads to `{}`, which is", at(pid_file).display());
        assert_eq!(text.contains(&leads), at(pid_file) != at(other), "{text}");
    }
    for (pid_file, other) in [
        ("sub/there.pid", "sub/new.pid"),
        ("sub/there.pid", "there.pid"),
        ("sub/new.pid", "new.pid"),
        ("other.pid", "dangling"),
        // Folders that are not there are a problem of their own.
        ("missing/x", "missing/../missing/x"),
    ] {
        assert_eq!(told(&at(pid_file), Purpose::Output, &at(other)), "", "{pid_file} {other}");
    }
}

/// What cannot be looked at is known by its path, however that is written.
#[test]
fn a_path_that_is_only_itself_is_one_in_each_spelling() {
    for (pid_file, other) in [
        ("/dev/shm/is-not-there.pid", "/dev/shm//is-not-there.pid"),
        ("/dev/shm/is-not-there.pid", "/dev/shm/./is-not-there.pid"),
        ("/is-not-there/a.pid", "/is-not-there//a.pid"),
    ] {
        let text = told(Path::new(pid_file), Purpose::Output, Path::new(other));
        assert!(text.contains("the pid file of workers[0]"), "{other}: {text}");
    }
}

/// What goes with what, and of whom it is told.
///
/// Cases: FLT-A6, FLT-H13
#[test]
fn only_what_is_appended_to_is_shared() {
    use Purpose::*;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for one in PURPOSES {
        for other in PURPOSES {
            let mut files = Files::default();
            files.note(Owner::Worker(0), "one", one, &path);
            files.note(Owner::Worker(1), "other", other, &path);
            let mut problems = Problems::new();
            files.check(|owner, problem| tell(&mut problems, owner, problem));
            let shared = matches!(
                (one, other),
                (Output | Log, Output | Log)
                    | (Log | RotatedLog, Log | RotatedLog)
                    | (Capture, Capture)
            );
            let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            let later =
                if one as u8 <= other as u8 { "workers[1].other" } else { "workers[0].one" };
            let expected = if shared { vec![] } else { vec![later] };
            assert_eq!(fields, expected, "{one:?} {other:?}: {problems}");
        }
    }
}

/// A stream does not go with a log that never goes: it was refused, or not, as the caller's own stream led to a file
/// or to a pipe.
#[test]
fn what_is_never_put_aside_may_be_a_stream_too() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .unwrap();
    for path in [Path::new("/dev/stderr"), Path::new("/proc/self/fd/2"), &fifo] {
        let mut files = Files::default();
        files.note(Owner::Options, "stderr_filename", Purpose::Output, path);
        files.note(Owner::Options, "logging_config", Purpose::RotatedLog, path);
        let mut problems = Problems::new();
        files.check(|owner, problem| tell(&mut problems, owner, problem));
        assert_eq!(problems.to_string(), "", "{}", path.display());
    }
}

#[test]
fn what_each_opener_sees_otherwise_is_not_compared() {
    let mut files = Files::default();
    files.note_capture(Owner::Worker(0), &Capture::file("/dev/stdout"));
    files.note(Owner::Worker(1), "stdout_filename", Purpose::Output, Path::new("/proc/self/fd/1"));
    let mut problems = Problems::new();
    files.check(|owner, problem| tell(&mut problems, owner, problem));
    assert_eq!(problems.to_string(), "");
}

#[test]
fn captures_that_share_a_file_by_two_paths_must_be_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (
        folder.path().join("x"),
        folder.path().join("./../").join(folder.path().file_name().unwrap()).join("x"),
    );
    let mut files = Files::default();
    files.note_capture(Owner::Worker(0), &Capture::file(&one).keep(1));
    files.note_capture(Owner::Worker(1), &Capture::file(&other).keep(2));
    let mut problems = Problems::new();
    files.check(|owner, problem| tell(&mut problems, owner, problem));
    let expected = format!(
        "leads to `{}`, which is that of workers[0] too, with another rotation; make them \
         alike, or give another file",
        one.display()
    );
    let found: Vec<_> = problems.iter().map(|problem| problem.reason.clone()).collect();
    assert_eq!(found, [expected]);
}

#[test]
fn paths_that_cannot_be_files_are_refused() {
    let texts = |path: &Path| {
        let mut problems = Problems::new();
        Files::default().check_file(&mut problems, "pid_filename", path);
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    let cases = [
        (Path::new(""), "empty"),
        (Path::new("/"), "names a folder"),
        (Path::new("a/.."), "names a folder"),
        (folder.path(), "is a folder"),
        (&at("missing/x.pid"), "does not exist"),
        (&at("file/x.pid"), "is not a folder"),
        (&at("nul\0"), "NUL"),
    ];
    for (path, part) in cases {
        let found = texts(path);
        assert!(found.len() == 1 && found[0].contains(part), "{path:?}: {found:?}");
        assert!(found[0].starts_with("pid_filename `"), "{found:?}");
    }
    assert_eq!(texts(&at("new.pid")), [""; 0]);
}
