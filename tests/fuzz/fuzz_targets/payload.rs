//! What crosses between processes: the payload with all that is in it, and every later word.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    proc_spawn::fuzzing::decode(bytes);
    proc_spawn::fuzzing::receive(bytes);
    // What a role's handler finds in it.
    decode::<surroundings::Setup>(bytes);
    decode::<policy::Policy>(bytes);
    decode::<policy::RunEnd>(bytes);
});

/// What can be read can be written, and reads back the same.
fn decode<T: Serialize + DeserializeOwned + std::fmt::Debug>(bytes: &[u8]) {
    let Ok(value) = rmp_serde::from_slice::<T>(bytes) else { return };
    let written = rmp_serde::to_vec_named(&value).expect("what was read can be written");
    let again: T = rmp_serde::from_slice(&written).expect("what was written can be read");
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
}
