//! Somebody else makes a child of this program, or tries to.

use std::fs;
use std::io::{Write, stderr, stdout};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proc_spawn::{Call, Spawn};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use rustix::thread::set_thread_res_uid;
use serde::Serialize;
use serde_bytes::ByteBuf;

use crate::fine;

/// An ordinary user who owns nothing, by custom.
const NOBODY: u32 = 65534;

const FORGE: &str = "--forge";
const TRY_TO_SPAWN: &str = "--try-to-spawn";
const MARKER: &str = "--proc-spawn-child=0000000000000007";

/// The payload as it is in `wire`, which keeps it to itself.
#[derive(Serialize)]
struct Payload {
    nonce: u64,
    current: Current,
    parent: Option<u32>,
    entry: Option<&'static str>,
    args: ByteBuf,
    setup: ByteBuf,
}

#[derive(Serialize)]
struct Current {
    role: &'static str,
    name: &'static str,
    incarnation: u64,
}

/// A packet that has the entry `by:hand` write to this file.
fn forged(path: &Path) -> Vec<u8> {
    let args = rmp_serde::to_vec_named(&(vec![7u8], path)).unwrap();
    let payload = Payload {
        nonce: 7,
        current: Current { role: "child", name: "x", incarnation: 1 },
        parent: None,
        entry: Some("by:hand"),
        args: ByteBuf::from(args),
        setup: ByteBuf::new(),
    };
    let mut packet = [&[0][..], b"proc-spawn ", &2u32.to_le_bytes()].concat();
    packet.extend(rmp_serde::to_vec_named(&payload).unwrap());
    packet
}

fn packets(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap()
}

fn say(text: &str) {
    let mut err = stderr();
    writeln!(err, "{text}").unwrap();
}

/// Ahead of `init`: the attacker, in a process of his own. `--forge PROGRAM FILE`
#[expect(clippy::disallowed_methods, reason = "it is another program")]
pub(crate) fn forge_if_asked() {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_none_or(|first| first != FORGE) {
        return;
    }
    let [program, file] = [args.next().unwrap(), args.next().unwrap()].map(PathBuf::from);
    let (ours, theirs) = packets(SocketType::SEQPACKET);
    rustix::net::send(&ours, &forged(&file), SendFlags::NOSIGNAL).unwrap();
    let limit = args.next().unwrap_or_default();
    let mut command = if limit.is_empty() {
        Command::new(program)
    } else {
        // Limited by a shell, which needs no descriptors itself.
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"ulimit -n "$0"; exec "$@""#]).arg(limit).arg(program);
        shell
    };
    let status = command.args([MARKER, "x"]).stdin(theirs).status().unwrap();
    std::process::exit(status.code().unwrap_or(99));
}

/// After `init`: says how a start goes.
#[expect(clippy::disallowed_methods, reason = "it is another program")]
pub(crate) fn spawn_if_asked() {
    if std::env::args_os().nth(1).is_none_or(|first| first != TRY_TO_SPAWN) {
        return;
    }
    let spawned = Spawn::new(Call::new(fine, ())).and_then(|spawn| spawn.spawn());
    let said = match spawned {
        Ok(mut child) => child.wait().unwrap().to_string(),
        Err(error) => error.to_string(),
    };
    // The ids tell whether the program has here become what the test has made of it.
    let ids = nix::unistd::getresuid().unwrap();
    let mut out = stdout();
    writeln!(out, "{} {} {said}", ids.real, ids.effective).unwrap();
    std::process::exit(0);
}

/// A copy of this program that a stranger may execute, in a folder that he may write to.
struct Copy {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Copy {
    fn new() -> Copy {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let program = folder.path().join("program");
        // Not copied by us: another test's child may have a copy of a descriptor that is open for
        // writing.
        let own = std::env::current_exe().unwrap();
        assert!(Command::new("cp").arg(own).arg(&program).status().unwrap().success());
        Copy { folder, program }
    }

    fn mode(&self, mode: u32) {
        fs::set_permissions(&self.program, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn run(&self, user: u32, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(args).uid(user).gid(user).stdin(Stdio::null()).output().unwrap()
    }

    /// A stranger makes this program his child; whether it wrote for him, and what it said.
    fn forge(&self, honest: &Copy, descriptors: Option<u64>) -> (bool, Option<i32>, String) {
        let file = self.folder.path().join("written");
        let [program, path] = [&self.program, &file].map(|path| path.to_str().unwrap());
        // The forger itself is a plain copy.
        let limit = descriptors.map(|most| most.to_string()).unwrap_or_default();
        let output = honest.run(NOBODY, &[FORGE, program, path, &limit]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (file.exists(), output.status.code(), said)
    }
}

/// Case: FLT-B1
pub(crate) fn a_program_that_gained_rights() {
    if !rustix::process::geteuid().is_root() {
        return say("skipped: only root can make a program that gains rights");
    }
    let honest = Copy::new();
    honest.mode(0o755);
    assert_eq!(
        honest.forge(&honest, None),
        (true, Some(0), String::new()),
        "what is forged is right"
    );
    let plain = honest.run(NOBODY, &[TRY_TO_SPAWN]);
    assert_eq!(String::from_utf8_lossy(&plain.stdout), "65534 65534 exited with code 0\n");

    for kind in ["set-user-ID", "set-group-ID", "capabilities"] {
        let copy = Copy::new();
        match kind {
            "set-user-ID" => copy.mode(0o4755),
            "set-group-ID" => copy.mode(0o2755),
            _ => {
                copy.mode(0o755);
                let set = Command::new("setcap").arg("cap_chown+ep").arg(&copy.program).status();
                if !set.is_ok_and(|status| status.success()) {
                    say("skipped: a program with capabilities, which setcap(8) makes");
                    continue;
                }
            }
        }
        let own = copy.run(NOBODY, &[TRY_TO_SPAWN]);
        let own = String::from_utf8_lossy(&own.stdout).into_owned();
        if kind == "set-user-ID" && own.starts_with("65534 65534 ") {
            return say("skipped: the file system of temporary files is mounted nosuid");
        }
        assert!(own.contains("it starts no process that would have them too"), "{kind}: {own}");
        let (written, code, said) = copy.forge(&honest, None);
        assert_eq!((written, code), (false, Some(64)), "{kind}: {said}");
        assert!(said.contains("has gained rights by being executed"), "{kind}: {said}");
        // It is refused as well where the caller has seen to it that the program can open nothing, or
        // next to nothing.
        for most in [3, 4, 5] {
            let (written, _, said) = copy.forge(&honest, Some(most));
            assert!(!written, "{kind}: {said}");
        }
    }
}

fn by_hand(stdin: impl Into<Stdio>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([MARKER, "x"]).stdin(stdin);
    command
}

#[track_caller]
fn is_refused(command: &mut Command, reason: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("processes that this program starts itself"), "{said}");
    assert!(said.contains(reason), "{said}");
}

/// Cases: FLT-B1, FLT-B2
pub(crate) fn a_socket_of_a_stranger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("written");
    let said = |socket: &OwnedFd| {
        rustix::net::send(socket, &forged(&file), SendFlags::NOSIGNAL).unwrap();
    };

    let other = "not one of packets within this machine";
    let (ours, theirs) = UnixStream::pair().unwrap();
    is_refused(&mut by_hand(OwnedFd::from(theirs)), other);
    drop(ours);
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    is_refused(&mut by_hand(OwnedFd::from(theirs)), other);
    drop(ours);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    is_refused(&mut by_hand(OwnedFd::from(stream)), other);
    let (reader, _writer) = std::io::pipe().unwrap();
    is_refused(&mut by_hand(reader), "is no socket of a parent");

    // The socket was made by this user, but not by the process that starts the program.
    let (ours, theirs) = packets(SocketType::SEQPACKET);
    said(&ours);
    let mut shell = Command::new("sh");
    shell.args(["-c", r#""$0" "$@"; exit $?"#]).arg(std::env::current_exe().unwrap());
    is_refused(shell.args([MARKER, "x"]).stdin(theirs), "not the parent of this one");
    drop(ours);
    // Its maker is gone, as a parent may be that was killed in the first moments.
    let (ours, theirs) = packets(SocketType::SEQPACKET);
    said(&ours);
    drop(ours);
    is_refused(shell.args([MARKER, "x"]).stdin(theirs), "has ended or let go of it, and process");

    if !rustix::process::geteuid().is_root() {
        return say("skipped: only root can make another user's socket");
    }
    // The socket was made by another user, whoever holds it now. For the system a thread has ids of its
    // own.
    let made = std::thread::spawn(|| {
        let user = rustix::fs::Uid::from_raw;
        set_thread_res_uid(user(0), user(NOBODY), user(0)).unwrap();
        packets(SocketType::SEQPACKET)
    });
    let (ours, theirs) = made.join().unwrap();
    said(&ours);
    is_refused(&mut by_hand(theirs), "was made by user 65534, and this is user 0");
    assert!(!file.exists());
}

/// Case: FLT-B2
pub(crate) fn a_silent_socket_is_refused_at_once() {
    let (ours, theirs) = packets(SocketType::SEQPACKET);
    is_refused(&mut by_hand(theirs), "the socket on standard input says nothing");
    drop(ours);
    // Nor is a maker believed that has gone without a word.
    let (ours, theirs) = packets(SocketType::SEQPACKET);
    drop(ours);
    is_refused(&mut by_hand(theirs), "the socket on standard input says nothing");
}
