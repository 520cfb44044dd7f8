//! Names to functions: an explicit table, built in `main`.
//!
//! A table that the linker fills by itself loses entries in some builds, and a closure has no name
//! to send. A list written down has neither problem, and the compiler checks the arguments.

use std::any::{TypeId, type_name};
use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::args;
use crate::entry_fn::EntryFn;
use crate::judge::{Judge, Opinion};
use crate::value;
use crate::wire::Verdict;

/// The functions that a child of this program may be asked to run.
///
/// Build it with [`entries!`](crate::entries), and hand it to [`init`](crate::init).
#[derive(Default)]
pub struct Entries {
    list: Vec<Entry>,
    pub(crate) opinions: Vec<Box<Opinion>>,
}

/// One function that a child can run.
struct Entry {
    name: String,
    item: TypeId,
    bind: Box<Bind>,
}

/// Decodes the arguments, and gives back a call that has only to be made.
type Bind = dyn Fn(&[u8]) -> Result<BoundEntry, args::Error> + Send + Sync;

/// An entry with its decoded arguments: all that can go wrong before user code has gone right. It is called with the
/// most bytes that are wanted of what it returns; `None`: nobody wants that, and it is not even encoded.
pub(crate) type BoundEntry =
    Box<dyn FnOnce(&Judge, Option<u32>) -> Result<Option<Vec<u8>>, Verdict>>;

impl Entries {
    /// An empty table.
    pub fn new() -> Entries {
        Entries::default()
    }

    /// Adds a function under the name `module:function`, made of the module that lists it and the
    /// path as written there.
    #[must_use]
    pub fn item<F: EntryFn<M>, M>(self, module: &str, path: &str, entry: F) -> Entries {
        self.named(&item_name(module, path), entry)
    }

    /// Adds a function under a name given by hand.
    #[must_use]
    pub fn named<F: EntryFn<M>, M>(mut self, name: &str, entry: F) -> Entries {
        const { assert!(size_of::<F>() == 0, "an entry is a function itself, not a pointer to one") };
        let bind = move |bytes: &[u8]| {
            let args: F::Args = args::decode(bytes)?;
            let entry = entry.clone();
            Ok(Box::new(move |judge: &Judge, most: Option<u32>| {
                let value = entry.call(args, judge).map_err(Verdict::Error)?;
                let encode = |most: u32| value::encode(&value, most.into());
                most.map(encode).transpose().map_err(Verdict::NoValue)
            }) as BoundEntry)
        };
        self.list.push(Entry {
            name: name.to_owned(),
            item: TypeId::of::<F>(),
            bind: Box::new(bind),
        });
        self
    }

    /// The names, in the order in which they were listed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|entry| entry.name.as_str())
    }

    /// The first name that stands for two functions: such a table cannot be used.
    pub(crate) fn ambiguous_name(&self) -> Option<&str> {
        self.list.iter().enumerate().find_map(|(index, entry)| {
            let clash = self.list[..index]
                .iter()
                .any(|earlier| earlier.name == entry.name && earlier.item != entry.item);
            clash.then_some(entry.name.as_str())
        })
    }

    fn find(&self, which: &Which) -> Option<&Entry> {
        self.list.iter().find(|entry| match which {
            Which::Item { id, .. } => entry.item == *id,
            Which::Name(name) => entry.name == *name,
        })
    }

    /// The name under which the entry of a call is listed.
    pub(crate) fn name_of<'a>(&'a self, call: &'a Call) -> Result<&'a str, EntryError> {
        match self.find(&call.which) {
            Some(entry) => Ok(&entry.name),
            None => Err(self.unknown(call.which.text())),
        }
    }

    /// The name under which a call crosses to the child, its arguments checked against the entry.
    pub(crate) fn resolve(&self, call: &Call) -> Result<&str, EntryError> {
        if let Some(name) = self.ambiguous_name() {
            return Err(EntryError::Ambiguous { name: name.to_owned() });
        }
        let entry = self.find(&call.which).ok_or_else(|| self.unknown(call.which.text()))?;
        let arguments =
            |source| EntryError::Arguments { entry: entry.name.clone(), source: Box::new(source) };
        let bytes = call.args.as_ref().map_err(|error| arguments(error.clone()))?;
        // The compiler has checked the arguments of a function item. Those of a name come from a
        // file, and must fit before anything is started.
        if matches!(call.which, Which::Name(_)) {
            let _call = (entry.bind)(bytes).map_err(arguments)?;
        }
        Ok(&entry.name)
    }

    pub(crate) fn bind(&self, name: &str, bytes: &[u8]) -> Result<BoundEntry, EntryError> {
        let which = Which::Name(name.to_owned());
        let entry = self.find(&which).ok_or_else(|| self.unknown(name))?;
        (entry.bind)(bytes).map_err(|source| EntryError::Arguments {
            entry: name.to_owned(),
            source: Box::new(source),
        })
    }

    pub(crate) fn unknown(&self, name: &str) -> EntryError {
        EntryError::Unknown {
            name: name.to_owned(),
            known: self.names().map(str::to_owned).collect(),
        }
    }
}

/// `module_path!()` and the path as written, as `module:function`.
fn item_name(module: &str, path: &str) -> String {
    let path: String = path.chars().filter(|c| !c.is_whitespace()).collect();
    let path = path.trim_start_matches("self::");
    let full = match path.strip_prefix("crate::") {
        Some(rest) => format!("{}::{rest}", module.split("::").next().unwrap_or(module)),
        None => format!("{module}::{path}"),
    };
    // Only the part before a turbofish names the function.
    let head = full.find("::<").unwrap_or(full.len());
    match full[..head].rfind("::") {
        Some(at) => format!("{}:{}", &full[..at], &full[at + 2..]),
        None => full,
    }
}

/// Lists the functions that a child of this program may run.
///
/// ```
/// # mod jobs { pub(crate) fn clean(_args: String) {} }
/// fn report(day: u32) -> Result<(), std::io::Error> { Ok(()) }
///
/// let entries = proc_spawn::entries![
///     report,                      // named after where it stands: `my_program:report`
///     jobs::clean,                 // `my_program::jobs:clean`
///     "nightly:report" => report,  // a name given by hand
/// ];
/// assert!(entries.names().any(|name| name == "nightly:report"));
/// ```
#[macro_export]
macro_rules! entries {
    (@add $entries:expr;) => { $entries };
    (@add $entries:expr; $name:literal => $entry:expr $(, $($rest:tt)*)?) => {
        $crate::entries!(@add $entries.named($name, $entry); $($($rest)*)?)
    };
    (@add $entries:expr; $entry:path $(, $($rest:tt)*)?) => {
        $crate::entries!(
            @add $entries.item(::core::module_path!(), ::core::stringify!($entry), $entry);
            $($($rest)*)?
        )
    };
    ($($list:tt)*) => { $crate::entries!(@add $crate::Entries::new(); $($list)*) };
}

/// An entry together with its arguments: what a child is to run.
#[derive(Clone, Debug)]
pub struct Call {
    which: Which,
    args: Result<Arc<[u8]>, args::Error>,
}

#[derive(Clone, Debug)]
enum Which {
    Item { id: TypeId, text: &'static str },
    Name(String),
}

impl Which {
    fn text(&self) -> &str {
        match self {
            Which::Item { text, .. } => text,
            Which::Name(name) => name,
        }
    }
}

impl Call {
    /// A function of this program with its arguments; the compiler checks that they fit.
    ///
    /// Give the function itself. A pointer to it (`f as fn(_)`) has the type of all functions with
    /// that signature, so nobody could tell which one is meant: that does not compile.
    ///
    /// ```compile_fail
    /// fn one() {}
    /// proc_spawn::Call::new(one as fn(), ());
    /// ```
    ///
    /// Whether the function is listed is found when the call is used.
    pub fn new<F: EntryFn<M>, M>(_entry: F, args: F::Args) -> Call {
        const {
            assert!(size_of::<F>() == 0, "an entry is a function itself, not a pointer to one");
        };
        Call {
            which: Which::Item { id: TypeId::of::<F>(), text: type_name::<F>() },
            args: args::encode(&args).map(Arc::from),
        }
    }

    /// An entry by name with its arguments as any serde value, for configuration files.
    ///
    /// A mapping fits a struct. Whether the name exists and the arguments fit is checked before
    /// anything is started.
    pub fn named(name: impl Into<String>, args: impl Serialize) -> Call {
        Call { which: Which::Name(name.into()), args: args::encode(&args).map(Arc::from) }
    }

    /// The name as the caller knows it, for messages before the table is asked.
    pub fn entry_text(&self) -> &str {
        self.which.text()
    }

    /// The arguments as another type that describes itself, such as a YAML value.
    ///
    /// # Errors
    ///
    /// They could not be encoded, or that type cannot hold them.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, args::Error> {
        args::decode(self.args.as_ref().map_err(Clone::clone)?)
    }

    /// The name, if the entry was given by its name and not as a function.
    pub(crate) fn given_name(&self) -> Option<&str> {
        if let Which::Name(name) = &self.which { Some(name) } else { None }
    }

    pub(crate) fn into_args(self) -> Arc<[u8]> {
        self.args.unwrap_or_default()
    }
}

/// Why a call cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// No function of that name is in the table of [`entries!`](crate::entries).
    #[error("unknown entry `{name}`; known are {}; add it to `entries![…]`", known_list(known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names in the table.
        known: Vec<String>,
    },
    /// The arguments do not fit the function.
    #[error("the arguments do not fit entry `{entry}`")]
    Arguments {
        /// The entry's name.
        entry: String,
        /// Which field, and why.
        source: Box<args::Error>,
    },
    /// Two functions have the same name in the table.
    #[error("the name `{name}` stands for two functions in `entries!`; give one another name")]
    Ambiguous {
        /// The name.
        name: String,
    },
}

fn known_list(known: &[String]) -> String {
    if known.is_empty() {
        return "none: `entries!` is empty".to_owned();
    }
    let quoted: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests;
