//! What the daemon does: workers with plain files, that only write their line and wait.

use std::error::Error;
use std::time::Duration;

use appkit::{LoggingConfig, WorkerStartInfo, WorkersError, WorkersOptions, sleep, start_workers};

use crate::journal;

fn options() -> WorkersOptions {
    WorkersOptions::default()
        .restart_interval(Duration::ZERO)
        .start_timeout(Duration::from_secs(120))
}

/// The entry of the daemon: so many workers.
pub(crate) fn daemon(workers: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    journal::note("entry")?;
    if workers == 0 {
        sleep(Duration::MAX);
        return Ok(());
    }
    let workers: Vec<_> = (1..=workers)
        .map(|number| {
            let name = format!("w{number}");
            WorkerStartInfo::new(&name, format!("{name}.pid"), worker, ())
                .stdout_filename(format!("{name}.txt"))
                .logging_config(LoggingConfig::file("w.log"))
        })
        .collect();
    journal::note("call")?;
    start_workers(workers, options())?.into_result()?;
    Ok(())
}

/// The entry of the workers.
pub(crate) fn worker() -> Result<(), Box<dyn Error + Send + Sync>> {
    journal::note(&appkit::current().name)?;
    sleep(Duration::MAX);
    Ok(())
}

/// The entry that is given much, and does nothing with it.
pub(crate) fn big(argument: String) -> Result<(), Box<dyn Error + Send + Sync>> {
    journal::note("big")?;
    drop(argument);
    Ok(())
}

/// One worker with so many bytes of arguments; its end is ours.
pub(crate) fn with_arguments(bytes: usize) -> Result<(), Box<dyn Error>> {
    let worker = WorkerStartInfo::new("big", "big.pid", big, "x".repeat(bytes));
    journal::note("call")?;
    let done: Result<(), WorkersError> = start_workers([worker], options())?.into_result();
    Ok(done?)
}
