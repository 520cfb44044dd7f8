//! What of a text of others is kept.

/// The most characters of a text that somebody else has written, an error's or a panic's; and of all
/// texts of a chain of causes together.
pub(crate) const LONGEST_TEXT: usize = 4000;
pub(crate) const LONGEST_CHAIN_TEXT: usize = 16_000;
/// And of the name of a step, or of a place in the source.
pub(crate) const LONGEST_NAME: usize = 1000;

/// Cuts a text that has more than `most` characters to so many, of which the last is then `…`.
pub fn cut(text: &mut String, most: usize) {
    if text.char_indices().nth(most).is_some() {
        let last = text.char_indices().nth(most.saturating_sub(1));
        text.truncate(last.map_or(0, |(at, _)| at));
        text.push('…');
        text.shrink_to_fit();
    }
}
