//! The program that `faults` and `chaos` attack: a daemon with workers, built on the facade alone.
//!
//! `victim start|run|stop|status [--workers N] [--grace MS] …`, in the folder that is to hold its
//! files. Every process of it writes what it does into a journal, and holds a witness.

mod gate;
mod journal;
mod leavings;
mod settings;
mod talk;
mod witness;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use appkit::logging::Rotation;
use appkit::{
    Capture, Captured, DaemonEnd, DaemonOptions, DaemonRunStatus, DaemonStatus, Listed,
    LoggingConfig, Share, Slept, StopStatus, WatchdogPolicy, WorkerSet, WorkerStartInfo,
    WorkersError, WorkersOptions, daemon_status, entries, job_done, not_ready, quit_requested,
    ready, run_daemon, sleep, start_daemon, start_workers, stop_daemon_within,
};

use settings::Settings;

/// What a worker of the set may be silent for, and how long it has after SIGABRT.
const HANGS_AFTER: Duration = Duration::from_millis(100);
const ABORT_GRACE: Duration = Duration::from_millis(10);

/// The guardian's pid file, in the current folder.
const PID_FILE: &str = "d.pid";
/// The variable that names the folder of journal and witnesses.
const RECORDS: &str = "VICTIM_RECORDS";

/// How long a run of a worker lives that fails by itself.
const FAILS_AFTER: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    // Before everything else, so that whoever traces a process sees all that the library does.
    gate::wait();
    appkit::init(entries![daemon, worker]);

    let words: Vec<String> = std::env::args().skip(1).collect();
    let (answer, code) = match answer(&words) {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(error) => (format!("failed: {}", chain(&*error)), ExitCode::FAILURE),
    };
    journal::stubbornly(|| writeln!(std::io::stdout(), "{answer}"));
    code
}

fn answer(words: &[String]) -> Result<String, Box<dyn Error>> {
    let (command, flags) = words.split_first().ok_or("usage: victim start|run|stop|status …")?;
    let settings = Settings::from_flags(flags)?;
    if !records().is_absolute() {
        return Err(format!("{RECORDS} is not the absolute path of a folder").into());
    }
    Ok(match command.as_str() {
        "start" => match start_daemon(options(settings))? {
            DaemonRunStatus::Launched { pid } => format!("launched {pid}"),
            DaemonRunStatus::AlreadyRunning { pid } => format!("already running {pid}"),
        },
        "run" => {
            let end = run_daemon(options(settings))?;
            if let DaemonEnd::AlreadyRunning { pid } = end {
                format!("already running {pid}")
            } else if end == DaemonEnd::Stopped {
                "ended by request".to_owned()
            } else {
                format!("ended: {end:?}")
            }
        }
        "stop" => match stop_daemon_within(PID_FILE, settings.patience())? {
            StopStatus::Stopped { pid } => format!("stopped {pid}"),
            StopStatus::NotRunning => "not running".to_owned(),
            left @ StopStatus::FileLeft { .. } => left.to_string(),
        },
        "status" => match daemon_status(PID_FILE)? {
            DaemonStatus::Running { pid } => format!("running {}", pid.unwrap_or_default()),
            DaemonStatus::Orphaned { pids } => format!("orphaned {pids:?}"),
            DaemonStatus::NotRunning { stale } => format!("not running, stale {stale}"),
            other => format!("{other:?}"),
        },
        unknown => return Err(format!("unknown command `{unknown}`").into()),
    })
}

fn options(settings: Settings) -> DaemonOptions {
    let options =
        DaemonOptions::new(PID_FILE, daemon, settings.clone()).name("d").stdout_filename("out.txt");
    let log = match settings.log_size {
        0 => LoggingConfig::file("d.log"),
        size => LoggingConfig::file("d.log").rotation(Rotation::Size).max_size(size).keep(2),
    };
    let options = if settings.log_to_stderr {
        options.logging_config(LoggingConfig::stderr())
    } else {
        options.capture(Capture::file("err.txt").streams(Captured::Stderr)).logging_config(log)
    };
    options
        .restart_interval(settings.restart())
        .grace(settings.grace())
        .start_timeout(settings.timeout())
}

/// The entry of the daemon.
fn daemon(settings: Settings) -> Result<(), WorkersError> {
    let _here = witness::arrive();
    talk::begin(&settings, settings.talker > 0);
    talk::fill_log(settings.log_size);
    let options = WorkersOptions::default()
        .restart_interval(settings.restart())
        .grace(settings.grace())
        .start_timeout(settings.timeout())
        .debug_filename("status.json");
    let options = match settings.set {
        0 => options,
        _ => options.on_reload(newer_lists(settings.clone())),
    };
    start_workers(list(&settings), options)?.into_result()
}

/// Lists of which each is another: the workers of the set do other rounds, somebody comes and goes; now and then there is
/// none, or whoever reads it panics.
fn newer_lists(settings: Settings) -> impl Fn() -> Result<Vec<Listed>, String> {
    let read = AtomicU64::new(0);
    move || {
        let number = read.fetch_add(1, Ordering::Relaxed) + 1;
        if number.is_multiple_of(5) {
            return Err("there is none now".to_owned());
        }
        assert!(!number.is_multiple_of(7), "nobody can read this one");
        let mut newer = settings.clone();
        newer.round += number % 3;
        // Those that stand alone are as they were.
        let set = list(&newer).pop();
        let mut list: Vec<Listed> = list(&settings);
        list.pop();
        list.extend(set);
        if number.is_multiple_of(2) {
            let guest = WorkerStartInfo::new("s-guest", "s-guest.pid", worker, settings.clone());
            list.push(guest.stdout_filename("s-guest.txt").into());
        }
        Ok(list)
    }
}

/// Its workers, and the set behind them if there is one.
fn list(settings: &Settings) -> Vec<Listed> {
    let workers = (1..=settings.workers).map(|number| {
        let name = format!("w{number}");
        let info = WorkerStartInfo::new(&name, format!("{name}.pid"), worker, settings.clone())
            .logging_config(LoggingConfig::file("w.log"));
        // Of both kinds, one beside the other.
        match captures(number) {
            true => info
                .capture(Capture::file("captured.txt").rotation(Rotation::Size).max_size(1 << 20)),
            false => info.stdout_filename(format!("{name}.txt")),
        }
    });
    let template = WorkerStartInfo::new("s", "{name}.pid", worker, settings.clone())
        .stdout_filename("{name}.txt");
    let template = match settings.hang {
        0 => template,
        _ => template.watchdog(WatchdogPolicy::after(HANGS_AFTER).abort_grace(ABORT_GRACE)),
    };
    let set = WorkerSet::new(u32::try_from(settings.set).unwrap_or_default(), template);
    let set = set.max_unavailable(Share::Percent(50));
    let set = set.recycle(settings.recycle());
    let set = (settings.set > 0).then(|| Listed::from(set));
    workers.map(Listed::from).chain(set).collect()
}

/// Until it is killed, or its parent has died and its time is over.
fn hang() {
    loop {
        std::thread::park();
    }
}

/// Whether the output of the worker with this number is captured.
fn captures(number: usize) -> bool {
    number % 2 == 1
}

/// The entry of the workers.
fn worker(settings: Settings) {
    let _here = witness::arrive();
    let _child = settings.descendant.then(witness::descendant);
    leavings::leave(&settings);
    talk::begin(&settings, settings.talker != 1);
    if !appkit::current().incarnation.is_multiple_of(5) {
        (0..settings.jobs).for_each(|_| job_done());
    }
    if appkit::current().incarnation <= settings.fail && sleep(FAILS_AFTER) == Slept::Elapsed {
        panic!("run {} is one of those that fail", appkit::current().incarnation);
    }
    let hangs = settings.hang > 0 && appkit::current().index().is_some();
    if hangs && appkit::current().incarnation.is_multiple_of(settings.hang) {
        hang();
    }
    while !quit_requested() {
        if hangs {
            let _ = not_ready();
            let _ = ready();
        }
        log::info!("a round");
        journal::stubbornly(|| writeln!(std::io::stdout(), "a round"));
        sleep(Duration::from_millis(settings.round));
    }
    let until = Instant::now() + Duration::from_millis(settings.linger);
    while Instant::now() < until {
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}

/// The absolute path of the folder for what must be writable whatever happens to the others.
fn records() -> PathBuf {
    std::env::var_os(RECORDS).map(PathBuf::from).unwrap_or_default()
}
