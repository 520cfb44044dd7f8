//! Where does the output of my children go, and who keeps it?
//!
//! A [`Recorder`] reads what children write to their standard output and standard error from pipes, puts a prefix
//! before each line, and appends it to files that are rotated like logs. What a file does not take in time waits in
//! a bounded buffer; then the child waits, or lines are lost and counted. The last lines of a run are kept to
//! be told with its end.
//!
//! ```no_run
//! use capture::{Capture, Recorder};
//! use proc_spawn::{Call, Spawn, entries};
//!
//! fn shout() {
//!     println!("here I am"); // Goes to out.txt, with the time, the name and the pid before it.
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     proc_spawn::init(entries![shout]);
//!     let recorder = Recorder::start()?;
//!     let mut recording = recorder.record(&Capture::file("out.txt"), "shout")?;
//!     let mut spawn = Spawn::new(Call::new(shout, ()))?;
//!     let mut child = recording.spawn(&mut spawn)?;
//!     child.wait()?;
//!     println!("its last words: {:?}", recording.end().stdout);
//!     recorder.finish(None);
//!     Ok(())
//! }
//! ```
//!
//! ```text
//! child ─pipe─▶ Source ─lines, prefix─▶ Sink's queue ─▶ file
//!               the one reading thread    a thread for each file
//! ```
//!
//! The caller's loop takes no part in it but at a run's end, when it takes what the pipe holds; it waits for no file
//! and for no pipe.
//!
//! # What it cannot do
//!
//! Keep what was read and not yet written when the process that records is killed; children that write then get
//! `EPIPE`.

#[cfg(not(target_os = "linux"))]
compile_error!("capture needs epoll and the size of pipes, which only Linux has");

mod last_lines;
mod lines;
mod lost;
mod options;
mod pipe;
mod prefix;
mod reader;
mod recorder;
mod sink;
mod source;

pub use last_lines::LastLines;
/// What a capture says about its file and times.
pub use log_file::{Precision, Rotation, Time};
pub use lost::Lost;
pub use options::{Capture, Captured, WhenFull};
pub use recorder::{Recorder, Recording};

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
