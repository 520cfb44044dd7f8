//! Whether an access control list gives a folder to others than its group.
//!
//! Where there is one, the group bits of the mode are its mask (acl(5)): a folder that was given to one
//! user by name looks like one that was given to its group. The list is an extended attribute, in the
//! form of linux/posix_acl_xattr.h.

use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, fgetxattr, openat};
use rustix::io::Errno;

/// Who may do what with a folder.
const NAME: &str = "system.posix_acl_access";
const VERSION: u32 = 2;
/// The lengths of the version, and of each entry after it: tag, rights, number, all of the lowest byte
/// first.
const HEAD: usize = 4;
const ENTRY: usize = 8;
/// More entries than anybody has. A list that is longer cannot be read, and so counts as one that names a
/// writer.
const MOST: usize = 256;

const USER: u16 = 0x02;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const WRITE: u16 = 0x02;

/// Whether a user or a group that the list names may write. True as well where the list cannot be read or
/// understood.
pub(crate) fn names_a_writer(folder: BorrowedFd<'_>) -> bool {
    // A descriptor that only names a folder tells no attributes (open(2), `O_PATH`).
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = openat(folder, ".", flags, Mode::empty()) else { return true };
    let mut list = [0; HEAD + MOST * ENTRY];
    match fgetxattr(folder, NAME, &mut list) {
        Ok(length) => gives_to_named(&list[..length]) != Some(false),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => false,
        Err(_) => true,
    }
}

/// Whether a user or a group that the list names may write; `None`: it is no list.
fn gives_to_named(list: &[u8]) -> Option<bool> {
    let (head, entries) = list.split_first_chunk::<HEAD>()?;
    let (entries, rest) = entries.as_chunks::<ENTRY>();
    if u32::from_le_bytes(*head) != VERSION || !rest.is_empty() {
        return None;
    }
    let entries = entries.iter().map(|[tag, tag2, rights, rights2, ..]| {
        (u16::from_le_bytes([*tag, *tag2]), u16::from_le_bytes([*rights, *rights2]))
    });
    let writes = |(_, rights): (u16, u16)| rights & WRITE != 0;
    let mask = entries.clone().find(|(tag, _)| *tag == MASK).is_none_or(writes);
    let mut named = entries.filter(|(tag, _)| matches!(*tag, USER | GROUP));
    Some(mask && named.any(writes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = VERSION.to_le_bytes().to_vec();
        for (tag, rights, number) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(rights.to_le_bytes());
            list.extend(number.to_le_bytes());
        }
        list
    }

    #[test]
    fn whoever_is_named_and_may_write_is_a_writer() {
        const NOBODY: u32 = u32::MAX;
        let base = [(0x01, 7, NOBODY), (0x04, 7, NOBODY), (0x20, 5, NOBODY)];
        let with = |more: &[(u16, u16, u32)]| gives_to_named(&list(&[&base, more].concat()));
        assert_eq!(with(&[]), Some(false));
        assert_eq!(with(&[(USER, 7, 1000), (MASK, 7, NOBODY)]), Some(true));
        assert_eq!(with(&[(GROUP, 2, 1000), (MASK, 7, NOBODY)]), Some(true));
        assert_eq!(with(&[(USER, 5, 1000), (MASK, 7, NOBODY)]), Some(false));
        assert_eq!(with(&[(USER, 7, 1000), (MASK, 5, NOBODY)]), Some(false), "masked");
    }

    #[test]
    fn what_is_no_list_is_none() {
        let mut cut = list(&[(USER, 7, 1)]);
        cut.pop();
        for bytes in [&b""[..], b"\x02\0\0", b"\x03\0\0\0", &cut] {
            assert_eq!(gives_to_named(bytes), None, "{bytes:?}");
        }
    }
}
