//! A child that says anything, in any order, of any size.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::sys::socket::send_packet_now;
use exit::{ErrorText, Failure};

/// What a child may put into its socket in one go.
#[derive(Clone, Debug)]
enum Said {
    Word(Word),
    /// Whatever the user's code in a child has written there itself.
    Packet(Vec<u8>),
}

#[derive(Clone, Debug)]
enum Word {
    Ready,
    NotReady,
    Failed(usize),
    Panic(usize),
    Extend(u64),
    Status(usize),
    Verdict(usize, i32),
    Told(usize),
    Value(usize, bool),
}

/// The most that is asked for.
const MOST_OF_VALUE: usize = 50_000;

fn said() -> impl Strategy<Value = Said> {
    let size = prop_oneof![0..50usize, 0..40_000usize];
    let word = prop_oneof![
        Just(Word::Ready),
        Just(Word::NotReady),
        size.clone().prop_map(Word::Failed),
        size.clone().prop_map(Word::Panic),
        any::<u64>().prop_map(Word::Extend),
        size.clone().prop_map(Word::Status),
        (size.clone(), any::<i32>()).prop_map(|(size, code)| Word::Verdict(size, code)),
        size.clone().prop_map(Word::Told),
        (size, any::<bool>()).prop_map(|(size, more)| Word::Value(size, more)),
    ];
    prop_oneof![
        9 => word.prop_map(Said::Word),
        1 => vec(any::<u8>(), 1..20).prop_map(Said::Packet),
    ]
}

fn text(size: usize) -> ErrorText {
    ErrorText::new(&io::Error::other("ä".repeat(size)))
}

fn panic(size: usize) -> Panic {
    Panic { message: "p".repeat(size), place: "q".repeat(size) }
}

fn up(word: &Word) -> Up {
    match *word {
        Word::Ready => Up::Ready,
        Word::NotReady => Up::NotReady,
        Word::Failed(size) => Up::SetupFailed(SetupError {
            step: "s".repeat(size),
            error: text(size),
            permanent: false,
        }),
        Word::Panic(size) => Up::PanicSeen(panic(size)),
        Word::Extend(seconds) => Up::Extend(Duration::from_secs(seconds)),
        Word::Status(size) => Up::Status("s".repeat(size)),
        Word::Verdict(size, code) => {
            let failure = Failure { error: text(size), permanent: false, code };
            Up::Verdict(Verdict::Error(failure))
        }
        Word::Told(size) => Up::Told(vec![7; size].into()),
        Word::Value(size, more) => Up::Value { bytes: vec![7; size].into(), more },
    }
}

/// The texts of one word, as they are cut, in the longest characters.
const MOST_OF_A_WORD: usize = 20_000 * 4;

proptest! {
    /// Cases: FLT-B5, FLT-H2
    #[test]
    fn whatever_a_child_says_its_parent_keeps_little_and_gets_away(
        story in vec((said(), any::<bool>(), any::<bool>()), 0..60),
        asks in any::<bool>(),
    ) {
        let (link, theirs) = Link::pair().unwrap();
        let mut words = match asks {
            true => Words::with_value(link, MOST_OF_VALUE as u32, std::process::id()),
            false => Words::new(link),
        };
        let child = Link::new(theirs).unwrap();
        for (said, ask, take) in &story {
            // A child says as much as fits: before a full socket it would wait.
            match said {
                Said::Word(word) => {
                    if child.has_room() {
                        child.send(&up(word)).unwrap();
                    }
                }
                Said::Packet(bytes) => {
                    let _ = send_packet_now(&child, bytes);
                }
            }
            if *take {
                words.take_up();
            }
            if *ask {
                let mut asked = 0;
                while let Some(message) = words.next() {
                    prop_assert!(asked <= 512, "a turn without end");
                    asked += 1;
                    match &message {
                        Message::Status(text) => prop_assert!(text.chars().count() <= LONGEST_STATUS),
                        Message::SetupFailed(error) => {
                            prop_assert!(error.chain().len() <= MOST_OF_A_WORD);
                        }
                        Message::Closed | Message::Descriptors => break,
                        Message::Ready
                        | Message::NotReady
                        | Message::Extend(_)
                        | Message::Told(_) => (),
                    }
                }
            }
            let kinds = 3 * MOST_OF_A_WORD + 4 * LONGEST_STATUS;
            prop_assert!(words.size() <= kinds + MOST_TOLD * 40_001 + MOST_OF_VALUE);
        }
        drop(child);
        words.end();
        prop_assert!(words.over, "its end is seen");
        prop_assert!(words.kept.is_none());
        prop_assert_eq!(words.next(), Some(Message::Closed));
    }
}

/// Case: FLT-H2
#[test]
fn what_nobody_has_asked_for_yet_is_kept_once_of_each_kind() {
    let mut waiting = VecDeque::new();
    let told = |number: u8| Message::Told(Told { by: None, bytes: vec![number] });
    let status = |text: &str| Message::Status(text.to_owned());
    for number in 0..10 {
        keep(&mut waiting, Message::Ready);
        keep(&mut waiting, status(&number.to_string()));
        keep(&mut waiting, told(number));
    }
    let expected = [told(6), told(7), told(8), Message::Ready, status("9"), told(9)];
    assert_eq!(Vec::from(waiting), expected);
}

#[test]
fn a_child_that_nobody_asks_is_not_stopped_by_its_words() {
    let (link, theirs) = Link::pair().unwrap();
    let mut words = Words::new(link);
    let child = Link::new(theirs).unwrap();
    let talker = std::thread::spawn(move || {
        for _ in 0..5000 {
            child.send(&Up::Ready).unwrap();
        }
    });
    while !words.are_over() {
        words.take_up();
        std::thread::yield_now();
    }
    talker.join().unwrap();
    assert_eq!([words.next(), words.next()], [Some(Message::Ready), Some(Message::Closed)]);
}
