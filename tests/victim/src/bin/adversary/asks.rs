//! Who asks a daemon by its control socket as badly as can be, of all that looks and changes nothing: more than he
//! reads, halves, nonsense, without waiting for an answer, and hangs up in the middle.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{Timespec, poll};

/// So many connections at most, which is more than a daemon has places.
const MOST: usize = 80;

/// Between two turns.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };

/// What is said: calls, a call again and again, a half, nonsense, too much.
fn words(turn: usize) -> Vec<u8> {
    let call = |method: &str, rest: &str| {
        format!("{{\"method\":\"io.appkit.Service.{method}\"{rest}}}\0").into_bytes()
    };
    match turn % 9 {
        0 => call("Events", ",\"more\":true,\"parameters\":{\"last\":1000}"),
        1 => call("Workers", ",\"parameters\":{\"usage\":true}").repeat(50),
        2 => call("Wait", ",\"more\":true,\"parameters\":{\"phases\":[\"stopped\"]}"),
        3 => call("Status", "").repeat(200),
        4 => b"{\"method\":\"io.appkit.Ser".to_vec(),
        5 => b"garbage\0\0\0{}\0[]\0".to_vec(),
        6 => vec![b'['; 100 << 10],
        7 => call("WorkerFiles", ",\"oneway\":true").repeat(20),
        _ => call("Files", ",\"parameters\":{\"names\":[\"nobody\"]}"),
    }
}

/// Until it is killed.
pub(crate) fn ask(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut open: Vec<UnixStream> = Vec::new();
    for turn in 0.. {
        let names = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        for path in names.filter(|path| path.extension().is_some_and(|it| it == "sock")) {
            let Ok(mut socket) = UnixStream::connect(path) else { continue };
            socket.set_nonblocking(true)?;
            let _ = socket.write(&words(turn));
            open.push(socket);
        }
        // Some are read a little, most are not; the eldest hang up.
        for socket in open.iter_mut().skip(turn % 3).step_by(5) {
            match socket.read(&mut [0; 100]) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => (),
                _ => drop(socket.write(&words(turn / 9))),
            }
        }
        if open.len() > MOST {
            open.drain(..MOST / 2);
        }
        poll(&mut [], Some(&PAUSE))?;
    }
    Ok(())
}
