//! A view of a daemon that is none: `pretend [WORKERS]`.

use std::f64::consts::TAU;
use std::time::Instant;

use control::service::{Process, Status};
use live_view::{CannotShow, Daemon, Request, Seen};

struct Pretended {
    began: Instant,
    workers: u32,
}

impl Daemon for Pretended {
    fn name(&self) -> &str {
        "pretended"
    }

    fn look(&self) -> Seen {
        let status = Status {
            epoch: "e1".to_owned(),
            guardian: self.process("guardian", "pretended", 0),
            executor: self.process("executor", "pretended", 1),
            ..Status::default()
        };
        let worker = |index| self.process("worker", &format!("web-{index}"), 1 + index);
        Seen::Answered {
            status: Box::new(status),
            workers: Ok((1..=self.workers).map(worker).collect()),
        }
    }

    fn ask(&self, _: &Request) -> Result<(), String> {
        Err("there is nobody who could do that".to_owned())
    }
}

impl Pretended {
    fn process(&self, role: &str, name: &str, index: u32) -> Process {
        let time = self.began.elapsed().as_secs_f64();
        // The integral of a share that swings between 0 and 1, at a pace of its own.
        let pace = TAU / f64::from(10 + index % 30);
        let used = (time + (time * pace).sin() / pace) / 2.0;
        Process {
            name: name.to_owned(),
            role: role.to_owned(),
            phase: "running".to_owned(),
            pid: Some(4711 + index),
            since: "2026-11-24T08:12:03Z".to_owned(),
            ready_since: Some("2026-11-24T08:12:03Z".to_owned()),
            run: 1,
            memory_bytes: Some(21 << 20),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it only grows"
            )]
            cpu_us: Some((used * 1e6) as u64),
            ..Process::default()
        }
    }
}

fn main() -> Result<(), CannotShow> {
    let workers = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(5);
    live_view::show(Pretended { began: Instant::now(), workers }, true).map(|_| ())
}
