//! Children that say more than anybody wants to hear.

use std::time::{Duration, Instant};

use proc_spawn::{Call, Exit, Message, NotReady, Spawn};

use crate::{LIMIT, panics, spawn};

/// More words than a socket holds.
const MANY: u32 = 4000;

pub(crate) fn tells_statuses(count: u32) -> std::io::Result<()> {
    for number in 0..count {
        proc_spawn::tell_status(&format!("step {number}"))?;
        proc_spawn::extend_timeout(Duration::from_secs(1))?;
    }
    proc_spawn::tell(&"done")
}

pub(crate) fn tells_and_waits() -> std::io::Result<()> {
    tells_statuses(3)?;
    crate::waits();
    Ok(())
}

pub(crate) fn talks_without_end(text: String) -> std::io::Result<()> {
    loop {
        proc_spawn::tell_status(&text)?;
    }
}

pub(crate) fn tells_more_than_fits() -> std::io::Result<()> {
    proc_spawn::tell(&"x".repeat(2 << 20))
}

/// Case: FLT-H2
pub(crate) fn a_child_that_says_much_is_waited_for() {
    let start = Instant::now();
    assert_eq!(spawn(Call::new(tells_statuses, MANY)).wait().unwrap(), Exit::Code(0));
    assert!(start.elapsed() < LIMIT, "it has stood before a full socket");
}

/// Case: FLT-H2
pub(crate) fn a_child_that_says_much_is_tried() {
    let mut child = spawn(Call::new(tells_statuses, MANY));
    let start = Instant::now();
    let exit = loop {
        if let Some(exit) = child.try_wait().unwrap() {
            break exit;
        }
        assert!(start.elapsed() < LIMIT, "it stands before a full socket");
        std::thread::yield_now();
    };
    assert_eq!(exit, Exit::Code(0));
    // What was said meanwhile is kept for a caller who asks, as much as anybody can want.
    let mut child = spawn(Call::new(tells_and_waits, ()));
    let mut heard = Vec::new();
    loop {
        assert_eq!(child.try_wait().unwrap(), None);
        heard.extend(child.next_message());
        if matches!(heard.last(), Some(Message::Told(told)) if told.read().unwrap() == Some("done".to_owned()))
        {
            break;
        }
        assert!(start.elapsed() < LIMIT, "{heard:?}");
    }
    assert!(heard.contains(&Message::Ready), "{heard:?}");
    assert!(heard.contains(&Message::Status("step 2".into())), "{heard:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Case: FLT-B5
pub(crate) fn a_child_that_talks_without_end() {
    let mut child = spawn(Call::new(talks_without_end, "x".repeat(5000)));
    // A caller who takes all there is gets away again, however long the child talks, and sees no more
    // than a line.
    let (mut turns, mut longest) = (0, 0);
    let start = Instant::now();
    while turns < 100 {
        assert!(start.elapsed() < LIMIT, "it is listened to for ever");
        let mut heard = 0;
        while let Some(message) = child.next_message() {
            heard += 1;
            assert!(heard <= 512, "one turn does not end");
            if let Message::Status(text) = message {
                longest = longest.max(text.chars().count());
            }
        }
        turns += usize::from(heard > 0);
    }
    assert_eq!(longest, 1000);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));

    // A child that says once that it is ready, and then only talks: the second wait is in vain.
    let call = Call::new(talks_without_end, "x".to_owned());
    let mut child = Spawn::new(call).unwrap().spawn().unwrap();
    child.wait_until_ready(LIMIT).unwrap();
    let error = child.wait_until_ready(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, NotReady::TimedOut { .. }), "{error:?}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Cases: FLT-H2, FLT-B5
pub(crate) fn a_panic_of_five_megabytes() {
    let exit = spawn(Call::new(panics, "ä".repeat(5 << 20))).wait().unwrap();
    let Exit::Panic(panic) = exit else { panic!("no panic but {exit:?}") };
    assert_eq!(panic.message.chars().count(), 4000);
    assert!(panic.message.ends_with('…') && panic.place.contains("it/main.rs:"), "{}", panic.place);
}

/// Case: FLT-B5
pub(crate) fn a_word_that_is_too_long_is_an_error() {
    let exit = spawn(Call::new(tells_more_than_fits, ())).wait().unwrap();
    let said = exit.to_string();
    assert!(said.starts_with("returned an error: a word of 2097"), "{said}");
    assert!(said.ends_with(" bytes; 1048576 are allowed"), "{said}");
}
