//! Configuration from YAML: every complaint says in which file, line and column.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::{Error, LoggingConfig};

impl LoggingConfig {
    /// Reads a configuration from a YAML mapping. An empty text is the default configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Yaml`] if it is not YAML, has a key that is not known or a value of the wrong kind,
    /// or is too large (see [`safe_yaml::check`]).
    /// Values that merely cannot work are found by [`problems`](Self::problems).
    pub fn from_yaml_str(text: &str) -> Result<LoggingConfig, Error> {
        parse(text, "logging configuration".to_owned())
    }

    /// Reads a configuration from a YAML file, or from a pipe that [ends in time](safe_yaml::read_file). A
    /// relative path *in* the file stays relative; see [`resolve`](Self::resolve).
    ///
    /// # Errors
    ///
    /// [`Error::Read`] if the file cannot be read, is too large or not UTF-8, [`Error::Field`] if it is
    /// the file that it says to log to, else as [`from_yaml_str`](Self::from_yaml_str), naming the file.
    pub fn from_yaml_file(path: impl AsRef<Path>) -> Result<LoggingConfig, Error> {
        let path = path.as_ref();
        let text = safe_yaml::read_file(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let config = parse(&text, format!("`{}`", path.display()))?;
        // The log would be appended to it, and it could never be read again.
        if let Some(file) = config.files().find(|file| is_same_file(file, path)) {
            return Err(Error::Field {
                field: "file",
                value: file.display().to_string(),
                reason: "it is this configuration's own file; give another one".to_owned(),
            });
        }
        Ok(config)
    }
}

/// Whether both lead to one regular file: a terminal may well be both.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        Some((found.dev(), found.ino()))
    };
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

fn parse(text: &str, origin: String) -> Result<LoggingConfig, Error> {
    let text = match safe_yaml::check(text) {
        Ok(text) => text,
        Err(error) => {
            let (line, column) = error.place();
            return Err(Error::Yaml { origin, line, column, reason: error.to_string() });
        }
    };
    // An `Option`, because a document of comments only is null and means that nothing is changed.
    let config = serde_yaml::from_str::<Option<LoggingConfig>>(text);
    // Read once more as a plain value, which refuses a name that was given twice: in a mapping with free
    // names, as `filters`, the last of two would count without a word.
    let unique = |config| serde_yaml::from_str::<serde_yaml::Value>(text).map(|_| config);
    match config.and_then(unique) {
        Ok(config) => Ok(config.unwrap_or_default()),
        Err(error) => {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            let reason = without_place(&error.to_string(), line, column);
            Err(Error::Yaml { origin, line, column, reason })
        }
    }
}

/// The parser ends its sentences with the place, which we say first.
fn without_place(sentence: &str, line: usize, column: usize) -> String {
    sentence.replace(&format!(" at line {line} column {column}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Precision, Rotation, Time};
    use log::LevelFilter;
    use proptest::prelude::*;

    #[track_caller]
    fn complaint(text: &str) -> String {
        LoggingConfig::from_yaml_str(text).unwrap_err().to_string()
    }

    #[test]
    fn nothing_said_is_the_default() {
        for text in ["", "# nothing\n", "---\n", "{}", "null"] {
            assert_eq!(LoggingConfig::from_yaml_str(text).unwrap(), LoggingConfig::default());
        }
    }

    /// Case: FLT-A6
    #[test]
    fn the_file_of_a_configuration_is_no_log() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("logging.yaml", at("link")).unwrap();
        let read = |yaml: String| {
            std::fs::write(at("logging.yaml"), yaml).unwrap();
            LoggingConfig::from_yaml_file(at("logging.yaml"))
        };
        for name in ["logging.yaml", "./logging.yaml", "link"] {
            let file = at(name).display().to_string();
            for yaml in [
                format!("file: {file}"),
                format!("{{file: {file}.log, loggers: {{x: {{file: {file}}}}}}}"),
            ] {
                let told = "it is this configuration's own file; give another one";
                let error = read(yaml).unwrap_err().to_string();
                assert_eq!(error, format!("logging field `file` is `{file}`: {told}"));
            }
        }
        read(format!("file: {}", at("other.log").display())).unwrap();
    }

    #[test]
    fn what_was_written_reads_back_the_same() {
        for config in [
            LoggingConfig::default(),
            LoggingConfig::stderr(),
            LoggingConfig::stdout().keep(0).level(LevelFilter::Off),
            LoggingConfig::file("a b/ü: #.log")
                .level(LevelFilter::Trace)
                .filter("a::b", LevelFilter::Off)
                .filter("yes", LevelFilter::Error)
                .format("{time} {{}} 'quoted' \"{message}\" \t: - #")
                .time(Time::Utc)
                .precision(Precision::Nanos)
                .rotation(Rotation::Weekly)
                .keep(usize::MAX)
                .max_size(10)
                .compress(true)
                .logger("audit", LoggingConfig::file("audit.log").propagate(false))
                .keep_size(u64::MAX),
        ] {
            let text = serde_yaml::to_string(&config).unwrap();
            assert_eq!(LoggingConfig::from_yaml_str(&text).unwrap(), config, "{text}");
        }
    }

    #[test]
    fn aliases_that_make_a_giant_of_a_few_lines_are_refused() {
        let (long, names) = ("x".repeat(1 << 16), "*a,".repeat(1100));
        assert_eq!(
            complaint(&format!("filters: {{ a: &a {long}, b: [{names}] }}")),
            "logging configuration, line 1, column 1: it is larger than 64 MiB when its aliases \
             are followed"
        );
    }

    /// Case: FLT-E7
    #[test]
    fn what_is_nested_too_deep_is_refused_with_its_place() {
        assert_eq!(
            complaint(&format!("level: info\nfilters: {}", "{a: ".repeat(100_000))),
            "logging configuration, line 2, column 522: brackets are nested deeper than 128"
        );
    }

    /// Some editors begin each file with one.
    ///
    /// Case: FLT-K2
    #[test]
    fn a_byte_order_mark_is_skipped() {
        let config = LoggingConfig::from_yaml_str("\u{feff}level: debug\nkeep: 3\n").unwrap();
        assert_eq!(config, LoggingConfig::default().level(LevelFilter::Debug).keep(3));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logging.yaml");
        std::fs::write(&path, "\u{feff}# nothing\r\n").unwrap();
        assert_eq!(LoggingConfig::from_yaml_file(&path).unwrap(), LoggingConfig::default());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[a-z0-9 :,.{}\\[\\]&*!'\"|>~\n-]{0,200}") {
            let _ = LoggingConfig::from_yaml_str(&text);
        }

        /// Texts that are nearly right: a piece is missing, or another stands in its place.
        #[test]
        fn what_is_nearly_right_is_refused_or_read(at: usize, cut in 0..20usize, text in ".{0,10}") {
            const YAML: &str = "
level: info
filters: { hyper: warn, 'a::b': trace }
format: '{time} {level:>5} {{}} {message}'
time: utc
precision: nanos
file: a.log
rotation: hourly
max_size: 10MiB
keep: 3
loggers: { audit: { stream: stderr, propagate: false } }
";
            let at = at % YAML.len();
            let yaml = [&YAML[..at], &text, &YAML[(at + cut).min(YAML.len())..]].concat();
            if let Ok(config) = LoggingConfig::from_yaml_str(&yaml) {
                let _ = config.problems();
                let written = serde_yaml::to_string(&config).unwrap();
                prop_assert_eq!(LoggingConfig::from_yaml_str(&written).unwrap(), config, "{}", written);
            }
        }
    }

    #[test]
    fn levels_are_read_in_any_case_and_off_unquoted() {
        for text in ["level: OFF", "level: off", "level: 'Off'", "level: false"] {
            let config = LoggingConfig::from_yaml_str(text).unwrap();
            assert_eq!(config, LoggingConfig::default().level(LevelFilter::Off), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_known_ones() {
        let text = complaint("level: info\nfiel: x\n");
        assert!(
            text.starts_with(
                "logging configuration, line 2, column 1: unknown field `fiel`, expected one of \
                 `level`, `filters`, `format`, `time`, `precision`, `file`, `stream`, \
                 `trust_folder_owner`, `rotation`, `max_size`, `keep`, `keep_size`, `compress`, `loggers`, `propagate`"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_its_place_and_the_right_ones() {
        assert_eq!(
            complaint("filters:\n  hyper: loud"),
            "logging configuration, line 2, column 10: filters.hyper: unknown level `loud`, expected \
             one of `off`, `error`, `warn`, `info`, `debug`, `trace`"
        );
        assert_eq!(
            complaint("rotation: noon"),
            "logging configuration, line 1, column 11: rotation: unknown variant `noon`, expected \
             one of `never`, `size`, `hourly`, `midnight`, `weekly`"
        );
        assert_eq!(
            complaint("max_size: 10 miles"),
            "logging configuration, line 1, column 11: max_size: invalid value: string \"10 miles\", \
             expected a number of bytes, one with B, kB, MB, GB, KiB, MiB, GiB or TiB like `100 MiB`, or `unlimited`"
        );
        let negative = complaint("keep: -1");
        assert!(
            negative.contains("keep: invalid type: integer `-1`, expected usize"),
            "{negative}"
        );
        assert!(complaint("level: info\nlevel: warn").contains("duplicate"));
        let twice = complaint("filters: { a: warn, a: info }");
        assert!(twice.contains("duplicate"), "{twice}");
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        let text = complaint("level: info\nkeep: [");
        assert!(text.starts_with("logging configuration, line 2, column "), "{text}");
        assert!(!text[10..].contains(" at line 2 column"), "{text}");
        complaint("- a list");
        complaint("just a text");
        complaint("level: info\n---\nlevel: warn");
    }

    #[test]
    fn the_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logging.yaml");
        let missing = LoggingConfig::from_yaml_file(&path).unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!("cannot read logging configuration `{}`", path.display())
        );
        assert!(std::error::Error::source(&missing).is_some());

        std::fs::write(&path, "keep: many").unwrap();
        let wrong = LoggingConfig::from_yaml_file(&path).unwrap_err().to_string();
        assert!(wrong.starts_with(&format!("`{}`, line 1, column 7: ", path.display())), "{wrong}");
    }
}
