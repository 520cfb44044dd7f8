//! A number that nobody guesses.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// From the kernel (getrandom(2)); fails where a filter forbids it.
pub(crate) fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(u64::from_le_bytes(bytes))
}
