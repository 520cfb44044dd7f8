//! A daemon to be shown in tests, and its time.

use std::time::{Duration, Instant};

use control::service::{Process, RunEnd, Status};
use human_text::units::Clock;

use crate::daemon::Seen;
use crate::draw::draw;
use crate::keys::Key;
use crate::model::{Effect, Model};
use crate::screen::Screen;

pub(crate) fn process(name: &str, role: &str, phase: &str, pid: u32) -> Process {
    let since = "2026-11-24T09:12:03.000000Z".to_owned();
    Process {
        name: name.to_owned(),
        role: role.to_owned(),
        phase: phase.to_owned(),
        pid: (0 < pid).then_some(pid),
        ready_since: (phase == "running").then(|| since.clone()),
        since,
        run: 1,
        memory_bytes: (0 < pid).then_some(22_020_096),
        cpu_us: (0 < pid).then_some(3_500_000),
        ..Process::default()
    }
}

pub(crate) fn workers() -> Vec<Process> {
    let mut back_off = process("web-3", "worker", "waiting", 0);
    (back_off.restarts, back_off.next_start_in_us) = (7, Some(4_200_000));
    back_off.ends = vec![RunEnd {
        at: "2026-11-26T09:11:58Z".to_owned(),
        run: 8,
        pid: Some(4799),
        cause: "code".to_owned(),
        text: "exited with code 3".to_owned(),
        ..RunEnd::default()
    }];
    back_off.stderr = vec!["ERROR cannot connect\x1b[2J".to_owned()];
    vec![
        process("web-1", "worker", "running", 4720),
        process("日本-2", "worker", "running", 4721),
        back_off,
        process("web-10", "worker", "stopped", 0),
    ]
}

pub(crate) fn answer(epoch: &str, workers: Result<Vec<Process>, String>) -> Seen {
    let status = Status {
        epoch: epoch.to_owned(),
        guardian: process("jobd", "guardian", "running", 4711),
        executor: process("jobd", "executor", "running", 4713),
        ..Status::default()
    };
    Seen::Answered { status: Box::new(status), workers }
}

/// A model, and the seconds that have passed in its story.
pub(crate) struct Story {
    pub(crate) model: Model,
    start: Instant,
    pub(crate) ms: u64,
}

impl Story {
    /// In which the daemon was seen once.
    pub(crate) fn new() -> Story {
        let start = Instant::now(); // An origin only: time in here is what the story says.
        let mut story = Story { model: Model::new("jobd".to_owned(), start), start, ms: 0 };
        story.see(0, answer("e1", Ok(workers())));
        story
    }

    pub(crate) fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    /// After so many milliseconds it is seen so.
    pub(crate) fn see(&mut self, ms: u64, seen: Seen) {
        self.ms += ms;
        let clock = Clock::standing("2026-11-26T09:12:03Z").unwrap();
        self.model.see(seen, self.now(), clock);
    }

    /// What the last of these keys asks for.
    pub(crate) fn press(&mut self, keys: &str) -> Effect {
        let mut effect = Effect::Nothing;
        for letter in keys.chars() {
            let key = match letter {
                '\n' => Key::Enter,
                '\x1b' => Key::Escape,
                '<' => Key::Backspace,
                letter => Key::Letter(letter),
            };
            effect = self.model.press(key);
        }
        effect
    }

    pub(crate) fn shown(&mut self, columns: usize, lines: usize) -> String {
        let mut screen = Screen::new(columns, lines);
        let now = self.now();
        draw(&mut self.model, &mut screen, now, false);
        screen.text()
    }

    /// The name of the marked process.
    pub(crate) fn marked(&self) -> &str {
        self.model.marked().map_or("-", |process| &process.name)
    }
}
