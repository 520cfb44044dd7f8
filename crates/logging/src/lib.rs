//! A log file that several processes share and rotate, and no record is lost or torn.

mod config;
mod error;
mod level;
mod problems;
mod yaml;

mod logger;

mod escape;
mod layout;
mod pattern;
mod timestamp;

mod append;
mod file;
mod names;
mod open;
mod period;
mod rotate;
mod sink;

pub use config::{LoggingConfig, Precision, Rotation, Stream, Time};
pub use error::Error;
pub use logger::{Handle, Logger, Process, install};
