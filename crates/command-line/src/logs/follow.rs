//! Lines as they come, of the files that there are and those that join them, until the daemons have ended.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Instant, SystemTime};

use control::service::LogFile;
use log_reader::{Follower, Last};

use super::broken;
use super::view::View;
use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::interrupt::Interrupt;
use crate::output::Reader;

/// As much as the standard library gives a thread.
const STACK: usize = 2 << 20;

/// By what the command is woken beside its files.
#[derive(Debug)]
pub(crate) struct Bell {
    pub(crate) bell: UnixStream,
    pub(crate) ring: UnixStream,
    pub(crate) interrupt: Interrupt,
}

/// What is told of a daemon, by its index.
enum News {
    Files(usize, Vec<LogFile>),
    Ended(usize),
}

/// Shows what follows the last lines. `running`: the daemons that are waited for, with their indexes.
pub(crate) fn follow(
    mut view: View,
    last: Last,
    bell: Bell,
    running: Vec<(usize, Daemon)>,
    began: SystemTime,
) -> Result<u8, Complaint> {
    let mut follower = last.follow();
    let mut left = running.len();
    let news = watch(running, &bell.ring).map_err(|error| broken(&error))?;
    bell.bell.set_nonblocking(true).map_err(|error| broken(&error))?;
    let reader = Reader::of_stdout();
    loop {
        for news in news.try_iter() {
            match news {
                News::Files(daemon, files) => view.join(&mut follower, daemon, files, began),
                News::Ended(daemon) => {
                    left -= 1;
                    if !drain(&mut view, &mut follower, &bell.interrupt)? {
                        return Ok(code::OK);
                    }
                    let text = format!("{} has ended", view.name(daemon));
                    view.complain(&text)?;
                }
            }
        }
        if bell.interrupt.came() {
            return view.interrupted();
        }
        if left == 0 {
            return view.close().map(|_| code::OK);
        }
        if let Some(line) = follower.turn(Instant::now()) {
            if !view.show(&line)? {
                return Ok(code::OK);
            }
            continue;
        }
        for problem in follower.problems() {
            view.complain(&problem)?;
        }
        if !view.write()? || !wait(&follower, &bell, &reader) {
            return Ok(code::OK);
        }
    }
}

/// Waits for lines or news. False: nobody reads any more.
fn wait(follower: &Follower, bell: &Bell, reader: &Reader) -> bool {
    let stdout = reader.descriptor();
    let wakes: Vec<_> =
        follower.descriptor().into_iter().chain(Some(bell.bell.as_fd())).chain(stdout).collect();
    if waiter::readable(&wakes, follower.deadline()).is_err() {
        waiter::breathe();
    }
    // What rang is seen without: by the flag, and by the news.
    while matches!((&bell.bell).read(&mut [0; 64]), Ok(1..)) {}
    !reader.has_gone()
}

/// Shows all that a daemon which has ended has left. False: nobody reads any more.
fn drain(
    view: &mut View,
    follower: &mut Follower,
    interrupt: &Interrupt,
) -> Result<bool, Complaint> {
    let mut rest = follower.rest();
    while !interrupt.came()
        && let Some(line) = rest.next()
    {
        if !view.show(&line)? {
            return Ok(false);
        }
    }
    drop(rest);
    for problem in follower.problems() {
        view.complain(&problem)?;
    }
    view.write()
}

/// A thread for each daemon that tells its files and its end. It ends with the daemon, or at its next news after
/// nobody listens any more.
fn watch(running: Vec<(usize, Daemon)>, ring: &UnixStream) -> io::Result<Receiver<News>> {
    // Who is slow to read has been rung for already.
    ring.set_nonblocking(true)?;
    let (sender, receiver) = channel();
    for (index, daemon) in running {
        let (sender, ring): (Sender<News>, _) = (sender.clone(), ring.try_clone()?);
        helper_thread::spawn("files", STACK, move || {
            let tell = |news| {
                let is_heard = sender.send(news).is_ok();
                let _ = (&ring).write(b"a");
                is_heard
            };
            daemon.watch_files(&|files| tell(News::Files(index, files)));
            tell(News::Ended(index));
        })?;
    }
    Ok(receiver)
}
