//! Spawn this program again to run one of its own functions, by name, with typed arguments.
