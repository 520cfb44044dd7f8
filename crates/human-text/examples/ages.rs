//! How long ago some moments were, in columns.

use std::io::{self, Write};

use human_text::text::padded;
use human_text::units::{Clock, prose, short};

fn main() -> io::Result<()> {
    let clock = Clock::of_machine();
    for moment in ["1970-01-01T00:00:00Z", "2026-11-24T08:12:03Z", "no time"] {
        let us = clock.since(moment).unwrap_or(0);
        let (date, span) = (padded(&clock.date(moment), 20), padded(&short(us), 7));
        writeln!(io::stdout(), "{date} {span} {} ago", prose(us))?;
    }
    Ok(())
}
