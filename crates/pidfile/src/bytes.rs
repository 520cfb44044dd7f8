//! The three bytes of a pid file whose locks decide, and what a lock on each of them says. The lock that
//! only proves who the holder is ([`sys::take_proof`](crate::sys::take_proof)) is on another byte.

/// A byte that can be locked. The file need not be that long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Byte {
    /// Somebody is removing the file because nobody holds it; locked for moments.
    TakeOver = 0,
    /// The holder is alive. Locked before the file has a name, and never again after it was freed:
    /// once free, free for ever.
    Holder = 1,
    /// A process that depends on the holder is alive. Locked only while byte 1 is.
    Dependent = 2,
}
