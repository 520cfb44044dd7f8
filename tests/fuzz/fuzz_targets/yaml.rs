//! Configurations: any text is one or is refused, and one that is written reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logging::LoggingConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use supervisor::DaemonOptions;
use workers::{WorkerStartInfo, WorkersOptions};

fuzz_target!(|text: &str| {
    if let Ok(config) = LoggingConfig::from_yaml_str(text) {
        // Looks at paths, and touches none.
        let _ = config.problems();
        reads_back(&config);
    }
    if let Ok(options) = DaemonOptions::from_yaml_str(text) {
        reads_back(&options);
    }
    parse::<WorkersOptions>(text);
    parse::<WorkerStartInfo>(text);
    parse::<Vec<WorkerStartInfo>>(text);
});

fn parse<T: Serialize + DeserializeOwned + Debug>(text: &str) {
    if let Ok(value) = serde_yaml::from_str::<T>(text) {
        reads_back(&value);
    }
}

fn reads_back<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let Ok(written) = serde_yaml::to_string(value) else { return };
    match serde_yaml::from_str::<T>(&written) {
        Ok(again) => assert_eq!(format!("{value:?}"), format!("{again:?}"), "{written}"),
        Err(error) => panic!("{error} in:\n{written}"),
    }
}
