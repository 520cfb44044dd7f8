//! Where something of a daemon can be read: it says so itself, or its options do.

use std::time::{Duration, Instant};

use control::ClientError;
use control::service::LogFile;
use exit::ErrorText;
use supervisor::{AskFailed, EventStream};

use super::{Daemon, FOR_EVER};
use crate::code;
use crate::complaint::Complaint;
use crate::refused;

/// So often at most it is asked anew, and after so long again if it has not answered.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the files of a daemon.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) files: Vec<LogFile>,
    /// Nobody has to be waited for: it does not run.
    pub(crate) is_over: bool,
    /// What is not known, and why: with the code of who asked for that alone.
    pub(crate) lack: Option<Complaint>,
}

impl Daemon {
    /// Where something of it and its workers can be read. If it does not answer its options say what they can.
    pub(crate) fn files(&self) -> Result<Known, Complaint> {
        let why = match self.asked.files() {
            Ok(mut files) => {
                let lack = match self.worker_files() {
                    Ok(Some(more)) => {
                        files.extend(more);
                        None
                    }
                    // One that keeps none, and is well, has none to show.
                    Ok(None) => Some(self.keeps_none()).filter(|why| why.code == code::FAILED),
                    Err(failed) => Some(self.complaint(failed.cause())),
                };
                let lack = lack.map(|why| {
                    let text = format!("the files of its workers are not known: {}", why.text);
                    Complaint { text, ..why }
                });
                return Ok(Known { files, is_over: false, lack });
            }
            Err(failed) => self.complaint(failed.cause()),
        };
        let files = self.options.log_files();
        let files = files.map_err(|cause| {
            let (why, cause) = (&why.text, ErrorText::new(&cause).chain());
            let text = format!("{why}, and its options do not tell its files: {cause}");
            Complaint::new(code::CONFIGURATION, text)
        })?;
        let text = &why.text;
        let text =
            format!("shown are the files in its options; those of workers are not known: {text}");
        let is_over = why.code == code::NOT_RUNNING;
        Ok(Known { files, is_over, lack: Some(Complaint { text, ..why }) })
    }

    /// `None`: it keeps no workers now.
    fn worker_files(&self) -> Result<Option<Vec<LogFile>>, AskFailed> {
        match self.asked.worker_files(&[]) {
            Err(failed) if refused::name(failed.cause()) == Some(refused::NO_WORKERS) => Ok(None),
            said => said.map(Some),
        }
    }

    /// Tells where something can be read, now and whenever a process of it has been started, until the daemon has
    /// ended, or nobody wants to know any more. It blocks.
    pub(crate) fn watch_files(&self, tell: &dyn Fn(Vec<LogFile>) -> bool) {
        loop {
            if let Ok(mut stream) = self.asked.events(0)
                && !self.watch_by(&mut stream, tell)
            {
                return;
            }
            // Whether that was its end, the lock says. If it cannot be looked at there is nothing to wait for.
            match pidfile::wait_free(self.asked.pid_filename(), Some(PAUSE), None) {
                Ok(false) => (),
                Ok(true) | Err(_) => return,
            }
        }
    }

    /// False: nobody wants to know any more.
    fn watch_by(&self, stream: &mut EventStream, tell: &dyn Fn(Vec<LogFile>) -> bool) -> bool {
        // What was started before the stream began is in none of its events.
        let (mut is_new, mut next_look) = (true, Instant::now());
        loop {
            if is_new && next_look <= Instant::now() {
                let files = self.asked.files().and_then(|files| Ok((files, self.worker_files()?)));
                // Who has not answered is asked again.
                is_new = files.is_err();
                if let Ok((mut files, more)) = files {
                    files.extend(more.into_iter().flatten());
                    if !tell(files) {
                        return false;
                    }
                }
                next_look = Instant::now() + PAUSE;
            }
            let until = if is_new { next_look } else { Instant::now() + FOR_EVER };
            match stream.next(until) {
                Ok(Some(some)) => is_new |= some.events.iter().any(is_news),
                Ok(None) => return true,
                Err(failed) if matches!(failed.cause(), ClientError::NoAnswer) => (),
                Err(_) => return true,
            }
        }
    }
}

/// Whether there may be files afterwards that there were not before.
fn is_news(event: &control::service::Event) -> bool {
    matches!(event.kind.as_str(), "started" | "lost")
}
