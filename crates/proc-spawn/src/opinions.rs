//! What a program says of the errors that its entries return: permanent or not, and with which code.

use std::error::Error;
use std::io;
use std::sync::Arc;

use crate::entries::Entries;
use crate::judge::Judgement;
use exit::CODE_ERROR;

/// The error as an `E`, also where it is in a box, an `Arc` or a reference. Each of these is an error of
/// its own type, whose `source()` is that of the error in it.
fn seen<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let boxed = || error.downcast_ref::<Box<E>>().map(|error| &**error);
    let shared = || error.downcast_ref::<Arc<E>>().map(|error| &**error);
    let lent = || error.downcast_ref::<&'static E>().copied();
    error.downcast_ref().or_else(boxed).or_else(shared).or_else(lent)
}

impl Entries {
    /// Says which errors of type `E` are permanent: a supervisor need not start the entry again,
    /// since it would only fail again. Holds for an error that an entry returns, and for one
    /// behind its `source()`, in a box, an `Arc` or an `io::Error::other`. Errors that nobody speaks
    /// for are transient.
    ///
    /// ```
    /// # #[derive(Debug)] enum Trouble { NoNetwork, NoLicence }
    /// # impl std::fmt::Display for Trouble {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { Ok(()) }
    /// # }
    /// # impl std::error::Error for Trouble {}
    /// fn fetch() -> Result<(), Trouble> { Err(Trouble::NoNetwork) }
    ///
    /// let entries = proc_spawn::entries![fetch]
    ///     .permanent_if(|trouble: &Trouble| matches!(trouble, Trouble::NoLicence));
    /// ```
    #[must_use]
    pub fn permanent_if<E: Error + 'static>(
        mut self,
        predicate: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) -> Entries {
        self.opinions.push(Box::new(move |error, judgement| {
            judgement.permanent |= seen(error).is_some_and(&predicate);
        }));
        self
    }

    /// Says with which code, from 1 to 255, a process ends whose entry returned such an error of
    /// type `E`, or one with such an error behind it, as for [`permanent_if`](Entries::permanent_if);
    /// the outermost that somebody speaks for counts. Default: [`CODE_ERROR`].
    #[must_use]
    pub fn exit_code_if<E: Error + 'static>(
        mut self,
        code: i32,
        predicate: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) -> Entries {
        self.opinions.push(Box::new(move |error, judgement| {
            if judgement.code == CODE_ERROR && seen(error).is_some_and(&predicate) {
                judgement.code = code;
            }
        }));
        self
    }

    /// What is said of an error and its causes.
    pub(crate) fn judge(&self, error: &(dyn Error + 'static)) -> Judgement {
        let mut judgement = Judgement { permanent: false, code: CODE_ERROR };
        let mut next = Some(error);
        // A bound, should an error be its own cause.
        for _ in 0..64 {
            let Some(error) = next else { break };
            for opinion in &self.opinions {
                opinion(error, &mut judgement);
            }
            // The `source()` of an `io::Error` is that of the error in it, which itself would never be
            // asked about.
            let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = within.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source());
        }
        judgement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_speaks_for_its_type_also_behind_another() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        let table = Entries::new()
            .permanent_if(|error: &io::Error| error.kind() == io::ErrorKind::NotFound);
        let (gone, busy) = (io::ErrorKind::NotFound, io::ErrorKind::ResourceBusy);
        assert!(table.judge(&io::Error::from(gone)).permanent);
        assert!(table.judge(&Outer(gone.into())).permanent);
        assert!(!table.judge(&Outer(busy.into())).permanent);
        assert!(!table.judge(&std::fmt::Error).permanent);
    }

    /// Case: FLT-H12
    #[test]
    fn a_predicate_sees_its_type_whatever_it_comes_in() {
        #[derive(Clone, Debug, thiserror::Error)]
        #[error("lost")]
        struct Lost;
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] Box<Lost>);
        static LOST: Lost = Lost;
        let table = Entries::new().exit_code_if(69, |_: &Lost| true);
        let code = |error: &(dyn Error + 'static)| table.judge(error).code;
        assert_eq!(code(&Lost), 69);
        assert_eq!(code(&Box::new(Lost)), 69);
        assert_eq!(code(&Arc::new(Lost)), 69);
        assert_eq!(code(&&LOST), 69);
        assert_eq!(code(&Outer(Box::new(Lost))), 69);
        assert_eq!(code(&io::Error::other(Lost)), 69);
        assert_eq!(code(&io::Error::other(io::Error::other(Outer(Box::new(Lost))))), 69);
        assert_eq!(code(&io::Error::other("lost")), CODE_ERROR);
    }
}
