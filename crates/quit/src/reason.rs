//! What a quit says: why, and until when. Plain data, and the two rules for a second request.

use std::fmt;
use std::time::{Duration, Instant};

/// Why we are asked to quit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Reason {
    /// This signal arrived.
    Signal(i32),
    /// Everything is being stopped.
    Stop,
    /// Only this part is being stopped, and will be started again.
    Restart,
    /// Whoever started us is gone.
    ParentDied,
    /// Fewer of us are wanted.
    Scale,
    /// The configuration changed; a successor will read it.
    Reload,
    /// The program itself decided, and gave no other reason.
    Requested,
}

impl fmt::Display for Reason {
    /// A few words that fit after "quit: ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Reason::Signal(number) => f.write_str(&signal_name(number)),
            Reason::Stop => f.write_str("stop"),
            Reason::Restart => f.write_str("restart"),
            Reason::ParentDied => f.write_str("parent died"),
            Reason::Scale => f.write_str("scale"),
            Reason::Reload => f.write_str("reload"),
            Reason::Requested => f.write_str("requested"),
        }
    }
}

/// `SIGTERM (15)`, or `signal 999` for a number without a name.
pub(crate) fn signal_name(number: i32) -> String {
    match signal_hook::low_level::signal_name(number) {
        Some(name) => format!("{name} ({number})"),
        None => format!("signal {number}"),
    }
}

/// A request to quit: a [`Reason`], and perhaps the time by which all must be over.
///
/// ```
/// use std::time::Duration;
/// use quit::{Reason, Request};
///
/// let request = Request::new(Reason::Stop).within(Duration::from_secs(10));
/// assert_eq!(request.reason(), Reason::Stop);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a request does nothing until it is given to `quit::request` or `QuitToken::request`"]
pub struct Request {
    reason: Reason,
    deadline: Option<Instant>,
}

impl Request {
    /// A request without a deadline.
    pub const fn new(reason: Reason) -> Request {
        Request { reason, deadline: None }
    }

    /// By when all must be over. Default: there is no deadline. An instant in the past is legal and means
    /// that no time is left.
    pub const fn until(mut self, deadline: Instant) -> Request {
        self.deadline = Some(deadline);
        self
    }

    /// How long, from now, it may take. A duration too long to be added to the clock is no deadline.
    pub fn within(mut self, grace: Duration) -> Request {
        self.deadline = Instant::now().checked_add(grace);
        self
    }

    /// Why.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// By when, if that was said.
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What holds when `later` comes after `self`: the first reason stays, since the user may have
    /// acted on it; the deadline only moves forward, since someone may have promised the earlier one.
    pub(crate) fn followed_by(self, later: Request) -> Request {
        Request { reason: self.reason, deadline: earliest(self.deadline, later.deadline) }
    }
}

impl From<Reason> for Request {
    fn from(reason: Reason) -> Request {
        Request::new(reason)
    }
}

/// The earlier of two deadlines, where `None` is never.
pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (only, None) | (None, only) => only,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays_and_the_deadline_only_comes_forward() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let open = Request::new(Reason::Stop);
        for (first, later, deadline) in [
            (open, Request::new(Reason::Scale), None),
            (open, Request::new(Reason::Scale).until(at(5)), Some(at(5))),
            (open.until(at(5)), Request::new(Reason::Scale), Some(at(5))),
            (open.until(at(5)), Request::new(Reason::Scale).until(at(9)), Some(at(5))),
            (open.until(at(5)), Request::new(Reason::Scale).until(at(2)), Some(at(2))),
        ] {
            let both = first.followed_by(later);
            assert_eq!((both.reason(), both.deadline()), (Reason::Stop, deadline));
        }
    }

    #[test]
    fn a_grace_beyond_the_clock_is_no_deadline() {
        assert_eq!(Request::new(Reason::Stop).within(Duration::MAX).deadline(), None);
    }

    #[test]
    fn reasons_read_well_in_a_log() {
        let told = [
            Reason::Signal(15),
            Reason::Signal(999),
            Reason::Stop,
            Reason::Restart,
            Reason::ParentDied,
            Reason::Scale,
            Reason::Reload,
            Reason::Requested,
        ]
        .map(|reason| reason.to_string());
        assert_eq!(
            told,
            [
                "SIGTERM (15)",
                "signal 999",
                "stop",
                "restart",
                "parent died",
                "scale",
                "reload",
                "requested"
            ]
        );
    }
}
