//! What went wrong and is told once.

/// So many wait for somebody who asks; the others are dropped.
const MOST: usize = 64;

/// What should be told.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    waiting: Vec<String>,
    last: Option<String>,
}

impl Problems {
    /// Says something, unless it is what was said last.
    pub(crate) fn say(&mut self, text: String) {
        if self.last.as_ref() == Some(&text) {
            return;
        }
        if self.waiting.len() < MOST {
            self.waiting.push(text.clone());
        }
        self.last = Some(text);
    }

    /// It went well: what is said next is news.
    pub(crate) fn is_over(&mut self) {
        self.last = None;
    }

    /// What was said since the last call.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.waiting)
    }
}
