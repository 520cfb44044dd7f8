//! How many random stories are played, and from which seed.

use std::hash::{BuildHasher, RandomState};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// So many stories are played for the laws of each machine: as many as CI is to try, which is at least
/// 100,000. Fewer, or more, with `PROPTEST_CASES`.
const STORIES: u32 = 100_000;

/// A failure shows the seed with which it can be played again.
pub(crate) fn stories() -> ProptestConfig {
    let said = ProptestConfig::default();
    let told = std::env::var_os("PROPTEST_CASES").is_some();
    let seed = match said.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(0),
    };
    println!("to play these stories again: PROPTEST_RNG_SEED={seed}");
    ProptestConfig {
        cases: if told { said.cases } else { STORIES },
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..said
    }
}
