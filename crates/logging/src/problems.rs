//! What is wrong with a configuration, all at once and before anything happens.

use crate::{Error, LoggingConfig, pattern};

impl LoggingConfig {
    /// Everything that is wrong with this configuration, as far as looking can tell. Empty: nothing.
    ///
    /// Opens, creates and writes nothing. Whether the file can be written is known only when it is
    /// opened, by [`install`](crate::install), in the process that logs. Relative paths are meant
    /// from the current directory here, so [`resolve`](Self::resolve) them first if need be.
    pub fn problems(&self) -> Vec<Error> {
        let mut problems = self.problems_but_strangers();
        let all = [self].into_iter().chain(self.loggers.values());
        problems.extend(all.filter_map(|config| config.options().distrust().map(Error::of_file)));
        problems
    }

    /// The same without what opening the file finds out anyway.
    pub(crate) fn problems_but_strangers(&self) -> Vec<Error> {
        let mut problems = self.own_problems();
        for (target, logger) in &self.loggers {
            if target.is_empty() {
                let reason = "an empty target is every target; configure the main logger instead";
                problems.push(wrong("loggers", target, reason.to_owned()));
            }
            if !logger.loggers.is_empty() {
                let reason =
                    "a named logger has loggers; name them beside it, by their whole targets";
                problems.push(wrong("loggers", target, reason.to_owned()));
            }
            problems.extend(logger.own_problems());
        }
        problems
    }

    fn own_problems(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        if let Err(reasons) = pattern::parse(&self.format) {
            problems
                .extend(reasons.into_iter().map(|reason| wrong("format", &self.format, reason)));
        }
        for target in self.filters.keys().filter(|target| target.is_empty()) {
            let reason = "an empty target is every target; set `level` instead";
            problems.push(wrong("filters", target, reason.to_owned()));
        }
        if let (Some(file), Some(_)) = (&self.file, self.stream) {
            let reason = "`stream` is given, too; leave one of them out";
            problems.push(wrong("file", file.display(), reason.to_owned()));
        }
        problems.extend(self.options().problems().into_iter().map(Error::of_file));
        problems
    }
}

fn wrong(field: &'static str, value: impl ToString, reason: String) -> Error {
    Error::Field { field, value: value.to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::LevelFilter;
    use log_file::Stream;

    fn texts(config: &LoggingConfig) -> Vec<String> {
        config.problems().iter().map(Error::to_string).collect()
    }

    #[test]
    fn a_right_configuration_has_none_and_nothing_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let config = LoggingConfig::file(folder.path().join("app.log"));
        assert_eq!(texts(&config), [""; 0]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(texts(&LoggingConfig::stderr()), [""; 0]);
        assert_eq!(texts(&LoggingConfig::default()), [""; 0]);
        assert_eq!(texts(&LoggingConfig::file("/dev/null")), [""; 0]);
        assert_eq!(texts(&LoggingConfig::file("in-the-current-folder.log")), [""; 0]);
    }

    #[test]
    fn all_problems_come_at_once() {
        let inner = LoggingConfig::stderr().logger("deeper", LoggingConfig::stderr());
        let config = LoggingConfig::file("")
            .format("{when}")
            .filter("", LevelFilter::Off)
            .logger("audit", inner.max_size(0));
        let texts = texts(&LoggingConfig { stream: Some(Stream::Stderr), ..config });
        assert_eq!(texts.len(), 6, "{texts:#?}");
        assert!(
            texts[0]
                .starts_with("logging field `format` is `{when}`: unknown placeholder `{when}`")
        );
        assert_eq!(
            texts[1..],
            [
                "logging field `filters` is ``: an empty target is every target; set `level` instead",
                "logging field `file` is ``: `stream` is given, too; leave one of them out",
                "logging field `file` is ``: it is empty; give the path of a file",
                "logging field `loggers` is `audit`: a named logger has loggers; name them beside it, \
                 by their whole targets",
                "logging field `max_size` is `0`: no record fits in; give at least the size of one, or \
                 `rotation: never`",
            ]
        );
    }
}
