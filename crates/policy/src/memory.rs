//! More memory than a process may have.

use std::fmt;

use human_text::size::Size;
use serde::{Deserialize, Serialize};

/// How much memory a process was seen to have, and how much it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MemoryUse {
    /// What it has, in bytes.
    pub bytes: u64,
    /// What it may have, in bytes.
    pub limit: u64,
}

impl fmt::Display for MemoryUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of memory, of at most {}", Size(self.bytes), Size(self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_beside_what_it_may_be() {
        let used = MemoryUse { bytes: 512 << 20, limit: 500 << 20 };
        assert_eq!(used.to_string(), "512 MiB of memory, of at most 500 MiB");
    }
}
