//! A service that says what time it is, and its commands: `clock start`, `clock status`, `clock stop` …

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use command_line::Service;
use supervisor::DaemonOptions;

fn tell() {
    while !quit::quit_requested() {
        log::info!("it is {:?}", SystemTime::now());
        quit::sleep(Duration::from_secs(1)); // Ends early when asked to stop.
    }
}

fn main() -> ExitCode {
    supervisor::init(proc_spawn::entries![tell]); // A child runs its entry here.
    let options = || {
        let folder = std::env::temp_dir();
        let log = logging::LoggingConfig::file(folder.join("clock.log"));
        DaemonOptions::new(folder.join("clock.pid"), tell, ()).logging_config(log)
    };
    Service::new("clock", options).main()
}
