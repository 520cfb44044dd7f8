//! Pictures as text: what is seen of a daemon in each state, at each size.

use std::time::Instant;

use super::*;
use crate::changes::changes;
use crate::daemon::Seen;
use crate::samples::{Story, answer, process, workers};

#[test]
fn a_picture_is_a_tree_with_figures() {
    let mut story = Story::new();
    let mut busier = workers();
    busier[0].cpu_us = Some(3_760_000);
    story.see(1000, answer("e1", Ok(busier)));
    story.press("jjr");
    let expected = "\
jobd  running 2d  2/4 workers  84.0M  cpu 26%  by name                                         09:12:03
  NAME         STATE         PID   UPTIME RESTARTS   CPU  MEMORY CPU, LAST MINUTE
  guardian     running      4711       2d        0    0%   21.0M                    .
  `- executor  running      4713       2d        0    0%   21.0M                    .
>    |- web-1  running      4720       2d        0   26%   21.0M                    -
     |- web-3  back-off        -  in 4.2s        7     -       -
     |- web-10 stopped         -        -        0     -       -
     `- 日本-2 running      4721       2d        0    0%   21.0M                    .

 Restart web-1 (pid 4720)?  y yes   any other key: no
 ? keys  up/down select  enter details  / filter  s sort  r restart  x stop  t start  K signal  q quit";
    assert_eq!(story.shown(103, 11), expected);
    // A span below a second has its room, too.
    let mut soon = workers();
    soon.iter_mut().for_each(|worker| {
        worker.next_start_in_us = worker.next_start_in_us.map(|_| 225_000);
    });
    story.see(1000, answer("e1", Ok(soon)));
    assert!(story.shown(103, 11).contains(" in 225ms "), "{}", story.shown(103, 11));
}

#[test]
fn a_key_shows_the_keys_and_any_takes_them_back() {
    let mut story = Story::new();
    story.press("?");
    let shown = story.shown(80, 14);
    assert!(shown.contains("\n  r               restart the selected worker"), "{shown}");
    assert!(shown.contains("\n Any key: back\n") && !shown.contains("web-1"), "{shown}");
    story.press("r");
    assert!(story.model.prompt == Prompt::None && story.shown(80, 14).contains("web-1"));
}

/// Case: CC-47
#[test]
fn one_alone_shows_its_ends_and_its_last_lines() {
    let mut story = Story::new();
    story.press("jjj\n");
    let expected = "\
jobd  running 2d  2/4 workers  84.0M  by name       09:12:03
worker web-3: back-off
  so since 2026-11-24 09:12:03 (2 days ago)
  next start in 4.2s
  run 1, 7 restarts
  last ends, the newest first:
    2026-11-26 09:11:58  run 8: exited with code 3, pid 4799
  its last run said last on stderr:
    ERROR cannot connect\\x1b[2J

 ? keys  up/down select  enter details  / filter  s sort  r~";
    assert_eq!(story.shown(60, 11), expected);
    story.press("jj");
    let scrolled = story.shown(60, 8);
    assert!(scrolled.starts_with("jobd") && scrolled.contains("\n  next start"), "{scrolled}");
    story.press("\n");
    assert!(story.shown(60, 11).contains("  NAME"));
}

/// Case: CC-83
#[test]
fn old_figures_are_never_shown_without_their_age() {
    let second = |story: &mut Story| {
        let shown = story.shown(70, 11);
        shown.lines().nth(1).unwrap_or_default().to_owned()
    };
    let mut story = Story::new();
    assert!(second(&mut story).starts_with("  NAME"));
    story.ms += 4000;
    assert_eq!(second(&mut story), " 4 s old: no answer yet");
    story.see(1000, Seen::NoAnswer("d.sock gives no answer for 3 s".to_owned()));
    assert_eq!(second(&mut story), " 5 s old: d.sock gives no answer for 3 s");
    assert!(story.shown(70, 11).contains("web-1"));
    story.see(1000, answer("e1", Err("its executor gives no answer for 2s".to_owned())));
    assert_eq!(second(&mut story), " workers 6 s old: its executor gives no answer for 2s");
    story.see(1000, answer("e1", Ok(workers())));
    assert!(second(&mut story).starts_with("  NAME"));
    story.see(1000, Seen::NotRunning("jobd: not running\x1b[2J".to_owned()));
    assert_eq!(second(&mut story), " jobd: not running\\x1b[2J");
    assert!(!story.shown(70, 11).contains("web-1"), "nobody is there");
    let mut asking = Model::new("jobd".to_owned(), Instant::now());
    let mut screen = Screen::new(20, 4);
    draw(&mut asking, &mut screen, Instant::now(), false);
    assert_eq!(screen.text(), "jobd\n asking\n\n");
}

/// Case: CC-79
#[test]
fn every_size_is_drawn_and_a_question_is_always_seen() {
    for columns in (1..40).chain([79, 80, 200]) {
        for lines in [1, 2, 3, 4, 5, 6, 7, 8, 23, 60] {
            let mut story = Story::new();
            for keys in ["", "jjjjj", "\n", "\n", "/we", "\n", "kkkr", "n", "KTERM", "\x1b", "q"] {
                story.press(keys);
                for seen in [None, Some(Seen::NoAnswer("why".to_owned()))] {
                    seen.into_iter().for_each(|seen| story.see(1, seen));
                    let shown = story.shown(columns, lines);
                    assert_eq!(
                        shown.lines().count().max(1),
                        lines.min(shown.lines().count().max(1))
                    );
                    let asked = story.model.prompt != Prompt::None && 8 < columns;
                    let seen = [" Filter:", " Restart", " Signal "]
                        .iter()
                        .any(|text| shown.contains(text));
                    assert!(seen || !asked, "{columns}x{lines}:\n{shown}");
                }
                story.see(1, answer("e1", Ok(workers())));
            }
        }
    }
}

#[test]
fn the_marked_row_is_seen_while_it_moves_and_the_size_changes() {
    let mut story = Story::new();
    let many = || (1..=50).map(|i| process(&format!("w{i}"), "worker", "running", i)).collect();
    story.see(1000, answer("e1", Ok(many())));
    for (index, lines) in [9, 4, 30, 2, 12, 3, 7].into_iter().cycle().take(200).enumerate() {
        story.press(if index < 100 { "j" } else { "k" });
        let shown = story.shown(80, lines);
        assert_eq!(shown.lines().filter(|line| line.starts_with("> ")).count(), 1, "{shown}");
        let rows = shown.lines().filter(|line| line.contains("running  ")).count();
        assert!(lines.saturating_sub(4) <= rows + 1, "{lines}: {shown}");
    }
}

#[test]
#[ignore = "nothing here can fail: it prints how long a picture of 1,000 workers takes"]
fn how_long_a_picture_of_a_thousand_workers_takes() {
    const ROUNDS: u32 = 100;
    let mut story = Story::new();
    let pictures: Vec<Seen> = (0..ROUNDS)
        .map(|round| {
            let worker = |index: u32| {
                let mut worker =
                    process(&format!("web-{index}"), "worker", "running", 5000 + index);
                worker.cpu_us = Some(u64::from(round * (index % 997)) * 1000);
                worker
            };
            answer("e1", Ok((1..=1000).map(worker).collect()))
        })
        .collect();
    let mut drawn = Screen::new(120, 50);
    let (began, mut bytes) = (Instant::now(), 0);
    for picture in pictures {
        story.see(1000, picture);
        let mut screen = Screen::new(120, 50);
        let now = story.now();
        draw(&mut story.model, &mut screen, now, true);
        bytes += changes(Some(&drawn), &screen, true).len();
        drawn = screen;
    }
    println!("{:?} and {} bytes a picture", began.elapsed() / ROUNDS, bytes / 100);
}
