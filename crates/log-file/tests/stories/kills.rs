//! Writers that are killed or stopped, and those beside them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::bed::{Bed, Player};
use crate::support::lines::Found;

const KILLS: usize = 60;
/// From within a page to several pages: the longer a record, the likelier a kill cuts it.
const SIZES: [usize; 3] = [100, 5_000, 200_000];

pub(crate) fn a_killed_writer_cuts_its_own_last_line_at_most() {
    let bed = Bed::new();
    let options = bed.options("rotation: never\n");
    let survivor = Player::start("writer", &options, "survivor", &["200"]);
    let start = |number: usize| {
        let size = SIZES[number % SIZES.len()].to_string();
        Player::start("writer", &options, &format!("victim-{number}"), &[&size])
    };
    let mut victims: Vec<Player> = (0..3).map(start).collect();
    for kill in 0..KILLS {
        let mut victim = victims.remove(0);
        assert_eq!(victim.reply(), "going");
        drop(victim);
        victims.push(start(kill + 3));
    }
    drop(victims);
    let wrote = survivor.finish();

    let contents = bed.read("app.log");
    let found = Found::in_files([contents.as_str()]);
    let expected: u64 = wrote.rsplit(' ').next().unwrap().trim().parse().unwrap();
    assert_eq!(found.records["survivor"], expected, "all of who was not killed");
    let cut = check_fragments(&found);
    println!("{cut} of {} kills cut a line, {} blank", KILLS + 3, found.blanks);
}

/// Checks that each fragment is the beginning of the record that its writer did not get to write. Says
/// how many there are.
fn check_fragments(found: &Found) -> usize {
    let mut cut = BTreeSet::new();
    for fragment in &found.fragments {
        let writer = fragment.split(' ').next().unwrap();
        let killed = "victim-".starts_with(writer) || writer.starts_with("victim-");
        assert!(killed, "only the killed are cut: {fragment:.80}");
        assert!(cut.insert(writer.to_owned()), "{writer} was killed once");
        let names = fragment.matches("victim").count() + fragment.matches("survivor").count();
        assert!(names <= 1, "nothing is glued: {fragment:.80}");
    }
    cut.len()
}

pub(crate) fn a_stopped_writer_holds_up_nobody() {
    let bed = Bed::new();
    let options = bed.options("rotation: midnight\n");
    let mut witness = Player::start("script", &options, "witness", &[]);
    for round in 0..20 {
        let mut writer = Player::start("writer", &options, &format!("stopped-{round}"), &["100"]);
        assert_eq!(writer.reply(), "going");
        writer.signal(Signal::STOP);
        // Wherever it was stopped: whoever waited for it would wait for ever.
        assert_eq!(witness.ask(&format!("log round {round}")), "dropped 0");
    }
}

/// Case: LOG-01
pub(crate) fn writers_lose_nothing_over_rotations_kills_and_renames() {
    storm(20_000, 1 << 19, "");
}

/// All processes rotate at once then, since none gets the lock.
///
/// Case: FLT-D3
pub(crate) fn nor_do_they_when_somebody_holds_the_lock_of_the_folder() {
    let bed = Bed::new();
    let folder = std::fs::File::open(bed.folder.path()).unwrap();
    folder.lock().unwrap();
    // No least number of rotations: how many there are depends on the machine, and other tests show that
    // there are any.
    storm_in(&bed, 200_000, 1 << 19, "", 0);
}

/// Case: LOG-01
pub(crate) fn nor_do_they_when_old_files_are_compressed() {
    storm(10_000, 1 << 18, "compress: true\n");
}

/// The same with a million records, for when there is time.
///
/// Case: LOG-01
pub(crate) fn a_million_records_over_rotations_kills_and_renames() {
    storm(1_000_000, 4 << 20, "");
}

/// Eight writers, of which four are killed again and again, one file, rotation by size, and somebody
/// who renames the file as logrotate does.
fn storm(records: u64, max_size: usize, more: &str) {
    storm_in(&Bed::new(), records, max_size, more, 2);
}

fn storm_in(bed: &Bed, records: u64, max_size: usize, more: &str, rotated: usize) {
    let options = bed.options(&format!(
        "rotation: size\nmax_size: {max_size}\nkeep: 100000\nkeep_size: unlimited\n{more}"
    ));
    let share = records / 4;
    let mut survivors: Vec<Player> = (0..4)
        .map(|number| {
            let name = format!("survivor-{number}");
            Player::start("count", &options, &name, &[&share.to_string(), "100"])
        })
        .collect();
    let (over, finished) = std::sync::mpsc::channel();
    let replies: Vec<_> = survivors.iter_mut().map(Player::take_replies).collect();
    let waiter = std::thread::spawn(move || {
        let told = replies.into_iter().map(std::io::read_to_string).collect::<Vec<_>>();
        over.send(()).unwrap();
        told
    });
    let start = |number: usize| {
        let size = [100, 5_000, 60_000][number % 3].to_string();
        Player::start("writer", &options, &format!("victim-{number}"), &[&size])
    };
    let mut victims: Vec<Player> = (0..4).map(start).collect();
    let mut kills = 0;
    while finished.try_recv().is_err() {
        let mut victim = victims.remove(0);
        assert_eq!(victim.reply(), "going");
        if kills % 3 == 0 {
            // It may fail: the log need not be there at this very moment.
            let _ = std::fs::rename(bed.log(), bed.inside(&format!("outside-{kills}")));
        }
        drop(victim);
        kills += 1;
        victims.push(start(kills + 3));
    }
    for told in waiter.join().unwrap() {
        assert_eq!(told.unwrap(), format!("wrote {share}\n"));
    }
    drop(victims);
    if more.contains("compress") {
        // A process that is alone at last can compress what all have left.
        let mut last = Player::start("script", &options, "last", &[]);
        let limit = Instant::now() + Duration::from_secs(60);
        while !bed.names().iter().any(|name| name.ends_with(".gz")) {
            last.ask(&format!("log {}", " ".repeat(100_000)));
            assert!(Instant::now() < limit, "some should be compressed: {:?}", bed.names());
        }
    }

    let contents = bed.everything();
    let found = Found::in_any_order(contents.iter().map(String::as_str));
    for number in 0..4 {
        assert_eq!(
            found.records[&format!("survivor-{number}")],
            share,
            "all of who was not killed"
        );
    }
    let cut = check_fragments(&found);
    let names = bed.names();
    let rotations = names.iter().filter(|name| name.starts_with("app.log.")).count();
    println!(
        "{} records in {} files, {rotations} by us; {} kills, {cut} lines cut, {} blank",
        found.records.values().sum::<u64>(),
        names.len(),
        kills + 4,
        found.blanks
    );
    assert!(rotations >= rotated, "it should have rotated: {names:?}");
}
