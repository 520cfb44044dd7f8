//! What the view knows and shows, and what keys and pictures make of it. Pure: no clock, terminal or daemon is asked
//! here.

use std::time::Instant;

use control::service::Process;
use human_text::units::Clock;

use crate::daemon::{Request, Seen};
use crate::history::History;
use crate::id::{Id, Run};
use crate::keys::Key;
use crate::known::{News, uptime_us};
use crate::rows::{self, Measure, Sort};

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) news: News,
    pub(crate) history: History,
    pub(crate) sort: Sort,
    pub(crate) filter: String,
    /// Whose row is marked, and where that was last.
    pub(crate) selected: Option<Id>,
    cursor: usize,
    /// The first worker that is shown, or the first line of details.
    pub(crate) top: usize,
    /// Instead of the table the selected one alone.
    pub(crate) details: bool,
    pub(crate) prompt: Prompt,
    /// What became of the last thing that was asked for.
    pub(crate) notice: Option<String>,
    /// What is being asked for now.
    asked: Option<String>,
}

/// What keys are for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// Moving and asking.
    None,
    /// Letters of the filter.
    Filter,
    /// Letters of a signal's name, and for whom it will be.
    Signal(Run, String),
    /// An answer.
    Question(Order),
    /// Ending the page of keys.
    Help,
}

/// What shall be asked for, if it is still that run's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) run: Run,
    pub(crate) request: Request,
}

impl Order {
    /// `Restart web-1 (pid 4720)`.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.request, self.run.label())
    }
}

/// What a key asks of whoever has terminal and daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Quit,
    Interrupt,
    Suspend,
    Redraw,
    Act(Order),
}

/// A filter or a signal's name needs no more.
const LONGEST_TEXT: usize = 100;

/// As many rows as a key for pages moves by.
const PAGE: isize = 10;

impl Model {
    pub(crate) fn new(name: String, now: Instant) -> Model {
        Model {
            name,
            news: News::default(),
            history: History::new(now),
            sort: Sort::default(),
            filter: String::new(),
            selected: None,
            cursor: 0,
            top: 0,
            details: false,
            prompt: Prompt::None,
            notice: None,
            asked: None,
        }
    }

    /// Takes in a picture. A question about somebody who is not there any more is taken back.
    pub(crate) fn see(&mut self, seen: Seen, at: Instant, clock: Clock) {
        let answered = matches!(seen, Seen::Answered { .. });
        let not_running = matches!(seen, Seen::NotRunning(_));
        let whole = matches!(&seen, Seen::Answered { workers: Ok(_), .. });
        self.news.see(seen, at, clock);
        if answered {
            // Guardian and executor come first, and are known in any case.
            let epoch = self.news.epoch().to_owned();
            let fresh = self.news.processes().take(if whole { usize::MAX } else { 2 });
            self.history.note(&epoch, fresh, at, !whole);
        }
        let run = match &self.prompt {
            Prompt::Signal(run, _) | Prompt::Question(Order { run, .. }) => Some(run),
            Prompt::None | Prompt::Filter | Prompt::Help => None,
        };
        let gone = |run: &&Run| !run.is_among(self.news.epoch(), self.news.processes());
        if (whole || not_running)
            && let Some(run) = run.filter(gone)
        {
            self.notice = Some(format!("{} is gone: nothing was done", run.label()));
            self.prompt = Prompt::None;
        }
        self.settle();
    }

    /// Hears what became of what was asked for last.
    pub(crate) fn hear(&mut self, outcome: Result<(), String>) {
        let asked = self.asked.take().unwrap_or_default();
        self.notice = Some(match outcome {
            Ok(()) => format!("{asked}: asked"),
            Err(why) => format!("{asked}: {why}"),
        });
    }

    /// What this key does here, and what it asks of others.
    pub(crate) fn press(&mut self, key: Key) -> Effect {
        if let Some(effect) = everywhere(key) {
            return effect;
        }
        self.notice = None;
        let effect = match std::mem::replace(&mut self.prompt, Prompt::None) {
            Prompt::None => self.command(key),
            Prompt::Filter => {
                if typed(&mut self.filter, key) {
                    self.prompt = Prompt::Filter;
                } else if key == Key::Escape {
                    self.filter.clear();
                }
                Effect::Nothing
            }
            Prompt::Signal(run, text) => {
                self.signal(run, text, key);
                Effect::Nothing
            }
            Prompt::Question(order) => match (key, &self.asked) {
                (Key::Letter('y' | 'Y'), None) => {
                    self.asked = Some(order.text());
                    Effect::Act(order)
                }
                (Key::Letter('y' | 'Y'), Some(busy)) => {
                    self.notice = Some(format!("nothing was done: no answer yet to: {busy}"));
                    Effect::Nothing
                }
                _ => Effect::Nothing,
            },
            Prompt::Help if key == Key::Letter('q') => Effect::Quit,
            Prompt::Help => Effect::Nothing,
        };
        self.settle();
        effect
    }

    fn command(&mut self, key: Key) -> Effect {
        match key {
            Key::Letter('q') => return Effect::Quit,
            Key::Up | Key::Letter('k') => self.go(-1),
            Key::Down | Key::Letter('j') => self.go(1),
            Key::PageUp => self.go(-PAGE),
            Key::PageDown => self.go(PAGE),
            Key::Home => self.go(isize::MIN),
            Key::End => self.go(isize::MAX),
            Key::Enter => (self.details, self.top) = (!self.details, 0),
            Key::Escape if self.details => (self.details, self.top) = (false, 0),
            Key::Escape => self.filter.clear(),
            Key::Letter('/') => (self.details, self.prompt) = (false, Prompt::Filter),
            Key::Letter('s') => self.sort = self.sort.next(),
            Key::Letter('r') => self.question(Request::Restart),
            Key::Letter('x') => self.question(Request::Stop),
            Key::Letter('t') => self.question(Request::Start),
            Key::Letter('K') => self.ask_signal(),
            Key::Letter('?') => self.prompt = Prompt::Help,
            Key::Letter(_) | Key::Backspace | Key::Interrupt | Key::Suspend | Key::Redraw => (),
        }
        Effect::Nothing
    }

    fn go(&mut self, by: isize) {
        if self.details {
            self.top = self.top.saturating_add_signed(by);
            return;
        }
        let rows = self.rows();
        let at = self.cursor.saturating_add_signed(by).min(rows.len().saturating_sub(1));
        (self.selected, self.cursor) = (rows.get(at).map(|process| Id::of(process)), at);
    }

    /// Everybody in the table: guardian, executor, and the workers that pass the filter, in order.
    pub(crate) fn rows(&self) -> Vec<&Process> {
        let Some(known) = &self.news.known else { return Vec::new() };
        let measure = |process| Measure {
            process,
            share: self.history.share(process),
            uptime_us: uptime_us(process, &known.clock),
        };
        let mut rows = vec![&known.status.guardian, &known.status.executor];
        rows.extend(rows::workers(known.workers.iter().map(measure), &self.filter, self.sort));
        rows
    }

    /// Whose row is marked.
    pub(crate) fn marked(&self) -> Option<&Process> {
        let id = self.selected.as_ref()?;
        self.news.processes().find(|process| id.is(process))
    }

    /// The mark stays with its process, or where it was if that is not there any more.
    fn settle(&mut self) {
        let rows = self.rows();
        let same = |process: &&Process| self.selected.as_ref().is_some_and(|id| id.is(process));
        let at = rows.iter().position(same);
        let at = at.unwrap_or_else(|| self.cursor.min(rows.len().saturating_sub(1)));
        let selected = rows.get(at).map(|process| Id::of(process));
        if selected != self.selected {
            self.details = false;
        }
        // Between two guardians nobody is there, and the mark comes back with its name.
        if selected.is_some() {
            (self.selected, self.cursor) = (selected, at);
        }
    }

    /// Asks whether this shall be done with the marked one.
    fn question(&mut self, request: fn(String) -> Request) {
        let Some(process) = self.marked() else { return };
        let run = Run::of(process, self.news.epoch());
        let request = request(process.name.clone());
        match (process.role.as_str(), request) {
            ("worker", request) => self.prompt = Prompt::Question(Order { run, request }),
            ("executor", Request::Restart(_)) => {
                let request = Request::RestartExecutor;
                self.prompt = Prompt::Question(Order { run, request });
            }
            _ => self.only_workers(),
        }
    }

    fn ask_signal(&mut self) {
        match self.marked() {
            Some(process) if process.role == "worker" => {
                let run = Run::of(process, self.news.epoch());
                self.prompt = Prompt::Signal(run, String::new());
            }
            Some(_) => self.only_workers(),
            None => (),
        }
    }

    fn only_workers(&mut self) {
        let text =
            "that is for workers; the executor can be restarted, and `stop` stops the daemon";
        self.notice = Some(text.to_owned());
    }

    fn signal(&mut self, run: Run, mut text: String, key: Key) {
        if typed(&mut text, key) {
            self.prompt = Prompt::Signal(run, text);
        } else if key == Key::Enter {
            // As configuration files have it.
            let number = text.parse().ok().filter(|number| (1..=64).contains(number));
            match number.or_else(|| exit::signal::number(&text.to_uppercase())) {
                Some(number) => {
                    let request = Request::Signal(run.id.name.clone(), number);
                    self.prompt = Prompt::Question(Order { run, request });
                }
                None => {
                    let text = human_text::text::safe(&text);
                    self.notice = Some(format!("no signal `{text}`; SIGTERM is one, and 15"));
                }
            }
        }
    }
}

/// What a key does whatever else is going on.
fn everywhere(key: Key) -> Option<Effect> {
    let means = [
        (Key::Interrupt, Effect::Interrupt),
        (Key::Suspend, Effect::Suspend),
        (Key::Redraw, Effect::Redraw),
    ];
    means.into_iter().find(|(known, _)| *known == key).map(|(_, effect)| effect)
}

/// Takes a letter in or back; false: the key ends the text.
fn typed(text: &mut String, key: Key) -> bool {
    if let Key::Letter(letter) = key {
        if text.len() < LONGEST_TEXT {
            text.push(letter);
        }
    } else if key == Key::Backspace {
        text.pop();
    }
    !matches!(key, Key::Enter | Key::Escape)
}

#[cfg(test)]
mod tests;
