//! What the keys do, in place of the table.

use std::ops::Range;

use crate::draw::line;
use crate::screen::{Screen, Style};

const KEYS: [(&str, &str); 10] = [
    ("up, down, j, k", "select; by pages: page up, page down; the ends: home, end"),
    ("enter", "one alone, with its last ends and lines, and back"),
    ("escape", "back; the filter is taken away"),
    ("/", "only workers whose names contain this"),
    ("s", "the next order: name, cpu, memory, restarts, uptime"),
    ("r", "restart the selected worker, or the executor; asks first"),
    ("x, t", "stop and start the selected worker; asks first"),
    ("K", "send a signal to the selected worker; asks first"),
    ("q, Ctrl-C", "quit; the daemon goes on"),
    ("Ctrl-Z, Ctrl-L", "stop until `fg`; draw everything anew"),
];

/// As many lines as there is room for.
pub(crate) fn draw(screen: &mut Screen, place: Range<usize>, fancy: bool) {
    for (at, (keys, what)) in place.zip(KEYS) {
        line(screen, at, &format!("  {keys:15} {what}"), Style::Plain, fancy);
    }
}
