//! Any bytes, in any pieces.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn all(frames: &mut Frames) -> Result<Vec<Vec<u8>>, TooLong> {
    let mut messages = Vec::new();
    while let Some(message) = frames.next_message()? {
        messages.push(message);
    }
    Ok(messages)
}

/// Bytes of which many are ends.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0), any::<u8>()], 0..200)
}

proptest! {
    /// Case: CC-15
    #[test]
    fn however_bytes_are_split_the_messages_are_the_same(bytes in bytes(), pieces in vec(1..40_usize, 1..20)) {
        let mut frames = Frames::new(1000);
        let (mut messages, mut rest) = (Vec::new(), bytes.as_slice());
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            frames.push(now);
            prop_assert_eq!(frames.has_news(), now.contains(&0));
            messages.extend(all(&mut frames).unwrap());
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let mut expected: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
        let half = expected.pop().unwrap();
        prop_assert_eq!(messages, expected);
        prop_assert_eq!(frames.len(), half.len());
        prop_assert_eq!(frames.is_empty(), half.is_empty());
    }

    #[test]
    fn none_is_longer_than_allowed(lengths in vec(0..20_usize, 1..10), longest in 0..20_usize, piece in 1..30_usize) {
        let bytes: Vec<u8> = lengths.iter().flat_map(|length| [vec![7; *length], vec![0]].concat()).collect();
        let fine = lengths.iter().take_while(|length| **length <= longest).count();
        let mut frames = Frames::new(longest);
        let (mut messages, mut was_too_long) = (Vec::new(), false);
        for chunk in bytes.chunks(piece) {
            frames.push(chunk);
            loop {
                match frames.next_message() {
                    Ok(Some(message)) => messages.push(message.len()),
                    Ok(None) => break,
                    Err(error) => {
                        prop_assert_eq!(error, TooLong { longest });
                        prop_assert!(frames.has_news());
                        was_too_long = true;
                        break;
                    }
                }
            }
            if was_too_long {
                break;
            }
            prop_assert!(frames.len() <= longest + piece);
        }
        prop_assert_eq!(&messages, &lengths[..fine]);
        prop_assert_eq!(was_too_long, fine < lengths.len());
    }
}

#[test]
fn nothing_is_kept_once_all_is_taken() {
    let mut frames = Frames::new(LONGEST_CALL);
    frames.push(&[vec![b'x'; 1000], vec![0]].concat());
    assert_eq!(frames.next_message().unwrap().unwrap().len(), 1000);
    assert_eq!(frames.bytes.capacity(), 0);
}

#[test]
fn what_was_looked_at_is_not_looked_at_again() {
    let mut frames = Frames::new(LONGEST_CALL);
    for _ in 0..1000 {
        frames.push(b"x");
        assert!(!frames.has_news());
        assert_eq!(frames.scanned, frames.bytes.len());
    }
}
