//! Asking a child to open its files anew.

use std::sync::Mutex;
use std::time::Instant;

use libtest_mimic::Trial;
use lifecycle::{Event, Machine};
use log::{LevelFilter, Log, Metadata, Record};
use policy::Policy;
use proc_spawn::{Call, Spawn};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use slot::Slot;

use crate::{bed, trials};

pub(crate) fn trials() -> Vec<Trial> {
    trials![a_dead_child_that_left_a_word_unread_has_no_files]
}

/// What this process would have logged.
static LOGGED: Logged = Logged(Mutex::new(Vec::new()));

struct Logged(Mutex<Vec<String>>);

impl Log for Logged {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// The socket of such a child is reset, and not only closed.
///
/// Case: FLT-H1
fn a_dead_child_that_left_a_word_unread_has_no_files() {
    log::set_logger(&LOGGED).unwrap();
    log::set_max_level(LevelFilter::Error);
    let spawn = Spawn::new(Call::new(bed::deaf, "/dev/null".into())).unwrap();
    let mut slot = Slot::new(spawn);
    let mut machine = Machine::new(Policy::default(), 0);
    let now = Instant::now();
    let step = machine.step(Event::Start, now);
    assert_eq!(slot.carry_out(&step, &machine, now, &mut |_| ()), None);
    let pid = slot.child().unwrap().id();
    let id = || WaitId::Pid(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap());
    slot.child().unwrap().signal(Signal::STOP.as_raw()).unwrap();
    waitid(id(), WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT).unwrap();
    slot.reopen();
    slot.child().unwrap().kill().unwrap();
    waitid(id(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    slot.reopen();
    assert!(slot.reap(&machine, &mut Vec::new(), Instant::now(), &mut |_| ()).is_some());
    let logged = LOGGED.0.lock().unwrap();
    let of_it = logged.iter().find(|text| text.contains(&format!("process {pid} ")));
    assert_eq!(of_it, None);
}
