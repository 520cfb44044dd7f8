//! The page of cases against the tests that claim them, both ways; and for each case where its tests are.

mod claims;
mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use testbed::{Failure, Outcome, Workspace, paint};

use crate::finding::Finding;
use claims::Claim;
use page::Page;

const PAGE: &str = "docs/behaviour.md";

/// Where the tests of each case stand, in the folder of what is built.
const MAP: &str = "behaviour.md";

pub(crate) fn run() -> Outcome {
    let root = testbed::root();
    let page = Page::parse(&testbed::read(&root.join(PAGE))?)?;
    let claims = claims::find(&root)?;
    let proofs = by_case(&claims);

    let map = Workspace::load()?.target.join(MAP);
    fs::write(&map, page.map(&proofs)).map_err(Failure::at("write", &map))?;
    print_gaps(&page, &proofs);
    let findings = check(&page, &claims);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        more => Err(Failure::new(format!("{more} cases or tests to put right"))),
    }
}

/// Case → the tests and scenarios that claim it.
type Proofs = BTreeMap<String, BTreeSet<String>>;

/// Is there a test among them? A scenario shows a case to people; it is not made to fail without it.
fn is_tested(proofs: &Proofs, case: &str) -> bool {
    let mut proofs = proofs.get(case).into_iter().flatten();
    proofs.any(|proof| proof.contains(".rs"))
}

fn by_case(claims: &[Claim]) -> Proofs {
    let mut proofs = Proofs::new();
    for claim in claims {
        proofs.entry(claim.case.clone()).or_default().insert(claim.proof());
    }
    proofs
}

/// Tests that name unknown cases, and gaps in parts that are declared complete.
fn check(page: &Page, claims: &[Claim]) -> Vec<Finding> {
    let known = |case: &str| page.cases.iter().any(|known| known.id == case);
    let mut findings = Vec::new();
    for claim in claims.iter().filter(|claim| !known(&claim.case)) {
        let text = format!("case `{}` is not in {PAGE}", claim.case);
        findings.push(Finding::new(&claim.file, claim.line, text));
    }
    for argued in page.argued.iter().filter(|argued| !known(&argued.id)) {
        let text = format!("argued case `{}` is in no table", argued.id);
        findings.push(Finding::new(PAGE, argued.line, text));
    }
    let proofs = by_case(claims);
    let complete = |part: &str| page.complete.iter().any(|complete| complete == part);
    for case in page.cases.iter().filter(|case| complete(&case.part)) {
        if !is_tested(&proofs, &case.id) && !page.is_argued(&case.id) {
            let text =
                format!("`{}` has no test, and `{}` is declared complete", case.id, case.part);
            findings.push(Finding::new(PAGE, case.line, text));
        }
    }
    // People are shown what there is.
    let is_shown =
        |case: &str| claims.iter().any(|claim| claim.case == case && claim.name.is_empty());
    for case in page.cases.iter().filter(|case| case.part == "features" && !is_shown(&case.id)) {
        let text = format!("no scenario of an example shows `{}`", case.id);
        findings.push(Finding::new(PAGE, case.line, text));
    }
    findings
}

fn print_gaps(page: &Page, proofs: &Proofs) {
    for part in page.parts() {
        let cases = || page.cases.iter().filter(|case| case.part == part);
        let gaps: Vec<&str> = cases()
            .filter(|case| !is_tested(proofs, &case.id) && !page.is_argued(&case.id))
            .map(|case| case.id.as_str())
            .collect();
        let argued = cases().filter(|case| page.is_argued(&case.id)).count();
        let all = cases().count();
        let tested = all - gaps.len();
        println!(
            "{}",
            paint::strong(format!(
                "{part}: {tested} of {all} cases proved, {argued} of them argued"
            ))
        );
        if !gaps.is_empty() {
            println!("  without test: {}", gaps.join(" "));
        }
    }
}

/// Splits `A-1, B-2.` into ids, as comments and scenarios write them.
fn ids(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(|id| id.trim().trim_end_matches('.').to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::claims::Claim;
    use super::page::Page;
    use super::{check, ids};

    const TABLES: &str = "complete: features\n\n| case | seen | part |\n|---|---|---|\n\
        | F-01 | starts | features |\n| F-02 | stops | features |\n| PID-01 | number | logs |\n";

    fn claim(case: &str) -> Claim {
        Claim {
            case: case.into(),
            file: PathBuf::from("tests/it.rs"),
            line: 7,
            name: "a_test".into(),
        }
    }

    fn shown(case: &str) -> Claim {
        Claim { file: PathBuf::from("examples/x/scenario.txt"), name: String::new(), ..claim(case) }
    }

    #[test]
    fn gaps_of_complete_parts_and_unknown_cases_are_found() {
        let page = Page::parse(TABLES).unwrap();
        let findings = check(&page, &[claim("F-01"), claim("F-99")]);
        let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "tests/it.rs:7: case `F-99` is not in docs/behaviour.md",
                "docs/behaviour.md:6: `F-02` has no test, and `features` is declared complete",
                "docs/behaviour.md:5: no scenario of an example shows `F-01`",
                "docs/behaviour.md:6: no scenario of an example shows `F-02`"
            ]
        );
    }

    #[test]
    fn a_scenario_alone_does_not_close_a_gap() {
        let page = Page::parse(TABLES).unwrap();
        let findings = check(&page, &[claim("F-01"), shown("F-01"), shown("F-02")]);
        let [gap] = &findings[..] else { panic!("{}", findings.len()) };
        assert!(gap.to_string().contains("`F-02` has no test"), "{gap}");
    }

    #[test]
    fn an_argued_case_is_no_gap() {
        let argued = format!(
            "{TABLES}\n## Argued\n\n| case | why | shown by |\n|---|---|---|\n| F-02 | no | `true` |\n"
        );
        let page = Page::parse(&argued).unwrap();
        assert!(check(&page, &[claim("F-01"), shown("F-01"), shown("F-02")]).is_empty());
    }

    #[test]
    fn a_list_of_cases_is_split() {
        let found: Vec<String> = ids(" PID-03, PID-04. ").collect();
        assert_eq!(found, ["PID-03", "PID-04"]);
    }
}
