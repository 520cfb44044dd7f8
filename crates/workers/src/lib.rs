//! Many worker processes kept alive, by name.
