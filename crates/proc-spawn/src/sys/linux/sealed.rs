//! A file in memory that nobody can change any more.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};

/// From now on nobody changes it, or its length.
const SEALS: SealFlags =
    SealFlags::WRITE.union(SealFlags::GROW).union(SealFlags::SHRINK).union(SealFlags::SEAL);

/// A file with this in it (memfd_create(2)). Fails where memory or a descriptor is lacking.
pub(crate) fn write(content: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("payload", flags)?);
    file.write_all(content)?;
    fcntl_add_seals(&file, SEALS)?;
    Ok(file.into())
}

/// Whether it is such a file: only those in memory can have seals (fcntl(2), `F_GET_SEALS`).
pub(crate) fn is_sealed(file: impl AsFd) -> bool {
    fcntl_get_seals(file).is_ok_and(|seals| seals.contains(SEALS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_changed_is_sealed() {
        assert!(is_sealed(write(b"payload").unwrap()));
        assert!(!is_sealed(memfd_create("open", MemfdFlags::ALLOW_SEALING).unwrap()));
        assert!(!is_sealed(tempfile::tempfile().unwrap()));
    }
}
