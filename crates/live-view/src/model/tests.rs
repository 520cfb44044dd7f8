//! Stories of keys and pictures.

use super::*;
use crate::samples::{Story, answer, process, workers};

/// With the question whether this shall be done with `web-1`.
fn asked(keys: &str) -> Story {
    let mut story = Story::new();
    story.press("jj");
    assert_eq!(story.marked(), "web-1");
    story.press(keys);
    story
}

fn request(effect: Effect) -> Option<Request> {
    match effect {
        Effect::Act(order) => Some(order.request),
        Effect::Nothing | Effect::Quit | Effect::Interrupt => None,
        Effect::Suspend | Effect::Redraw => None,
    }
}

#[test]
fn what_is_asked_for_is_asked_first() {
    let web = || "web-1".to_owned();
    let cases = [
        ("r", Request::Restart(web())),
        ("x", Request::Stop(web())),
        ("t", Request::Start(web())),
        ("KTERX<M\n", Request::Signal(web(), 15)),
        ("Ksigusr1\n", Request::Signal(web(), 10)),
        ("K9\n", Request::Signal(web(), 9)),
    ];
    for (keys, expected) in cases {
        assert_eq!(request(asked(keys).press("y")), Some(expected), "{keys}");
        for no in ["n", "\n", "\x1b", " ", "ny", "q"] {
            assert_eq!(asked(keys).press(no), Effect::Nothing, "{keys} {no}");
        }
    }
    let mut story = Story::new();
    story.press("jr");
    assert_eq!(request(story.press("y")), Some(Request::RestartExecutor));
    for keys in ["xy", "ry", "ty", "Ky", "jxy", "jty", "jKy"] {
        let mut story = Story::new();
        assert_eq!(story.press(keys), Effect::Nothing, "guardian and executor: {keys}");
        assert!(story.model.prompt == Prompt::None, "{keys}");
    }
}

#[test]
fn what_is_no_signal_is_none() {
    for keys in ["K\n", "Kx\n", "K0\n", "K65\n", "K-1\n"] {
        let mut story = asked(keys);
        assert_eq!((story.press("y"), &story.model.prompt), (Effect::Nothing, &Prompt::None));
    }
    assert_eq!(asked("KTERM").press("\x1b"), Effect::Nothing);
}

/// Case: CC-80
#[test]
fn a_question_stays_with_its_process_when_rows_move() {
    let mut story = asked("r");
    let mut moved = workers();
    moved.insert(0, process("a", "worker", "running", 9));
    moved.rotate_left(1);
    story.see(1000, answer("e1", Ok(moved)));
    assert_eq!(request(story.press("y")), Some(Request::Restart("web-1".to_owned())));
}

/// Case: CC-80
#[test]
fn a_question_about_a_process_that_has_gone_is_taken_back() {
    let mut other_pid = workers();
    other_pid[0].pid = Some(9);
    let mut other_run = workers();
    (other_run[0].pid, other_run[0].run) = (Some(4720), 2);
    let gone = vec![process("web-2", "worker", "running", 4720)];
    let changes = [
        answer("e1", Ok(other_pid)),
        answer("e1", Ok(other_run)),
        answer("e1", Ok(gone)),
        answer("e2", Ok(workers())),
        Seen::NotRunning("not running".to_owned()),
    ];
    for seen in changes {
        for keys in ["r", "KTERM"] {
            let mut story = asked(keys);
            story.see(1000, seen.clone());
            let told = story.model.notice.clone();
            assert_eq!(told.as_deref(), Some("web-1 (pid 4720) is gone: nothing was done"));
            assert_eq!(story.press("y"), Effect::Nothing);
        }
    }
    // Nobody knows: the question stays, and it is looked once more before anything is done.
    for seen in [Seen::NoAnswer("no".to_owned()), answer("e1", Err("no".to_owned()))] {
        let mut story = asked("r");
        story.see(1000, seen);
        assert_eq!(request(story.press("y")), Some(Request::Restart("web-1".to_owned())));
    }
}

#[test]
fn one_thing_is_asked_for_at_a_time() {
    let mut story = asked("ry");
    story.press("x");
    assert_eq!(story.press("y"), Effect::Nothing);
    let told = story.model.notice.clone().unwrap_or_default();
    assert_eq!(told, "nothing was done: no answer yet to: Restart web-1 (pid 4720)");
    story.model.hear(Ok(()));
    assert_eq!(story.model.notice.as_deref(), Some("Restart web-1 (pid 4720): asked"));
    story.press("x");
    assert_eq!(request(story.press("y")), Some(Request::Stop("web-1".to_owned())));
    story.model.hear(Err("it is stopping".to_owned()));
    assert_eq!(story.model.notice.as_deref(), Some("Stop web-1 (pid 4720): it is stopping"));
}

#[test]
fn the_mark_stays_with_its_process_or_its_place() {
    let mut story = Story::new();
    assert_eq!(story.marked(), "jobd");
    story.press("jjj");
    assert_eq!(story.marked(), "web-3", "web-1, web-3, web-10, 日本-2");
    let mut fewer = workers();
    fewer.remove(0);
    story.see(1000, answer("e1", Ok(fewer.clone())));
    assert_eq!(story.marked(), "web-3");
    fewer.retain(|worker| worker.name != "web-3");
    story.see(1000, answer("e1", Ok(fewer)));
    assert_eq!(story.marked(), "web-10", "where it was");
    story.see(1000, answer("e1", Ok(Vec::new())));
    assert_eq!(story.marked(), "jobd");
    story.press("jjjjkkkkkk");
    assert_eq!(story.model.marked().map(|process| process.role.as_str()), Some("guardian"));
    story.model.press(Key::End);
    assert_eq!(story.model.marked().map(|process| process.role.as_str()), Some("executor"));
}

#[test]
fn the_filter_is_typed_kept_and_taken_back() {
    let names = |story: &Story| {
        let rows = story.model.rows();
        rows[2..].iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(" ")
    };
    let mut story = Story::new();
    story.press("/10q<");
    assert_eq!(names(&story), "web-10");
    story.press("\n");
    assert_eq!((names(&story), story.model.prompt == Prompt::None), ("web-10".into(), true));
    story.press("\x1b");
    assert_eq!(names(&story), "web-1 web-3 web-10 日本-2");
    story.press(&format!("/{}\x1b", "a".repeat(1000)));
    assert_eq!(story.model.filter, "");
    story.press(&format!("/{}", "a".repeat(1000)));
    assert_eq!(story.model.filter.len(), LONGEST_TEXT);
}

/// Case: CC-83
#[test]
fn q_and_ctrl_c_work_whatever_is_known() {
    let mut silent = Story::new();
    silent.see(1000, Seen::NoAnswer("no".to_owned()));
    let empty = Model::new("jobd".to_owned(), silent.now());
    for mut model in [silent.model, empty] {
        assert_eq!(model.press(Key::Letter('q')), Effect::Quit);
        for prompt in ["", "/", "r", "K", "\n"] {
            prompt.chars().for_each(|key| drop(model.press(Key::Letter(key))));
            assert_eq!(model.press(Key::Interrupt), Effect::Interrupt);
            assert_eq!(model.press(Key::Suspend), Effect::Suspend);
        }
    }
}

/// Case: CC-83
#[test]
fn another_guardian_begins_a_history() {
    let mut story = Story::new();
    let busier = |ms: u64| {
        let mut workers = workers();
        workers[0].cpu_us = Some(3_500_000 + ms * 250);
        workers
    };
    story.see(1000, answer("e1", Ok(busier(1000))));
    let share = |story: &Story| story.model.history.share(&busier(0)[0]);
    assert_eq!(share(&story), Some(250));
    story.see(1000, answer("e1", Err("no answer".to_owned())));
    assert_eq!(story.model.history.samples(&busier(0)[0]).len(), 2, "kept for its workers");
    story.see(1000, answer("e2", Ok(busier(9000))));
    assert_eq!((share(&story), story.model.history.samples(&busier(0)[0]).len()), (None, 1));
    story.see(1000, answer("e3", Err("no answer".to_owned())));
    assert_eq!(story.model.rows().len(), 2, "workers of another one are none of it");
}
