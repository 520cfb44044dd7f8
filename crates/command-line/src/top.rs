//! The view that stays.

use std::env;

use live_view::{CannotShow, Ended, Request, Seen, show};
use supervisor::DaemonStatus;

use crate::code;
use crate::complaint::Complaint;
use crate::daemon::{Daemon, WorkerRequest};
use crate::output::look;
use crate::render::status::by_the_lock;
use crate::seen::{Answer, Given};

/// Shows the daemon until somebody has seen enough.
pub(crate) fn top(daemon: Daemon) -> Result<u8, Complaint> {
    if env::var("TERM").is_ok_and(|terminal| terminal == "dumb") {
        return Err(elsewhere("this terminal cannot be drawn on (TERM=dumb)"));
    }
    match show(daemon, look(false).fancy) {
        Ok(Ended::Quit) => Ok(code::OK),
        // A signal's number is less than 65 (signal(7)).
        Ok(Ended::Signal(signal)) => Ok(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        Ok(_) => Ok(code::FAILED),
        Err(failed @ CannotShow::NoTerminal { .. }) => Err(elsewhere(&failed.to_string())),
        Err(failed) => Err(Complaint::new(code::FAILED, exit::ErrorText::new(&failed).chain())),
    }
}

fn elsewhere(why: &str) -> Complaint {
    Complaint::new(code::FAILED, format!("{why}; use `list`, or `status` or `events`"))
}

impl live_view::Daemon for Daemon {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self) -> Seen {
        let seen = Daemon::look(self);
        match seen.answer {
            Answer::Given(given) => {
                let Given { status, workers, .. } = *given;
                Seen::Answered { status: Box::new(status), workers }
            }
            Answer::NotAsked if matches!(seen.lock, Ok(DaemonStatus::NotRunning { .. })) => {
                Seen::NotRunning(by_the_lock(&seen))
            }
            Answer::NotAsked | Answer::NoSocket(_) | Answer::Failed(_) => {
                Seen::NoAnswer(by_the_lock(&seen))
            }
        }
    }

    fn ask(&self, request: &Request) -> Result<(), String> {
        let done = match request {
            Request::RestartExecutor => self.restart_executor(),
            Request::Start(name) => self.worker(name, WorkerRequest::Start),
            Request::Stop(name) => self.worker(name, WorkerRequest::Stop),
            Request::Restart(name) => self.worker(name, WorkerRequest::Restart),
            Request::Signal(name, number) => self.worker(name, WorkerRequest::Signal(*number)),
        };
        done.map_err(|complaint| complaint.text)
    }
}
