//! The loop: a key, a signal, an answer or a second that is over, and then what has changed is drawn.

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use human_text::units::Clock;
use signal_hook::consts::{SIGHUP, SIGINT};

use crate::changes::changes;
use crate::clerk::Clerk;
use crate::daemon::{Daemon, Seen};
use crate::draw::draw;
use crate::keys::{Key, Keys};
use crate::model::{Effect, Model, Order};
use crate::screen::Screen;
use crate::signals::Signals;
use crate::terminal::{CannotShow, Lost, Terminal, typing, wait_until_told};

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// After so long without more an escape was one, and no beginning.
const ESCAPE: Duration = Duration::from_millis(50);

/// How a view ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Somebody wanted no more of it.
    Quit,
    /// By a signal of this number, which Ctrl-C (2) and a terminal that has gone (1) are, too.
    Signal(i32),
}

/// Shows the daemon until somebody has seen enough; `fancy`: the terminal has colours and more letters than ASCII.
///
/// It blocks. Questions are asked in two threads of its own, which end with it, at the latest when the last question
/// has its answer.
///
/// # Errors
///
/// [`CannotShow`]. The terminal is as it was then.
pub fn show(daemon: impl Daemon + 'static, fancy: bool) -> Result<Ended, CannotShow> {
    Terminal::check()?;
    let pair = || -> io::Result<(UnixStream, UnixStream)> {
        let (ear, bell) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        Ok((ear, bell))
    };
    let (ear, bell) = pair().map_err(CannotShow::io("make a pair of sockets"))?;
    let signals = Signals::register(&bell).map_err(CannotShow::io("handle signals"))?;
    let mut ended = None;
    let mut ends = || {
        ended = ended.or_else(|| signals.ending());
        ended.is_some()
    };
    let Some(terminal) = Terminal::take(&bell, &mut ends)? else {
        return Ok(Ended::Signal(ended.unwrap_or(SIGHUP)));
    };
    let name = daemon.name().to_owned();
    let (looker, asker) = clerks(daemon, &bell).map_err(CannotShow::io("start a thread"))?;
    let view = View {
        terminal,
        signals,
        ear,
        bell,
        looker,
        asker,
        model: Model::new(name, Instant::now()),
        drawn: None,
        fancy,
    };
    view.run()
}

type Looker = Clerk<(), (Seen, Instant, Clock)>;
type Asker = Clerk<Order, Result<(), String>>;

/// Who looks, and who asks: neither waits for the other.
fn clerks(daemon: impl Daemon + 'static, bell: &UnixStream) -> io::Result<(Looker, Asker)> {
    let looked: Arc<dyn Daemon> = Arc::new(daemon);
    let asked = Arc::clone(&looked);
    let look = move |()| (looked.look(), Instant::now(), Clock::of_machine());
    let ask = move |order: Order| ask(&*asked, &order);
    Ok((
        Clerk::start("look", bell.try_clone()?, look)?,
        Clerk::start("ask", bell.try_clone()?, ask)?,
    ))
}

/// Asks for it if it is still the turn of the run that was meant: a picture may be a second old, and a person takes his
/// time.
fn ask(daemon: &dyn Daemon, order: &Order) -> Result<(), String> {
    let nothing = "nothing was done";
    match daemon.look() {
        Seen::Answered { status, workers } => {
            let workers = workers.map_err(|why| format!("{nothing}: {why}"))?;
            let all = [&status.guardian, &status.executor].into_iter().chain(&workers);
            if !order.run.is_among(&status.epoch, all) {
                return Err(format!("it is gone: {nothing}"));
            }
            daemon.ask(&order.request)
        }
        Seen::NotRunning(why) | Seen::NoAnswer(why) => Err(format!("{nothing}: {why}")),
    }
}

fn ended_by(lost: Lost) -> Result<Ended, CannotShow> {
    match lost {
        Lost::Gone => Ok(Ended::Signal(SIGHUP)),
        Lost::GivenBack => {
            wait_until_told();
            Err(CannotShow::Panicked)
        }
    }
}

struct View {
    terminal: Terminal,
    signals: Signals,
    ear: UnixStream,
    bell: UnixStream,
    looker: Looker,
    asker: Asker,
    model: Model,
    /// What stands on the terminal; `None`: nobody knows.
    drawn: Option<Screen>,
    fancy: bool,
}

impl View {
    fn run(mut self) -> Result<Ended, CannotShow> {
        let mut keys = Keys::default();
        let mut due = Instant::now();
        let mut looking = false;
        loop {
            if let Some(signal) = self.signals.ending() {
                return Ok(Ended::Signal(signal));
            }
            while let Some((seen, at, clock)) = self.looker.answer() {
                self.model.see(seen, at, clock);
                looking = false;
            }
            while let Some(outcome) = self.asker.answer() {
                self.model.hear(outcome);
                due = Instant::now(); // What has changed is to be seen soon.
            }
            let now = Instant::now();
            if due <= now {
                due = now + PERIOD;
                looking = looking || self.looker.ask(());
            }
            if let Err(lost) = self.redraw(now) {
                return ended_by(lost);
            }
            let escape = keys.is_pending().then(|| now + ESCAPE);
            self.wait(escape.map_or(due, |escape| escape.min(due)))?;
            self.drain();

            let mut buffer = [0; 1024];
            let typed = match self.terminal.read(&mut buffer) {
                Ok(typed) => typed,
                Err(lost) => return ended_by(lost),
            };
            let mut pressed = keys.feed(typed);
            if typed.is_empty() && escape.is_some_and(|at| at <= Instant::now()) {
                pressed.extend(keys.give_up());
            }
            if self.signals.asked_to_stop() {
                pressed.push(Key::Suspend);
            }
            for key in pressed {
                if let Some(ended) = self.press(key, &mut due)? {
                    return Ok(ended);
                }
            }
            if self.signals.continued() {
                self.terminal.refresh();
                (self.drawn, due) = (None, Instant::now());
            }
        }
    }

    /// `Some`: the view ends.
    fn press(&mut self, key: Key, due: &mut Instant) -> Result<Option<Ended>, CannotShow> {
        match self.model.press(key) {
            Effect::Nothing => (),
            Effect::Quit => return Ok(Some(Ended::Quit)),
            Effect::Interrupt => return Ok(Some(Ended::Signal(SIGINT))),
            Effect::Redraw => self.drawn = None,
            Effect::Act(order) => {
                if !self.asker.ask(order) {
                    self.model.hear(Err("nothing was done: nobody could be asked".to_owned()));
                }
            }
            Effect::Suspend => {
                let (signals, mut ended) = (&self.signals, None);
                let mut ends = || {
                    ended = ended.or_else(|| signals.ending());
                    ended.is_some()
                };
                if !self.terminal.stop(&self.bell, &mut ends)? {
                    return Ok(Some(Ended::Signal(ended.unwrap_or(SIGHUP))));
                }
                (self.drawn, *due) = (None, Instant::now());
            }
        }
        Ok(None)
    }

    fn redraw(&mut self, now: Instant) -> Result<(), Lost> {
        let (columns, lines) = match &self.drawn {
            Some(drawn) if !self.signals.resized() => (drawn.columns, drawn.height()),
            Some(_) | None => self.terminal.size(),
        };
        let mut screen = Screen::new(columns, lines);
        draw(&mut self.model, &mut screen, now, self.fancy);
        let changes = changes(self.drawn.as_ref(), &screen, self.fancy);
        self.drawn = Some(screen);
        self.terminal.write(&changes)
    }

    fn wait(&self, until: Instant) -> Result<(), CannotShow> {
        let typing = typing();
        waiter::wait_once(&[typing.as_fd(), self.ear.as_fd()], Some(until))
            .map(|_| ())
            .map_err(CannotShow::io("wait"))
    }

    /// Whatever has rung: why, is looked at by whom it concerns.
    fn drain(&mut self) {
        let mut buffer = [0; 256];
        loop {
            match self.ear.read(&mut buffer) {
                Ok(read) if read == buffer.len() => (),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::daemon::Request;
    use crate::id::Run;
    use crate::samples::{answer, workers};

    struct Changed {
        seen: Seen,
        asked: Mutex<Vec<Request>>,
    }

    impl Daemon for Changed {
        fn name(&self) -> &str {
            "jobd"
        }

        fn look(&self) -> Seen {
            self.seen.clone()
        }

        fn ask(&self, request: &Request) -> Result<(), String> {
            self.asked.lock().unwrap().push(request.clone());
            Ok(())
        }
    }

    /// Case: CC-80
    #[test]
    fn after_yes_it_is_looked_once_more() {
        let request = Request::Restart("web-1".to_owned());
        let order = Order { run: Run::of(&workers()[0], "e1"), request: request.clone() };
        let outcome = |seen| {
            let daemon = Changed { seen, asked: Mutex::default() };
            let outcome = ask(&daemon, &order);
            (outcome, daemon.asked.into_inner().unwrap())
        };
        assert_eq!(outcome(answer("e1", Ok(workers()))), (Ok(()), vec![request]));
        let mut other = workers();
        other[0].run = 2;
        let cases = [
            (answer("e1", Ok(other)), "it is gone: nothing was done"),
            (answer("e2", Ok(workers())), "it is gone: nothing was done"),
            (answer("e1", Err("why".to_owned())), "nothing was done: why"),
            (Seen::NotRunning("not running".to_owned()), "nothing was done: not running"),
            (Seen::NoAnswer("no answer".to_owned()), "nothing was done: no answer"),
        ];
        for (seen, why) in cases {
            assert_eq!(outcome(seen), (Err(why.to_owned()), Vec::new()));
        }
    }
}
