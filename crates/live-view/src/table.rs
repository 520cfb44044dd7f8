//! Rows in columns: columns go, in a fixed order, where there is too little room, and then names are cut.

use control::service::Process;
use human_text::text::{safe, width};
use human_text::units::{Clock, short, size};

use crate::history::{Share, drawn};
use crate::known::uptime_us;
use crate::screen::Style;

/// A column behind the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    State,
    Pid,
    Uptime,
    Restarts,
    Cpu,
    Memory,
    LastMinute,
}

/// As they stand.
const ALL: [Column; 7] = [
    Column::State,
    Column::Pid,
    Column::Uptime,
    Column::Restarts,
    Column::Cpu,
    Column::Memory,
    Column::LastMinute,
];

/// As they go, the first one first.
const GO: [Column; 7] = [
    Column::LastMinute,
    Column::Pid,
    Column::Restarts,
    Column::Uptime,
    Column::Memory,
    Column::Cpu,
    Column::State,
];

/// A name is not cut to less while another column is left.
const LEAST_NAME: usize = 12;

/// A longer one is cut everywhere.
const MOST_NAME: usize = 40;

impl Column {
    fn title(self) -> &'static str {
        match self {
            Column::State => "STATE",
            Column::Pid => "PID",
            Column::Uptime => "UPTIME",
            Column::Restarts => "RESTARTS",
            Column::Cpu => "CPU",
            Column::Memory => "MEMORY",
            Column::LastMinute => "CPU, LAST MINUTE",
        }
    }

    fn width(self) -> usize {
        match self {
            Column::State => 9,
            Column::Pid => 7,
            Column::Uptime => 8,
            Column::Restarts => 8,
            Column::Cpu => 5,
            Column::Memory => 7,
            Column::LastMinute => 20,
        }
    }

    fn is_number(self) -> bool {
        !matches!(self, Column::State | Column::LastMinute)
    }
}

/// Which columns there are, and where they begin.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) name: usize,
    pub(crate) others: Vec<(Column, usize)>,
}

/// The two columns of the mark before a name.
pub(crate) const MARK: usize = 2;

impl Columns {
    /// For names of this width.
    pub(crate) fn fit(widest_name: usize, columns: usize) -> Columns {
        let name = widest_name.clamp(4, MOST_NAME);
        let mut kept = ALL.to_vec();
        let others = |kept: &[Column]| kept.iter().map(|column| column.width() + 1).sum::<usize>();
        for gone in GO {
            // Names give way a little before figures go, and not for a curve.
            let least = if gone == Column::LastMinute { name } else { name.min(LEAST_NAME) };
            if MARK + least + others(&kept) <= columns {
                break;
            }
            kept.retain(|column| *column != gone);
        }
        let name = name.min(columns.saturating_sub(MARK + others(&kept)));
        let mut at = MARK + name + 1;
        let place = |column: Column| {
            let start = at;
            at += column.width() + 1;
            (column, start)
        };
        Columns { name, others: kept.into_iter().map(place).collect() }
    }

    /// The cells of a line, each with the place where it begins: numbers stand at the right of their columns.
    pub(crate) fn cells(&self, cell: impl Fn(Column) -> String) -> Vec<(usize, String)> {
        let placed = |(column, start): &(Column, usize)| {
            let text = human_text::text::cut(&cell(*column), column.width(), '~');
            let left = column.width() - width(&text);
            (start + if column.is_number() { left } else { 0 }, text)
        };
        self.others.iter().map(placed).collect()
    }

    pub(crate) fn titles(&self) -> Vec<(usize, String)> {
        self.cells(|column| column.title().to_owned())
    }
}

/// A process in the words of this page.
pub(crate) fn cell(
    column: Column,
    process: &Process,
    share: Share,
    samples: &[Share],
    clock: &Clock,
    fancy: bool,
) -> String {
    let dash = || "-".to_owned();
    match column {
        Column::State => state(process).0,
        Column::Pid => process.pid.map_or_else(dash, |pid| pid.to_string()),
        Column::Uptime => match process.next_start_in_us {
            Some(us) if process.phase == "waiting" => format!("in {}", short(us)),
            _ => uptime_us(process, clock).map_or_else(dash, short),
        },
        Column::Restarts => process.restarts.to_string(),
        Column::Cpu => share.map_or_else(dash, percent),
        Column::Memory => process.memory_bytes.map_or_else(dash, size),
        Column::LastMinute => drawn(samples, column.width(), fancy),
    }
}

/// Tenths of a percent: `3%`, `0.4%`.
pub(crate) fn percent(share: u32) -> String {
    match share {
        1..10 => format!("0.{share}%"),
        _ => format!("{}%", share / 10),
    }
}

/// In one word, and what a person should feel about it.
pub(crate) fn state(process: &Process) -> (String, Style) {
    match process.phase.as_str() {
        "running" => ("running".to_owned(), Style::Good),
        "not_ready" => ("not ready".to_owned(), Style::Uneasy),
        "waiting" => ("back-off".to_owned(), Style::Bad),
        "finished" if process.ends.last().is_some_and(|end| end.cause != "success") => {
            ("failed".to_owned(), Style::Bad)
        }
        "stopped" | "finished" => (process.phase.clone(), Style::Dim),
        other => (safe(other), Style::Uneasy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-79
    #[test]
    fn columns_fit_and_go_in_their_order() {
        let mut before = 0;
        for columns in 0..200 {
            let fit = Columns::fit(20, columns);
            let end = fit.others.last().map_or(MARK + fit.name, |(column, at)| at + column.width());
            assert!(end <= columns.max(MARK), "{columns}: {fit:?}");
            assert!(before <= fit.others.len(), "{columns}: {fit:?}");
            before = fit.others.len();
            let gone = &GO[..GO.len() - before];
            assert!(fit.others.iter().all(|(column, _)| !gone.contains(column)), "{columns}");
        }
        assert_eq!(before, 7);
    }

    #[test]
    fn small_shares_are_not_nothing() {
        let shown = [0, 4, 10, 999, 1000, 4000].map(percent);
        assert_eq!(shown, ["0%", "0.4%", "1%", "99%", "100%", "400%"]);
    }
}
