//! The parts that are data: the form in configuration, the texts of errors.

use std::error::Error as _;
use std::io;
use std::path::Path;

use stdio_redirect::{Error, Fault, Redirect, Stream, Target};

#[test]
fn configuration_says_where_each_stream_goes() {
    let yaml = "stdin: null\nstdout: !file out.txt\nstderr: inherit\nmode: 0o600\n";
    let expected = Redirect::new().stdin(Target::Null).stdout(Target::file("out.txt")).mode(0o600);
    assert_eq!(serde_yaml::from_str::<Redirect>(yaml).unwrap(), expected);

    let json = r#"{"stdin":"null","stdout":{"file":"out.txt"},"stderr":"inherit","mode":384}"#;
    assert_eq!(serde_json::from_str::<Redirect>(json).unwrap(), expected);
    assert_eq!(serde_json::to_string(&expected).unwrap(), json);
}

#[test]
fn what_configuration_leaves_out_is_as_in_new() {
    assert_eq!(serde_json::from_str::<Redirect>("{}").unwrap(), Redirect::new());
    assert_eq!(Redirect::new(), Redirect::default());
    assert_eq!(*Redirect::new().target(Stream::Stderr), Target::Inherit);
    assert_eq!(*Redirect::null().target(Stream::Stderr), Target::Null);
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = serde_yaml::from_str::<Redirect>("stdin: null\nstdot: null\n").unwrap_err();
    assert!(error.to_string().contains("unknown field `stdot`"), "{error}");
}

#[test]
fn paths_are_resolved_against_the_folder_unless_absolute() {
    let resolved = Redirect::null()
        .stdout(Target::file("logs/out.txt"))
        .stderr(Target::file("/var/err.txt"))
        .resolve(Path::new("/srv/app"));
    assert_eq!(resolved.target(Stream::Stdin).path(), None);
    assert_eq!(resolved.target(Stream::Stdout).path(), Some(Path::new("/srv/app/logs/out.txt")));
    assert_eq!(resolved.target(Stream::Stderr).path(), Some(Path::new("/var/err.txt")));
}

#[test]
fn errors_name_the_stream_and_the_path_and_leave_the_cause_to_source() {
    let source = || io::Error::from(io::ErrorKind::PermissionDenied);
    let error = Error::Open { stream: Stream::Stderr, path: "/x/err.txt".into(), source: source() };
    assert_eq!(error.to_string(), "cannot open `/x/err.txt` for standard error");
    assert_eq!(error.source().unwrap().to_string(), "permission denied");

    let error = Error::Dup { stream: Stream::Stdin, source: source() };
    assert_eq!(error.to_string(), "cannot replace standard input");
    assert!(error.source().is_some());

    let fault = Fault::ForeignLink { link: "/tmp/out.txt".into(), owner: 33 };
    let error = Error::Path { stream: Stream::Stdout, path: "/tmp/out.txt".into(), fault };
    assert_eq!(
        error.to_string(),
        "cannot use `/tmp/out.txt` as standard output: the link `/tmp/out.txt` belongs to user 33 \
         and is in a folder that others can write to: name what it leads to"
    );
    assert!(error.source().is_none());

    let texts = [
        (Fault::Nul, "the path contains a NUL byte: leave it out"),
        (Fault::IsSocket, "it is a socket: connect to it and pass the open descriptor"),
        (Fault::IsFolder, "it is a folder: name a file in it"),
        (
            Fault::ForeignFile { owner: 33 },
            "it belongs to user 33 and is in a folder that others can write to: remove it, or name \
             a file in another folder",
        ),
    ];
    for (fault, text) in texts {
        assert_eq!(fault.to_string(), text);
    }
}

#[test]
fn errors_can_go_to_another_thread() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Error>();
    check::<stdio_redirect::Applied>();
}
