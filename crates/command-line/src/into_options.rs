//! What a closure may give for options: they themselves, or a result of reading them.

use std::error::Error;

pub(crate) type AnyError = Box<dyn Error + Send + Sync>;

/// Options, or why there are none: `T` itself where nothing can fail, as with options that are made in Rust, and
/// `Result<T, E>` where they are read, as from a file.
///
/// It is sealed: these two are all that there are.
pub trait IntoOptions<T>: sealed::Sealed<T> {}

impl<T, O: sealed::Sealed<T>> IntoOptions<T> for O {}

pub(crate) mod sealed {
    use super::AnyError;

    pub trait Sealed<T> {
        fn into_options(self) -> Result<T, AnyError>;
    }

    impl<T> Sealed<T> for T {
        fn into_options(self) -> Result<T, AnyError> {
            Ok(self)
        }
    }

    impl<T, E: Into<AnyError>> Sealed<T> for Result<T, E> {
        fn into_options(self) -> Result<T, AnyError> {
            self.map_err(Into::into)
        }
    }
}
