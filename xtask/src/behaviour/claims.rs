//! Which tests and scenarios say that they prove a case.
//!
//! A test: `/// Case: PID-03` or `/// Cases: PID-03, PID-04` in its doc comment. A scenario of an
//! example: `# case: F-01`.

use std::path::{Path, PathBuf};

use testbed::Outcome;

use super::ids;
use crate::tree;

#[derive(Debug)]
pub(super) struct Claim {
    pub(super) case: String,
    /// From the root.
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// The test's function; empty for a scenario.
    pub(super) name: String,
}

impl Claim {
    /// Where to look, in words that do not change when lines move.
    pub(super) fn proof(&self) -> String {
        if self.name.is_empty() {
            self.file.display().to_string()
        } else {
            format!("{}: {}", self.file.display(), self.name)
        }
    }
}

pub(super) fn find(root: &Path) -> Outcome<Vec<Claim>> {
    let mut claims = Vec::new();
    for path in tree::files(root, "rs")? {
        let file = tree::relative(root, &path);
        claims.extend(in_source(file, &testbed::read(&path)?));
    }
    for path in tree::files(&root.join("examples"), "txt")? {
        let file = tree::relative(root, &path);
        claims.extend(in_scenario(file, &testbed::read(&path)?));
    }
    Ok(claims)
}

fn in_source(file: &Path, source: &str) -> Vec<Claim> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let mut claims = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let list = line.strip_prefix("/// Case: ").or(line.strip_prefix("/// Cases: "));
        for case in list.into_iter().flat_map(ids) {
            claims.push(Claim {
                case,
                file: file.to_owned(),
                line: index + 1,
                name: lines[index..].iter().find_map(|line| function(line)).unwrap_or_default(),
            });
        }
    }
    claims
}

/// The name in `fn name(`.
fn function(line: &str) -> Option<String> {
    if line.starts_with("//") {
        return None;
    }
    let (before, after) = line.split_once("fn ")?;
    let starts_a_word = before.is_empty() || before.ends_with(' ');
    let name = after.split(['(', '<']).next()?.trim();
    (starts_a_word && !name.is_empty()).then(|| name.to_owned())
}

fn in_scenario(file: &Path, text: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for case in line.strip_prefix("# case:").into_iter().flat_map(ids) {
            claims.push(Claim {
                case,
                file: file.to_owned(),
                line: index + 1,
                name: String::new(),
            });
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{in_scenario, in_source};

    #[test]
    fn a_test_claims_the_cases_of_its_doc_comment() {
        let source = [
            "/// Story.",
            "/// Cases: PID-03, PID-04",
            "#[test]",
            "pub(crate) fn a_test() {}",
            "/// Case: PID-05",
            "fn other<T>() {}",
            "// Case: PID-06",
        ];
        let found = in_source(Path::new("a.rs"), &source.join("\n"));
        let found: Vec<_> =
            found.iter().map(|claim| (claim.case.as_str(), claim.line, claim.proof())).collect();
        assert_eq!(
            found,
            [
                ("PID-03", 2, "a.rs: a_test".to_owned()),
                ("PID-04", 2, "a.rs: a_test".to_owned()),
                ("PID-05", 5, "a.rs: other".to_owned()),
            ]
        );
    }

    #[test]
    fn a_scenario_claims_in_its_comments() {
        let found = in_scenario(Path::new("s.txt"), "# case: F-01, F-02\nrun x\n");
        assert_eq!(
            found.iter().map(|claim| claim.case.as_str()).collect::<Vec<_>>(),
            ["F-01", "F-02"]
        );
        assert_eq!(found[0].proof(), "s.txt");
    }
}
