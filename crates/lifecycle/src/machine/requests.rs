//! What somebody may ask of one child while it is kept, what he finds, and what follows.

use std::error::Error;
use std::fmt;
use std::time::Instant;

use super::stopping::Goal;
use super::{Action, Machine, State, Step, Why, limit};

/// What is asked of one child. A later request wins over an earlier one.
///
/// What is asked is no failure: it does not count against a [limit](policy::RestartPolicy::limit), has no delay, and
/// ends nobody else. What each request finds in each phase:
///
/// | phase | stop | start | restart |
/// |---|---|---|---|
/// | idle | done | begun | begun |
/// | starting | begun | joined | begun |
/// | running | begun | already | begun |
/// | not_ready | begun | already | begun |
/// | waiting | done | begun | begun |
/// | due | done | begun | begun |
/// | due, by request | done | joined | joined |
/// | stopping, late in its start | begun | begun | begun |
/// | stopping, as a failure | begun | begun | begun |
/// | stopping, since it hangs | begun | begun | begun |
/// | stopping, to pause | begun | joined | joined |
/// | stopping, by request | joined | begun | begun |
/// | stopping, to restart | begun | joined | joined |
/// | stopping, for good | ending | ending | ending |
/// | stopped | already | begun | begun |
/// | finished | already | begun | begun |
///
/// The words are those of [`Answer`] and [`Refused`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// It is stopped within the grace of its policy, and is [`Stopped`](super::Phase::Stopped) when it has ended:
    /// nothing starts it again but a request.
    Stop,
    /// It runs, whatever kept it from that: a stop by request, a delay, an end for good, of which nothing counts any
    /// more. One that is being stopped by request is started again when it has ended.
    Start,
    /// It is stopped within the grace of its policy, and started again when it has ended. Without a process it is
    /// started.
    Restart,
}

/// What a request has found, where it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It was so before, and nothing changes.
    Already,
    /// It is on its way there, by an earlier request or by itself, and nothing changes: the outcome is the same.
    Joined,
    /// It is under way now. A child that is to be started has its [phase](super::Phase::Due) until it is its turn.
    Begun,
    /// It is so now: there was no process to be stopped.
    Done,
}

/// Why a request was not taken: nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// No child has this id, or none any more.
    Unknown,
    /// The child is being stopped for good, since it was taken off the list, or goes because of another's failure.
    Ending,
    /// All are being stopped for good, or have been.
    Quitting,
    /// Somebody waits for the answer of the first start, which has not come.
    Launching,
}

impl Answer {
    /// Whether the request has changed something; otherwise the outcome is that of what was there before.
    pub fn has_changed_something(self) -> bool {
        matches!(self, Answer::Begun | Answer::Done)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Already => "already",
            Answer::Joined => "joined",
            Answer::Begun => "begun",
            Answer::Done => "done",
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Unknown => "there is no such child",
            Refused::Ending => "it is being stopped for good",
            Refused::Quitting => "all are being stopped",
            Refused::Launching => "it is still being started for the first time",
        })
    }
}

impl Error for Refused {}

impl Machine {
    /// Takes a request: says what it has found, as in the [table](Request), and what it has led to. A child that is to
    /// be started is [due](super::Phase::Due) then, and [asked for](Machine::is_asked_for): whoever has the machine
    /// tells it [`Event::Start`](super::Event::Start) when it is its turn, as after a delay.
    ///
    /// # Errors
    ///
    /// [`Refused::Ending`]: it is being stopped for good. After the end for good a machine takes requests again; who
    /// must not start anything any more does not ask it.
    pub fn request(&mut self, request: Request, now: Instant) -> Result<(Answer, Step), Refused> {
        let before = self.phase();
        let (answer, action) = self.take(request, now)?;
        let phase = self.phase();
        Ok((answer, Step { action, entered: (phase != before).then_some(phase), ended: None }))
    }

    /// Whether it has no process, and is to be started since somebody has asked for it.
    pub fn is_asked_for(&self) -> bool {
        matches!(self.state, State::Due { asked: true })
    }

    fn take(&mut self, request: Request, now: Instant) -> Result<(Answer, Action), Refused> {
        use Answer::*;
        use Request::*;
        use State::*;
        Ok(match (self.state, request) {
            (Idle | Waiting { .. } | Due { .. }, Stop) => {
                self.forgo_restart();
                (Done, self.enter(Stopped))
            }
            (Starting { .. } | Running, Stop) => (Begun, self.stop(Goal::Stop, None, now)),
            (Stopped | Finished, Stop) => (Already, Action::Nothing),

            (Starting { .. } | Due { asked: true }, Start) => (Joined, Action::Nothing),
            (Running, Start) => (Already, Action::Nothing),
            (Starting { .. } | Running, Restart) => (Begun, self.stop(Goal::Restart, None, now)),
            (Due { asked: true }, Restart) => (Joined, Action::Nothing),
            (Idle | Waiting { .. } | Due { asked: false } | Stopped, Start | Restart) => {
                self.forgo_restart();
                (Begun, self.enter(Due { asked: true }))
            }
            (Finished, Start | Restart) => {
                self.delays.reset();
                self.restarts = limit::RestartLog::default();
                self.short_runs = 0;
                (Begun, self.enter(Due { asked: true }))
            }

            (Stopping(stop), _) => {
                let (answer, goal) = aimed(Some(stop.goal), request)?;
                (answer, self.enter(Stopping(super::Stop { goal, ..stop })))
            }
            (Killed(why), _) => {
                let (answer, goal) = aimed(why.goal(), request)?;
                (answer, self.enter(Killed(why.then(goal))))
            }
        })
    }

    /// A restart that was counted does not take place.
    pub(super) fn forgo_restart(&mut self) {
        if let State::Waiting { .. } | State::Due { asked: false } = self.state {
            self.restarts.take_back();
        }
    }
}

/// What is to follow a stop that is going on, which takes the time that it has. `goal`: what was to follow it; `None`:
/// nobody has asked for that stop.
fn aimed(goal: Option<Goal>, request: Request) -> Result<(Answer, Goal), Refused> {
    use Request::{Restart, Start, Stop};
    Ok(match (goal, request) {
        (Some(Goal::Quit), _) => return Err(Refused::Ending),
        (Some(Goal::Stop), Stop) => (Answer::Joined, Goal::Stop),
        (Some(goal @ (Goal::Pause | Goal::Restart)), Start | Restart) => (Answer::Joined, goal),
        (Some(Goal::Pause | Goal::Restart | Goal::Fail(_) | Goal::Hung) | None, Stop) => {
            (Answer::Begun, Goal::Stop)
        }
        (Some(Goal::Stop | Goal::Fail(_) | Goal::Hung) | None, Start | Restart) => {
            (Answer::Begun, Goal::Restart)
        }
    })
}

impl Why {
    pub(super) fn goal(self) -> Option<Goal> {
        match self {
            Why::NotReady { then, .. } => then,
            Why::GraceOver { goal, .. } => Some(goal),
        }
    }
}
