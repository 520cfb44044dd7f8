//! What is done to a child: it is started, told to stop, killed, and asked to open its files anew.

use std::io;
use std::time::Instant;

use exit::ErrorText;
use lifecycle::{Action, Event, Machine, Phase, Step};
use policy::{RunEnd, StopBy};
use proc_spawn::{Child, Value};
use quit::Reason;
use surroundings::reload::Instruction;

use std::time::Duration;

use super::{Recorded, Report, Slot};
use crate::search::MARK;

impl Slot {
    /// Does what a step of `machine` wants, and gives `tell` the reports of it. Gives back what follows
    /// at once: a start that failed is a run that has ended, delayed, counted and told like any.
    #[must_use = "what follows is to be told to the machine"]
    pub fn carry_out(
        &mut self,
        step: &Step,
        machine: &Machine,
        now: Instant,
        tell: &mut dyn FnMut(Report),
    ) -> Option<Event> {
        if let Some(end) = &step.ended {
            let next = machine.deadline().filter(|_| machine.phase() == Phase::Waiting);
            let restart_in = next.map(|at| at.saturating_duration_since(now));
            self.tell_end(end.clone(), restart_in, tell);
        }
        self.tell_readiness(step.entered, tell);
        match &step.action {
            Action::Nothing => (),
            Action::Spawn => {
                if let Err(end) = self.start(machine, tell) {
                    return Some(Event::Ended { end, at: Instant::now() });
                }
            }
            Action::Terminate { by, remaining } => {
                tell(Report::Terminating { by: *by, remaining: *remaining });
                // A child that pauses is started again together with others, and is told so.
                let reason = if machine.is_pausing() { Reason::Restart } else { self.reason };
                self.terminate(*by, reason, *remaining);
            }
            Action::Look => return Some(Event::Looked(self.look(machine))),
            Action::Silent(silent) => self.do_about_silence(*silent, tell),
            Action::Kill => {
                tell(Report::Killing);
                if let Some(child) = &self.child
                    && let Err(error) = child.kill()
                {
                    log::error!("cannot kill process {}: {error}", child.id());
                }
            }
            Action::Finish(outcome) => tell(Report::Finished(outcome.clone())),
        }
        None
    }

    /// It is ready, for the first time or again, or says that it is not.
    fn tell_readiness(&mut self, entered: Option<Phase>, tell: &mut dyn FnMut(Report)) {
        let pid = self.last_pid.unwrap_or_default();
        if entered == Some(Phase::NotReady) {
            tell(Report::Readiness { pid, ready: false });
        } else if entered == Some(Phase::Running) {
            match std::mem::replace(&mut self.was_ready, true) {
                true => tell(Report::Readiness { pid, ready: true }),
                false => tell(Report::Ready { pid, run: self.run }),
            }
        }
    }

    fn tell_end(
        &mut self,
        end: RunEnd,
        restart_in: Option<Duration>,
        tell: &mut dyn FnMut(Report),
    ) {
        let pid = self.last_pid.take();
        let last_lines = self.recorded.as_mut().map(|recorded| {
            // A run that could not be started has written nothing.
            let lines = pid.map(|_| recorded.recording.end()).unwrap_or_default();
            recorded.last_lines = lines.clone();
            lines
        });
        let last_lines = last_lines.unwrap_or_default();
        let value_bytes = self.value().map(Value::size);
        tell(Report::Ended { pid, end, restart_in, last_lines, value_bytes });
    }

    /// Asks the child to open its files anew.
    pub fn reopen(&self) {
        let Some(child) = &self.child else { return };
        match child.ask_to_reopen() {
            Ok(()) => (),
            // A child that is gone has no files. The connection is reset if it has left something unread
            // (unix(7)).
            Err(error) if is_gone(&error) => (),
            Err(error) => {
                log::error!("cannot ask process {} to open its files anew: {error}", child.id());
            }
        }
    }

    /// Asks the child to read anew what it works by, if it has said that somebody in it listens. Says whether it was asked.
    pub fn reload(&self) -> bool {
        let Some(child) = self.child.as_ref().filter(|_| self.reloads) else { return false };
        match child.ask_to_reload() {
            Ok(()) => true,
            Err(error) => {
                if !is_gone(&error) {
                    log::error!("cannot ask process {} to reload: {error}", child.id());
                }
                false
            }
        }
    }

    /// Tells the child what it is to do from here on; nothing happens without one.
    pub fn instruct(&self, instruction: &Instruction<'_>) {
        let Some(child) = &self.child else { return };
        if let Err(error) = child.tell(instruction)
            && !is_gone(&error)
        {
            log::error!("cannot instruct process {}: {error}", child.id());
        }
    }

    fn start(&mut self, machine: &Machine, tell: &mut dyn FnMut(Report)) -> Result<(), RunEnd> {
        let run = machine.runs();
        self.run = run;
        self.spawn.set_incarnation(run);
        (self.asked, self.asked_by_word) = (false, false);
        (self.quits_by, self.released, self.confuses) = (None, false, false);
        (self.status, self.lost, self.talk) = (None, None, None);
        (self.jobs_done, self.was_ready) = (0, false);
        (self.reloads, self.answers_now) = (false, false);
        self.make_timer(machine).map_err(RunEnd::NotStarted)?;
        self.value = None;
        if let Some(mark) = self.mark() {
            self.spawn.set_env(MARK, mark);
        }
        let child = self.spawn_child();
        // Each start has another mark, and there may be thousands of slots: none is kept.
        self.spawn.forget_env(MARK);
        self.spawn.set_given(None);
        let child = child.map_err(RunEnd::NotStarted)?;
        self.last_pid = Some(child.id());
        tell(Report::Started { pid: child.id(), run });
        self.child = Some(child);
        self.deaf = false;
        Ok(())
    }

    fn spawn_child(&mut self) -> Result<Child, ErrorText> {
        let Some(Recorded { recording, .. }) = self.recorded.as_deref_mut() else {
            return self.spawn.spawn().map_err(|error| ErrorText::new(&error));
        };
        recording.spawn(&mut self.spawn)
    }

    fn terminate(&mut self, by: StopBy, reason: Reason, remaining: Option<Duration>) {
        let again = self.asked_by_word && by == StopBy::Quit;
        self.asked = true;
        self.asked_by_word |= by == StopBy::Quit;
        let Some(child) = &self.child else { return };
        let told = match by {
            // A child to which no word can be sent, since it has closed its socket, gets SIGTERM.
            StopBy::Quit => child
                .ask_to_quit(reason, remaining)
                // But only once: a second signal would end it at once.
                .or_else(|_| if again { Ok(()) } else { child.terminate() }),
            StopBy::Signal(signal) => child.signal(signal),
        };
        if let Err(error) = told {
            log::error!("cannot terminate process {}: {error}", child.id());
        }
        // A child that was stopped (SIGSTOP) hears nothing until it goes on, and would be killed in the
        // end. SIGCONT does nothing to a child that runs (signal(7)), and one that is gone needs none.
        let _ = child.signal(signal_hook::consts::SIGCONT);
    }
}

/// Whether a word was not taken because nobody is there any more.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
