//! A judgement of an error that an entry returned, and who gives it.

use std::error::Error;

use exit::{ErrorText, Failure};

/// What this program says of an error that an entry returned.
pub type Judge = dyn Fn(&(dyn Error + 'static)) -> Judgement + Send + Sync;

/// See [`Judge`].
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// Whether the entry would only return it again.
    pub permanent: bool,
    /// What the process exits with.
    pub code: i32,
}

/// Changes a judgement, if it knows the error.
pub(crate) type Opinion = dyn Fn(&(dyn Error + 'static), &mut Judgement) + Send + Sync;

pub(crate) fn failure(error: &(dyn Error + 'static), judge: &Judge) -> Failure {
    let Judgement { permanent, code } = judge(error);
    Failure { error: ErrorText::new(error), permanent, code }
}
