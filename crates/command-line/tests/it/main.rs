//! Commands for real: this test is the program whose command line is tried, and executes itself anew.

#![expect(clippy::unwrap_used, reason = "tests; the lint knows them by `#[test]` only")]

mod asking;
mod bed;
mod clock;
mod completing;
mod crew;
mod following;
mod life;
mod logs;
mod names;
mod pipes;
mod sets;
#[cfg(feature = "top")]
mod top;
mod waiting;

use std::process::ExitCode;

use command_line::Service;
use libtest_mimic::{Arguments, Trial};
use proc_spawn::entries;
use supervisor::DaemonOptions;
use testbed::Reaper;

/// Trials named after their functions.
macro_rules! trials {
    ($($test:ident),* $(,)?) => { vec![$(crate::trial(stringify!($test), $test)),*] };
}
use trials;

fn main() -> ExitCode {
    let entries = entries![
        bed::rounds,
        bed::slow,
        bed::fails,
        bed::lingers,
        bed::deaf,
        clock::lags,
        crew::crew,
        crew::apart,
        crew::late,
        crew::leaving,
        crew::stubborn,
        logs::talkers,
        logs::talk,
        following::chatter,
        sets::crowd,
        sets::good_or_bad
    ];
    supervisor::init(workers::with_exit_codes(entries));
    // Which program this is says who starts it.
    match std::env::var(bed::PROGRAM).as_deref() {
        #[cfg(feature = "top")]
        Ok("panics") => top::panics().main(),
        Ok("one") => Service::new("jobd", || DaemonOptions::from_yaml_file("jobd.yaml")).main(),
        // Options that are made in Rust cannot fail, and need no `Ok`.
        Ok("in-rust") => Service::new("jobd", || DaemonOptions::new("jobd.pid", bed::rounds, ()))
            .version("1.2.3")
            .main(),
        Ok("several") => Service::from_file("daemons.yaml").main(),
        _ => {
            let reaper = Reaper::of_all();
            let topics = [
                asking::trials(),
                clock::trials(),
                completing::trials(),
                crew::trials(),
                following::trials(),
                life::trials(),
                logs::trials(),
                names::trials(),
                pipes::trials(),
                sets::trials(),
                #[cfg(feature = "top")]
                top::trials(),
                waiting::trials(),
            ];
            let trials = topics.into_iter().flatten().collect();
            let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
            reaper.end(!conclusion.has_failed())
        }
    }
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok(())
    })
}
