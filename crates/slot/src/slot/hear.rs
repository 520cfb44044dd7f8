//! What a child says: taken in portions and with rests, cut, and told when it is news.

use std::time::{Duration, Instant};

use proc_spawn::{Child, Message, Speaker, Told};

use super::{Report, Slot};
use lifecycle::Event;
use surroundings::Word;

/// How many words of a child are taken in a turn of the loop. The rest waits in the socket, and so may
/// the child: a child that talks a lot must not have the loop for itself.
pub(super) const WORDS: usize = 64;
/// So many turns with words a child has in a window of time, which begins with its first: a child that
/// talks without pause costs its parent a few per cent of a processor, and not all of it.
const TURNS: u8 = 4;
const WINDOW: Duration = Duration::from_millis(100);
/// How many words of a dead child are taken: more than a socket holds (unix(7)), so all that it has said.
/// There is a limit, since another process may have a copy of its socket, and go on talking.
pub(super) const LAST_WORDS: usize = 4096;
/// The longest text that is kept of what a child does: what an honest one sends.
const LONGEST_STATUS: usize = 1000;

/// The turns that a child has had of late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    since: Instant,
    turns: u8,
}

impl Talk {
    /// One turn more, at this time.
    pub(super) fn next(talk: Option<Talk>, now: Instant) -> Talk {
        match talk.filter(|talk| now.saturating_duration_since(talk.since) < WINDOW) {
            Some(talk) => Talk { turns: talk.turns.saturating_add(1), ..talk },
            None => Talk { since: now, turns: 1 },
        }
    }

    /// Until when it is not listened to, if it has had all of its turns.
    pub(super) fn rests_until(self) -> Option<Instant> {
        self.since.checked_add(WINDOW).filter(|_| self.turns >= TURNS)
    }
}

/// Whether somebody has the rights of this process, by the user whom the kernel has noted.
fn has_our_rights(speaker: Speaker) -> bool {
    speaker.user == rustix::process::geteuid().as_raw()
}

impl Slot {
    /// Takes what the child has said, but not too much at once, and nothing while it [rests](Slot::listens_at).
    /// Gives back what of it is for its machine.
    pub fn listen(&mut self, now: Instant, tell: &mut dyn FnMut(Report)) -> Vec<Event> {
        self.end_rest_of_silence(now);
        if self.words_rest_until().is_some_and(|at| now < at) {
            return Vec::new();
        }
        let mut heard = false;
        let events = self.take_words(WORDS, &mut heard, tell);
        // If the child had to rest, its rest is over now, and its turns are counted anew.
        let talk = self.talk.filter(|talk| talk.rests_until().is_none());
        self.talk = if heard { Some(Talk::next(talk, now)) } else { talk };
        events
    }

    /// When to [`listen`](Slot::listen) again to a child that talks too much; until then there is nothing
    /// to wait on, be it [words](Slot::messages) or [silence](Slot::silence). `None`: the child may be listened to now.
    pub fn listens_at(&self) -> Option<Instant> {
        let silence = self.silence_rests_until().filter(|_| self.burial.is_none());
        [self.words_rest_until(), silence].into_iter().flatten().min()
    }

    /// Until when its words are not listened to.
    pub(super) fn words_rest_until(&self) -> Option<Instant> {
        self.talk.and_then(Talk::rests_until).filter(|_| !self.deaf && self.burial.is_none())
    }

    pub(super) fn take_words(
        &mut self,
        most: usize,
        heard: &mut bool,
        tell: &mut dyn FnMut(Report),
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..most {
            let child = self.child.as_mut().filter(|_| !self.deaf);
            let Some(message) = child.and_then(Child::next_message) else { break };
            *heard = true;
            match message {
                Message::Ready => says_ready(&mut events, true),
                Message::NotReady => says_ready(&mut events, false),
                Message::Extend(by) => events.push(Event::Extended(by)),
                Message::Status(text) => self.hear_status(&text, tell),
                Message::Closed => self.deaf = true,
                Message::Descriptors => self.turn_away(),
                Message::Told(told) => self.hear_told(&told),
                // What failed comes again with the exit.
                Message::SetupFailed(_) => (),
                other => log::warn!("a child said what is not known here: {other:?}"),
            }
        }
        events
    }

    /// Kills the child: it, or another process that has its socket, has sent us descriptors, which we
    /// would have to hold or to close.
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

    /// Cuts what the child says of itself, and tells it if it is something new.
    fn hear_status(&mut self, text: &str, tell: &mut dyn FnMut(Report)) {
        let end = text.char_indices().nth(LONGEST_STATUS).map_or(text.len(), |(at, _)| at);
        let text = &text[..end];
        if self.status.as_deref() != Some(text) {
            self.status = Some(text.into());
            tell(Report::Status { text: text.to_owned() });
        }
    }

    fn hear_told(&mut self, told: &Told) {
        // Where another process has got the child's socket, its words about pid files and signals do
        // not count, whatever rights it has.
        let itself = told.by().filter(|speaker| Some(speaker.pid) == self.last_pid);
        match told.read() {
            Ok(None) => log::debug!("a child is of a newer build, and says what is not known here"),
            Ok(Some(Word::PidFiles(paths))) => {
                if let Some((files, speaker)) = self.pid_files.as_mut().zip(itself) {
                    files.note(speaker, paths);
                }
            }
            Ok(Some(Word::PidFilesGone(paths))) => {
                if let Some((files, speaker)) = self.pid_files.as_mut().zip(itself) {
                    files.forget(speaker, &paths);
                }
            }
            // A child with fewer rights than ours is not believed: it might leave a pid file for good
            // that only we can remove.
            Ok(Some(Word::Released)) => self.released = itself.is_some_and(has_our_rights),
            Ok(Some(Word::QuitsBy(signal))) => {
                if itself.is_some() {
                    self.quits_by = Some(signal);
                }
            }
            Ok(Some(Word::Answers)) => {
                if itself.is_some() {
                    self.answers += 1;
                    self.answers_now = true;
                }
            }
            Ok(Some(Word::Unwatched)) => {
                if itself.is_some() {
                    self.lose_timer();
                }
            }
            Ok(Some(Word::JobsDone(jobs))) => {
                if itself.is_some() {
                    self.jobs_done = jobs;
                }
            }
            Ok(Some(Word::Reloads)) => self.reloads |= itself.is_some(),
            // Logged once a run, since the child may go on like that.
            Err(error) if !self.confuses => {
                self.confuses = true;
                log::warn!("cannot understand what a child told: {error}");
            }
            Err(_) => (),
        }
    }
}

/// One that changes its mind all the time has said only what came first and what came last: that it is ready, and that it
/// is not.
fn says_ready(events: &mut Vec<Event>, ready: bool) {
    if ready {
        events.retain(|event| *event != Event::NotReady);
    }
    let event = if ready { Event::Ready } else { Event::NotReady };
    if !events.contains(&event) {
        events.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each change would be told to who looks on, and put something else out of the list of what has happened.
    #[test]
    fn of_one_that_changes_its_mind_the_first_and_the_last_word_count() {
        let heard = |words: &[bool]| {
            let mut events = vec![Event::Died];
            words.iter().for_each(|ready| says_ready(&mut events, *ready));
            events.split_off(1)
        };
        assert_eq!(heard(&[true]), [Event::Ready]);
        assert_eq!(heard(&[true, false]), [Event::Ready, Event::NotReady]);
        assert_eq!(heard(&[false, true, false, true]), [Event::Ready]);
        assert_eq!(heard(&[true, false, true, false, false]), [Event::Ready, Event::NotReady]);
        assert_eq!(heard(&[false, false]), [Event::NotReady]);
    }

    /// Such a child cost its parent a whole processor.
    ///
    /// Case: FLT-B5
    #[test]
    fn one_that_talks_without_pause_has_some_turns_and_rests() {
        let start = Instant::now(); // An origin only.
        let at = |ms| start + Duration::from_millis(ms);
        let mut talk = None;
        let mut turns = 0;
        for ms in 0..1_000 {
            if talk.and_then(Talk::rests_until).is_some_and(|until| at(ms) < until) {
                continue;
            }
            talk = Some(Talk::next(talk, at(ms)));
            turns += 1;
        }
        assert_eq!(turns, 10 * u32::from(TURNS));
        // A child that says something now and then is listened to at once.
        let mut talk = None;
        for ms in (0..10_000).step_by(40) {
            talk = Some(Talk::next(talk, at(ms)));
            assert_eq!(talk.and_then(Talk::rests_until), None);
        }
    }
}
