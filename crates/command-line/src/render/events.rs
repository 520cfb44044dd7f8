//! What has happened, a line each.

use control::service::Event;

use super::Look;
use super::text::{cut, padded, safe};
use super::units::Clock;

/// Room for a name; a longer one moves what follows it.
const NAME: usize = 8;

/// One event on one line, without its end. What a process says of itself has a bar before it, what is said of it a
/// dash.
pub(crate) fn event(event: &Event, clock: &Clock, look: Look) -> String {
    if event.kind == "lost" {
        let first = event.first_lost.unwrap_or(event.number);
        return look.fitted(&format!("events {first} to {} were lost", event.number));
    }
    let sign = if event.kind == "says" { '|' } else { '-' };
    // The executor has the daemon's name, which every line would have.
    let name =
        if matches!(event.role.as_str(), "worker" | "set") { &event.name } else { &event.role };
    let name = padded(&cut(&safe(name), 100, '~'), NAME);
    let text = if event.text.is_empty() { &event.kind } else { &event.text };
    look.fitted(&format!("{} {name} {sign} {}", clock.moment(&event.at), safe(text)))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{PIPE, clock, event as sample, plain};
    use super::*;

    /// Cases: CTL-10, CC-47, CC-54
    #[test]
    fn an_event_is_a_line() {
        let shown = |event: &Event, look| super::event(event, &clock(), look);
        let ended = sample(300, "ended", "web-3", "ended: code 3, next start in 4.2s");
        let line = "09:11:58.300 web-3    - ended: code 3, next start in 4.2s";
        assert_eq!(shown(&ended, PIPE), line);
        assert_eq!(shown(&ended, plain(40)), "09:11:58.300 web-3    - ended: code 3, ~");
        let said = Event { role: "executor".into(), ..sample(102, "says", "jobd", "4\nworkers") };
        assert_eq!(shown(&said, PIPE), "09:11:58.102 executor | 4\\nworkers");
        let before = Event { at: "2026-11-25T23:59:59.5Z".to_owned(), ..ended };
        let line = "2026-11-25 23:59:59.500 web-3    - ended: code 3, next start in 4.2s";
        assert_eq!(shown(&before, PIPE), line);
        let bare = sample(103, "started", "a-long-name", "");
        assert_eq!(shown(&bare, PIPE), "09:11:58.103 a-long-name - started");
        let lost = Event { first_lost: Some(120), ..sample(180, "lost", "", "") };
        assert_eq!(shown(&lost, PIPE), "events 120 to 180 were lost");
    }
}
