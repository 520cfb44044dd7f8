//! Names that are in the order of age, however fast files are put aside and compressed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use log_file::{Name, Options, Rotation};

/// The compressor moves names while the next file is put aside. That one got the name of the last one before, which was
/// seen neither by its old name nor by its new one, and was then compressed to a name that was years too young.
#[test]
fn names_are_in_the_order_of_age_while_files_are_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    let options = Options::file(&path).rotation(Rotation::Size).max_size(1).keep(100_000);
    let mut log = options.compress(true).open().unwrap();
    for number in 0..400 {
        writeln!(log, "{number}").unwrap();
    }
    drop(log);
    // The compressor may still be at it: what was put aside is looked at until all of it is seen.
    let limit = Instant::now() + Duration::from_secs(60);
    let found = loop {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> =
            names.filter_map(|name| Name::parse("app.log".as_ref(), &name)).collect();
        names.sort();
        let mut found: Vec<u32> = Vec::new();
        for name in &names {
            let Ok(mut file) = File::open(folder.path().join(name.file_name("app.log".as_ref())))
            else {
                continue;
            };
            let mut text = String::new();
            let read = match name.is_compressed() {
                true => MultiGzDecoder::new(file).read_to_string(&mut text),
                false => file.read_to_string(&mut text),
            };
            read.unwrap();
            found.extend(text.lines().map(|line| line.parse::<u32>().unwrap()));
        }
        // For a moment there is a file and what was made of it.
        found.dedup();
        if found.len() == 399 {
            break found;
        }
        let seen = found.len();
        assert!(Instant::now() < limit, "399 lines should be put aside, and {seen} are: {found:?}");
    };
    assert!(found.is_sorted(), "{found:?}");
}
