//! What is refused, and how it is said. Opening for a command changes nothing of this process, so
//! most of it needs no child.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use stdio_redirect::{Error, Fault, Redirect, Stream, Target};

use crate::bed::{Bed, within_limit};

/// Any user but us and root.
const STRANGER: u32 = 4_000_001;

/// Giving a file away takes root. What is decided then is also proved by a table in `rules`.
fn we_are_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("(a stranger's files cannot be made without root: left out)");
    }
    root
}

fn open(redirect: &Redirect) -> Result<(), Error> {
    redirect.apply_to(&mut Command::new("true"))
}

fn output(path: impl AsRef<Path>) -> Redirect {
    Redirect::new().stdout(Target::file(path.as_ref()))
}

/// The fault that opening meets; `problems` must have told the same before.
#[track_caller]
fn fault(path: &Path) -> Fault {
    let redirect = output(path);
    let foreseen = redirect.problems().pop().expect("a problem");
    let met = open(&redirect).expect_err("not to be opened");
    assert_eq!(foreseen.to_string(), met.to_string());
    let Error::Path { stream: Stream::Stdout, path: named, fault } = met else {
        panic!("{met:?}");
    };
    assert_eq!(named, path);
    fault
}

fn folder_with_mode(bed: &Bed, name: &str, mode: u32) -> PathBuf {
    let folder = bed.path(name);
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
    folder
}

/// Laid out in `/tmp`, such a link makes a service append to any file that it may write to.
pub(crate) fn a_strangers_link_is_not_followed() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    fs::create_dir(bed.path("elsewhere")).unwrap();
    for (name, mode) in [("sticky", 0o1777), ("open", 0o777), ("group", 0o775)] {
        let folder = folder_with_mode(&bed, name, mode);
        let foreign = |link: PathBuf| Fault::ForeignLink { link, owner: STRANGER };

        let last = folder.join("out.txt");
        symlink(bed.path("victim"), &last).unwrap();
        lchown(&last, Some(STRANGER), None).unwrap();
        assert_eq!(fault(&last), foreign(last.clone()));

        let middle = folder.join("logs");
        symlink(bed.path("elsewhere"), &middle).unwrap();
        lchown(&middle, Some(STRANGER), None).unwrap();
        assert_eq!(fault(&middle.join("out.txt")), foreign(middle.clone()));

        // Our own link that leads to the stranger's.
        let ours = bed.path(&format!("by-way-of-{name}"));
        symlink(&last, &ours).unwrap();
        assert_eq!(fault(&ours), foreign(last));
    }
    // A folder that the stranger owns is one that others can write to.
    let theirs = folder_with_mode(&bed, "theirs", 0o755);
    let link = theirs.join("out.txt");
    symlink(bed.path("victim"), &link).unwrap();
    lchown(&link, Some(STRANGER), None).unwrap();
    lchown(&theirs, Some(STRANGER), None).unwrap();
    assert_eq!(fault(&link), Fault::ForeignLink { link, owner: STRANGER });

    assert!(!bed.path("victim").exists());
    assert!(!bed.path("elsewhere/out.txt").exists());

    // In our own folder nobody else can have put it there.
    let private = folder_with_mode(&bed, "private", 0o755).join("out.txt");
    symlink(bed.path("wanted"), &private).unwrap();
    lchown(&private, Some(STRANGER), None).unwrap();
    open(&output(&private)).unwrap();
    assert!(bed.path("wanted").exists());
}

pub(crate) fn links_of_our_own_are_followed() {
    let bed = Bed::new();
    let folder = folder_with_mode(&bed, "open", 0o1777);
    fs::create_dir_all(bed.path("real/deep")).unwrap();
    // Relative, with `..`, through a folder, and to a file that is not there yet.
    symlink("../real/deep/../deep", folder.join("logs")).unwrap();
    symlink("actual.txt", bed.path("real/deep/out.txt")).unwrap();
    let redirect = output(folder.join("./logs//out.txt"));
    assert_eq!(redirect.problems().len(), 0);
    open(&redirect).unwrap();
    assert!(bed.path("real/deep/actual.txt").exists());
}

pub(crate) fn links_that_go_round_are_refused() {
    let bed = Bed::new();
    symlink("b", bed.path("a")).unwrap();
    symlink("a", bed.path("b")).unwrap();
    let error = open(&output(bed.path("a"))).unwrap_err();
    let Error::Open { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.raw_os_error(), Some(rustix::io::Errno::LOOP.raw_os_error()));
}

pub(crate) fn a_strangers_file_is_not_appended_to() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    let path = folder_with_mode(&bed, "sticky", 0o1777).join("out.txt");
    fs::write(&path, "theirs").unwrap();
    lchown(&path, Some(STRANGER), None).unwrap();
    assert_eq!(fault(&path), Fault::ForeignFile { owner: STRANGER });
    // To read what a stranger has written himself harms nobody.
    open(&Redirect::new().stdin(Target::file(&path))).unwrap();

    let shared = folder_with_mode(&bed, "shared", 0o775).join("out.txt");
    fs::write(&shared, "theirs").unwrap();
    lchown(&shared, Some(STRANGER), None).unwrap();
    open(&output(shared)).unwrap();
}

/// Root's output goes to a user's own folder. There the user has a file of his own, and a second name for
/// one of root's: neither is used.
///
/// Case: FLT-A1
pub(crate) fn a_strangers_folder_holds_nothing_that_is_used() {
    if !we_are_root() {
        return;
    }
    let bed = Bed::new();
    fs::write(bed.path("victim"), "").unwrap();
    let folder = folder_with_mode(&bed, "theirs", 0o755);
    lchown(&folder, Some(STRANGER), None).unwrap();
    let path = folder.join("out.txt");
    fs::hard_link(bed.path("victim"), &path).unwrap();
    assert_eq!(fault(&path), Fault::SecondName { links: 2 });
    // Nor is it read: the file's content may be a secret.
    let input = Redirect::new().stdin(Target::file(&path));
    let error = open(&input).unwrap_err();
    assert!(matches!(error, Error::Path { fault: Fault::SecondName { .. }, .. }), "{error:?}");
    assert_eq!(input.problems().len(), 1);
    fs::remove_file(&path).unwrap();

    open(&output(&path)).unwrap();
    open(&output(&path)).unwrap();
    lchown(&path, Some(STRANGER), None).unwrap();
    assert_eq!(fault(&path), Fault::ForeignFile { owner: STRANGER });
    let trusting = output(&path).trust_folder_owner(true);
    assert_eq!(trusting.problems().len(), 0);
    open(&trusting).unwrap();
}

fn make_fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

pub(crate) fn a_fifo_that_nobody_reads_is_refused_at_once() {
    let bed = Bed::new();
    let fifo = bed.path("fifo");
    make_fifo(&fifo);
    let redirect = output(&fifo);
    // Only opening can tell.
    assert_eq!(redirect.problems().len(), 0);
    let error = within_limit("opening a FIFO", move || open(&redirect)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot use `{}` as standard output: it is a FIFO that nobody reads: start its reader \
             first",
            fifo.display()
        )
    );
}

pub(crate) fn a_fifo_with_a_reader_is_written_to_and_waits() {
    let bed = Bed::new();
    let fifo = bed.path("fifo");
    make_fifo(&fifo);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let reader = rustix::fs::open(&fifo, flags, Mode::empty()).unwrap();
    bed.start(&mut bed.role("refusals::write_to_fifo")).finish();
    let mut received = String::new();
    fs::File::from(reader).read_to_string(&mut received).unwrap();
    assert_eq!(received, "through the FIFO\n");
}

pub(crate) fn write_to_fifo(folder: &Path) {
    output(folder.join("fifo")).apply().unwrap();
    println!("through the FIFO");
    let flags = rustix::fs::fcntl_getfl(std::io::stdout()).unwrap();
    assert!(!flags.contains(OFlags::NONBLOCK), "a full pipe must make us wait, not fail");
}

pub(crate) fn what_is_no_file_is_refused_by_its_kind() {
    let bed = Bed::new();
    let _socket = UnixListener::bind(bed.path("socket")).unwrap();
    assert_eq!(fault(&bed.path("socket")), Fault::IsSocket);
    assert_eq!(fault(bed.folder()), Fault::IsFolder);
    assert_eq!(fault(Path::new("/")), Fault::IsFolder);
    assert_eq!(fault(&bed.path("new/")), Fault::IsFolder);
    assert_eq!(fault(&bed.path("..")), Fault::IsFolder);
    assert_eq!(fault(Path::new("")), Fault::Empty);
    assert_eq!(fault(&bed.path("a\0b")), Fault::Nul);

    // A folder is refused as input, too, though the system would open it.
    let folder = Redirect::new().stdin(Target::file(bed.folder()));
    assert!(matches!(open(&folder), Err(Error::Path { fault: Fault::IsFolder, .. })));
}

pub(crate) fn all_problems_are_told_at_once_and_nothing_is_done() {
    let bed = Bed::new();
    fs::write(bed.path("file"), "").unwrap();
    let shown = bed.folder().display();
    let texts = |redirect: &Redirect| -> Vec<String> {
        redirect.problems().iter().map(ToString::to_string).collect()
    };

    let bad = Redirect::new()
        .stdin(Target::file(bed.path("in.txt")))
        .stdout(Target::file(bed.path("missing/deeper/out.txt")))
        .stderr(Target::file(bed.path("file/err.txt")))
        .mode(644);
    let expected = [
        format!(
            "cannot use `{shown}/in.txt` as standard input: there is no such file: name one that \
             exists, or `/dev/null` for no input"
        ),
        format!(
            "cannot use `{shown}/missing/deeper/out.txt` as standard output: the folder \
             `{shown}/missing` does not exist: create it first"
        ),
        format!(
            "cannot use `{shown}/file/err.txt` as standard error: `{shown}/file` is not a folder: \
             name one that is"
        ),
        "cannot create files with mode 0o1204: give permission bits only, like 0o640 (without the \
         0o it would be a decimal number)"
            .to_owned(),
    ];
    assert_eq!(texts(&bad), expected);

    let bad = output("out.txt").stderr(Target::file(""));
    let expected = [
        "cannot use `out.txt` as standard output: the path is relative: make it absolute, or \
         resolve it against a folder",
        "cannot use `` as standard error: the path is empty: name a file, or `/dev/null` for none",
    ];
    assert_eq!(texts(&bad), expected);
    let resolved = bad.resolve(bed.folder());
    assert_eq!(texts(&resolved), expected[1..]);
    assert_eq!(resolved.target(Stream::Stdout).path(), Some(&*bed.path("out.txt")));

    let names = fs::read_dir(bed.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["file"]);
}

pub(crate) fn devices_are_no_problem() {
    for path in ["/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/zero"] {
        let device = Target::file(path);
        let all = Redirect::new().stdin(device.clone()).stdout(device.clone()).stderr(device);
        assert_eq!(all.problems().len(), 0, "{path}");
    }
    open(&output("/dev/null")).unwrap();
}
