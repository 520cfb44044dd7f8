//! The commands of a service for the daemon that `workload` starts: a program of its own, so that the daemon carries
//! none of it.

use std::process::ExitCode;

use appkit::DaemonOptions;
use appkit::cli::Service;

fn main() -> ExitCode {
    // It starts nothing, and so needs no entry.
    Service::new("workload", || DaemonOptions::new("d.pid", started_by_others, ())).main()
}

/// Never called.
fn started_by_others() {}
