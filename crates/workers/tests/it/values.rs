//! What workers return, in the report and in the status.

use std::fs;

use exit::{Exit, NoValue};
use lifecycle::Outcome;
use policy::{GaveUp, RunEnd};
use proc_spawn::{Call, DEFAULT_VALUE, LONGEST_VALUE};
use rustix::process::{Signal, getpid, kill_process};
use workers::{Pool, ValueError, WorkerStartInfo, WorkersError, WorkersOptions};

use crate::scaling::{Bed, Story};

pub(crate) const STORIES: [(&str, Story); 2] = [
    ("what_workers_return_is_in_the_report", what_workers_return_is_in_the_report),
    ("a_value_that_nobody_could_keep_is_refused", a_value_that_nobody_could_keep_is_refused),
];

/// How one that returns a number goes on.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) enum Then {
    Ends,
    /// It is killed when it has sent what it returns.
    Dies,
}

#[expect(clippy::unnecessary_wraps, reason = "that is how an entry returns a value")]
pub(crate) fn returns((number, then): (u32, Then)) -> Result<Vec<u32>, String> {
    if let Then::Dies = then {
        proc_spawn::at_end(|| kill_process(getpid(), Signal::KILL).unwrap());
    }
    Ok(vec![number; 3])
}

/// Cases: PL-91, PL-94
fn what_workers_return_is_in_the_report(bed: &Bed) {
    let worker = |name: &str, number, then| {
        let call = Call::new(returns, (number, then));
        WorkerStartInfo::of(name, bed.path(&format!("{name}.pid")), call)
    };
    let list = [
        worker("seven", 7, Then::Ends).keep_value(DEFAULT_VALUE),
        worker("dies", 8, Then::Dies).keep_value(DEFAULT_VALUE),
        worker("large", 9, Then::Ends).keep_value(3),
        worker("untold", 10, Then::Ends),
    ];
    let options = WorkersOptions::default().restart_interval(None);
    let pool = Pool::start(list, options.debug_filename(bed.path("debug.json"))).unwrap();
    let report = pool.wait().unwrap();
    assert_eq!(report.value::<Vec<u32>>("seven").unwrap(), [7, 7, 7]);
    assert_eq!(report.value::<Vec<u32>>("dies").unwrap(), [8, 8, 8]);
    let failed: Vec<_> = report.workers.iter().map(workers::WorkerEnd::failed).collect();
    assert_eq!(failed, [false, true, true, false]);
    assert!(matches!(
        report.workers[1].end(),
        Some(RunEnd::Exited(Exit::Signal { signal: 9, .. }))
    ));
    let too_large = RunEnd::Exited(Exit::NoValue(NoValue::TooLarge { most: 3 }));
    assert_eq!(report.workers[2].end(), Some(&too_large));
    for name in ["large", "untold"] {
        let none = report.value::<Vec<u32>>(name);
        assert!(matches!(none, Err(ValueError::None { .. })), "{none:?}");
    }
    let other = report.value::<String>("seven").unwrap_err();
    assert!(matches!(other, ValueError::OtherType { .. }), "{other:?}");
    let nobody = report.value::<u8>("eight").unwrap_err();
    assert!(matches!(nobody, ValueError::NoSuchWorker { .. }), "{nobody:?}");
    // The status has its size, and not what it is.
    let status = fs::read_to_string(bed.path("debug.json")).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let sizes = (0..4).map(|at| status["workers"][at]["last_exits"][0]["value_bytes"].as_u64());
    assert_eq!(sizes.collect::<Vec<_>>(), [Some(4), Some(4), None, None]);

    // A list in which more is wanted of it is another one.
    let stays = || {
        WorkerStartInfo::new("stays", bed.path("stays.pid"), crate::scaling::stays, bed.path(""))
    };
    let pool = Pool::start([stays()], WorkersOptions::default()).unwrap();
    assert!(pool.plan([stays()]).unwrap().is_empty());
    assert!(!pool.plan([stays().keep_value(7)]).unwrap().is_empty());
    pool.quit();
    let _ = pool.wait().unwrap();

    // Another run would only return it again.
    let again = WorkersOptions::default().restart_interval(std::time::Duration::ZERO);
    let large = worker("large", 9, Then::Ends).keep_value(3);
    let report = Pool::start([large], again).unwrap().wait().unwrap();
    let outcome = &report.workers[0].outcome;
    assert_eq!(*outcome, Outcome::GaveUp(GaveUp::Permanent, too_large));
}

/// Case: PL-94
fn a_value_that_nobody_could_keep_is_refused(bed: &Bed) {
    for most in [0, LONGEST_VALUE + 1] {
        let worker = WorkerStartInfo::new("red", bed.path("red.pid"), returns, (7, Then::Ends));
        let list = [worker.keep_value(most)];
        let error = Pool::start(list, WorkersOptions::default()).unwrap_err();
        let WorkersError::Options(problems) = &error else { panic!("{error:?}") };
        let text = problems.to_string();
        assert!(text.contains(&format!("keep_value `{most}`: is not from 1 to ")), "{text}");
    }
}
