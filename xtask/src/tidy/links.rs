//! Links between our own pages lead somewhere: the file is there, and the heading too. So do the names of tests.

use std::path::Path;

use testbed::Outcome;

use crate::finding::Finding;
use crate::tree;

pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for page in tree::files(root, "md")? {
        let text = testbed::read(&page)?;
        for (line, target) in links(&text) {
            if let Some(fault) = fault(&page, &text, &target) {
                findings.push(Finding::new(tree::relative(root, &page), line, fault));
            }
        }
        for (line, file, test) in tests(&text) {
            let source = std::fs::read_to_string(root.join(file));
            if !source.is_ok_and(|source| has_word(&source, test)) {
                let fault = format!("there is no test `{test}` in `{file}`");
                findings.push(Finding::new(tree::relative(root, &page), line, fault));
            }
        }
    }
    Ok(findings)
}

/// Does a text have this as a whole word?
fn has_word(text: &str, word: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(|letter: char| !is_word(letter)).any(|found| found == word)
}

fn fault(page: &Path, text: &str, target: &str) -> Option<String> {
    let elsewhere = ["http://", "https://", "mailto:"];
    if elsewhere.iter().any(|start| target.starts_with(start)) {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = page.parent()?.join(file);
    if !file.is_empty() && !path.exists() {
        return Some(format!("dead link: there is no `{file}` from here"));
    }
    let there;
    let text = if file.is_empty() {
        text
    } else if path.extension().is_some_and(|found| found == "md") {
        there = testbed::read(&path).ok()?;
        &there
    } else {
        return None;
    };
    let known = heading.is_empty() || headings(text).any(|known| known == heading);
    (!known).then(|| format!("dead link: no heading gives `#{heading}`"))
}

/// Every `[…](target)` with its line, outside of code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // What stands between backticks is code: the odd pieces.
        let outside: String = line.split('`').step_by(2).collect();
        let mut rest = outside.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, tail)) = after.split_once(')') else {
                break;
            };
            // A title may follow the target.
            let target = target.split(' ').next().unwrap_or(target);
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
            rest = tail;
        }
    }
    found
}

/// Every `file.rs: name` with its line, which is how a page names a test.
fn tests(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    prose(text).flat_map(|(number, line)| {
        let spans = line.split('`').skip(1).step_by(2);
        spans.filter_map(move |span| {
            let (file, test) = span.split_once(".rs: ")?;
            Some((number, &span[..file.len() + 3], test))
        })
    })
}

/// The lines that are not in a fenced block, counted from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The names under which headings can be linked to, as the usual renderers make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept =
            title.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{check, links};

    #[test]
    fn links_are_found_with_their_lines_and_code_is_left_out() {
        let page = "a [b](c.md) [d](e#f)\n```\n[x](y)\n```\n`[x](y)` [g](<h> \"title\")\n";
        let expected = [(1, "c.md"), (1, "e#f"), (5, "h")];
        assert_eq!(links(page), expected.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn dead_links_are_found_and_living_ones_are_not() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
        write(
            "a.md",
            "# Top\n[b](b.md#one-two) [c](c.md) [w](https://x) [t](#top)\n[n](b.md#three)\n",
        );
        write("b.md", "## One, two\n`b.rs: it_is` and `b.rs: it_was`, `c.rs: it_is`\n");
        write("b.rs", "fn it_is() {}\n");
        let texts: Vec<String> =
            check(root.path()).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "a.md:2: dead link: there is no `c.md` from here",
                "a.md:3: dead link: no heading gives `#three`",
                "b.md:2: there is no test `it_was` in `b.rs`",
                "b.md:2: there is no test `it_is` in `c.rs`",
            ]
        );
    }
}
