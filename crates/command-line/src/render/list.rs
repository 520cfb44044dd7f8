//! Daemons as a table, a row each.

use super::Look;
use super::table::{Column, lines};
use super::text::safe;
use super::units::{Clock, short, size};
use crate::seen::{Seen, State};

const COLUMNS: [Column; 7] = [
    Column::new("NAME", 0),
    Column::new("STATE", 0),
    Column::new("PID", 1),
    Column::new("UPTIME", 2),
    Column::new("RESTARTS", 3),
    Column::new("WORKERS", 4),
    Column::new("MEMORY", 5),
];

/// The table, each row with its line end.
pub(crate) fn list(daemons: &[Seen], clock: &Clock, look: Look) -> String {
    let rows: Vec<Vec<String>> = daemons.iter().map(|seen| row(seen, clock)).collect();
    lines(&COLUMNS, &rows, look).into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
}

fn row(seen: &Seen, clock: &Clock) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let executor = seen.given().map(|given| &given.status.executor);
    let state = seen.state();
    let uptime = executor.and_then(|executor| match state == State::BackOff {
        true => executor.next_start_in_us.map(|us| format!("in {}", short(us))),
        false => clock.since(executor.ready_since.as_ref()?).map(short),
    });
    vec![
        safe(&seen.name),
        state.word().to_owned(),
        or_dash(seen.pid().map(|pid| pid.to_string())),
        or_dash(uptime),
        or_dash(seen.restarts().map(|restarts| restarts.to_string())),
        or_dash(
            seen.ready().filter(|(_, all)| 0 < *all).map(|(ready, all)| format!("{ready}/{all}")),
        ),
        or_dash(seen.memory().map(size)),
    ]
}

#[cfg(test)]
mod tests {
    use supervisor::DaemonStatus;

    use super::super::samples::{PIPE, clock, jobd, mute, plain};
    use super::*;
    use crate::seen::Answer;

    fn three() -> [Seen; 3] {
        let mut waiting = jobd();
        waiting.name = "mailer".to_owned();
        let Answer::Given(given) = &mut waiting.answer else { unreachable!() };
        given.status.executor.phase = "waiting".to_owned();
        given.status.executor.next_start_in_us = Some(4_000_000);
        given.status.executor.restarts = 12;
        given.workers = Ok(Vec::new());
        let mut down = mute(DaemonStatus::NotRunning { stale: false }, Answer::NotAsked);
        down.name = "日本\x1b".to_owned();
        [jobd(), waiting, down]
    }

    /// Cases: CC-49, CC-50
    #[test]
    fn each_daemon_is_a_row() {
        let shown = list(&three(), &clock(), PIPE);
        let expected = "\
NAME      STATE     PID   UPTIME  RESTARTS  WORKERS  MEMORY
jobd      running   4711  2d      8         2/4      84.0M
mailer    back-off  4711  in 4s   12        -        42.0M
日本\\x1b  stopped   -     -       -         -        -
";
        assert_eq!(shown, expected, "\n{shown}");
        for columns in [80, 120, 200] {
            assert_eq!(list(&three(), &clock(), plain(columns)), expected);
        }
    }

    /// Case: CC-54
    #[test]
    fn columns_go_from_the_right() {
        let titles = |columns| {
            let shown = list(&three(), &clock(), plain(columns));
            shown.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(titles(58), "NAME      STATE     PID   UPTIME  RESTARTS  WORKERS");
        assert_eq!(titles(40), "NAME      STATE     PID   UPTIME");
        assert_eq!(titles(20), "NAME      STATE");
        assert_eq!(titles(10), "NAME     ~");
    }

    #[test]
    fn no_daemon_is_a_table_without_rows() {
        assert_eq!(
            list(&[], &clock(), PIPE),
            "NAME  STATE  PID  UPTIME  RESTARTS  WORKERS  MEMORY\n"
        );
    }
}
