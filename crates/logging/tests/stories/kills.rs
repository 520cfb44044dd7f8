//! Writers that are killed or stopped, and those beside them.

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::support::bed::{Bed, Player};
use crate::support::lines::Found;

const KILLS: usize = 60;
/// From within a page to several pages: the longer a record, the likelier a kill cuts it.
const SIZES: [usize; 3] = [100, 5_000, 200_000];

pub(crate) fn a_killed_writer_cuts_its_own_last_line_at_most() {
    let bed = Bed::new();
    let yaml = bed.yaml("rotation: never\n");
    let survivor = Player::start("writer", &yaml, "survivor", &["200"]);
    let start = |number: usize| {
        let size = SIZES[number % SIZES.len()].to_string();
        Player::start("writer", &yaml, &format!("victim-{number}"), &[&size])
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
    // A fragment is the beginning of the record that its writer did not get to write.
    let mut cut = BTreeSet::new();
    for fragment in &found.fragments {
        let mut words = fragment.split(' ');
        let writer = words.next().unwrap();
        assert!(cut.insert(writer.to_owned()), "{writer} was killed once");
        assert!(
            "victim-".starts_with(writer) || writer.starts_with("victim-"),
            "only the killed are cut: {fragment:.80}"
        );
        assert!(fragment.matches("victim").count() + fragment.matches("survivor").count() <= 1);
    }
    println!("{} of {} kills cut a line, {} blank", cut.len(), KILLS + 3, found.blanks);
}

pub(crate) fn a_stopped_writer_holds_up_nobody() {
    let bed = Bed::new();
    let yaml = bed.yaml("rotation: midnight\n");
    let mut witness = Player::start("script", &yaml, "witness", &[]);
    for round in 0..20 {
        let mut writer = Player::start("writer", &yaml, &format!("stopped-{round}"), &["100"]);
        assert_eq!(writer.reply(), "going");
        writer.signal(Signal::STOP);
        // Wherever it was stopped: whoever waited for it would wait for ever.
        assert_eq!(witness.ask(&format!("log round {round}")), "dropped 0");
    }
}
