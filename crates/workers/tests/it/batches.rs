//! Batches for real: jobs that are done, fail, are killed, and are not begun any more.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use exit::{Exit, NoValue};
use policy::{Halt, RunEnd};
use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};
use workers::{Batch, Job, JobFailed, WorkersError};

use crate::LIMIT;
use crate::scaling::{Bed, Story, names};

pub(crate) const STORIES: [(&str, Story); 9] = [
    ("values_come_in_the_order_of_the_jobs", values_come_in_the_order_of_the_jobs),
    ("of_no_jobs_all_are_done", of_no_jobs_all_are_done),
    ("one_that_is_killed_is_tried_again_alone", one_that_is_killed_is_tried_again_alone),
    ("a_job_fails_for_itself", a_job_fails_for_itself),
    ("a_failure_may_end_a_batch", a_failure_may_end_a_batch),
    ("a_quit_tells_those_that_ran_from_those_that_never_did", a_quit_tells_them_apart),
    ("a_batch_waits_for_a_number", a_batch_waits_for_a_number),
    ("a_hundred_thousand_jobs_are_no_hundred_thousand_workers", a_hundred_thousand_jobs),
    ("what_is_wrong_with_jobs_is_told_before_the_first", what_is_wrong_with_jobs),
];

/// What a job is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Deed {
    /// To return its number and how many jobs there are, as it knows them.
    Returns,
    /// To tell how many run beside it.
    Counts(PathBuf),
    /// To be killed in its first run, which leaves a process, and in its second to see that it is gone.
    DiesOnce(PathBuf),
    /// To return, and be killed then.
    DiesAfter,
    Fails,
    /// To end well without a value.
    Exits,
    ReturnsMuch,
    /// To say that it is there, and stay until it is asked to quit.
    Stays(PathBuf),
    /// To say that it is there, and no more.
    Tells(PathBuf),
}

#[expect(clippy::disallowed_methods, reason = "an application may")]
pub(crate) fn does(deed: Deed) -> Result<Vec<u32>, String> {
    let current = proc_spawn::current();
    let number = current.index().unwrap();
    let text = |error: std::io::Error| error.to_string();
    match deed {
        Deed::Returns => Ok(vec![number, current.count().unwrap()]),
        Deed::Counts(folder) => {
            let own = folder.join(format!("{number}.runs"));
            fs::write(&own, "").map_err(text)?;
            let runs = |name: &std::ffi::OsStr| name.as_encoded_bytes().ends_with(b".runs");
            let there = fs::read_dir(&folder).map_err(text)?;
            let there = there.filter(|entry| runs(&entry.as_ref().unwrap().file_name())).count();
            fs::remove_file(own).map_err(text)?;
            Ok(vec![number, there as u32])
        }
        Deed::DiesOnce(folder) => {
            let left = folder.join(format!("{number}.left"));
            let Ok(said) = fs::read_to_string(&left) else {
                let child = Command::new("sleep").arg("600").spawn().map_err(text)?;
                fs::write(&left, child.id().to_string()).map_err(text)?;
                kill_process(getpid(), Signal::KILL).unwrap();
                return Err("it lives".to_owned());
            };
            let left = Pid::from_raw(said.parse().unwrap()).unwrap();
            // A zombie that nobody has reaped yet is no process any more.
            let stat = fs::read_to_string(format!("/proc/{said}/stat")).unwrap_or_default();
            match test_kill_process(left).is_ok() && !stat.contains(") Z ") {
                true => Err("what the first run has left is still there".to_owned()),
                false => Ok(vec![number]),
            }
        }
        Deed::DiesAfter => {
            proc_spawn::at_end(|| kill_process(getpid(), Signal::KILL).unwrap());
            Ok(vec![number])
        }
        Deed::Fails => Err("it had to be".to_owned()),
        Deed::Exits => std::process::exit(0),
        Deed::ReturnsMuch => Ok(vec![number; 2 << 20]),
        Deed::Stays(folder) => {
            tell(&folder).map_err(text)?;
            while !quit::quit_requested() {
                quit::sleep(LIMIT);
            }
            Ok(vec![number])
        }
        Deed::Tells(folder) => tell(&folder).map(|()| vec![number]).map_err(text),
    }
}

pub(crate) fn returns_nothing(_: ()) {}

fn batch(deeds: impl IntoIterator<Item = Deed>) -> Batch<Vec<u32>> {
    Batch::new(deeds.into_iter().map(|deed| Job::new(does, deed))).stderr_filename("/dev/stderr")
}

fn counts(counts: lifecycle::batch::Counts) -> [u32; 5] {
    let lifecycle::batch::Counts { pending, running, done, failed, cancelled } = counts;
    [pending, running, done, failed, cancelled]
}

/// Where jobs say that they are there, each by its name.
struct Ear(UnixDatagram);

impl Ear {
    fn new(bed: &Bed) -> Ear {
        let ear = UnixDatagram::bind(bed.path("ear")).unwrap();
        ear.set_read_timeout(Some(LIMIT)).unwrap();
        Ear(ear)
    }

    /// The next that is there.
    fn next(&self) -> String {
        let mut name = [0; 100];
        loop {
            match self.0.recv(&mut name) {
                Ok(length) => return String::from_utf8_lossy(&name[..length]).into_owned(),
                // A signal, as that of a child's end.
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn tell(folder: &Path) -> Result<(), std::io::Error> {
    let name = &proc_spawn::current().name;
    UnixDatagram::unbound()?.send_to(name.as_bytes(), folder.join("ear")).map(drop)
}

/// Cases: PL-90, PL-98
fn values_come_in_the_order_of_the_jobs(bed: &Bed) {
    let report = batch((0..30).map(|_| Deed::Returns)).at_most(4).run().unwrap();
    assert_eq!(counts(report.counts()), [0, 0, 30, 0, 0]);
    let values = report.into_result().unwrap();
    assert!(values.into_iter().eq((1..=30).map(|number| vec![number, 30])));
    let report = batch((0..30).map(|_| Deed::Counts(bed.path("")))).at_most(3).run().unwrap();
    let most = report.into_iter().map(|job| job.unwrap()[1]).max().unwrap();
    assert!((1..=3).contains(&most), "{most} at a time");
    // Each under a pid file, and with a name of its own.
    let pid = bed.path("{name}.pid");
    let named = batch([Deed::Returns]).name("convert").pid_filename(&pid).run().unwrap();
    assert_eq!(named.into_result().unwrap(), [[1, 1]]);
}

/// Case: PL-90
fn of_no_jobs_all_are_done(_: &Bed) {
    let report = batch([]).run().unwrap();
    assert_eq!(counts(report.counts()), [0; 5]);
    assert!(report.into_result().unwrap().is_empty());
    let running = batch([]).at_most(0).start().unwrap();
    assert!(running.wait().unwrap().into_result().unwrap().is_empty());
    let error = batch([Deed::Returns]).at_most(0).run().unwrap_err();
    assert!(error.to_string().contains("at_most `0`: none would ever run"), "{error}");
    let jobs = [Job::new(returns_nothing, ()), Job::new(returns_nothing, ())];
    let nothing: Vec<()> = Batch::new(jobs).run().unwrap().into_result().unwrap();
    assert_eq!(nothing, [(), ()]);
}

/// Cases: PL-93, PL-95
fn one_that_is_killed_is_tried_again_alone(bed: &Bed) {
    let deeds = [Deed::Returns, Deed::DiesOnce(bed.path("")), Deed::Returns, Deed::Returns];
    let report = batch(deeds.clone()).at_most(2).tries(2).run().unwrap();
    assert_eq!(report.into_result().unwrap(), [vec![1, 4], vec![2], vec![3, 4], vec![4, 4]]);
    fs::remove_file(bed.path("2.left")).unwrap();
    let report = batch(deeds).at_most(2).run().unwrap();
    assert_eq!(counts(report.counts()), [0, 0, 3, 1, 0]);
    let killed = report.jobs[1].as_ref().unwrap_err();
    let JobFailed::Failed { tries: 1, end: RunEnd::Exited(exit), value: None } = killed else {
        panic!("{killed:?}");
    };
    assert_eq!(exit.signal(), Some(9));
    let error = report.into_result().unwrap_err();
    assert_eq!(error.to_string(), "1 of 4 jobs are not done: job 2: it was ended by SIGKILL");
}

/// Cases: PL-91, PL-92, PL-94
fn a_job_fails_for_itself(_: &Bed) {
    let deeds = [Deed::Fails, Deed::DiesAfter, Deed::Exits, Deed::ReturnsMuch, Deed::Returns];
    let report = batch(deeds).at_most(5).tries(2).run().unwrap();
    assert_eq!(counts(report.counts()), [0, 0, 1, 4, 0]);
    assert_eq!(report.jobs[4].as_ref().unwrap(), &[5, 5]);
    let failed: Vec<_> = report.jobs[..4].iter().map(|job| job.as_ref().unwrap_err()).collect();
    let of = |failed: &JobFailed| {
        let JobFailed::Failed { tries, end, value } = failed else { panic!("{failed:?}") };
        (*tries, end.clone(), value.clone())
    };
    let (tries, end, value) = of(failed[0]);
    assert_eq!((tries, value), (2, None));
    assert_eq!(failed[0].to_string(), format!("it {end}, and was tried 2 times"));
    let (tries, end, value) = of(failed[1]);
    assert_eq!((tries, value.unwrap().read::<Vec<u32>>().unwrap()), (2, vec![2]));
    assert!(matches!(end, RunEnd::Exited(Exit::Signal { signal: 9, .. })), "{end}");
    let no_value = |why| RunEnd::Exited(Exit::NoValue(why));
    assert_eq!(of(failed[2]), (2, no_value(NoValue::Missing), None));
    let most = proc_spawn::DEFAULT_VALUE;
    assert_eq!(of(failed[3]), (1, no_value(NoValue::TooLarge { most }), None), "for good");
    // By its name an entry may be anybody's.
    let jobs = [Job::<String>::named(format!("{}:does", module_path!()), Deed::Returns)];
    let report = Batch::new(jobs).run().unwrap();
    let other = report.jobs[0].as_ref().unwrap_err();
    assert!(matches!(other, JobFailed::OtherType { tries: 1, .. }), "{other:?}");
}

/// Cases: PL-96, PL-97
fn a_failure_may_end_a_batch(bed: &Bed) {
    let deeds = || [Deed::Returns, Deed::Fails, Deed::Returns, Deed::Returns];
    let go_on = batch(deeds()).at_most(1).run().unwrap();
    assert_eq!(counts(go_on.counts()), [0, 0, 3, 1, 0]);
    let soon = batch(deeds()).at_most(1).on_failure(Halt::Soon).run().unwrap();
    assert_eq!(counts(soon.counts()), [0, 0, 1, 1, 2]);
    let last = soon.jobs[3].as_ref().unwrap_err();
    assert!(matches!(last, JobFailed::Cancelled { tries: 0, end: None }), "{last:?}");
    let ear = Ear::new(bed);
    let deeds = [Deed::Stays(bed.path("")), Deed::Fails, Deed::Returns];
    let now = batch(deeds).name("now").at_most(1).on_failure(Halt::Now).start().unwrap();
    assert_eq!(ear.next(), "now-1");
    now.at_most(2).unwrap();
    let now = now.wait().unwrap();
    assert_eq!(counts(now.counts()), [0, 0, 0, 1, 2]);
    let stopped = now.jobs[0].as_ref().unwrap_err();
    let JobFailed::Stopped { tries: 1, end: Some(end), value } = stopped else {
        panic!("{stopped:?}");
    };
    assert_eq!(*end, RunEnd::Exited(Exit::Code(0)));
    assert_eq!(value.as_ref().unwrap().read::<Vec<u32>>().unwrap(), [1], "as it says itself");
    let error = now.into_result().unwrap_err();
    let text = format!("{error:?}");
    assert!(text.starts_with("3 of 3 jobs are not done:\n    job 1: it was stopped\n"), "{text}");
}

/// Case: PL-96
fn a_quit_tells_them_apart(bed: &Bed) {
    let ear = Ear::new(bed);
    let stays = || Deed::Stays(bed.path(""));
    let running = batch([stays(), stays(), stays(), stays()]).at_most(2).tries(3).start().unwrap();
    assert_eq!(BTreeSet::from([ear.next(), ear.next()]), names(["job-1", "job-2"]));
    kill_process(getpid(), Signal::TERM).unwrap();
    let report = running.wait().unwrap();
    assert_eq!(counts(report.counts()), [0, 0, 0, 0, 4]);
    let stopped = |job: &Result<_, JobFailed>| matches!(job, Err(JobFailed::Stopped { .. }));
    let never =
        |job: &Result<_, JobFailed>| matches!(job, Err(JobFailed::Cancelled { tries: 0, .. }));
    assert!(report.jobs[..2].iter().all(stopped), "{report:?}");
    assert!(report.jobs[2..].iter().all(never), "{report:?}");
    // Nobody is begun by a process that was asked before.
    let report = batch([Deed::Returns]).run().unwrap();
    assert!(report.jobs.iter().all(never), "{report:?}");
}

/// Cases: PL-90, PL-98
fn a_batch_waits_for_a_number(bed: &Bed) {
    let ear = Ear::new(bed);
    let deeds = (0..20).map(|_| Deed::Tells(bed.path("")));
    let running = batch(deeds).at_most(0).start().unwrap();
    let sum = || counts(running.counts()).into_iter().sum::<u32>();
    assert_eq!(counts(running.counts()), [20, 0, 0, 0, 0]);
    running.at_most(2).unwrap();
    let mut there: BTreeSet<String> = BTreeSet::new();
    for _ in 0..5 {
        there.insert(ear.next());
        assert_eq!(sum(), 20);
    }
    running.at_most(0).unwrap();
    assert_eq!(sum(), 20);
    assert!(matches!(running.at_most(u32::MAX), Err(WorkersError::Options(_))));
    running.at_most(3).unwrap();
    there.extend((5..20).map(|_| ear.next()));
    assert_eq!(there.len(), 20);
    assert_eq!(running.wait().unwrap().into_result().unwrap().len(), 20);
}

fn a_hundred_thousand_jobs(bed: &Bed) {
    const MANY: u32 = 100_000;
    let ear = Ear::new(bed);
    let deeds = (0..MANY).map(|_| Deed::Stays(bed.path("")));
    let running = batch(deeds).at_most(1).grace(Duration::from_secs(60)).start().unwrap();
    assert_eq!(ear.next(), "job-1");
    assert_eq!(counts(running.counts()), [MANY - 1, 1, 0, 0, 0]);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = memory.trim().trim_end_matches(" kB").parse().unwrap();
    // A few hundred bytes for each, where a planned worker takes thousands.
    assert!(kib < 100 << 10, "{kib} KiB");
    running.stop();
    assert_eq!(counts(running.wait().unwrap().counts()), [0, 0, 0, 0, MANY]);
}

fn what_is_wrong_with_jobs(bed: &Bed) {
    let named = |name: &str| Job::<Vec<u32>>::named(name, 7);
    let does = format!("{}:does", module_path!());
    let jobs = [named(&does), named("no:such"), Job::new(self::does, Deed::Returns)];
    let batch = Batch::new(jobs).name("all").tries(0).stdout_filename(bed.path("out"));
    let error = batch.keep_value(0).run().unwrap_err();
    let text = format!("{error:?}");
    for part in
        ["name `all`", "tries `0`", "stdout_filename", "jobs[0].args", "jobs[1].entry `no:such`"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let many = Batch::new((0..100).map(|_| named("no:such"))).run().unwrap_err();
    let WorkersError::Options(problems) = many else { panic!("{many:?}") };
    assert_eq!(problems.iter().count(), 11);
    let large = self::batch([Deed::Returns]).keep_value(0).run().unwrap_err();
    assert!(large.to_string().contains("keep_value `0`"), "{large}");
}
