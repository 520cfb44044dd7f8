//! What a child says: taken in portions, cut, and told when it is news.

use proc_spawn::{Child, Message, Speaker};

use super::{Report, Slot};
use crate::words::{self, Word};
use lifecycle::Event;

/// How many words of a child are taken in a turn of the loop: the rest has to wait, as its sender may,
/// who must not have the loop for itself.
pub(super) const WORDS: usize = 64;
/// More than a socket holds (unix(7)), so all that one has said who is dead. But there may be a copy
/// of its end that goes on.
pub(super) const LAST_WORDS: usize = 4096;
/// The longest text that is kept of what a child does: what an honest one sends.
const LONGEST_STATUS: usize = 1000;

impl Slot {
    /// Takes what the child has said, but not too much at once. Gives back what of it is for its machine.
    pub fn listen(&mut self, tell: &mut dyn FnMut(Report)) -> Vec<Event> {
        self.take_words(WORDS, tell)
    }

    pub(super) fn take_words(&mut self, most: usize, tell: &mut dyn FnMut(Report)) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..most {
            let child = self.child.as_mut().filter(|_| !self.deaf);
            let Some(message) = child.and_then(Child::next_message) else { break };
            match message {
                Message::Ready => events.push(Event::Ready),
                Message::Extend(by) => events.push(Event::Extended(by)),
                Message::Status(text) => self.hear_status(&text, tell),
                Message::Closed => self.deaf = true,
                Message::Descriptors => self.turn_away(),
                Message::Told { by, bytes } => self.hear_told(by, &bytes),
                // What failed comes again with the exit.
                Message::SetupFailed(_) => (),
                other => log::warn!("a child said what is not known here: {other:?}"),
            }
        }
        events
    }

    /// Ends a run whose process, or who has its socket, has tried to have us hold or close something.
    fn turn_away(&mut self) {
        self.deaf = true;
        let Some(child) = &self.child else { return };
        let pid = child.id();
        log::error!(
            "kills process {pid}: it has sent descriptors to its parent, which none may do"
        );
        if let Err(error) = child.kill() {
            log::error!("cannot kill process {pid}: {error}");
        }
    }

    /// What is no news is not told.
    fn hear_status(&mut self, text: &str, tell: &mut dyn FnMut(Report)) {
        let end = text.char_indices().nth(LONGEST_STATUS).map_or(text.len(), |(at, _)| at);
        let text = &text[..end];
        if self.status.as_deref() != Some(text) {
            self.status = Some(text.into());
            tell(Report::Status { text: text.to_owned() });
        }
    }

    fn hear_told(&mut self, speaker: Option<Speaker>, told: &[u8]) {
        match words::read(told) {
            // From the child itself: somebody who has got its socket asks for nothing, with whatever
            // rights.
            Ok(Word::PidFiles(paths)) => match speaker {
                Some(speaker) if Some(speaker.pid) == self.last_pid => {
                    self.pid_files.note(speaker, paths);
                }
                _ => log::debug!("pid files were told of by nobody known: they are left alone"),
            },
            Ok(Word::PidFilesGone(paths)) => {
                if let Some(speaker) = speaker.filter(|speaker| Some(speaker.pid) == self.last_pid)
                {
                    self.pid_files.forget(speaker, &paths);
                }
            }
            Ok(Word::Released) => {
                self.released = speaker.is_some_and(|speaker| Some(speaker.pid) == self.last_pid);
            }
            Ok(Word::QuitsBy(signal)) => self.quits_by = Some(signal),
            // Once a run: it may go on so.
            Err(error) if !self.confuses => {
                self.confuses = true;
                log::warn!("cannot understand what a child told: {error}");
            }
            Err(_) => (),
        }
    }
}
