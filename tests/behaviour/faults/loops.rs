//! Loops that wait or spin (kind E).

use libtest_mimic::Trial;

use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![]
}
