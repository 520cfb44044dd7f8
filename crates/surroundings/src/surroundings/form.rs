//! Surroundings as a configuration file has them, beside the other fields of whatever has some.
//!
//! serde cannot refuse unknown fields and have a part of the fields elsewhere (`flatten`), so the fields of a
//! form are put together by a macro: once as a struct, once read, once written.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use capture::Capture;
use logging::LoggingConfig;
use proc_spawn::Environment;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use stdio_redirect::Target;

use super::Surroundings;
use crate::streams::Streams;

/// What a configuration file says of surroundings; see [`Surroundings`] for what it means.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of surroundings, and their simple forms")]
pub struct SurroundingsForm {
    pub stdout_filename: Option<PathBuf>,
    pub stdout: Option<Target>,
    pub stderr_filename: Option<PathBuf>,
    pub stderr: Option<Target>,
    pub trust_folder_owner: bool,
    pub logging_config: Option<LoggingConfig>,
    pub capture: Option<Capture>,
    pub directory: Option<PathBuf>,
    pub umask: Option<Umask>,
    pub env: BTreeMap<String, Option<String>>,
    pub env_clear: bool,
}

/// For crates that call this one `surroundings`. A form of a configuration file with fields of its own, and those of
/// [`SurroundingsForm`](crate::SurroundingsForm).
///
/// * `surroundings_form! { struct Form { … } }` defines it.
/// * `surroundings_form!(read form)` takes the surroundings out of one.
/// * `surroundings_form!(write surroundings into Form { … })` makes one with these fields of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! surroundings_form {
    (read $form:ident) => {
        $crate::SurroundingsForm {
            stdout_filename: $form.stdout_filename,
            stdout: $form.stdout,
            stderr_filename: $form.stderr_filename,
            stderr: $form.stderr,
            trust_folder_owner: $form.trust_folder_owner,
            logging_config: $form.logging_config,
            capture: $form.capture,
            directory: $form.directory,
            umask: $form.umask,
            env: $form.env,
            env_clear: $form.env_clear,
        }
    };
    (write $said:ident into $name:ident { $($own:tt)* }) => {
        $name {
            $($own)*
            stdout_filename: $said.stdout_filename,
            stdout: $said.stdout,
            stderr_filename: $said.stderr_filename,
            stderr: $said.stderr,
            trust_folder_owner: $said.trust_folder_owner,
            logging_config: $said.logging_config,
            capture: $said.capture,
            directory: $said.directory,
            umask: $said.umask,
            env: $said.env,
            env_clear: $said.env_clear,
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        $vis struct $name {
            $($own)*
            #[serde(skip_serializing_if = "Option::is_none")]
            stdout_filename: Option<std::path::PathBuf>,
            #[serde(
                default,
                deserialize_with = "surroundings::said_target",
                skip_serializing_if = "Option::is_none"
            )]
            stdout: Option<$crate::Target>,
            #[serde(skip_serializing_if = "Option::is_none")]
            stderr_filename: Option<std::path::PathBuf>,
            #[serde(
                default,
                deserialize_with = "surroundings::said_target",
                skip_serializing_if = "Option::is_none"
            )]
            stderr: Option<$crate::Target>,
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            trust_folder_owner: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            logging_config: Option<$crate::LoggingConfig>,
            #[serde(skip_serializing_if = "Option::is_none")]
            capture: Option<$crate::Capture>,
            #[serde(skip_serializing_if = "Option::is_none")]
            directory: Option<std::path::PathBuf>,
            #[serde(skip_serializing_if = "Option::is_none")]
            umask: Option<$crate::Umask>,
            #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
            env: std::collections::BTreeMap<String, Option<String>>,
            #[serde(default)]
            env_clear: bool,
        }
    };
}

impl Surroundings {
    /// What a form says; `umask` is what it is where it says nothing of that.
    ///
    /// # Errors
    ///
    /// A stream is said in full and by its simple form.
    pub fn from_form(form: SurroundingsForm, umask: Option<u32>) -> Result<Surroundings, String> {
        Ok(Surroundings {
            streams: Streams::from_file(
                (form.stdout, form.stdout_filename),
                (form.stderr, form.stderr_filename),
                form.trust_folder_owner,
            )?,
            logging_config: form.logging_config,
            capture: form.capture,
            directory: form.directory,
            umask: form.umask.map_or(umask, Umask::bits),
            environment: Environment::from_texts(form.env_clear, &form.env),
        })
    }

    /// The form that says this; `None`: a variable of the environment is no text.
    pub fn into_form(self) -> Option<SurroundingsForm> {
        let (stdout, stdout_filename) = Streams::to_file(self.streams.stdout);
        let (stderr, stderr_filename) = Streams::to_file(self.streams.stderr);
        Some(SurroundingsForm {
            stdout_filename,
            stdout,
            stderr_filename,
            stderr,
            trust_folder_owner: self.streams.trust_folder_owner,
            logging_config: self.logging_config,
            capture: self.capture,
            directory: self.directory,
            umask: Some(self.umask.map_or(Umask::Inherit, Umask::Bits)),
            env_clear: self.environment.is_cleared(),
            env: self.environment.to_texts()?,
        })
    }
}

/// The file mode creation mask: a number (in YAML `0o027`; `027` would be decimal), or `inherit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Umask {
    /// That of the parent.
    Inherit,
    /// These bits.
    #[serde(untagged)]
    Bits(u32),
}

impl Umask {
    fn bits(self) -> Option<u32> {
        match self {
            Umask::Inherit => None,
            Umask::Bits(bits) => Some(bits),
        }
    }
}

// By hand, since what is derived would not say what is expected, nor where.
impl<'de> Deserialize<'de> for Umask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Umask, D::Error> {
        deserializer.deserialize_any(UmaskVisitor)
    }
}

struct UmaskVisitor;

impl Visitor<'_> for UmaskVisitor {
    type Value = Umask;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permission bits like `0o022`, or `inherit`")
    }

    fn visit_u64<E: de::Error>(self, bits: u64) -> Result<Umask, E> {
        let unexpected = || E::invalid_value(Unexpected::Unsigned(bits), &self);
        u32::try_from(bits).map(Umask::Bits).map_err(|_| unexpected())
    }

    /// For formats whose integers all have a sign.
    fn visit_i64<E: de::Error>(self, bits: i64) -> Result<Umask, E> {
        let unexpected = || E::invalid_value(Unexpected::Signed(bits), &self);
        u32::try_from(bits).map(Umask::Bits).map_err(|_| unexpected())
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Umask, E> {
        if word == "inherit" {
            Ok(Umask::Inherit)
        } else {
            Err(E::invalid_value(Unexpected::Str(word), &self))
        }
    }
}
