//! Has this process been asked to stop? A flag, a waking sleep, a descriptor and a channel.
