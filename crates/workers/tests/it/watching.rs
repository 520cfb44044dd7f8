//! Workers that hang, rest, are stopped, and say that they are not ready, for real: stories as in `scaling`.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::{RestartPolicy, RollPolicy, WatchdogPolicy, WhenStopped};
use quit::QuitToken;
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Signal, kill_process, pidfd_getfd, pidfd_open,
};
use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
use serde::{Deserialize, Serialize};
use workers::{Pool, WorkerSet, WorkerStartInfo, WorkersOptions};

use crate::scaling::{Bed, Story, end, options};
use crate::{LIMIT, expect};

/// Each is a test of its own name.
pub(crate) const STORIES: [(&str, Story); 10] = [
    ("one_that_hangs_is_aborted_and_comes_back", one_that_hangs_is_aborted_and_comes_back),
    ("one_that_does_not_go_by_sigabrt_is_killed", one_that_does_not_go_by_sigabrt_is_killed),
    ("who_beats_rests_or_has_announced_it_lives", who_beats_rests_or_has_announced_it_lives),
    ("one_that_is_stopped_is_told_and_left", one_that_is_stopped_is_told_and_left),
    ("one_that_is_stopped_is_killed_if_that_is_wanted", one_that_is_stopped_is_killed),
    ("a_closed_descriptor_ends_nobody", a_closed_descriptor_ends_nobody),
    ("a_watchdog_wakes_nobody_who_rests", a_watchdog_wakes_nobody_who_rests),
    ("where_none_is_ready_a_roll_waits", where_none_is_ready_a_roll_waits),
    ("who_changes_his_mind_without_end_holds_up_nobody", who_changes_his_mind_without_end),
    ("who_plays_with_his_timer_costs_little", who_plays_with_his_timer_costs_little),
];

/// The limit of those that hang.
const SHORT: Duration = Duration::from_millis(200);
/// The limit of those that live: a machine that is busy gives nobody the processor for a while.
const LONG: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Way {
    /// Hangs in its first run, and rests in its second.
    HangsOnce,
    /// The same, with a handler for SIGABRT.
    HangsOnceDeaf,
    /// Beats for three limits, and then as long as it is not asked to quit.
    Beats,
    /// Never beats, and rests.
    Rests,
    /// Says that it is busy, and is, for two limits.
    IsBusy,
    /// Closes the descriptor of its timer, and then beats as the others.
    Closes,
    /// Says whether it is ready as a file says.
    AsFile,
    /// Has its timer run out as often as it can.
    Plays,
    /// Changes its mind very often, and is not ready in the end.
    Flips,
}

pub(crate) fn goes(
    (way, limit, folder): (Way, Duration, PathBuf),
) -> Result<(), Box<dyn std::error::Error>> {
    let current = proc_spawn::current();
    let first = current.incarnation == 1;
    let done = || fs::write(folder.join(format!("{}.done", current.name)), "");
    proc_spawn::tell_ready()?;
    match way {
        Way::HangsOnce if first => hang(),
        Way::HangsOnceDeaf if first => {
            signal_hook::flag::register(signal_hook::consts::SIGABRT, Arc::default())?;
            hang()
        }
        Way::HangsOnce | Way::HangsOnceDeaf | Way::Rests => done()?,
        Way::Beats => {
            beat_for(3 * limit)?;
            done()?;
            beat_for(Duration::MAX)?;
        }
        Way::IsBusy => {
            heartbeat::busy_for(20 * limit);
            pause(2 * limit)?;
            heartbeat::alive();
            done()?;
        }
        Way::Closes => {
            close_timer()?;
            beat_for(3 * limit)?;
            done()?;
        }
        Way::AsFile => {
            let mut is_ready = true;
            while !quit::quit_requested() {
                let is_to_be = !folder.join(format!("{}.unready", current.name)).exists();
                if is_to_be != is_ready {
                    is_ready = is_to_be;
                    if is_ready { proc_spawn::tell_ready() } else { proc_spawn::tell_not_ready() }?;
                }
                quit::sleep(Duration::from_millis(5));
            }
        }
        Way::Plays => {
            let timer = copy_of_timer()?;
            let soon = Timespec { tv_sec: 0, tv_nsec: 1 };
            let value = Itimerspec { it_interval: soon, it_value: soon };
            done()?;
            while !quit::quit_requested() {
                timerfd_settime(&timer, TimerfdTimerFlags::empty(), &value)?;
            }
        }
        Way::Flips => {
            for _ in 0..20_000 {
                proc_spawn::tell_not_ready()?;
                proc_spawn::tell_ready()?;
            }
            proc_spawn::tell_not_ready()?;
            done()?;
        }
    }
    while !quit::quit_requested() {
        quit::sleep(LIMIT);
    }
    Ok(())
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// Waits in a way that is none of ours.
fn pause(time: Duration) -> Result<bool, std::io::Error> {
    let quit = quit::descriptor().map_err(std::io::Error::other)?;
    waiter::readable(&[quit], Instant::now().checked_add(time))
}

/// Beats for so long, unless it is asked to quit.
pub(crate) fn beat_for(time: Duration) -> Result<(), std::io::Error> {
    let until = Instant::now().checked_add(time);
    while until.is_none_or(|until| Instant::now() < until) && !pause(Duration::from_millis(10))? {
        heartbeat::alive();
    }
    Ok(())
}

/// The numbers of all timers of a process.
fn timers(process: &str) -> Vec<i32> {
    let fds = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let is_timer =
        |path: &Path| fs::read_link(path).is_ok_and(|to| to == Path::new("anon_inode:[timerfd]"));
    let timers = fds.map(|fd| fd.unwrap().path()).filter(|path| is_timer(path));
    timers.map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap()).collect()
}

fn close_timer() -> Result<(), std::io::Error> {
    let timers = timers("self");
    let [timer] = timers[..] else { panic!("{timers:?}") };
    Ok(nix::unistd::close(timer)?)
}

/// As somebody could have it who wants it.
fn copy_of_timer() -> Result<OwnedFd, std::io::Error> {
    let us = pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    Ok(pidfd_getfd(us, timers("self")[0], PidfdGetfdFlags::empty())?)
}

fn worker(bed: &Bed, name: &str, way: Way, limit: Duration) -> WorkerStartInfo {
    let args = (way, limit, bed.path(""));
    WorkerStartInfo::new(name, bed.path(&format!("{name}.pid")), goes, args)
        .stderr_filename("/dev/stderr")
}

fn watched(watchdog: WatchdogPolicy) -> WorkersOptions {
    let restart = RestartPolicy::after(Duration::from_millis(20));
    options().restart(restart).watchdog(watchdog)
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

/// What is told of one until it has this phase in this run.
fn told(pool: &Pool, kinds: &[&str], run: u64, phase: &str) -> Vec<String> {
    let mut stream = pool.events(1000).unwrap();
    let mut all = Vec::new();
    loop {
        for event in stream.next(Instant::now() + LIMIT).unwrap().unwrap().events {
            if kinds.contains(&event.kind.as_str()) {
                all.push(event.text.clone());
            }
            if event.kind == "phase" && event.run == run && event.phase == phase {
                return all;
            }
        }
    }
}

/// The causes of all ends, and the signals.
fn ends(pool: &Pool) -> Vec<(String, Option<i32>)> {
    let workers = pool.status().unwrap().workers.into_iter();
    workers.flat_map(|worker| worker.ends).map(|end| (end.cause, end.signal)).collect()
}

const HUNG: &str = "has not said for 200ms that it gets on";

/// Cases: WD-01, PL-68
fn one_that_hangs_is_aborted_and_comes_back(bed: &Bed) {
    let options = watched(WatchdogPolicy::after(SHORT).abort_grace(LIMIT));
    let pool = Pool::start([worker(bed, "a", Way::HangsOnce, SHORT)], options).unwrap();
    assert_eq!(
        told(&pool, &["silent", "ended", "killing"], 2, "running"),
        [
            format!("{HUNG}: ending it by SIGABRT"),
            "did not say for 200ms that it gets on, and was ended".to_owned(),
        ]
    );
    assert_eq!(ends(&pool), [("watchdog".to_owned(), Some(6))]);
    end(&pool);
}

/// Cases: WD-01, PL-71
fn one_that_does_not_go_by_sigabrt_is_killed(bed: &Bed) {
    let options = watched(WatchdogPolicy::after(SHORT).abort_grace(SHORT));
    let pool = Pool::start([worker(bed, "a", Way::HangsOnceDeaf, SHORT)], options).unwrap();
    assert_eq!(
        told(&pool, &["silent", "ended", "killing"], 2, "running"),
        [
            format!("{HUNG}: ending it by SIGABRT"),
            "is killed: its time is over".to_owned(),
            "did not say for 200ms that it gets on, and was ended".to_owned(),
        ]
    );
    assert_eq!(ends(&pool), [("watchdog".to_owned(), Some(9))]);
    end(&pool);
}

/// Cases: WD-02, WD-03, PL-75
fn who_beats_rests_or_has_announced_it_lives(bed: &Bed) {
    let ways = [("a", Way::Beats), ("b", Way::Rests), ("c", Way::IsBusy)];
    let list = ways.map(|(name, way)| worker(bed, name, way, LONG));
    let pool = Pool::start(list, watched(WatchdogPolicy::after(LONG))).unwrap();
    for name in ["a", "b", "c"] {
        expect("it lives", || bed.path(&format!("{name}.done")).exists());
    }
    assert_eq!(ends(&pool), []);
    end(&pool);
}

/// Case: PL-70
fn one_that_is_stopped_is_told_and_left(bed: &Bed) {
    let options = watched(WatchdogPolicy::after(SHORT));
    let pool = Pool::start([worker(bed, "a", Way::Beats, SHORT)], options).unwrap();
    told(&pool, &[], 1, "running");
    let pid = bed.pid("a");
    signal(pid, Signal::STOP);
    let mut stream = pool.events(1000).unwrap();
    let mut text = None;
    while text.is_none() {
        let events = stream.next(Instant::now() + LIMIT).unwrap().unwrap().events;
        text = events.into_iter().find(|event| event.kind == "silent").map(|event| event.text);
    }
    let stopped = ", since it is stopped, or held by a debugger: it is left as it is";
    assert_eq!(text, Some(format!("{HUNG}{stopped}")));
    signal(pid, Signal::CONT);
    expect("it goes on", || bed.path("a.done").exists());
    assert_eq!((ends(&pool), bed.pid("a")), (vec![], pid));
    end(&pool);
}

/// Case: PL-70
fn one_that_is_stopped_is_killed(bed: &Bed) {
    let watchdog = WatchdogPolicy::after(SHORT).when_stopped(WhenStopped::Kill);
    let options = watched(watchdog);
    let pool = Pool::start([worker(bed, "a", Way::Beats, SHORT)], options).unwrap();
    told(&pool, &[], 1, "running");
    signal(bed.pid("a"), Signal::STOP);
    let stopped = ", since it is stopped, or held by a debugger: killing it";
    let silent = told(&pool, &["silent"], 2, "running");
    assert_eq!(silent, [format!("{HUNG}{stopped}")]);
    assert_eq!(ends(&pool), [("watchdog".to_owned(), Some(9))]);
    end(&pool);
}

/// Case: PL-74
fn a_closed_descriptor_ends_nobody(bed: &Bed) {
    let options = watched(WatchdogPolicy::after(LONG));
    let pool = Pool::start([worker(bed, "a", Way::Closes, LONG)], options).unwrap();
    expect("it lives", || bed.path("a.done").exists());
    assert_eq!(ends(&pool), []);
    end(&pool);
}

/// How often the threads of a process, but for one, have been woken.
fn switches(process: u32, but: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let statuses = tasks.filter_map(|task| {
        let path = task.unwrap().path();
        let is_other = path.file_name().unwrap().to_str() != Some(&but.to_string());
        fs::read_to_string(path.join("status")).ok().filter(|_| is_other)
    });
    let lines = statuses.flat_map(|status| {
        let lines = status.lines().filter(|line| line.contains("voluntary_ctxt_switches"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    lines.collect()
}

/// And without a watchdog there is not even a timer.
fn a_watchdog_wakes_nobody_who_rests(bed: &Bed) {
    let alone = Pool::start([worker(bed, "z", Way::Rests, SHORT)], options()).unwrap();
    expect("it rests", || bed.path("z.done").exists());
    assert_eq!(timers("self"), [0; 0]);
    end(&alone);
    let options = watched(WatchdogPolicy::after(SHORT));
    let pool = Pool::start([worker(bed, "a", Way::Rests, SHORT)], options).unwrap();
    expect("it rests", || bed.path("a.done").exists());
    assert_eq!((timers("self").len(), timers(&bed.pid("a").to_string()).len()), (1, 1));
    let us = u32::try_from(rustix::thread::gettid().as_raw_pid()).unwrap();
    let all = || [switches(std::process::id(), us), switches(bed.pid("a"), 0)];
    let (mut last, mut since) = (all(), Instant::now());
    let token = QuitToken::new().unwrap();
    expect("nobody is woken", || {
        token.sleep(SHORT);
        let now = all();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        10 * SHORT < since.elapsed()
    });
    assert_eq!(ends(&pool), []);
    end(&pool);
}

/// Cases: WD-06, PL-77
fn where_none_is_ready_a_roll_waits(bed: &Bed) {
    let args = (Way::AsFile, LONG, bed.path(""));
    let template = WorkerStartInfo::new("web", bed.path("{name}.pid"), goes, args);
    let set =
        WorkerSet::new(2, template.stderr_filename("/dev/stderr")).roll(RollPolicy::default());
    let pool = Pool::start([set], options()).unwrap();
    pool.scale("web", 2).unwrap().wait(LIMIT).unwrap();
    let pids = || ["web-1", "web-2"].map(|name| bed.pid(name));
    let before = pids();
    for name in ["web-1", "web-2"] {
        fs::write(bed.path(&format!("{name}.unready")), "").unwrap();
    }
    let phases = || {
        let workers = pool.status().unwrap().workers;
        workers.into_iter().map(|worker| (worker.phase, worker.ready_since)).collect::<Vec<_>>()
    };
    let unready = ("not_ready".to_owned(), None);
    expect("none is ready", || phases() == [unready.clone(), unready.clone()]);
    assert_eq!(pool.status().unwrap().sets[0].ready, 0);
    let roll = pool.roll("web").unwrap();
    assert_eq!(pids(), before);
    fs::remove_file(bed.path("web-1.unready")).unwrap();
    expect("one is", || phases().iter().any(|(phase, _)| phase == "running"));
    // One may be away, and is.
    assert_eq!(pids(), before);
    assert_eq!(pool.status().unwrap().sets[0].roll.as_ref().map(|roll| roll.done), Some(0));
    fs::remove_file(bed.path("web-2.unready")).unwrap();
    roll.wait(LIMIT).unwrap();
    assert!(pids().iter().all(|pid| !before.contains(pid)));
    assert!(ends(&pool).iter().all(|(cause, _)| cause == "success"));
    end(&pool);
}

fn who_changes_his_mind_without_end(bed: &Bed) {
    let list = [worker(bed, "a", Way::Flips, LONG), worker(bed, "b", Way::Rests, LONG)];
    let pool = Pool::start(list, options()).unwrap();
    expect("both are there", || bed.path("b.done").exists());
    // It is answered meanwhile, and somebody else comes and goes.
    pool.restart("b").unwrap().wait(LIMIT).unwrap();
    let is_over = || bed.path("a.done").exists();
    let phase = || pool.status().unwrap().workers[0].phase.clone();
    expect("its last word counts", || is_over() && phase() == "not_ready");
    assert_eq!(ends(&pool), [("success".to_owned(), None)]);
    end(&pool);
}

/// It has a copy of what wakes its parent.
///
/// Case: FLT-B5
fn who_plays_with_his_timer_costs_little(bed: &Bed) {
    let options = watched(WatchdogPolicy::after(LONG));
    let pool = Pool::start([worker(bed, "a", Way::Plays, LONG)], options).unwrap();
    expect("it plays", || bed.path("a.done").exists());
    let us = rustix::thread::gettid().as_raw_pid().to_string();
    // What the threads beside this one have had of the processor, in nanoseconds.
    let has_run = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
        let others = tasks.filter(|task| task.file_name().unwrap().to_str() != Some(&us));
        let times = others.filter_map(|task| fs::read_to_string(task.join("schedstat")).ok());
        times.map(|text| text.split(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>()
    };
    let (before, began) = (has_run(), Instant::now());
    expect("a second", || Duration::from_secs(1) < began.elapsed());
    // Four looks in a tenth of a second; without a rest it would be all that it can get.
    let part = (has_run() - before) / 1e9 / began.elapsed().as_secs_f64();
    assert!(part < 0.05, "{part} of a processor");
    assert_eq!(ends(&pool), []);
    end(&pool);
}
