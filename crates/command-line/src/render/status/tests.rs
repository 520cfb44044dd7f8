//! What `status` shows, letter by letter.

use supervisor::LastWords;

use super::super::samples::{self, PIPE, clock, end, jobd, mute, plain};
use super::super::text::width;
use super::*;

#[track_caller]
fn shows(seen: &Seen, look: Look, expected: &str) {
    let shown = status(seen, &clock(), look);
    assert_eq!(shown, expected, "\n{shown}");
}

/// Cases: CTL-01, CC-45, CC-47, CC-49, PL-98
#[test]
fn a_daemon_and_its_workers_are_a_tree() {
    shows(
        &jobd(),
        PIPE,
        "\
* jobd - running, ready since 2026-11-24 09:12:03 (2 days)
  guardian 4711, executor 4713, 1 restart, last: panicked: no such key at src/main.rs:42, 1 day ago
  says: 42 jobs
  memory 84.0M  cpu 14s  control run/jobd.pid.sock
  workers: 2 of 4 ready
  set web: 2 of 3 ready, rolling: 1 of 3 replaced
  batch convert: 37 of 100 done, 2 failed, 1 cancelled, 57 pending, 3 of at most 4 running
  |- web-1   running   4720  2d       21.0M  cpu 3.5s
  |- 日本-2  running   4721  2d       21.0M  cpu 3.5s
  |- web-3   back-off  -     in 4.2s                   7 restarts, last: exited with code 3, 5s ago
  `- web-4   stopped   -     1h ago                    by request
  web-3 last said:
    ERROR cannot connect to 10.0.0.7:5432\\x1b[2J
",
    );
}

/// Case: CC-53
#[test]
fn a_terminal_gets_colours_and_lines() {
    let shown = status(&jobd(), &clock(), Look { fancy: true, columns: Some(60) });
    assert!(shown.starts_with("\x1b[32m●\x1b[0m jobd - running, ready since 2026-11-24 09:12:03"));
    assert!(shown.contains("  └─ web-4   stopped   -     1h ago"), "{shown}");
    assert!(
        shown.contains("\n  guardian 4711, executor 4713, 1 restart, last: panicked: …\n"),
        "{shown}"
    );
}

/// Case: CC-54
#[test]
fn no_line_is_wider_than_the_terminal_and_columns_go_in_a_fixed_order() {
    for columns in 0..=210 {
        for line in status(&jobd(), &clock(), plain(columns)).lines() {
            assert!(width(line) <= columns, "{columns}: {line}");
        }
    }
    let row = |columns| {
        let shown = status(&jobd(), &clock(), plain(columns));
        shown.lines().find(|line| line.contains("web-3")).unwrap().to_owned()
    };
    let whole = "  |- web-3   back-off  -     in 4.2s                   7 restarts, last: exited with \
                 code 3, 5s ago";
    assert_eq!((row(200), row(120)), (whole.to_owned(), whole.to_owned()));
    let cut = "  |- web-3   back-off  -     in 4.2s                   7 restarts, last: exited~";
    assert_eq!(row(80), cut);
    assert_eq!(row(60), "  |- web-3   back-off  -     in 4.2s  7 restarts, last: exi~");
    assert_eq!(row(40), "  |- web-3   back-off  -     in 4.2s");
    assert_eq!(row(20), "  |- web-3   back-o~");
}

/// Case: CC-04, CC-08
#[test]
fn without_a_word_of_the_daemon_the_lock_tells() {
    let running = || DaemonStatus::Running { pid: Some(4711) };
    let silent = Answer::Failed("run/jobd.pid.sock gives no answer for 2 s".to_owned());
    let line =
        "jobd: running (4711 holds run/jobd.pid); run/jobd.pid.sock gives no answer for 2 s\n";
    shows(&mute(running(), silent.clone()), PIPE, line);
    assert_eq!(mute(running(), silent).state().code(), 4);
    shows(&mute(running(), Answer::NotAsked), PIPE, "jobd: running (4711 holds run/jobd.pid)\n");
    assert_eq!(mute(running(), Answer::NotAsked).state().code(), 0);
    let down = |stale| mute(DaemonStatus::NotRunning { stale }, Answer::NotAsked);
    shows(&down(false), PIPE, "jobd: not running\n");
    shows(&down(true), PIPE, "jobd: not running; a crash has left run/jobd.pid\n");
    assert_eq!((down(false).state().code(), down(true).state().code()), (3, 1));
    let orphaned = mute(DaemonStatus::Orphaned { pids: vec![7] }, Answer::NotAsked);
    shows(&orphaned, PIPE, "jobd: its guardian was killed, but not all is gone: process 7\n");
    assert_eq!(orphaned.state().code(), 2);
    let unknown = Seen { lock: Err("permission\ndenied".to_owned()), ..down(false) };
    shows(&unknown, PIPE, "jobd: permission\\ndenied\n");
    assert_eq!(unknown.state().code(), 4);
}

/// Cases: CC-42, CC-44
#[test]
fn each_phase_has_its_headline_and_its_code() {
    let headline = |change: &dyn Fn(&mut Given)| {
        let mut seen = jobd();
        let Answer::Given(given) = &mut seen.answer else { unreachable!() };
        change(given);
        let shown = status(&seen, &clock(), PIPE);
        (shown.lines().next().unwrap_or_default().to_owned(), seen.state().code())
    };
    let phase = |phase: &'static str| {
        headline(&move |given| {
            given.status.executor.phase = phase.to_owned();
            given.status.executor.next_start_in_us = Some(900_000);
        })
    };
    let since = "since 2026-11-24 09:12:03 (2 days)";
    assert_eq!(phase("starting"), (format!("* jobd - starting {since}"), 150));
    assert_eq!(phase("idle"), (format!("* jobd - starting {since}"), 150));
    assert_eq!(phase("not_ready"), (format!("* jobd - not ready {since}"), 150));
    assert_eq!(phase("stopping"), (format!("* jobd - stopping {since}"), 151));
    assert_eq!(phase("finished"), (format!("* jobd - stopping {since}"), 151));
    assert_eq!(phase("waiting"), ("* jobd - back-off, next start in 900ms".to_owned(), 152));
    assert_eq!(phase("sl\x1beeping"), ("* jobd - in phase sl\\x1beeping".to_owned(), 4));
    let failed = headline(&|given| {
        let worker = &mut given.workers.as_mut().unwrap()[3];
        worker.phase = "finished".to_owned();
        worker.ends = vec![end("2026-11-26T09:11:58Z", 8, "code", "exited with code 3")];
    });
    let text = format!("* jobd - running, ready {since}, but worker web-4 has failed");
    assert_eq!(failed, (text, 153));
    let two = headline(&|given| {
        for worker in &mut given.workers.as_mut().unwrap()[2..] {
            worker.phase = "finished".to_owned();
            worker.ends = vec![end("2026-11-26T09:11:58Z", 8, "code", "exited with code 3")];
        }
    });
    assert!(two.0.ends_with(", but workers web-3, web-4 have failed"), "{two:?}");
    let leaving = headline(&|given| given.status.guardian.phase = "stopping".to_owned());
    assert_eq!(leaving.1, 151);
    let well = headline(&|given| {
        let worker = &mut given.workers.as_mut().unwrap()[3];
        worker.phase = "finished".to_owned();
        worker.ends = vec![end("2026-11-26T09:11:58Z", 8, "success", "exited with code 0")];
    });
    assert_eq!(well.1, 0);
}

/// What a process was doing when it died is not what it does; nor is the cause of its end told twice.
#[test]
fn a_process_that_is_gone_says_nothing() {
    let mut seen = jobd();
    let Answer::Given(given) = &mut seen.answer else { unreachable!() };
    let worker = &mut given.workers.as_mut().unwrap()[2];
    worker.says = Some("7 jobs".to_owned());
    worker.phase = "finished".to_owned();
    worker.outcome = Some("it exited with code 3".to_owned());
    let shown = status(&seen, &clock(), PIPE);
    assert!(shown.contains("says: 42 jobs") && !shown.contains("7 jobs"), "{shown}");
    assert_eq!(shown.matches("exited with code 3").count(), 1, "{shown}");
}

/// Case: CC-45
#[test]
fn a_worker_alone_has_its_lines() {
    let seen = jobd();
    let shown = worker("jobd/web-3", &seen.workers()[2], &clock(), PIPE);
    let expected = "\
jobd/web-3: back-off, since 2026-11-24 09:12:03
  7 restarts, last: exited with code 3, 5s ago
  next start in 4.2s
  web-3 last said:
    ERROR cannot connect to 10.0.0.7:5432\\x1b[2J
";
    assert_eq!(shown, expected, "\n{shown}");
}

/// The cause was cut off on a terminal, and a stray count stood at its end.
///
/// Case: CC-45
#[test]
fn why_it_gave_up_is_told_whole_on_any_terminal() {
    let too_many = "more than 2 restarts within 60s";
    let end = format!("returned an error: gave up: {too_many}, worker flaky panicked: no such key");
    let mut executor = samples::process("jobd", "executor", "finished", 0);
    executor.restarts = 2;
    executor.outcome = Some(format!("it {end}, and is not started again: {too_many}"));
    executor.ends = vec![samples::end("2026-11-26T09:11:58Z", 3, "error", &end)];
    executor.stdout = vec!["cannot connect".to_owned()];
    let mut words = LastWords::default();
    words.at = "2026-11-26T09:11:47Z".to_owned();
    words.executor = executor;
    let down = mute(DaemonStatus::NotRunning { stale: false }, Answer::NotAsked);
    let seen = Seen { last_words: Some(words), ..down };
    let expected = format!(
        "\
jobd: not running; it has failed
  it ended 2026-11-26 09:11:47 (16s ago), after 2 restarts
  it {end}
  it is not started again: {too_many}
  jobd last said:
    cannot connect
"
    );
    shows(&seen, PIPE, &expected);
    let narrow = status(&seen, &clock(), plain(40));
    assert!(narrow.lines().all(|line| width(line) <= 40), "{narrow}");
    let words: Vec<&str> = narrow.split_whitespace().collect();
    assert!(words.join(" ").contains(&end), "{narrow}");
}

#[test]
fn workers_that_are_not_known_are_no_empty_list() {
    let mut seen = jobd();
    let Answer::Given(given) = &mut seen.answer else { unreachable!() };
    given.workers = Err("the executor has not answered within 2s".to_owned());
    given.sets.clear();
    given.batches.clear();
    let shown = status(&seen, &clock(), PIPE);
    assert!(shown.ends_with("  workers: the executor has not answered within 2s\n"), "{shown}");
}

/// Case: PL-63
#[test]
fn why_one_is_or_was_replaced_is_told() {
    let mut seen = jobd();
    let Answer::Given(given) = &mut seen.answer else { unreachable!() };
    let web = &mut given.workers.as_mut().unwrap()[2];
    web.due = Some("has 512 MiB of memory, of at most 500 MiB".to_owned());
    web.replaced = Some("has done 7 jobs".to_owned());
    let shown = worker("jobd/web-3", &seen.workers()[2], &clock(), PIPE);
    assert!(shown.contains("\n  replaced: has done 7 jobs\n"), "{shown}");
    assert!(shown.contains("\n  due to be replaced: has 512 MiB of memory, of at most"), "{shown}");
}
