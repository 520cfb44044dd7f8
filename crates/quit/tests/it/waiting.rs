//! Waiting for quit beside other things: the descriptor and the channel.

use std::os::fd::AsFd;

use nix::sys::select::{FdSet, select};
use nix::sys::time::TimeVal;
use quit::{QuitToken, Reason};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::background::background;
use crate::program::{Program, Signal};

/// Poll and epoll, level- and edge-triggered (which is what async reactors use).
///
/// Case: QUIT-09
#[test]
fn the_descriptor_is_one_for_all_and_readable_for_ever() {
    let program = Program::start(&["descriptors"]);
    program.expect("asked: SIGTERM (15)");
    program.ended_well();
}

/// Case: QUIT-09
#[test]
fn the_descriptor_works_with_select() {
    let token = QuitToken::new().unwrap();
    let selected = |token: &QuitToken| {
        let mut set = FdSet::new();
        set.insert(token.descriptor().unwrap());
        let mut now = TimeVal::new(0, 0);
        select(None, &mut set, None, None, &mut now).unwrap()
    };
    assert_eq!(selected(&token), 0);
    token.request(Reason::Stop);
    assert_eq!(selected(&token), 1);
    assert_eq!(selected(&token), 1);
}

/// Case: QUIT-09
#[test]
fn the_descriptor_wakes_every_thread_that_polls_it() {
    let token = QuitToken::new().unwrap();
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let token = token.clone();
            background(move || {
                let descriptor = token.descriptor().unwrap();
                let mut waited_for = [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)];
                let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
                assert_eq!(poll(&mut waited_for, Some(&limit)).unwrap(), 1);
                assert!(token.requested(), "the flag comes first");
            })
        })
        .collect();
    token.request(Reason::Stop);
    for waiter in waiters {
        waiter.ended();
    }
}

/// Case: QUIT-09
#[test]
fn the_channel_is_ready_in_every_clone_for_ever() {
    let program = Program::start(&["receiver"]);
    program.expect("ready");
    program.signal(Signal::TERM);
    program.expect("asked: SIGTERM (15)");
    program.ended_well();
}

#[test]
fn the_channel_of_an_own_token_is_ready_when_it_is_requested() {
    let token = QuitToken::new().unwrap();
    let early = token.receiver().unwrap();
    assert!(early.try_recv().unwrap_err().is_empty());
    token.request(Reason::Stop);
    let late = token.receiver().unwrap();
    for receiver in [early.clone(), early, late] {
        assert!(receiver.try_recv().unwrap_err().is_disconnected());
    }
}

#[test]
fn the_channel_of_a_dropped_token_does_not_wait_for_ever() {
    let token = QuitToken::new().unwrap();
    let receiver = token.receiver().unwrap();
    drop(token.clone());
    assert!(receiver.try_recv().unwrap_err().is_empty());
    drop(token);
    assert!(receiver.try_recv().unwrap_err().is_disconnected());
}
