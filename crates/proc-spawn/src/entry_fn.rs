//! Which functions can be entries: what they take, and what they return.

use std::borrow::Cow;
use std::error::Error;

use serde::{Serialize, de::DeserializeOwned};

use crate::judge::{Judge, failure};
use exit::Failure;

/// A function that can be an entry: no argument or one that serde can carry, and `()` or
/// `Result<T, E>` with any error as its result, and a value that serde can carry.
///
/// What it returns is encoded and sent only where its parent has [asked](crate::Spawn::keep_value) for it.
///
/// `M` only tells the shapes apart; the compiler fills it in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an entry",
    label = "not a function that a child can run",
    note = "an entry is a function with no argument or one, that returns `()` or `Result<T, E>`",
    note = "the argument crosses to another process, so its type derives `serde::Serialize` and \
            `serde::Deserialize` and borrows nothing; several are one struct or tuple",
    note = "`T` crosses back to the parent, so its type derives `serde::Serialize` and borrows nothing",
    note = "an `async fn` only makes a future, which nobody would wait for: write a plain function that \
            has your runtime run it, such as `runtime.block_on(work(args))`",
    note = "`E` is an `Error`, a box of one, text, or lends one by `AsRef<dyn Error>` as \
            `anyhow::Error` does; in place of an `ExitCode` return an error, and give it its code by \
            `Entries::exit_code_if`"
)]
pub trait EntryFn<M>: Clone + Send + Sync + 'static {
    /// What the function takes: `()` when it takes nothing.
    type Args: Serialize + DeserializeOwned + 'static;

    /// What it returns with `Ok`: `()` when it returns nothing.
    type Value: Serialize + 'static;

    #[doc(hidden)]
    fn call(&self, args: Self::Args, judge: &Judge) -> Result<Self::Value, Failure>;
}

impl<F, R, O> EntryFn<(fn() -> R, O)> for F
where
    F: Fn() -> R + Clone + Send + Sync + 'static,
    R: EntryOutcome<O>,
{
    type Args = ();
    type Value = R::Value;

    fn call(&self, (): (), judge: &Judge) -> Result<R::Value, Failure> {
        self().outcome(judge)
    }
}

impl<F, A, R, O> EntryFn<(fn(A) -> R, O)> for F
where
    F: Fn(A) -> R + Clone + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + 'static,
    R: EntryOutcome<O>,
{
    type Args = A;
    type Value = R::Value;

    fn call(&self, args: A, judge: &Judge) -> Result<R::Value, Failure> {
        self(args).outcome(judge)
    }
}

/// What an entry may return: `()`, or a `Result` with a value that serde can carry and any error: a type that is an `Error`, a box of
/// one, text, or what lends one by `AsRef<dyn Error>`, as `anyhow::Error` does.
///
/// `O` only tells the shapes apart; the compiler fills it in.
#[diagnostic::on_unimplemented(
    message = "an entry cannot return `{Self}`",
    label = "neither `()` nor a `Result<T, E>` that can be told to the parent",
    note = "`T` crosses back to the parent, so its type derives `serde::Serialize` and borrows nothing",
    note = "`E` is an `Error`, a box of one, text, or lends one by `AsRef<dyn Error>` as \
            `anyhow::Error` does; in place of an `ExitCode` return an error, and give it its code by \
            `Entries::exit_code_if`",
    note = "an `async fn` only makes a future, which nobody would wait for: write a plain function that \
            has your runtime run it, such as `runtime.block_on(work(args))`"
)]
pub trait EntryOutcome<O> {
    /// What it holds if all went well.
    type Value: Serialize + 'static;

    #[doc(hidden)]
    fn outcome(self, judge: &Judge) -> Result<Self::Value, Failure>;
}

impl EntryOutcome<()> for () {
    type Value = ();

    fn outcome(self, _judge: &Judge) -> Result<(), Failure> {
        Ok(())
    }
}

impl<T: Serialize + 'static, E: Error + 'static> EntryOutcome<E> for Result<T, E> {
    type Value = T;

    fn outcome(self, judge: &Judge) -> Result<T, Failure> {
        self.map_err(|error| failure(&error, judge))
    }
}

/// For a type that is no `Error` itself and lends the error that it holds, under that error's own type: a
/// box of any error, and `anyhow::Error` or `eyre::Report`, whose own boxes hide the type.
impl<T: Serialize + 'static, E: AsRef<dyn Error>> EntryOutcome<[E; 0]> for Result<T, E> {
    type Value = T;

    fn outcome(self, judge: &Judge) -> Result<T, Failure> {
        self.map_err(|error| failure(error.as_ref(), judge))
    }
}

/// Each of these lends another kind of reference, or is text, and so gets its own line.
macro_rules! outcomes {
    ($($error:ty: $lent:expr),* $(,)?) => {$(
        impl<T: Serialize + 'static> EntryOutcome<($error,)> for Result<T, $error> {
            type Value = T;

            fn outcome(self, judge: &Judge) -> Result<T, Failure> {
                self.map_err(|error| failure(&*$lent(error), judge))
            }
        }
    )*};
}
outcomes! {
    Box<dyn Error + Send>: std::convert::identity,
    Box<dyn Error + Send + Sync>: std::convert::identity,
    String: Box::<dyn Error>::from,
    &'static str: Box::<dyn Error>::from,
    Cow<'static, str>: Box::<dyn Error>::from,
}
