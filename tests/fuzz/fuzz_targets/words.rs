//! A child that says anything, in any order and of any size, against the code of its parent.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| proc_spawn::fuzzing::exchange(bytes));
