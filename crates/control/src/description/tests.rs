//! Tests of `description`.
