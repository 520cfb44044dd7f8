//! One worker of a pool, as the loop keeps it.

use std::path::PathBuf;
use std::sync::Arc;

use capture::Recorder;
use lifecycle::Outcome;
use proc_spawn::{Spawn, Spawner};
use record::{Record, Role};
use slot::{Slot, Teller};
use surroundings::Setup;

use super::renewal::Next;
use crate::ends::WorkerEnd;
use crate::error::WorkersError;
use crate::spec::WorkerPlan;

/// What a child is started by, once it is known what it is to be.
pub(super) fn spawn_of(
    spawn: Spawn,
    setup: &Setup,
    spawner: Option<&Arc<Spawner>>,
) -> Result<Spawn, WorkersError> {
    let spawn = spawn.setup(setup).map_err(|source| WorkersError::Spawn { source })?;
    Ok(match spawner {
        Some(spawner) => spawn.spawned_by(Arc::clone(spawner)),
        None => spawn,
    })
}

pub(crate) struct Worker {
    /// What is known of it, and its name.
    pub(crate) record: Record,
    pub(super) pid_filename: PathBuf,
    pub(crate) slot: Slot,
    pub(super) teller: Teller,
    /// Which run's descriptors are being watched.
    pub(super) watched: u64,
    /// Whether the worker's words are being watched too.
    pub(super) hears: bool,
    /// Whether it is waited for its silence.
    pub(super) watches_silence: bool,
    /// How it went, once nothing more will be done. There may be thousands of workers: what most do not
    /// have takes no room.
    pub(super) outcome: Option<Box<Outcome>>,
    /// What its next runs are, where they are to be others.
    pub(super) next: Option<Box<Next>>,
    /// What it was before a roll, which has not proved good yet.
    pub(super) old: Option<Box<Next>>,
    /// Of which list it is: 1 for the first.
    pub(crate) revision: u64,
}

impl Worker {
    pub(super) fn new(
        worker: WorkerPlan,
        spawner: Option<&Arc<Spawner>>,
        recorder: Option<&Arc<Recorder>>,
    ) -> Result<Box<Worker>, WorkersError> {
        // First of all, where its plan was: among thousands what is smaller would only leave holes there.
        let room = Box::new_uninit();
        let spawn = spawn_of(worker.spawn, &worker.setup, spawner)?;
        let mut slot = Slot::new(spawn).ends(worker.policy.leftovers);
        if let (Some(recorder), Some(capture)) = (recorder, &worker.capture) {
            let recording = recorder.record(capture, &worker.name);
            slot =
                slot.recorded(recording.map_err(|source| WorkersError::Capture {
                    worker: worker.name.clone(),
                    source,
                })?);
        }
        let worker = Worker {
            record: Record::new(Role::Worker, &worker.name),
            pid_filename: worker.pid_filename,
            slot,
            teller: Teller::default(),
            watched: 0,
            hears: false,
            watches_silence: false,
            outcome: None,
            next: None,
            old: None,
            revision: 1,
        };
        Ok(Box::write(room, worker))
    }

    /// How it ended, once it has.
    pub(super) fn end(self) -> Option<WorkerEnd> {
        let Worker { record, slot, outcome, .. } = self;
        let (name, outcome) = (record.name().to_owned(), *outcome?);
        let last_lines = slot.last_lines().cloned().unwrap_or_default();
        Some(WorkerEnd {
            name,
            runs: slot.run(),
            outcome,
            last_lines,
            value: slot.value().cloned(),
        })
    }
}
