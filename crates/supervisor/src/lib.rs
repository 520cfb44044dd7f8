//! One child kept alive: daemon, guardian, executor, start, stop, status.
