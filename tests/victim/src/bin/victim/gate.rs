//! A process of a chosen role waits here, before it has done anything, until a tracer has it.

use std::env;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{RecvAncillaryBuffer, RecvFlags, recvmsg};
use rustix::process::{PTracer, set_ptracer};

/// `VICTIM_GATE` is `<folder> <role> <which>`: the process that is the `which`-th of its role says
/// its number to the socket `gate` in the folder, and waits for an answer.
pub(crate) fn wait() {
    // Where only ancestors may trace (Yama): the tracer is none.
    let _ = set_ptracer(PTracer::Any);
    let Some(gate) = env::var("VICTIM_GATE").ok() else { return };
    let mut words = gate.split(' ');
    let (Some(folder), Some(role), Some(which)) = (words.next(), words.next(), words.next()) else {
        return;
    };
    let folder = Path::new(folder);
    if role != self::role()
        || (1..)
            .find_map(|number| arrived(folder, number))
            .is_none_or(|number| which != number.to_string())
    {
        return;
    }
    let Ok(mut socket) = UnixStream::connect(folder.join("gate")) else { return };
    let _ = std::io::Write::write_all(&mut socket, format!("{}\n", std::process::id()).as_bytes());
    let socket = OwnedFd::from(socket);
    // A call that nothing else here makes: a tracer that comes during it sees it begin once more,
    // and counts nothing wrong.
    let mut go = [0; 1];
    let _ = recvmsg(
        &socket,
        &mut [std::io::IoSliceMut::new(&mut go)],
        &mut RecvAncillaryBuffer::default(),
        RecvFlags::empty(),
    );
    // Kept open: whoever holds the other end sees our end by its end.
    std::mem::forget(socket);
}

/// Which one of its role this is: the first name that is still free.
fn arrived(folder: &Path, number: u32) -> Option<u32> {
    let new =
        File::options().write(true).create_new(true).open(folder.join(format!("gate.{number}")));
    match new {
        Ok(_) => Some(number),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
        Err(_) => Some(0),
    }
}

/// From how it was called: `victim: worker w1` is what the library names its processes.
fn role() -> String {
    let mut words = env::args_os();
    let title = words.next().unwrap_or_default();
    let ours =
        words.next().unwrap_or_default().to_string_lossy().starts_with("--proc-spawn-child=");
    let title = title.to_string_lossy();
    match title.rsplit_once(": ") {
        Some((_, rest)) if ours => rest.split(' ').next().unwrap_or_default().to_owned(),
        _ => "caller".to_owned(),
    }
}
