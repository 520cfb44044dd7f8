//! Who is trusted on the way to a file (kind A).

use libtest_mimic::Trial;

use crate::trials;

pub(crate) fn trials() -> Vec<Trial> {
    trials![]
}
