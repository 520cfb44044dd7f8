//! The last lines of daemons and their workers, and those that follow.

mod chosen;
mod follow;
mod view;

use std::os::unix::net::UnixStream;
use std::time::SystemTime;

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::interrupt::Interrupt;
use crate::output::complain;
use crate::refused;
use crate::render::text::safe;
use crate::target::Target;
use crate::words;
pub(crate) use chosen::ROLES;
use chosen::{Owner, is_of};
use follow::follow;
use view::View;

/// Shows them. With `follow` it ends when all the daemons have.
pub(crate) fn logs(
    daemons: &[Daemon],
    wanted: &[Target],
    words: &words::Logs,
) -> Result<u8, Complaint> {
    let began = SystemTime::now();
    let (mut owners, mut running) = (Vec::new(), Vec::new());
    for (index, daemon) in daemons.iter().enumerate() {
        let user = daemon.other_user();
        let mut owner = Owner { name: daemon.name.clone(), user, files: Vec::new() };
        if wanted.iter().any(|target| target.daemon == index) {
            let known = daemon.files()?;
            if let Some(lack) = &known.lack {
                complain(&daemon.name, &lack.text);
            }
            if !known.is_over {
                running.push(index);
            }
            owner.files = known.files;
            let mut targets = wanted.iter().filter(|target| target.daemon == index);
            targets.try_for_each(|target| check(daemon, &owner, target, known.lack.as_ref()))?;
        }
        owners.push(owner);
    }
    let mut view = View::new(owners, wanted.to_vec(), words);
    let mut last = view.last(words.lines);
    // Until something is shown Ctrl-C ends the command as it ends any.
    let (bell, ring) = UnixStream::pair().map_err(|error| broken(&error))?;
    let interrupt = Interrupt::notice(&ring).map_err(|error| broken(&error))?;
    let mut code = code::OK;
    for line in last.by_ref() {
        if interrupt.came() {
            return view.interrupted();
        }
        if !view.show(&line)? {
            return Ok(code::OK);
        }
    }
    for problem in last.problems() {
        code = code::FAILED;
        view.complain(&problem)?;
    }
    if !words.follow {
        view.close()?;
        return Ok(code);
    }
    let running: Vec<(usize, Daemon)> =
        running.into_iter().map(|index| (index, daemons[index].clone())).collect();
    let ended = follow(view, last, follow::Bell { bell, ring, interrupt }, running, began)?;
    Ok(if ended == code::OK { code } else { ended })
}

fn broken(error: &std::io::Error) -> Complaint {
    Complaint::new(code::FAILED, format!("cannot wait for lines: {error}"))
}

/// That there is something to read of whom was named. With a `lack` not all files are known.
fn check(
    daemon: &Daemon,
    owner: &Owner,
    target: &Target,
    lack: Option<&Complaint>,
) -> Result<(), Complaint> {
    if owner.files.iter().any(|file| is_of(file, target)) {
        return Ok(());
    }
    let called = match &target.worker {
        None => safe(&daemon.name),
        Some(worker) => format!("{}/{}", safe(&daemon.name), safe(worker)),
    };
    let none = || {
        let text = format!("{called}: its options name no file that could be read");
        Complaint::new(code::FAILED, text)
    };
    let Some(worker) = target.worker.as_deref().filter(|worker| !ROLES.contains(worker)) else {
        return Err(none());
    };
    if let Some(lack) = lack {
        let why = match lack.code {
            code::NOT_RUNNING => "its files are known to the running daemon only",
            _ => "its files are not known now",
        };
        return Err(Complaint::new(lack.code, format!("{called}: {why}")));
    }
    let names = daemon.worker_names();
    if names.iter().any(|name| name == worker) {
        return Err(none());
    }
    let known = ROLES.into_iter().chain(names.iter().map(String::as_str));
    let text = format!("{called}: {}", refused::no_such_worker(worker, known));
    Err(Complaint::usage(text))
}
