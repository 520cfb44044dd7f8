//! What an entry returns, at its parent.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use proc_spawn::{
    Call, Child, DEFAULT_VALUE, Exit, JoinError, LONGEST_VALUE, NoValue, Spawn, Stdio, Value,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    file: String,
    lines: u64,
    first: Option<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "this is what is tried")]
pub(super) fn counts(file: String) -> Result<Counted, std::io::Error> {
    Ok(Counted { file, lines: 7, first: None })
}

pub(super) fn returns_bytes(count: usize) -> Result<Bytes, String> {
    (count < 1 << 30).then(|| Bytes(vec![7; count])).ok_or_else(|| "too many".to_owned())
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>);

#[expect(clippy::unnecessary_wraps, reason = "this is what is tried")]
pub(super) fn returns_what_cannot_be_told(_: ()) -> Result<Option<Option<u8>>, String> {
    Ok(Some(None))
}

/// Lingers between its value and its end.
#[expect(clippy::unnecessary_wraps, reason = "this is what is tried")]
pub(super) fn returns_and_lingers(_: ()) -> Result<u8, String> {
    // The hooks run when the value has been sent.
    proc_spawn::at_end(|| {
        let _ = std::io::stdout().write_all(b"sent");
        let _ = std::io::stdout().flush();
        loop {
            std::thread::park();
        }
    });
    Ok(7)
}

fn spawn(call: Call, most: u64) -> Child {
    Spawn::new(call).unwrap().keep_value(most).spawn().unwrap()
}

fn failed<T: serde::de::DeserializeOwned + std::fmt::Debug>(child: Child) -> (Exit, Option<Value>) {
    match child.join::<T>() {
        Err(JoinError::Failed { exit, value }) => (exit, value),
        other => panic!("{other:?}"),
    }
}

pub(super) fn what_an_entry_returns_arrives_by_type() {
    let call = || Call::new(counts, "a.txt".to_owned());
    let counted: Counted = spawn(call(), DEFAULT_VALUE).join().unwrap();
    assert_eq!(counted, Counted { file: "a.txt".to_owned(), lines: 7, first: None });
    spawn(Call::new(super::fine, ()), DEFAULT_VALUE).join::<()>().unwrap();
    let error = spawn(call(), DEFAULT_VALUE).join::<u64>().unwrap_err();
    assert!(matches!(error, JoinError::OtherType(_)), "{error:?}");
    let (exit, value) = failed::<()>(spawn(Call::new(super::fails, ()), DEFAULT_VALUE));
    assert!(matches!(exit, Exit::Error(_)) && value.is_none(), "{exit}, {value:?}");
}

pub(super) fn what_nobody_asks_for_is_not_sent() {
    // What cannot be encoded is no failure where nobody wants it.
    let mut child =
        Spawn::new(Call::new(returns_what_cannot_be_told, ())).unwrap().spawn().unwrap();
    assert_eq!(child.wait().unwrap(), Exit::Code(0));
    assert_eq!(child.value(), None);
    let child = Spawn::new(Call::new(counts, String::new())).unwrap().spawn().unwrap();
    let error = child.join::<Counted>().unwrap_err();
    assert!(matches!(error, JoinError::NotAsked), "{error:?}");
}

/// Case: PL-94
pub(super) fn a_value_may_be_as_large_as_was_asked_for() {
    for (count, most) in
        [(1, 100), (3 << 20, 4 << 20), (usize::try_from(LONGEST_VALUE).unwrap() - 5, u64::MAX)]
    {
        let Bytes(bytes) = spawn(Call::new(returns_bytes, count), most).join().unwrap();
        assert_eq!(bytes.len(), count);
        assert!(bytes.iter().all(|byte| *byte == 7));
    }
    for (count, most) in
        [(1, 0), (1 << 20, DEFAULT_VALUE), (usize::try_from(LONGEST_VALUE).unwrap(), u64::MAX)]
    {
        let (exit, value) = failed::<Bytes>(spawn(Call::new(returns_bytes, count), most));
        let most = most.clamp(1, LONGEST_VALUE);
        assert_eq!((exit, value), (Exit::NoValue(NoValue::TooLarge { most }), None));
    }
}

/// Case: PL-94
pub(super) fn what_cannot_be_encoded_is_a_failure_for_good() {
    let (exit, _) = failed::<()>(spawn(Call::new(returns_what_cannot_be_told, ()), DEFAULT_VALUE));
    assert!(matches!(exit, Exit::NoValue(NoValue::Unencodable(_))), "{exit}");
    assert!(exit.is_permanent());
}

/// Case: PL-92
pub(super) fn who_exits_without_his_value_has_failed() {
    let (exit, value) = failed::<()>(spawn(Call::new(super::exits, 0), DEFAULT_VALUE));
    assert_eq!((exit, value), (Exit::NoValue(NoValue::Missing), None));
    let (exit, _) = failed::<()>(spawn(Call::new(super::exits, 3), DEFAULT_VALUE));
    assert_eq!(exit, Exit::Code(3));
}

/// Case: PL-91
pub(super) fn a_value_that_was_sent_outlives_its_process() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let spawn = Spawn::new(Call::new(returns_and_lingers, ())).unwrap().keep_value(DEFAULT_VALUE);
    let child = spawn.stdout(Stdio::Descriptor(Arc::new(OwnedFd::from(writer)))).spawn().unwrap();
    let mut said = [0; 4];
    reader.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"sent");
    // All that it has said is still in the socket.
    child.kill().unwrap();
    let (exit, value) = failed::<u8>(child);
    assert!(matches!(exit, Exit::Signal { signal: 9, .. }), "{exit}");
    assert_eq!(value.unwrap().read::<u8>().unwrap(), 7);
}
