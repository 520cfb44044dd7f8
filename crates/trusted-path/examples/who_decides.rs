//! Tells of each path whether it would be written to, and if not, why: `who_decides PATH…`

#![expect(clippy::print_stdout, reason = "an example")]

use std::path::Path;

use trusted_path::{Error, Place, Trust};

fn main() {
    for path in std::env::args().skip(1) {
        match look(Path::new(&path)) {
            Ok(what) => println!("{path}: {what}"),
            Err(error) => println!("{error}"),
        }
    }
}

fn look(path: &Path) -> Result<String, Error> {
    let place = Place::find(path, Trust::default())?;
    let folder = if place.is_closed() { "nobody else's" } else { "open to others" };
    let file = match place.found() {
        None => "would be created".to_owned(),
        Some(seen) => match place.fault_to_write(seen) {
            None => "would be written to".to_owned(),
            Some(fault) => fault.to_string(),
        },
    };
    Ok(format!("leads to `{}`, in a folder that is {folder}; {file}", place.path().display()))
}
