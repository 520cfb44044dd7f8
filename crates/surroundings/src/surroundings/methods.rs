//! The methods by which surroundings are said, for the options of whatever has some.

/// The methods of [`Surroundings`](crate::Surroundings), for an `impl` of options that have them in this field.
/// Who has them, whose output and environment they are, and where output goes by default stands in their documentation.
#[doc(hidden)]
#[macro_export]
macro_rules! surroundings_methods {
    ($field:ident of $who:literal, output and environment of $whose:literal, by default $default:literal) => {
        #[doc = concat!("Where standard output goes, appended. Default: ", $default, ".")]
        #[must_use]
        pub fn stdout_filename(mut self, path: impl Into<std::path::PathBuf>) -> Self {
            self.$field.streams.stdout = Some($crate::Target::File(path.into()));
            self
        }

        /// Where standard output goes: [`stdout_filename`](Self::stdout_filename) is the simple form, and the one
        /// that is called last counts. [`Target::Inherit`]($crate::Target::Inherit): where its parent's goes when
        /// it is started, as `/dev/stdout` does, too. A detached daemon has none of its caller's streams: there
        /// neither can be.
        #[must_use]
        pub fn stdout(mut self, target: $crate::Target) -> Self {
            self.$field.streams.stdout = Some(target);
            self
        }

        /// Where standard error goes, appended; may be the same file as standard output. Default: as for
        /// [`stdout_filename`](Self::stdout_filename).
        #[must_use]
        pub fn stderr_filename(mut self, path: impl Into<std::path::PathBuf>) -> Self {
            self.$field.streams.stderr = Some($crate::Target::File(path.into()));
            self
        }

        /// Where standard error goes: as with [`stdout`](Self::stdout).
        #[must_use]
        pub fn stderr(mut self, target: $crate::Target) -> Self {
            self.$field.streams.stderr = Some(target);
            self
        }

        /// Whether the owner of a folder on the way to `stdout_filename` and `stderr_filename` is trusted with his
        /// own links and files there: for a program of root's whose output belongs in a user's folder. That user
        /// can then have it appended to any file. Default: no, unless he is root or the effective user. Logs and
        /// captures have an option of their own.
        #[must_use]
        pub fn trust_folder_owner(mut self, trust: bool) -> Self {
            self.$field.streams.trust_folder_owner = trust;
            self
        }

        #[doc = concat!("Has the output of ", $whose, " read by its parent, and kept: see")]
        /// [`Capture`]($crate::Capture). Default: nobody stands between.
        #[must_use]
        pub fn capture(mut self, capture: $crate::Capture) -> Self {
            self.$field.capture = Some(capture);
            self
        }

        #[doc = concat!("How ", $who, " logs. Default: logging is left alone.")]
        #[must_use]
        pub fn logging_config(mut self, config: $crate::LoggingConfig) -> Self {
            self.$field.logging_config = Some(config);
            self
        }

        #[doc = concat!("The working directory of ", $who, ".")]
        /// Default: that of its parent; of a detached daemon `/`, so that no mount is kept busy.
        #[must_use]
        pub fn directory(mut self, directory: impl Into<std::path::PathBuf>) -> Self {
            self.$field.directory = Some(directory.into());
            self
        }

        /// The file mode creation mask. Default: that of its parent; of a daemon `0o022`.
        #[must_use]
        pub fn umask(mut self, umask: u32) -> Self {
            self.$field.umask = Some(umask);
            self
        }

        /// Leaves the file mode creation mask as the parent has it.
        #[must_use]
        pub fn inherit_umask(mut self) -> Self {
            self.$field.umask = None;
            self
        }

        #[doc = concat!("Sets a variable in the environment of ", $whose, ", which is otherwise a copy of its parent's.")]
        #[must_use]
        pub fn env(
            mut self,
            key: impl AsRef<std::ffi::OsStr>,
            value: impl AsRef<std::ffi::OsStr>,
        ) -> Self {
            self.$field.environment.set(key, value);
            self
        }

        #[doc = concat!("Removes a variable from the environment of ", $whose, ".")]
        #[must_use]
        pub fn env_remove(mut self, key: impl AsRef<std::ffi::OsStr>) -> Self {
            self.$field.environment.remove(key);
            self
        }

        #[doc = concat!("Removes all variables from the environment of ", $whose, ", those set before included.")]
        #[must_use]
        pub fn env_clear(mut self) -> Self {
            self.$field.environment.clear();
            self
        }
    };
}
