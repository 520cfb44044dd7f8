//! How much one crate has to know of another: more names than a reader keeps in mind are no interface, and the one that
//! has them wants a type that says the same in one word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use testbed::{Failure, Outcome, Workspace};

use super::layers::line_of;
use crate::finding::Finding;
use crate::tree;

/// The most names that a crate takes of another of ours. A module is one, whatever is used of it.
const MOST: usize = 15;

/// Its purpose is to have the names of others.
const FACADE: &str = "appkit";

pub(super) fn check(root: &Path, workspace: &Workspace) -> Outcome<Vec<Finding>> {
    let ours: BTreeMap<String, &str> = workspace
        .crates(root)
        .map(|package| (package.name.replace('-', "_"), package.name.as_str()))
        .collect();
    let mut findings = Vec::new();
    for package in workspace.crates(root).filter(|package| package.name != FACADE) {
        let mut names = Names::default();
        for path in tree::files(&package.folder.join("src"), "rs")? {
            let is_test = |part: &std::ffi::OsStr| part == "tests" || part == "tests.rs";
            let inside = tree::relative(&package.folder, &path);
            if !inside.components().any(|part| is_test(part.as_os_str())) {
                names.read(&testbed::read(&path)?)?;
            }
        }
        let text = testbed::read(&package.manifest())?;
        for (of, names) in &names.0 {
            let Some(other) = ours.get(of).filter(|other| **other != package.name) else {
                continue;
            };
            if names.len() > MOST {
                let all = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                findings.push(Finding::new(
                    tree::relative(root, &package.manifest()),
                    line_of(&text, other),
                    format!(
                        "`{}` takes {} names of `{other}`, and {MOST} are the most: {all}",
                        package.name,
                        names.len()
                    ),
                ));
            }
        }
    }
    Ok(findings)
}

/// What is taken of each crate, or of whatever else begins a path.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    /// Those of a file, but for what it has for its tests alone.
    fn read(&mut self, source: &str) -> Outcome {
        let tokens: TokenStream = source.parse().map_err(Failure::step("read Rust"))?;
        self.walk(tokens);
        Ok(())
    }

    fn walk(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let rest = &tokens[at..];
            if is_for_tests(rest) {
                at += item_end(rest);
            } else if is_word(&rest[0], "use") {
                let end = item_end(rest);
                self.imports(&mut Vec::new(), &rest[1..end]);
                at += end;
            } else {
                let goes_on = at > 0 && is_within_path(&tokens[..at]);
                if let (false, [TokenTree::Ident(of), colon, _, TokenTree::Ident(name), ..]) =
                    (goes_on, rest)
                    && is_punct(colon, ':')
                    && is_punct(&rest[2], ':')
                {
                    self.take(&of.to_string(), name.to_string());
                }
                if let TokenTree::Group(group) = &rest[0] {
                    self.walk(group.stream());
                }
                at += 1;
            }
        }
    }

    /// The names of one `use`, whose path has begun with these words.
    fn imports(&mut self, begun: &mut Vec<String>, tree: &[TokenTree]) {
        let length = begun.len();
        let mut tokens = tree.iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    tokens.next();
                }
                TokenTree::Ident(word) if word == "self" && !begun.is_empty() => (),
                TokenTree::Ident(word) => begun.push(word.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => begun.push("*".to_owned()),
                TokenTree::Group(group) => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    for branch in inside.split(|token| is_punct(token, ',')) {
                        if !branch.is_empty() {
                            self.imports(begun, branch);
                        }
                    }
                    begun.truncate(length);
                    return;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => (),
            }
        }
        if let [of, name @ ..] = begun.as_slice()
            && !name.is_empty()
        {
            self.take(&of.clone(), name.join("::"));
        }
        begun.truncate(length);
    }

    fn take(&mut self, of: &str, name: String) {
        self.0.entry(of.to_owned()).or_default().insert(name);
    }
}

/// Whether an item begins here that is there for tests alone.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    let [hash, TokenTree::Group(attribute), ..] = tokens else { return false };
    is_punct(hash, '#') && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// How many tokens the item has that begins here: up to its semicolon, or its body.
fn item_end(tokens: &[TokenTree]) -> usize {
    let is_import = is_word(&tokens[0], "use");
    let is_body = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let is_end = |token: &TokenTree| is_punct(token, ';') || !is_import && is_body(token);
    tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1)
}

/// Whether what follows these is not the first word of its path.
fn is_within_path(before: &[TokenTree]) -> bool {
    match before {
        [.., word, first, second] if is_punct(first, ':') && is_punct(second, ':') => {
            // `::policy::Policy` begins with two colons.
            matches!(word, TokenTree::Ident(_)) || is_punct(word, '>')
        }
        _ => false,
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use testbed::{Package, Workspace};

    use super::{MOST, Names, check};

    #[track_caller]
    fn reads(source: &str, expected: &[&str]) {
        let mut names = Names::default();
        names.read(source).unwrap();
        let of_policy = names.0.remove("policy").unwrap_or_default();
        assert_eq!(of_policy.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{source}");
    }

    #[test]
    fn leaves_of_imports_and_first_words_of_paths_are_names() {
        reads("use policy::Policy;", &["Policy"]);
        reads(
            "pub use policy::{self, A, b::{self, C, d::E as F}};",
            &["A", "b", "b::C", "b::d::E"],
        );
        reads("pub(crate) use ::policy::*;", &["*"]);
        reads("use {policy::{A, B}, exit::Exit};", &["A", "B"]);
        reads("use policy; use policy as p; use other::policy::A;", &[]);
        reads("fn f() -> policy::A { g(policy::b::c(), ::policy::D::new()) }", &["A", "D", "b"]);
        reads("impl policy::A for X<policy::B> {}", &["A", "B"]);
        reads("policy::a! { x } m!(policy::B);", &["B", "a"]);
        reads("use policy::a; fn f() { a::b(); use policy::C; }", &["C", "a"]);
    }

    #[test]
    fn what_is_none_of_its_names_is_not_counted() {
        reads(
            "fn f() { x::policy::A; <T as U>::policy::B; self.policy; policy(); my_policy::C }",
            &[],
        );
        reads("// policy::A\n/* use policy::B; */ fn f() { \"policy::C\"; }", &[]);
        reads("fn f(policy: A) { match policy { A::B => 1 } }", &[]);
    }

    #[test]
    fn tests_may_take_as_much_as_they_like_and_hide_nothing_that_follows() {
        reads("#[cfg(test)] use policy::A; use policy::B;", &["B"]);
        reads("#[cfg(test)] mod tests { use policy::A; } fn f() { policy::B }", &["B"]);
        reads("#[cfg(test)] mod tests; use policy::B;", &["B"]);
        reads("#[cfg(test)] impl A { fn f() { policy::A } } use policy::B;", &["B"]);
        reads("#[cfg(not(test))] use policy::A;", &["A"]);
    }

    fn found(name: &str, count: usize) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let package = |name: &str| {
            let folder = root.path().join("crates").join(name);
            fs::create_dir_all(folder.join("src/tests")).unwrap();
            Package { name: name.into(), folder, dependencies: Vec::new() }
        };
        let packages = vec![package("low-one"), package(name)];
        let source = |range: std::ops::Range<usize>| {
            range.map(|number| format!("use low_one::N{number:02};\n")).collect::<String>()
        };
        let inside = |path: &str| packages[1].folder.join(path);
        // The same names in two files are the same names.
        fs::write(inside("src/lib.rs"), source(0..count)).unwrap();
        fs::write(inside("src/more.rs"), source(0..count.min(3))).unwrap();
        fs::write(inside("src/tests.rs"), source(100..200)).unwrap();
        fs::write(inside("src/tests/more.rs"), source(100..200)).unwrap();
        fs::write(inside("Cargo.toml"), "[dependencies]\nlow-one = {} # why\n").unwrap();
        fs::write(packages[0].folder.join("Cargo.toml"), "").unwrap();
        let target = root.path().join("target");
        let workspace = Workspace { packages, layers: Vec::new(), target };
        let findings = check(root.path(), &workspace).unwrap();
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_takes_too_many_names_is_found_where_it_depends_on_their_crate() {
        assert_eq!(found("high", MOST), [""; 0]);
        let told = found("high", MOST + 1);
        assert_eq!(told.len(), 1);
        let start = "crates/high/Cargo.toml:2: `high` takes 16 names of `low-one`, and 15 are the \
                     most: N00, N01, ";
        assert!(told[0].starts_with(start), "{told:?}");
    }

    #[test]
    fn the_facade_takes_all_that_there_is() {
        assert_eq!(found("appkit", 3 * MOST), [""; 0]);
    }
}
