//! How does an application's own program become the one that starts, stops and shows its service?
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::time::Duration;
//!
//! use command_line::Service;
//! use supervisor::DaemonOptions;
//!
//! fn daemon_main() {
//!     while !quit::quit_requested() {
//!         quit::sleep(Duration::from_secs(25)); // Ends early when asked to stop.
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     supervisor::init(proc_spawn::entries![daemon_main]); // A child runs its entry here.
//!     Service::new("jobd", || DaemonOptions::from_yaml_file("jobd.yaml")).main()
//! }
//! ```
//!
//! Now `jobd start`, `stop`, `restart`, `reopen` (log files), `reload` (the list of workers), `status`, `list`, `events`,
//! `logs`, `signal`, `scale`, `roll`, `wait`, `run` (in the foreground), `metrics`, `completions` and `man` are there, and with
//! the feature `top` that view. Beside commands of
//! the application [`Command`] is flattened into its parser, and [`Service::execute`] carries it out:
//!
//! ```
//! #[derive(clap::Subcommand)]
//! enum Commands {
//!     /// Reads a file
//!     Import { file: String },
//!     #[command(flatten)]
//!     Service(command_line::Command),
//! }
//! ```
//!
//! A test of the application with `debug_assert` of its parser says whether one of its commands has a name of ours.
//!
//! [`Service::several`] and [`Service::from_file`] are for several daemons: the commands then take their names, or
//! `all`. A worker is named by itself, where one
//! daemon that runs has it, or as `daemon/worker`. It is started, stopped and waited for as a daemon is.
//!
//! # What is true
//!
//! The lock of the pid file says whether a daemon runs; its socket, beside the pid file with `.sock` at the end, says
//! how. Where it gives no answer, a command does what can be done without, and says so. Nothing is started by
//! looking.
//!
//! # Logs
//!
//! `logs` shows the last lines of all files in which guardian, executor and workers write, merged by time, across rotations
//! and compressed files; names choose among them: `executor`, `guardian`, a worker, or a daemon with all that belongs to it.
//! A file is read once, whoever writes to it. Where there are several, the name of the process stands before each line,
//! and that of the daemon if several write to one. Which files there are the daemon says itself. Of one that does not
//! answer, or does not run, they are those in its options ([`log_files`](supervisor::DaemonOptions::log_files)); those of workers, which only the
//! running daemon knows, are then missing, which is said on standard error; so it is while its executor is in back-off.
//!
//! With `--follow` it goes on until all of the daemons have ended. The file of a worker that comes later joins: from
//! its first line if it is younger than the command, else with as many of its last lines as were asked for at the
//! beginning. A thread for each daemon waits for its events; it ends with the daemon, or at its next event after the
//! command.
//!
//! Lines are shown with everything escaped that could command a terminal; with `--raw` as they are. A line that is
//! longer than 64 KiB, or whose end has not come, is in JSON several objects, where all but the first are `continued`.
//!
//! # Events
//!
//! `events` shows the last ones, and goes on until the daemon has ended; with `--no-follow` it shows the last ones, by time,
//! and ends. Names choose: `guardian`, `executor`, workers, sets. Where what is kept ends the daemon does not say: it is
//! all that has come when nothing more comes for 200 ms.
//!
//! # Completions
//!
//! `completions` prints a script for a shell. In bash, zsh and fish it completes names, too: those of the daemons, and of the
//! workers that they have now. For that the program is called with words that only the scripts know, and asks its
//! daemons for 200 ms at most, all together. Where something is wrong nothing is said, and commands and options are
//! completed. Names with letters that mean something to a shell have to be typed. bash offers no files where names are
//! wanted.
//!
//! # For people and for machines
//!
//! On a terminal lines are cut to its width, and `--wide` shows all; into a pipe nothing is cut or coloured. What
//! processes have said of themselves is shown with everything escaped that could command a terminal. With `--json`
//! there is one JSON text on standard output, for errors, too (`{"error": {…}}`), and a line for each of `events` and `logs`; every
//! row has every key, null is what is not known, and the unit ends a name (`uptime_us`). Standard output that is
//! closed early is no error; one that cannot be written is.
//!
//! # Exit codes
//!
//! Two tables of the Linux Standard Base ("Init Script Actions"), which leaves 150 to 199 to applications. Of
//! `status`, where of several daemons the worst counts:
//!
//! | code | |
//! |---|---|
//! | 0 | it runs |
//! | 1 | it does not, and a crash has left the pid file |
//! | 2 | its guardian was killed, and not all of it is gone yet |
//! | 3 | it does not run, or gave up: the text and `--json` (`"state": "failed"`) tell them apart, the LSB does not |
//! | 4 | nobody can say: it gives no answer, cannot be looked at, there is none of that name, the words are wrong |
//! | 150 | it is starting, or says that it is not ready |
//! | 151 | it is stopping |
//! | 152 | back-off: it has failed, and will be started again |
//! | 153 | it runs, and a worker has failed for good |
//!
//! That of a worker that is named is one of 0, 3, 4, 150, 151 and 152; where its daemon does not run it is 3.
//!
//! Of the others, where of several outcomes the first that is not 0 counts:
//!
//! | code | |
//! |---|---|
//! | 0 | done, or there was nothing to do, as to stop a worker of a daemon that does not run |
//! | 1 | it failed |
//! | 2 | the words of the command are wrong |
//! | 3 | this cannot be done yet |
//! | 4 | not allowed |
//! | 6 | the options are wrong, or cannot be read |
//! | 7 | it does not run |
//! | 99 | `wait`: the time is over (as s6-svwait has it) |
//! | 102 | `wait`: the daemon, or the worker for good, has ended |
//! | 130 | Ctrl-C: of `logs`, after a whole line; while a start was waited for, which goes on without the command |
//! | 128 + n | `top`: ended by the signal n; 130 is Ctrl-C, 129 a terminal that has gone |
//!
//! `run` ends as its daemon does: see [`DaemonEnd::exit_code`](supervisor::DaemonEnd::exit_code). Of one that runs already it is
//! 1: nothing was run here, and who waits for its end must not take that for a good one.
//!
//! # When it fits
//!
//! Programs that are started by people and by init systems, and should be asked what a service is asked everywhere.
//!
//! # What it cannot do
//!
//! * Show what goes to the journal, a terminal or another program.
//! * Follow a daemon beyond its end, into its next start.
//! * Complete names in elvish and PowerShell, or after options of the application that stand before the command.
//! * Ask anything of a daemon on another machine.

mod act;
mod code;
mod command;
mod complaint;
mod completions;
mod daemon;
mod interrupt;
mod into_options;
mod logs;
mod names;
mod output;
mod papers;
mod progress;
mod refused;
mod render;
mod seen;
mod service;
mod set;
mod show;
mod start;
mod stop;
mod target;
#[cfg(feature = "top")]
mod top;
mod wait;
mod words;
mod worker;

pub use command::Command;
pub use into_options::IntoOptions;
pub use service::Service;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
