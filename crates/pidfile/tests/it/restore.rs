//! Somebody removes the file of a holder that lives.

use std::fs;
use std::os::unix::fs::MetadataExt;

use pidfile::{Error, Options, PidFile, Probe, Restored, holder, probe};

use crate::bed::Bed;

fn held_by_us() -> Probe {
    Probe::Held { pid: Some(std::process::id()) }
}

/// Case: FLT-C5
#[test]
fn a_file_that_was_removed_is_made_again() {
    let bed = Bed::new();
    let mut pid_file = Options::new().with_hold().acquire(bed.pid_file()).unwrap();
    drop(pid_file.take_hold());
    assert_eq!(pid_file.restore().unwrap(), Restored::InPlace);
    for leave in [
        (|path| fs::remove_file(path).unwrap()) as fn(&std::path::Path),
        // A file that nobody holds is in the way of no restore.
        |path| {
            fs::remove_file(path).unwrap();
            fs::write(path, "1\n").unwrap();
        },
    ] {
        leave(&bed.pid_file());
        assert!(!pid_file.is_in_place().unwrap());
        assert_eq!(pid_file.restore().unwrap(), Restored::Anew);
        assert!(pid_file.is_in_place().unwrap());
        assert_eq!(probe(bed.pid_file()).unwrap(), held_by_us());
        assert!(pid_file.take_hold().is_some());
        assert!(holder(bed.pid_file()).unwrap().is_some());
        assert_eq!(bed.names(), ["my.pid"]);
    }
    pid_file.release().unwrap();
    assert_eq!(bed.names(), [""; 0]);
}

/// A script that goes by the text would signal somebody else.
///
/// Case: FLT-C5
#[test]
fn a_file_that_was_overwritten_has_its_number_again() {
    let bed = Bed::new();
    let mut pid_file = PidFile::acquire(bed.pid_file()).unwrap();
    let inode = fs::metadata(bed.pid_file()).unwrap().ino();
    let line = format!("{}\n", std::process::id());
    for text in ["1\n", "", "7", "no number, and much longer than any of those that there are"] {
        fs::write(bed.pid_file(), text).unwrap();
        assert_eq!(pid_file.restore().unwrap(), Restored::Corrected, "{text}");
        assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), line);
        assert_eq!(pid_file.restore().unwrap(), Restored::InPlace);
    }
    // The file is overwritten and renamed, both at once.
    fs::write(bed.pid_file(), "1\n").unwrap();
    fs::rename(bed.pid_file(), bed.path("away")).unwrap();
    assert_eq!(pid_file.restore().unwrap(), Restored::Named);
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), line);
    assert_eq!(fs::metadata(bed.pid_file()).unwrap().ino(), inode);
    assert_eq!(probe(bed.pid_file()).unwrap(), held_by_us());
    pid_file.release().unwrap();
    assert_eq!(bed.names(), ["away"]);
}

/// Case: FLT-C5
#[test]
fn a_file_that_was_renamed_gets_its_name_again() {
    let bed = Bed::new();
    let mut pid_file = PidFile::acquire(bed.pid_file()).unwrap();
    let inode = fs::metadata(bed.pid_file()).unwrap().ino();
    fs::rename(bed.pid_file(), bed.path("away")).unwrap();
    assert_eq!(pid_file.restore().unwrap(), Restored::Named);
    assert_eq!(fs::metadata(bed.pid_file()).unwrap().ino(), inode);
    assert_eq!(probe(bed.pid_file()).unwrap(), held_by_us());
    pid_file.release().unwrap();
    assert_eq!(bed.names(), ["away"]);
}

/// Case: FLT-C5
#[test]
fn a_place_that_somebody_else_has_taken_is_not_taken_back() {
    let bed = Bed::new();
    let mut pid_file = PidFile::acquire(bed.pid_file()).unwrap();
    fs::remove_file(bed.pid_file()).unwrap();
    let other = bed.holder();
    let error = pid_file.restore().unwrap_err();
    assert!(matches!(error, Error::Held { pid: Some(pid), .. } if pid == other.pid()), "{error:?}");
    assert_eq!(pid_file.release().map_err(|error| error.to_string()), Ok(()));
    assert_eq!(probe(bed.pid_file()).unwrap(), Probe::Held { pid: Some(other.pid()) });

    // Nor is a file replaced that is no pid file.
    let bed = Bed::new();
    let mut pid_file = PidFile::acquire(bed.pid_file()).unwrap();
    fs::remove_file(bed.pid_file()).unwrap();
    fs::write(bed.pid_file(), "precious").unwrap();
    let error = pid_file.restore().unwrap_err();
    assert!(matches!(error, Error::NotAPidFile { .. }), "{error:?}");
    pid_file.release().unwrap();
    assert_eq!(fs::read_to_string(bed.pid_file()).unwrap(), "precious");
}
