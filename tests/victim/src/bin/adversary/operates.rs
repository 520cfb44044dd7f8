//! Who operates a set of workers without rest: another number, again and again, rolls in the middle of that, with
//! surge and without, which he cancels, newer lists, restarts and kills by name. He waits for no answer.

use std::error::Error;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{Timespec, poll};

/// Between two turns.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 3_000_000 };

/// So many connections are open at most: fewer than a user's places.
const MOST: usize = 4;

fn words(turn: usize) -> String {
    let set = "\"set\":\"s\"";
    let (method, parameters) = match turn * 7 % 13 {
        0 | 1 => ("Roll", format!("{set},\"surge\":{}", turn % 3)),
        2 => ("Roll", format!("{set},\"settle_us\":2000,\"tries\":1")),
        3 => ("CancelRoll", set.to_owned()),
        4 => ("RestartWorker", "\"name\":\"s-1\"".to_owned()),
        5 => ("StopWorker", "\"name\":\"s-2\"".to_owned()),
        6 => ("StartWorker", "\"name\":\"s-2\"".to_owned()),
        7 => ("SignalWorker", "\"name\":\"s-1\",\"signal\":9".to_owned()),
        8 => ("Reload", String::new()),
        9 => ("Reload", format!("\"dry_run\":{}", turn.is_multiple_of(2))),
        _ => ("Scale", format!("{set},\"count\":{}", turn * 5 % 7)),
    };
    format!("{{\"method\":\"io.appkit.Service.{method}\",\"parameters\":{{{parameters}}}}}\0")
}

/// Until it is killed.
pub(crate) fn operate(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut open: Vec<UnixStream> = Vec::new();
    for turn in 0.. {
        let names = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        for path in names.filter(|path| path.extension().is_some_and(|it| it == "sock")) {
            let Ok(mut socket) = UnixStream::connect(path) else { continue };
            socket.set_nonblocking(true)?;
            let _ = socket.write(words(turn).as_bytes());
            open.push(socket);
        }
        if MOST < open.len() {
            open.drain(..1);
        }
        poll(&mut [], Some(&PAUSE))?;
    }
    Ok(())
}
