//! What processes leave that do not live long enough to compress.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::bed::{Bed, Player};
use crate::support::lines::{Found, record};

/// Case: FLT-J2
pub(crate) fn the_next_process_compresses_what_one_that_lived_shortly_has_left() {
    let bed = Bed::new();
    // Each of these rotates, and is killed before it has compressed anything.
    let rotating = bed.options("rotation: size\nmax_size: 80\nkeep: 10\n");
    let short = Player::start("count", &rotating, "short", &["3", "60"]);
    short.finish();
    fs::write(bed.inside("app.log.2020-01-01.gz.part"), "half of a file that is gone").unwrap();
    let left: Vec<String> = bed.names().into_iter().filter(|name| name.contains(".2")).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    fs::write(bed.inside(&format!("{}.gz.part", left[1])), "half of a file").unwrap();

    // The next one never rotates.
    let _next = Player::start("script", &bed.options("compress: true\n"), "next", &[]);
    let limit = Instant::now() + Duration::from_secs(30);
    loop {
        let names = bed.names();
        if names.iter().all(|name| name == "app.log" || name.ends_with(".gz")) {
            break;
        }
        assert!(Instant::now() < limit, "all should be compressed: {names:?}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let contents = bed.everything();
    let found = Found::in_any_order(contents.iter().map(String::as_str));
    assert_eq!(found.records["short"], 3);
    assert_eq!(bed.names().len(), 3);
    assert!(bed.read("app.log").contains(&record("short", 2, 60)));
}
