//! Signals (kind G).

use libtest_mimic::Trial;

use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![]
}
