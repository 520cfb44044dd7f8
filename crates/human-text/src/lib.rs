//! How is a number said to a person, and how wide is that?
//!
//! ```
//! use human_text::{size, text, units};
//!
//! assert_eq!(units::short(4_250_000), "4.2s");
//! assert_eq!(units::size(88_290_000), "84.1M");
//! assert_eq!(text::padded("日本", 6), "日本  ");
//! assert_eq!(size::Size(512 << 20).to_string(), "512 MiB");
//! ```
//!
//! With the feature `views`, `units` has spans, moments and sizes, the same in every view of a service; `text` makes them
//! and the words of others fit into columns of a terminal. With the feature `size`, `size` reads sizes as people write them
//! into configuration files.
//!
//! # When it fits
//!
//! Tables and lines for people, made of what was said for machines; options that people write.
//!
//! # What it cannot do
//!
//! Speak another language than English, or know what a terminal makes of a letter that it draws wider than Unicode
//! says (UAX #11).

#[cfg(feature = "size")]
pub mod size;
#[cfg(feature = "views")]
pub mod text;
#[cfg(feature = "views")]
pub mod units;

/// What the README shows is compiled, and not run: it would write to the machine.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
