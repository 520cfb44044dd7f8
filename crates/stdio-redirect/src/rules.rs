//! Whom we trust about a name in a folder: the rules alone, without a look at any file.

use rustix::fs::{Mode, Stat};

/// What matters about a folder: who can put names into it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    owner: u32,
    mode: Mode,
}

impl Folder {
    pub(crate) fn new(stat: &Stat) -> Folder {
        Folder { owner: stat.st_uid, mode: Mode::from_raw_mode(stat.st_mode) }
    }

    /// May `us` follow a link of `link_owner` in this folder?
    ///
    /// A folder's owner is one of the others: a service that root started and that writes into its
    /// user's folder must not append to whatever that user makes a link to (CVE-2016-1247).
    /// With an access control list the group bits are its mask, so they cover it (acl(5)).
    pub(crate) fn may_follow(self, link_owner: u32, us: u32) -> bool {
        let open_to_others =
            self.mode.intersects(Mode::WGRP | Mode::WOTH) || !trusted(self.owner, us);
        !open_to_others || trusted(link_owner, us)
    }

    /// May `us` append to a file of `file_owner` in this folder?
    ///
    /// Milder than for links, since the harm is: what we write gets lost or read. A group that
    /// shares a folder for its files is left alone, unless it is sticky and so tells them apart.
    pub(crate) fn may_append(self, file_owner: u32, us: u32) -> bool {
        let anybody = self.mode.contains(Mode::WOTH) || self.mode.contains(Mode::WGRP | Mode::SVTX);
        !anybody || trusted(file_owner, us) || file_owner == self.owner
    }
}

/// Root could do the harm without us.
fn trusted(owner: u32, us: u32) -> bool {
    owner == us || owner == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u32 = 0;
    const US: u32 = 1000;
    const OTHER: u32 = 1001;

    fn folder(owner: u32, mode: rustix::fs::RawMode) -> Folder {
        Folder { owner, mode: Mode::from_raw_mode(mode) }
    }

    /// Law 5: no symlink is followed in a directory that others can write to.
    #[test]
    fn a_link_is_followed_only_if_nobody_else_can_have_made_it() {
        let table = [
            // folder's owner, its mode, link's owner, followed?
            (US, 0o755, OTHER, true),
            (ROOT, 0o755, OTHER, true),
            (US, 0o755, US, true),
            (OTHER, 0o755, OTHER, false),
            (OTHER, 0o755, US, true),
            (OTHER, 0o700, ROOT, true),
            (ROOT, 0o1777, OTHER, false),
            (ROOT, 0o1777, US, true),
            (ROOT, 0o1777, ROOT, true),
            (US, 0o777, OTHER, false),
            (US, 0o775, OTHER, false),
            (US, 0o775, US, true),
        ];
        for (owner, mode, link_owner, followed) in table {
            let folder = folder(owner, mode);
            assert_eq!(folder.may_follow(link_owner, US), followed, "{folder:?} {link_owner}");
        }
    }

    #[test]
    fn root_does_not_follow_the_links_of_a_user_in_that_users_folder() {
        assert!(!folder(US, 0o755).may_follow(US, ROOT));
        assert!(folder(US, 0o755).may_follow(ROOT, ROOT));
    }

    #[test]
    fn a_file_is_appended_to_unless_anybody_can_have_made_it() {
        let table = [
            // folder's owner, its mode, file's owner, appended to?
            (ROOT, 0o755, OTHER, true),
            (OTHER, 0o755, OTHER, true),
            (ROOT, 0o1777, OTHER, false),
            (ROOT, 0o1777, US, true),
            (ROOT, 0o1777, ROOT, true),
            (US, 0o777, OTHER, false),
            (OTHER, 0o777, OTHER, true),
            (ROOT, 0o2775, OTHER, true),
            (ROOT, 0o3775, OTHER, false),
        ];
        for (owner, mode, file_owner, appended) in table {
            let folder = folder(owner, mode);
            assert_eq!(folder.may_append(file_owner, US), appended, "{folder:?} {file_owner}");
        }
    }
}
