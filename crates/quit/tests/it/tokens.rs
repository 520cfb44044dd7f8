//! Tokens: sticky, of one scope, with a reason and a deadline.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use quit::{QuitToken, Reason, Request, Slept};

use crate::background::background;
use crate::program::{LIMIT, Program, Signal};

/// Case: QUIT-10
#[test]
fn once_requested_it_stays_requested() {
    let token = QuitToken::new().unwrap();
    assert!(!token.requested());
    for _ in 0..3 {
        token.request(Reason::Stop);
        assert!(token.requested() && token.clone().requested());
        assert_eq!(token.sleep(Duration::from_secs(3600)), Slept::Quit);
    }
}

/// Case: QUIT-10
#[test]
fn a_token_of_one_worker_does_not_quit_the_others_nor_the_executor() {
    let executor = QuitToken::new().unwrap();
    let [red, yellow] = [executor.child().unwrap(), executor.child().unwrap()];
    red.request(Reason::Scale);
    assert!(red.requested());
    assert!(!yellow.requested() && !executor.requested());
    assert_eq!((yellow.reason(), executor.reason()), (None, None));
    assert!(!quit::quit_requested());
}

/// Case: QUIT-10
#[test]
fn a_child_quits_with_its_parent_whatever_it_waits_for() {
    let parent = QuitToken::new().unwrap();
    let child = parent.child().unwrap();
    let grandchild = child.child().unwrap();
    let receiver = grandchild.receiver().unwrap();
    let sleepers = [&parent, &child, &grandchild].map(|token| {
        let token = token.clone();
        background(move || token.sleep(Duration::MAX))
    });
    parent.request(Reason::Stop);
    assert!(child.requested() && grandchild.requested());
    for sleeper in sleepers {
        assert_eq!(sleeper.ended(), Slept::Quit);
    }
    assert!(disconnects(&receiver));

    let late = grandchild.child().unwrap();
    assert_eq!(late.sleep(Duration::MAX), Slept::Quit);
    assert!(disconnects(&late.receiver().unwrap()));
}

/// Children come and go for the life of a program; their parent forgets the dead and no living one.
#[test]
fn a_parent_of_many_wakes_those_that_are_left() {
    let parent = QuitToken::new().unwrap();
    let kept: Vec<_> = (0..300)
        .map(|_| parent.child().unwrap())
        .enumerate()
        .filter_map(|(number, child)| (number % 10 == 0).then_some(child))
        .collect();
    let receivers: Vec<_> = kept.iter().map(|child| child.receiver().unwrap()).collect();
    parent.request(Reason::Stop);
    for receiver in receivers {
        assert!(receiver.try_recv().unwrap_err().is_disconnected());
    }
}

/// A child that is born while its parent is being asked is not forgotten.
#[test]
fn a_child_born_during_the_quit_is_woken() {
    for _ in 0..200 {
        let parent = QuitToken::new().unwrap();
        let born = {
            let parent = parent.clone();
            background(move || disconnects(&parent.child().unwrap().receiver().unwrap()))
        };
        parent.request(Reason::Stop);
        assert!(born.ended());
    }
}

/// Case: QUIT-10
#[test]
fn a_child_of_the_process_quits_by_a_signal_but_not_the_other_way_round() {
    let program = Program::start(&["child-token"]);
    program.expect("ready");
    program.signal(Signal::TERM);
    program.expect("asked: SIGTERM (15)");
    program.ended_well();
}

/// Case: QUIT-13
#[test]
fn the_first_reason_stays_and_the_deadline_only_comes_forward() {
    let token = QuitToken::new().unwrap();
    assert_eq!((token.reason(), token.deadline(), token.remaining()), (None, None, None));

    let deadline = Instant::now() + Duration::from_secs(3600);
    token.request(Reason::Restart);
    assert_eq!((token.reason(), token.deadline()), (Some(Reason::Restart), None));
    for (second, reason) in [(20, Reason::Stop), (10, Reason::Scale), (30, Reason::ParentDied)] {
        token.request(Request::new(reason).until(deadline + Duration::from_secs(second)));
    }
    assert_eq!(token.reason(), Some(Reason::Restart));
    assert_eq!(token.deadline(), Some(deadline + Duration::from_secs(10)));
    assert!(token.remaining().is_some_and(|left| left <= Duration::from_secs(3610)));

    token.request(Request::new(Reason::Stop).within(Duration::ZERO));
    assert_eq!(token.remaining(), Some(Duration::ZERO));
}

/// Case: QUIT-13
#[test]
fn a_child_has_its_parents_reason_and_the_earlier_deadline() {
    let start = Instant::now();
    let at = |second| start + Duration::from_secs(second);
    let parent = QuitToken::new().unwrap();
    let [before, after] = [parent.child().unwrap(), parent.child().unwrap()];

    before.request(Request::new(Reason::Scale).until(at(20)));
    parent.request(Request::new(Reason::Stop).until(at(10)));
    after.request(Request::new(Reason::Restart).until(at(5)));

    assert_eq!((before.reason(), before.deadline()), (Some(Reason::Scale), Some(at(10))));
    assert_eq!((after.reason(), after.deadline()), (Some(Reason::Stop), Some(at(5))));
    assert_eq!((parent.reason(), parent.deadline()), (Some(Reason::Stop), Some(at(10))));

    parent.request(Request::new(Reason::Stop).until(at(1)));
    assert_eq!((before.deadline(), after.deadline()), (Some(at(1)), Some(at(1))));
}

/// Whether the channel becomes ready.
fn disconnects(receiver: &Receiver<()>) -> bool {
    receiver.recv_timeout(LIMIT).is_err_and(|error| error.is_disconnected())
}
