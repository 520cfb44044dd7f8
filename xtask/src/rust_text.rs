//! Rust source without its comments and texts, so that a word found in it is code.

/// `source` with comments and the insides of literals as spaces; lines stay where they are.
///
/// A scanner, not a parser: it knows nested comments, raw and byte strings, and tells a character
/// from a lifetime. That is all that can hide a word or a quote.
pub(crate) fn code_only(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < letters.len() {
        let end = end_of_hidden(&letters, at);
        if end > at {
            code.extend(letters[at..end].iter().map(|&letter| blank(letter)));
            at = end;
        } else {
            code.push(letters[at]);
            at += 1;
        }
    }
    code
}

fn blank(letter: char) -> char {
    if letter == '\n' { '\n' } else { ' ' }
}

/// Where the comment or literal that begins at `at` ends; `at` itself if none begins there.
fn end_of_hidden(letters: &[char], at: usize) -> usize {
    let next = letters.get(at + 1).copied();
    match letters[at] {
        '/' if next == Some('/') => find(letters, at, |letter| letter == '\n'),
        '/' if next == Some('*') => end_of_block(letters, at),
        '"' => end_of_text(letters, at + 1),
        '\'' => end_of_char(letters, at),
        // Only as the first letter of a word: `bar"…"` is no raw string.
        'r' | 'b' | 'c' if at == 0 || !is_word(letters[at - 1]) => end_of_prefixed(letters, at),
        _ => at,
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn find(letters: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    letters[from..]
        .iter()
        .position(|&letter| wanted(letter))
        .map_or(letters.len(), |offset| from + offset)
}

fn end_of_block(letters: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at + 1 < letters.len() {
        match (letters[at], letters[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    letters.len()
}

fn end_of_text(letters: &[char], mut at: usize) -> usize {
    while at < letters.len() {
        match letters[at] {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    letters.len()
}

fn end_of_char(letters: &[char], start: usize) -> usize {
    if letters.get(start + 1) == Some(&'\\') {
        // The letter after the backslash may itself be a quote.
        return (find(letters, (start + 3).min(letters.len()), |letter| letter == '\'') + 1)
            .min(letters.len());
    }
    // A lifetime has no closing quote after its first letter.
    if letters.get(start + 2) == Some(&'\'') { start + 3 } else { start }
}

/// `r"…"`, `r#"…"#`, `b"…"`, `b'…'`, `br#"…"#`, `c"…"`.
fn end_of_prefixed(letters: &[char], start: usize) -> usize {
    let quote = find(letters, start, |letter| !"rbc".contains(letter));
    let prefix = &letters[start..quote];
    let raw = prefix.contains(&'r');
    let hashes = if raw { find(letters, quote, |letter| letter != '#') - quote } else { 0 };
    match letters.get(quote + hashes) {
        Some('"') if raw => end_of_raw(letters, quote + hashes + 1, hashes),
        Some('"') => end_of_text(letters, quote + 1),
        Some('\'') if prefix == ['b'] => end_of_char(letters, quote),
        Some(_) | None => start,
    }
}

fn end_of_raw(letters: &[char], mut at: usize, hashes: usize) -> usize {
    while at < letters.len() {
        at = find(letters, at, |letter| letter == '"') + 1;
        let closing = letters.iter().skip(at).take(hashes);
        if closing.filter(|&&letter| letter == '#').count() == hashes {
            return (at + hashes).min(letters.len());
        }
    }
    letters.len()
}

/// Does `line` of code contain `word` as a whole word?
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !is_word(letter)).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::{code_only, has_word};

    #[track_caller]
    fn hidden(source: &str) {
        let code = code_only(source);
        assert!(!has_word(&code, "unsafe"), "{source} gave {code}");
        assert!(has_word(&code, "after"), "{source} gave {code}");
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn words_in_comments_and_texts_are_hidden_and_those_after_them_are_not() {
        hidden("// unsafe\nafter");
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
    fn code_is_left_as_it_is() {
        for code in ["unsafe { f() }", "let bar = r; let c = b;", "impl<'a> X<'a> {}"] {
            assert_eq!(code_only(code), code);
        }
        assert!(has_word("unsafe { }", "unsafe"));
        assert!(!has_word("unsafe_code", "unsafe"));
    }

    #[test]
    fn unfinished_source_does_not_panic() {
        for source in ["\"abc", "r#\"abc", "/* abc", "'\\", "b'", "r#", "'"] {
            assert_eq!(code_only(source).chars().count(), source.chars().count());
        }
    }
}
