//! What becomes of old files, of ours and of others.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::GzDecoder;
use trusted_path::Trust;

use super::*;
use crate::open;

fn bed(names: &[&str]) -> (tempfile::TempDir, Place) {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(folder.path().join(name), format!("contents of {name}\n")).unwrap();
    }
    let log = Place::find(&folder.path().join("app.log"), Trust::default()).unwrap();
    (folder, log)
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn old_files_of_ours_are_compressed_and_nothing_else() {
    let (folder, log) =
        bed(&["app.log", "app.log.2026-11-21", "app.log.2026-11-21.0001", "app.log.1"]);
    compress_all(&log).unwrap();
    assert_eq!(
        names(&folder),
        ["app.log", "app.log.1", "app.log.2026-11-21.0001.gz", "app.log.2026-11-21.gz"]
    );
    assert_eq!(
        unpacked(&folder.path().join("app.log.2026-11-21.gz")),
        "contents of app.log.2026-11-21\n"
    );
}

#[test]
fn a_file_that_somebody_still_writes_to_waits() {
    let (folder, log) = bed(&["app.log.2026-11-21"]);
    let old = folder.path().join("app.log.2026-11-21");
    let writer = open::open(&old, Trust::default()).unwrap();
    compress_all(&log).unwrap();
    assert_eq!(names(&folder), ["app.log.2026-11-21"]);
    drop(writer);
    compress_all(&log).unwrap();
    assert_eq!(names(&folder), ["app.log.2026-11-21.gz"]);
}

/// A rotation may remove the original while it is compressed, or a writer may add to it.
#[test]
fn what_was_removed_while_it_was_compressed_does_not_come_back() {
    for (removed, added) in [(false, false), (true, false), (false, true)] {
        let (folder, log) = bed(&["app.log.2026-11-21"]);
        let name = Name::parse("app.log".as_ref(), "app.log.2026-11-21".as_ref()).unwrap();
        let original = folder::place(&log, &name).unwrap();
        let source = open_alone(&original).unwrap().unwrap();
        let size = source.file().metadata().unwrap().len();
        let goal = name.compressed();
        assert!(matches!(compress_to(&log, &goal, &goal, &source), Ok(Made::Whole(_))));
        let path = folder.path().join("app.log.2026-11-21");
        if removed {
            fs::remove_file(&path).unwrap();
        }
        if added {
            fs::write(&path, "longer than what was compressed\n").unwrap();
        }
        settle(&original, &source, (&folder::place(&log, &goal).unwrap(), true), size).unwrap();
        let left: &[&str] = match (removed, added) {
            (false, false) => &["app.log.2026-11-21.gz"],
            (true, _) => &[],
            (false, true) => &["app.log.2026-11-21"],
        };
        assert_eq!(names(&folder), left, "removed: {removed}, added: {added}");
    }
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Case: FLT-J2
#[test]
fn what_a_killed_one_left_is_finished_or_removed() {
    let (folder, log) = bed(&[
        "app.log.2026-11-20",
        "app.log.2026-11-21",
        "app.log.2026-11-21.gz.part",
        "app.log.2026-11-19.gz.part",
        "app.log.mine.gz.part",
    ]);
    let whole = packed("contents of app.log.2026-11-20\n");
    fs::write(folder.path().join("app.log.2026-11-20.gz"), whole).unwrap();
    compress_all(&log).unwrap();
    assert_eq!(
        names(&folder),
        ["app.log.2026-11-20.gz", "app.log.2026-11-21.gz", "app.log.mine.gz.part"]
    );
    assert_eq!(
        unpacked(&folder.path().join("app.log.2026-11-21.gz")),
        "contents of app.log.2026-11-21\n"
    );
}

/// Whoever has taken the name of the compressed file: a name proves nothing.
///
/// Case: FLT-A5
#[test]
fn a_name_that_is_taken_by_something_else_costs_no_file() {
    // No archive; that of another file; that of a part of this file; a folder; a link.
    let others: [&dyn Fn(&Path); 5] = [
        &|path| fs::write(path, "mine").unwrap(),
        &|path| fs::write(path, packed("mine")).unwrap(),
        &|path| fs::write(path, packed("contents of app.log.2026")).unwrap(),
        &|path| fs::create_dir(path).unwrap(),
        &|path| std::os::unix::fs::symlink("/nowhere/at-all", path).unwrap(),
    ];
    for other in others {
        for taken in ["app.log.2026-11-21.gz", "app.log.2026-11-21.gz.part"] {
            let (folder, log) = bed(&["app.log.2026-11-21", "app.log.2026-11-21.0001"]);
            other(&folder.path().join(taken));
            let kind = |name: &str| {
                folder.path().join(name).symlink_metadata().map(|it| (it.file_type(), it.len()))
            };
            let before = kind(taken).unwrap();
            compress_all(&log).unwrap();
            let mut names = names(&folder);
            names.retain(|name| name.ends_with(".gz") && *name != taken);
            let mut texts: Vec<String> =
                names.iter().map(|name| unpacked(&folder.path().join(name))).collect();
            texts.sort();
            let mut expected =
                ["contents of app.log.2026-11-21.0001\n", "contents of app.log.2026-11-21\n"];
            expected.sort();
            assert_eq!(texts, expected, "{taken}: {names:?}");
            // A half-made copy has a name of its own: a file there is ours, from a compressor that was
            // killed.
            if taken.ends_with(".gz") || !before.0.is_file() {
                assert_eq!(kind(taken).unwrap(), before, "it stays as it is");
            }
        }
    }
}

/// Both compressors find the names for their copies taken, and so choose the same next one.
///
/// Case: FLT-A5
#[test]
fn two_at_once_lose_neither_of_two_files() {
    for round in 0..20u64 {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut state = 12345 + round;
        // The content is hard to compress, so that it takes its time.
        let mut bytes = || {
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            };
            (0..1 << 18).map(|_| next()).collect::<Vec<u8>>()
        };
        let contents = [bytes(), bytes()];
        for (content, name) in
            contents.iter().zip(["app.log.2026-11-21", "app.log.2026-11-21.0001"])
        {
            fs::write(path(name), content).unwrap();
            fs::create_dir(path(&format!("{name}.gz"))).unwrap();
        }
        let log = Place::find(&path("app.log"), Trust::default()).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| compress_all(&log));
            }
        });
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let found: Vec<Vec<u8>> = files
            .filter(|file| file.is_file())
            .map(|file| {
                let raw = fs::read(&file).unwrap();
                let mut plain = Vec::new();
                match MultiGzDecoder::new(&raw[..]).read_to_end(&mut plain) {
                    Ok(_) => plain,
                    Err(_) => raw,
                }
            })
            .collect();
        assert!(contents.iter().all(|content| found.contains(content)), "in round {round}");
    }
}

/// Of two that were to be kept none was left: the pair counted as two, so the original was removed as too old, and
/// then the copy, because the original was. Where the copy has another name it does count as one more.
#[test]
fn a_rotation_between_a_copy_and_the_end_of_its_original_loses_neither() {
    use crate::names::{Horizon, Keep};
    for is_own_name in [true, false] {
        let (folder, log) = bed(&["app.log", "app.log.2026-11-22"]);
        let name = Name { stamp: "2026-11-22".to_owned(), number: 0, compressed: false };
        let original = folder::place(&log, &name).unwrap();
        let source = open_alone(&original).unwrap().unwrap();
        let mut goal = name.compressed();
        if !is_own_name {
            fs::create_dir(folder.path().join("app.log.2026-11-22.gz")).unwrap();
            goal = name.successor().compressed();
        }
        let Made::Whole(size) = compress_to(&log, &goal, &name.compressed(), &source).unwrap()
        else {
            panic!("it was not compressed");
        };
        let opened = open::open(&log.path(), Trust::default()).unwrap();
        let how = crate::rotate::Aside {
            stamp: "2026-11-23".to_owned(),
            horizon: &Horizon::new("2026-11-24".to_owned()),
            keep: Keep { files: 2, bytes: 1 << 30 },
            without_lock: false,
        };
        let identity = opened.opened.identity();
        crate::rotate::put_aside(&log, identity, how, &mut |error| panic!("{error}")).unwrap();
        let copy = folder::place(&log, &goal).unwrap();
        settle(&original, &source, (&copy, is_own_name), size).unwrap();
        let left = match is_own_name {
            true => vec!["app.log.2026-11-22.gz", "app.log.2026-11-23"],
            false => {
                vec!["app.log.2026-11-22.0001.gz", "app.log.2026-11-22.gz", "app.log.2026-11-23"]
            }
        };
        assert_eq!(names(&folder), left);
    }
}

/// Such a file stayed uncompressed until the next rotation, a day later perhaps.
#[test]
fn what_is_put_aside_while_somebody_compresses_has_its_turn() {
    let (folder, log) = bed(&["app.log.2026-11-21"]);
    let work = Arc::new(Mutex::new(Work { is_running: true, ..Work::default() }));
    let running = Running(Arc::clone(&work));
    let mut compressor = Compressor(work);
    fs::write(folder.path().join("app.log.2026-11-22"), "later").unwrap();
    compressor.start(&log).unwrap();
    assert!(running.goes_on(Err(io::Error::other("no room"))));
    assert!(!running.goes_on(compress_all(&log)));
    assert_eq!(names(&folder), ["app.log.2026-11-21.gz", "app.log.2026-11-22.gz"]);
    assert_eq!(compressor.problem().unwrap().to_string(), "no room");
    assert!(compressor.problem().is_none());
}

#[test]
fn a_compressor_that_panics_is_told_of_and_followed_by_another() {
    let (folder, log) = bed(&["app.log.2026-11-21"]);
    let work = Arc::new(Mutex::new(Work { is_running: true, ..Work::default() }));
    let running = Running(Arc::clone(&work));
    let panics = std::thread::spawn(move || {
        let _running = running;
        panic!("as expected");
    });
    assert!(panics.join().is_err());
    let mut compressor = Compressor(work);
    assert!(compressor.problem().unwrap().to_string().contains("panicked"));
    compressor.start(&log).unwrap();
    assert!(lock(&compressor.0).is_running || !folder.path().join("app.log.2026-11-21").exists());
}
