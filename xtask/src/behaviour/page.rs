//! `docs/behaviour.md`: tables of cases for people, and for this program.
//!
//! A row is `| id | what must be seen | part |`. Rows under the heading `Argued` are `| id | why | shown by |`.
//! A line `complete: part, part` at the head says which parts may have no gaps.

use testbed::{Failure, Outcome};

use super::Proofs;

#[derive(Debug)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) part: String,
    pub(super) line: usize,
}

/// A case that no test can show, with the reason in the page.
#[derive(Debug)]
pub(super) struct Argued {
    pub(super) id: String,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) struct Page {
    pub(super) complete: Vec<String>,
    pub(super) cases: Vec<Case>,
    pub(super) argued: Vec<Argued>,
}

impl Page {
    pub(super) fn parse(text: &str) -> Outcome<Self> {
        let mut page = Page { complete: Vec::new(), cases: Vec::new(), argued: Vec::new() };
        let mut arguing = false;
        for (index, line) in text.lines().enumerate() {
            let wrong = |what: &str| Failure::new(format!("{}:{}: {what}", super::PAGE, index + 1));
            if let Some(parts) = line.strip_prefix("complete:") {
                page.complete = super::ids(parts).collect();
            }
            if line.starts_with('#') {
                arguing = line.trim_start_matches('#').trim() == "Argued";
            }
            let Some(cells) = cells(line) else {
                continue;
            };
            let id = cells[0].to_owned();
            match cells.as_slice() {
                [_, why, shown] if arguing && !why.is_empty() && !shown.is_empty() => {
                    page.argued.push(Argued { id, line: index + 1 });
                }
                _ if arguing => return Err(wrong("an argued case needs a reason and a command")),
                [_, text, part] if !part.is_empty() => {
                    if page.cases.iter().any(|case| case.id == id) {
                        return Err(wrong("this case has a row already"));
                    }
                    page.cases.push(Case {
                        id,
                        text: (*text).to_owned(),
                        part: (*part).to_owned(),
                        line: index + 1,
                    });
                }
                _ => return Err(wrong("a case is `| id | what must be seen | part |`")),
            }
        }
        match page.complete.iter().find(|part| !page.parts().contains(&part.as_str())) {
            Some(part) => {
                Err(Failure::new(format!("no case belongs to the complete part `{part}`")))
            }
            None => Ok(page),
        }
    }

    pub(super) fn is_argued(&self, id: &str) -> bool {
        self.argued.iter().any(|argued| argued.id == id)
    }

    /// The parts in the order in which they appear.
    pub(super) fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = Vec::new();
        for case in &self.cases {
            if !parts.contains(&case.part.as_str()) {
                parts.push(&case.part);
            }
        }
        parts
    }

    /// Each case with the tests and scenarios that hold it.
    pub(super) fn map(&self, proofs: &Proofs) -> String {
        let mut text = "# Which tests hold a case\n".to_owned();
        for case in &self.cases {
            text += &format!("\n**{}** {}\n\n", case.id, case.text);
            for proof in proofs.get(&case.id).into_iter().flatten() {
                text += &format!("* `{proof}`\n");
            }
        }
        text
    }
}

/// The cells of a row that begins with a case's id; a `|` inside a cell is written `\|`.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = Vec::new();
    let mut start = 0;
    for (at, _) in inner.match_indices('|') {
        if !inner[..at].ends_with('\\') {
            cells.push(inner[start..at].trim());
            start = at + 1;
        }
    }
    cells.push(inner[start..].trim());
    is_id(cells[0]).then_some(cells)
}

/// `PID-01`, `P1-02`, `FLT-A1`: capitals or digits, a dash, perhaps the letter of a kind, digits.
pub(super) fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(group, number)| {
        let capital = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit();
        let number =
            number.strip_prefix(|letter: char| letter.is_ascii_uppercase()).unwrap_or(number);
        group.starts_with(|letter: char| letter.is_ascii_uppercase())
            && group.chars().all(capital)
            && !number.is_empty()
            && number.chars().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::super::Proofs;
    use super::{Page, cells, is_id};

    #[test]
    fn rows_are_cases_and_headers_are_not() {
        assert_eq!(
            cells("| PID-01 | a \\| b | logs | |"),
            Some(vec!["PID-01", "a \\| b", "logs", ""])
        );
        assert_eq!(cells("| case | seen |"), None);
        assert_eq!(cells("|---|---|"), None);
        assert!(is_id("P1-02") && is_id("F-18") && is_id("FLT-A1"));
        assert!(
            !is_id("-1") && !is_id("a-1") && !is_id("PID-") && !is_id("PID") && !is_id("FLT-A")
        );
    }

    #[test]
    fn the_map_has_the_tests_of_each_case() {
        let page = Page::parse("# T\n| PID-01 | a | logs |\n| PID-02 | b | logs |\n").unwrap();
        let mut proofs = Proofs::new();
        proofs.entry("PID-01".into()).or_default().insert("x.rs: f".into());
        let map = page.map(&proofs);
        assert!(map.ends_with("\n**PID-01** a\n\n* `x.rs: f`\n\n**PID-02** b\n\n"), "{map}");
    }

    #[test]
    fn a_broken_page_is_refused_with_its_line() {
        let text = |page: &str| Page::parse(page).unwrap_err().to_string();
        assert!(text("| PID-01 | a |\n").contains(":1: a case is"));
        assert!(
            text("| PID-01 | a | p |\n| PID-01 | a | p |\n").contains(":2: this case has a row")
        );
        assert!(text("# Argued\n| PID-01 | | |\n").contains(":2: an argued case"));
        assert!(text("complete: nothing\n").contains("`nothing`"));
    }
}
