//! The model as a screen. Pure, and right for every size: what has no room is not there.

use std::ops::Range;
use std::time::Instant;

use control::service::Process;
use human_text::text::{cut, safe, width};
use human_text::units::{short, size};

use crate::details;
use crate::help;
use crate::known::{Known, uptime_us};
use crate::model::{Model, Prompt};
use crate::screen::{Screen, Style};
use crate::table::{Column, Columns, MARK, cell, percent, state};

/// Below so many lines the table has no titles, and there is no line of keys.
const ROOM: usize = 6;

const KEYS: &str = " ? keys  up/down select  enter details  / filter  s sort  r restart  x stop  t start  K signal  q quit";

/// Draws everything, as of this moment.
pub(crate) fn draw(model: &mut Model, screen: &mut Screen, now: Instant, fancy: bool) {
    let roomy = ROOM <= screen.height();
    let below: Vec<(String, Style)> =
        prompt(model).into_iter().chain(roomy.then(|| (KEYS.to_owned(), Style::Dim))).collect();
    let bottom = screen.height().saturating_sub(below.len());
    for (index, (text, style)) in below.iter().enumerate() {
        line(screen, bottom + index, text, *style, fancy);
    }
    let mut top = 0;
    if top < bottom {
        header(model, screen, fancy);
        top += 1;
    }
    if let Some(warning) = model.news.warning(now)
        && top < bottom
    {
        line(screen, top, &format!(" {}", safe(&warning)), Style::Bad, fancy);
        top += 1;
    }
    if model.prompt == Prompt::Help {
        help::draw(screen, top..bottom, fancy);
    } else if model.details && model.marked().is_some() {
        details::draw(model, screen, top..bottom, fancy);
    } else {
        table(model, screen, top..bottom, now, fancy);
    }
}

/// One line of text, cut where it ends.
pub(crate) fn line(screen: &mut Screen, at: usize, text: &str, style: Style, fancy: bool) {
    let text = cut(text, screen.columns, if fancy { '…' } else { '~' });
    screen.put(0, at, &text, style);
}

/// What is asked of the person, or told.
fn prompt(model: &Model) -> Option<(String, Style)> {
    let told = |notice: &String| (format!(" {}", safe(notice)), Style::Bold);
    match &model.prompt {
        Prompt::Question(order) => {
            let text = format!(" {}?  y yes   any other key: no", order.text());
            Some((text, Style::Selected))
        }
        Prompt::Signal(run, typed) => {
            let (label, typed) = (run.label(), safe(typed));
            Some((format!(" Signal for {label}, as SIGTERM or 15: {typed}_"), Style::Selected))
        }
        Prompt::Filter => Some((format!(" Filter: {}_", safe(&model.filter)), Style::Selected)),
        Prompt::Help => Some((" Any key: back".to_owned(), Style::Selected)),
        Prompt::None => model.notice.as_ref().map(told),
    }
}

fn header(model: &Model, screen: &mut Screen, fancy: bool) {
    let mut facts = vec![safe(&model.name)];
    let mut right = String::new();
    if let Some(known) = &model.news.known {
        let executor = &known.status.executor;
        let up = uptime_us(executor, &known.clock).map(|us| format!(" {}", short(us)));
        facts.push(state(executor).0 + &up.unwrap_or_default());
        facts.extend(ready(known));
        let memory = model.news.processes().filter_map(|process| process.memory_bytes);
        facts.extend(memory.reduce(u64::saturating_add).map(size));
        let shares = model.news.processes().filter_map(|process| model.history.share(process));
        let cpu = shares.reduce(u32::saturating_add);
        facts.extend(cpu.map(|share| format!("cpu {}", percent(share))));
        facts.push(format!("by {}", model.sort.word()));
        if !model.filter.is_empty() {
            facts.push(format!("filter {}", safe(&model.filter)));
        }
        right = known.clock.now();
    }
    let text = facts.join("  ");
    line(screen, 0, &text, Style::Bold, fancy);
    if width(&text) + 2 + width(&right) <= screen.columns {
        screen.put(screen.columns - width(&right), 0, &right, Style::Plain);
    }
}

/// `3/4 workers`.
fn ready(known: &Known) -> Option<String> {
    let ready = known.workers.iter().filter(|worker| worker.ready_since.is_some()).count();
    let all = known.workers.len();
    (0 < all).then(|| format!("{ready}/{all} workers"))
}

/// What stands before a name: whose child it is.
fn branch(process: &Process, is_last: bool, fancy: bool) -> &'static str {
    match (process.role.as_str(), is_last, fancy) {
        ("guardian", ..) => "",
        ("executor", _, true) => "└─ ",
        ("executor", _, false) => "`- ",
        (_, false, true) => "   ├─ ",
        (_, false, false) => "   |- ",
        (_, true, true) => "   └─ ",
        (_, true, false) => "   `- ",
    }
}

/// A guardian and its executor have the same name.
fn name(process: &Process, is_last: bool, fancy: bool) -> String {
    let own = match process.role.as_str() {
        "worker" => safe(&process.name),
        role => safe(role),
    };
    format!("{}{own}", branch(process, is_last, fancy))
}

fn table(model: &mut Model, screen: &mut Screen, place: Range<usize>, now: Instant, fancy: bool) {
    let titled = ROOM <= screen.height() && !place.is_empty();
    let first = place.start + usize::from(titled);
    let room = place.end.saturating_sub(first);
    let rows = model.rows();
    let chosen = rows.iter().position(|row| model.selected.as_ref().is_some_and(|id| id.is(row)));
    // The marked one is seen, and no room is left empty below while there are rows above.
    let chosen = chosen.unwrap_or(0);
    let top = model.top.min(chosen).max((chosen + 1).saturating_sub(room));
    let top = top.min(rows.len().saturating_sub(room));
    let Some(known) = &model.news.known else { return };

    let widest = rows.iter().map(|row| width(&name(row, false, fancy))).max().unwrap_or(0);
    let columns = Columns::fit(widest, screen.columns);
    if titled {
        screen.put(MARK, place.start, &cut("NAME", columns.name, '~'), Style::Dim);
        for (at, title) in columns.titles() {
            screen.put(at, place.start, &title, Style::Dim);
        }
    }
    let mark = if fancy { '…' } else { '~' };
    for (index, process) in rows.iter().enumerate().skip(top).take(room) {
        let line = first + index - top;
        let (share, samples) = (model.history.share(process), model.history.samples(process));
        let old =
            model.news.is_old(now) || (known.workers_trouble.is_some() && process.role == "worker");
        let style = if old { Style::Dim } else { Style::Plain };
        screen.put(
            MARK,
            line,
            &cut(&name(process, index + 1 == rows.len(), fancy), columns.name, mark),
            style,
        );
        let cells =
            columns.cells(|column| cell(column, process, share, &samples, &known.clock, fancy));
        for ((at, text), (column, _)) in cells.into_iter().zip(&columns.others) {
            let stated = *column == Column::State && !old;
            let style = if stated { state(process).1 } else { style };
            screen.put(at, line, &text, style);
        }
        if index == chosen {
            screen.put(0, line, ">", style);
            screen.paint(line, Style::Selected);
        }
    }
    model.top = top;
}

#[cfg(test)]
mod tests;
