//! A child as a call that has been made elsewhere: its parent waits for what it returns.

use std::fmt;
use std::io;

use exit::{ErrorText, Exit};
use serde::de::DeserializeOwned;

use crate::args;
use crate::child::Child;
use crate::value::Value;

/// Why there is no value of a child.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// It has not gone well.
    #[error("the child {exit}")]
    Failed {
        /// How it ended.
        exit: Exit,
        /// What its entry had returned before, if that had come whole: something has ended the process after it.
        value: Option<Value>,
    },
    /// It was not asked for a value.
    #[error("the child was not asked for its value; say so by `Spawn::keep_value`")]
    NotAsked,
    /// Its value is of another type.
    #[error("the child has returned something else")]
    OtherType(#[source] args::Error),
    /// The system cannot tell how it ended.
    #[error("cannot wait for the child")]
    Io(#[source] io::Error),
}

impl fmt::Debug for JoinError {
    /// With the whole chain of causes in words: what a `main` that returns it prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ErrorText::new(self).chain())
    }
}

impl Child {
    /// Waits for the child's end, and gives what its entry has returned, if it was
    /// [asked for](crate::Spawn::keep_value).
    ///
    /// ```no_run
    /// # fn count(_file: String) -> Result<u64, std::io::Error> { Ok(7) }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use proc_spawn::{Call, DEFAULT_VALUE, Spawn};
    ///
    /// let call = Call::new(count, "big.txt".to_owned());
    /// let child = Spawn::new(call)?.keep_value(DEFAULT_VALUE).spawn()?;
    /// let lines: u64 = child.join()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JoinError`]: it has not gone well, was not asked, or has returned something else.
    pub fn join<T: DeserializeOwned>(mut self) -> Result<T, JoinError> {
        let exit = self.wait().map_err(JoinError::Io)?;
        let value = self.value().cloned();
        if !exit.is_success() {
            return Err(JoinError::Failed { exit, value });
        }
        // One that was asked, and has given none, has not gone well.
        value.ok_or(JoinError::NotAsked)?.read().map_err(JoinError::OtherType)
    }
}
