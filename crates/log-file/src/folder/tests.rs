//! Old logs among whatever else has such a name.

use std::fs;

use trusted_path::Trust;

use super::*;

/// A stranger who makes names by the thousand hid the files that were to go, and the names that are taken.
#[test]
fn our_files_are_seen_among_however_many_names() {
    let folder = tempfile::tempdir().unwrap();
    let log = Place::find(&folder.path().join("app.log"), Trust::default()).unwrap();
    // Folders are no files, and so nobody's old logs.
    for number in 1..=50 {
        for end in ["", ".gz.part"] {
            let name = format!("app.log.2026-11-21.{number:04}{end}");
            fs::create_dir(folder.path().join(name)).unwrap();
        }
    }
    for name in ["app.log.2026-11-19", "app.log.2026-11-20.0003", "app.log.2026-11-18.gz.part"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let listing = list_most(4, &open(&log).unwrap(), &log).unwrap();
    let file = |name: &&Name| place(&log, name).is_ok_and(|place| ours(&place).is_some());
    let names: Vec<_> =
        listing.names.iter().filter(file).map(|name| name.file_name(log.name())).collect();
    assert_eq!(names, ["app.log.2026-11-19", "app.log.2026-11-20.0003"]);
    assert_eq!(listing.parts.iter().filter(|part| part.stamp == "2026-11-18").count(), 1);
    assert!(listing.names.len() + listing.parts.len() < 4 + 3 + 1, "{listing:?}");
}

/// A file and its copy were counted as two: with two to be kept, the original went, and with it the copy,
/// as too old.
#[test]
fn a_file_and_its_copy_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["app.log.2026-11-19", "app.log.2026-11-19.gz", "app.log.2026-11-20.gz"];
    names.iter().for_each(|name| fs::write(folder.path().join(name), "12345").unwrap());
    fs::write(folder.path().join("app.log.2026-11-19.gz.part"), "1").unwrap();
    let log = Place::find(&folder.path().join("app.log"), Trust::default()).unwrap();
    let found = list(&open(&log).unwrap(), &log).unwrap().ours(&log);
    let named: Vec<_> =
        found.iter().map(|(name, size)| (name.file_name(log.name()), *size)).collect();
    assert_eq!(named, [("app.log.2026-11-19".into(), 11), ("app.log.2026-11-20.gz".into(), 5)]);
    remove_old(&log, &found[0].0).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A compressor may complete a copy while a folder is looked through: its name is not on the list then.
#[test]
fn what_is_compressed_meanwhile_is_counted_and_removed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| fs::write(folder.path().join(name), "12345").unwrap();
    let compress = |name: &str| {
        let path = folder.path().join(name);
        fs::rename(&path, path.with_added_extension("gz")).unwrap();
    };
    let log = Place::find(&folder.path().join("app.log"), Trust::default()).unwrap();
    ["app.log.2026-11-19", "app.log.2026-11-20"].iter().for_each(|name| write(name));
    let listing = list(&open(&log).unwrap(), &log).unwrap();
    compress("app.log.2026-11-19");
    let found = listing.ours(&log);
    let names: Vec<_> =
        found.iter().map(|(name, size)| (name.file_name(log.name()), *size)).collect();
    assert_eq!(names, [("app.log.2026-11-19.gz".into(), 5), ("app.log.2026-11-20".into(), 5)]);
    compress("app.log.2026-11-20");
    found.iter().for_each(|(name, _)| remove_old(&log, name).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
