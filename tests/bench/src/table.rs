//! The result for people, as a table, and for programs, as JSON.

use serde_json::{Value, json};
use testbed::paint;

use super::options::Sizes;
use super::peers::Found;
use super::rows::{Goal, Row};
use super::samples::Samples;

/// Where and when it was measured.
pub(crate) struct Circumstances {
    pub(crate) command: String,
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) kernel: String,
}

impl Circumstances {
    pub(crate) fn look(arguments: &[String]) -> Circumstances {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let model = field(&cpu, "model name").unwrap_or_else(|| std::env::consts::ARCH.into());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kib: u64 = memory.split(' ').next().unwrap_or_default().parse().unwrap_or_default();
        Circumstances {
            command: format!("cargo xtask bench {}", arguments.join(" ")).trim_end().to_owned(),
            date: today(),
            machine: format!("{cores} × {model}, {} GiB", (kib + (1 << 19)) >> 20),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        }
    }
}

fn today() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

/// Three digits, or all before the point.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn goal(row: &Row) -> String {
    match row.goal {
        Goal::AtMost(most) => format!("≤ {} {}", number(most), row.unit).trim_end().to_owned(),
        Goal::AtLeast(least) => format!("≥ {} {}", number(least), row.unit),
        Goal::Times(times) => format!("≤ {} × floor", number(times)),
        Goal::None => String::new(),
    }
}

fn verdict(row: &Row) -> String {
    match row.missed_by() {
        None => String::new(),
        Some(factor) if factor <= 1.0 => "met".to_owned(),
        Some(factor) if factor.is_finite() && row.goal != Goal::AtMost(0.0) => {
            format!("missed, {} ×", number(factor))
        }
        Some(_) => "missed".to_owned(),
    }
}

/// Its cells.
fn cells(row: &Row) -> [String; 7] {
    let times = |ratio: Option<f64>| ratio.map_or(String::new(), number);
    let summary = &row.value;
    let spread = match summary.count {
        1 => String::new(),
        _ => format!(" ({}–{})", number(summary.least), number(summary.most)),
    };
    [
        row.what.clone(),
        format!("{} {}{spread}", number(summary.median), row.unit).trim_end().replace("  ", " "),
        row.floor.map_or(String::new(), number),
        times(row.ratio()),
        times(row.kernel_ratio()),
        goal(row),
        verdict(row),
    ]
}

const HEAD: [&str; 7] =
    ["what", "median (spread)", "floor", "× floor", "× kernel floor", "goal", "verdict"];

/// In columns, for terminals; without verdicts where times mean nothing.
pub(crate) fn print(rows: &[Row], judge: bool) {
    let mut lines: Vec<[String; 7]> = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let columns = if judge { 7 } else { 5 };
    let width =
        |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    println!();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let cell = format!("{cell:width$}  ", width = *width);
            text += &match cell.trim_end() {
                "met" => paint::good(&cell),
                other if other.starts_with("missed") => paint::bad(&cell),
                _ => cell,
            };
        }
        println!("{}", text.trim_end());
    }
}

/// For `docs/performance.md`.
pub(crate) fn markdown(rows: &[Row], circumstances: &Circumstances) -> String {
    let Circumstances { command, date, machine, kernel } = circumstances;
    let mut text = format!("`{command}`, {date}, {machine}, {kernel}.\n\n");
    text += &line(&HEAD);
    text += &line(&["---"; 7]);
    for row in rows {
        text += &line(&cells(row).each_ref().map(String::as_str));
    }
    text
}

pub(crate) fn line(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The peers and we, side by side.
pub(crate) fn peers(samples: &Samples, sizes: Sizes, found: &Found) -> Vec<Vec<String>> {
    let shown = |name: String| samples.median(&name).map_or("–".to_owned(), number);
    let mut table = vec![
        [
            "workers",
            "",
            "start, ms",
            "restart, ms",
            "stop, ms",
            "supervisors' memory, PSS KiB",
            "status by its command, ms",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for workers in [1, sizes.some, sizes.many] {
        let mut push = |name: &str, samples: [String; 5]| {
            let mut line = vec![workers.to_string(), name.to_owned()];
            line.extend(samples.map(shown));
            table.push(line);
        };
        let own = |prefix: &str| {
            ["start", "restart", "stop", "memory", "told"]
                .map(|what| format!("{prefix}{what}.{workers}"))
        };
        push("own floor", own("floor."));
        push("appkit", own(""));
        for name in &found.names {
            push(name, own(&format!("{name}.")));
        }
    }
    table
}

pub(crate) fn json(
    rows: &[Row],
    circumstances: &Circumstances,
    peers: &[Vec<String>],
    missing: &[&str],
) -> Value {
    let Circumstances { command, date, machine, kernel } = circumstances;
    let rows = rows.iter().map(|row| {
        json!({
            "what": row.what,
            "unit": row.unit,
            "median": row.value.median,
            "least": row.value.least,
            "most": row.value.most,
            "samples": row.value.count,
            "floor": row.floor,
            "ratio": row.ratio(),
            "kernel_ratio": row.kernel_ratio(),
            "goal": goal(row),
            "missed_by": row.missed_by(),
        })
    });
    json!({
        "command": command,
        "date": date,
        "machine": machine,
        "kernel": kernel,
        "rows": rows.collect::<Vec<_>>(),
        "peers": peers,
        "missing": missing,
    })
}

#[cfg(test)]
mod tests {
    use super::{cells, goal, number, verdict};
    use crate::rows::{Goal, Row};
    use crate::samples::Summary;

    #[test]
    fn a_row_says_what_it_is_compared_with_and_by_how_much_it_missed() {
        let value = Summary { median: 9.0, least: 8.5, most: 120.4, count: 3 };
        let mut row = Row {
            what: "start".into(),
            unit: "ms",
            value,
            floor: Some(1.5),
            kernel: Some(0.5),
            goal: Goal::Times(5.0),
        };
        let expected = [
            "start",
            "9.00 ms (8.50–120)",
            "1.50",
            "6.00",
            "18.0",
            "≤ 5.00 × floor",
            "missed, 1.20 ×",
        ];
        assert_eq!(cells(&row), expected.map(str::to_owned));
        row.goal = Goal::AtMost(10.0);
        assert_eq!((goal(&row).as_str(), verdict(&row).as_str()), ("≤ 10.0 ms", "met"));
        row.goal = Goal::AtMost(0.0);
        assert_eq!(verdict(&row), "missed");
        assert_eq!(number(0.0), "0");
    }
}
