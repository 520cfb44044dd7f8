//! One process alone: what it is, how its last runs ended, and what the last of them said.

use std::ops::Range;

use control::service::Process;
use human_text::text::safe;
use human_text::units::{Clock, prose, size};

use crate::draw::line;
use crate::history::{SECONDS, drawn};
use crate::model::Model;
use crate::screen::{Screen, Style};
use crate::table::{percent, state};

/// Draws the marked process, from the line of it that is first now.
pub(crate) fn draw(model: &mut Model, screen: &mut Screen, place: Range<usize>, fancy: bool) {
    let (Some(process), Some(known)) = (model.marked(), &model.news.known) else { return };
    let mut lines = facts(process, &known.clock);
    let share = model.history.share(process).map(percent);
    let samples = drawn(&model.history.samples(process), SECONDS, fancy);
    if let Some(share) = share {
        lines.insert(1, (format!("  cpu {share}  {samples}"), Style::Plain));
    }
    let top = model.top.min(lines.len().saturating_sub(place.len()));
    for ((text, style), at) in lines.iter().skip(top).zip(place) {
        line(screen, at, text, *style, fancy);
    }
    model.top = top;
}

fn facts(process: &Process, clock: &Clock) -> Vec<(String, Style)> {
    let (word, style) = state(process);
    let (role, name) = (safe(&process.role), safe(&process.name));
    let pid = process.pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let ago = |at: &str| clock.since(at).map(|us| format!(" ({} ago)", prose(us)));
    let when = |at: &str| format!("{}{}", clock.date(at), ago(at).unwrap_or_default());
    let mut lines = vec![(format!("{role} {name}: {word}{pid}"), style)];
    let mut say = |text: String| lines.push((format!("  {text}"), Style::Plain));
    say(format!("so since {}", when(&process.since)));
    if let Some(at) = &process.ready_since {
        say(format!("ready since {}", when(at)));
    }
    if let Some(us) = process.next_start_in_us {
        say(format!("next start in {}", prose(us)));
    }
    say(format!("run {}, {} restarts", process.run, process.restarts));
    process.memory_bytes.iter().for_each(|bytes| say(format!("memory {}", size(*bytes))));
    process.says.iter().for_each(|says| say(format!("says: {}", safe(says))));
    process.outcome.iter().for_each(|outcome| say(safe(outcome)));
    if process.ends.is_empty() {
        say("no run has ended yet".to_owned());
    } else {
        say("last ends, the newest first:".to_owned());
    }
    for end in process.ends.iter().rev() {
        let place = end.place.iter().map(|place| format!(" at {}", safe(place)));
        let pid = end.pid.iter().map(|pid| format!(", pid {pid}"));
        let more: String = place.chain(pid).collect();
        say(format!("  {}  run {}: {}{more}", clock.date(&end.at), end.run, safe(&end.text)));
    }
    for (stream, said) in [("stdout", &process.stdout), ("stderr", &process.stderr)] {
        if !said.is_empty() {
            say(format!("its last run said last on {stream}:"));
        }
        said.iter().for_each(|text| say(format!("  {}", safe(text))));
    }
    lines
}
