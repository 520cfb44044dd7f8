//! Rust source without its comments and texts, so that a word found in it is code.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use testbed::{Failure, Outcome};

/// The code of each line, from the first on; blanks are left only where two words would be one.
pub(crate) fn code_lines(source: &str) -> Outcome<Vec<String>> {
    let tokens: TokenStream = source.parse().map_err(Failure::step("read Rust"))?;
    let mut lines = vec![String::new(); source.lines().count()];
    write(tokens, &mut lines);
    Ok(lines)
}

fn write(tokens: TokenStream, lines: &mut [String]) {
    for token in tokens {
        let (start, end) = (token.span().start().line, token.span().end().line);
        match token {
            TokenTree::Ident(word) => put(lines, start, &word.to_string()),
            TokenTree::Punct(punct) => put(lines, start, &punct.to_string()),
            TokenTree::Literal(_) => put(lines, start, "_"),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                put(lines, start, open);
                write(group.stream(), lines);
                put(lines, end, close);
            }
        }
    }
}

/// `line` counts from 1.
fn put(lines: &mut [String], line: usize, text: &str) {
    let line = &mut lines[line - 1];
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    if line.ends_with(is_word) && text.starts_with(is_word) {
        line.push(' ');
    }
    line.push_str(text);
}

#[cfg(test)]
mod tests {
    use super::code_lines;

    #[track_caller]
    fn hidden(source: &str) {
        let code = code_lines(source).unwrap();
        assert_eq!(code.len(), source.lines().count());
        let code = code.concat();
        assert!(!code.contains("unsafe"), "{source} gave {code}");
        assert!(code.contains("after"), "{source} gave {code}");
    }

    #[test]
    fn words_in_comments_and_texts_are_hidden_and_those_after_them_are_not() {
        hidden("// unsafe\nafter");
        hidden("//! unsafe\nafter");
        hidden("/* unsafe /* unsafe */ unsafe */ after");
        hidden("\"unsafe \\\" unsafe\" after");
        hidden("r\"unsafe \\\" after");
        hidden("r#\"unsafe \" unsafe\"# after");
        hidden("br##\"unsafe \"# unsafe\"## after");
        hidden("b\"unsafe\" c\"unsafe\" after");
        hidden("'\"' after '\"'");
        hidden("'\\'' after b'\"' after");
        hidden("fn f<'a>(x: &'a str) { after(\"unsafe\") }");
        hidden("\"\nunsafe\n\" after");
    }

    #[test]
    fn code_stands_in_its_line() {
        let code = code_lines("unsafe { f(\n  a::b,  // why\n) }\n\n#[cfg(test)]\n").unwrap();
        assert_eq!(code, ["unsafe{f(", "a::b,", ")}", "", "#[cfg(test)]"]);
        assert_eq!(code_lines("impl<'a> X<'a> {}").unwrap(), ["impl<'a>X<'a>{}"]);
    }

    #[test]
    fn unfinished_source_is_refused() {
        for source in ["\"abc", "r#\"abc", "/* abc", "'\\", "b'", "r#", "f(", ")"] {
            assert!(code_lines(source).is_err(), "{source}");
        }
    }
}
