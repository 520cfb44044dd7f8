//! Whom we trust about a name in a folder: the rules alone, without a look at any file.

use crate::seen::Seen;
use crate::sys;
use crate::trust::Trust;

/// Write permission for the group, or for everybody.
const GROUP: u32 = 0o020;
const ANYBODY: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Who we are, and who stands for root besides root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whom {
    pub(crate) us: u32,
    /// Gives the user as whom root is shown where root is not mapped: [`sys::stands_for_root`]. A
    /// function, since it reads files, and is called only where the answer decides.
    pub(crate) outside: fn() -> Option<u32>,
}

/// The overflow user as Linux has it unless told otherwise.
const NOBODY: u32 = 65534;

impl Whom {
    /// As this process is now: it may change its user.
    pub(crate) fn now() -> Whom {
        Whom { us: rustix::process::geteuid().as_raw(), outside: sys::stands_for_root }
    }

    /// Root is trusted in any case: he could do the harm without us.
    fn trusts(self, owner: u32) -> bool {
        // If we are the overflow user ourselves, our files cannot be told from those of everybody who has
        // no user id here: then we do not trust even our own.
        owner == 0 || owner == self.us && (owner != NOBODY || !self.is_outside(owner))
    }

    fn is_outside(self, owner: u32) -> bool {
        (self.outside)() == Some(owner)
    }
}

/// What matters about a folder: who can put names into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    pub(crate) owner: u32,
    pub(crate) mode: u32,
    pub(crate) trust: Trust,
    /// Whether an access control list lets somebody whom it names write, too.
    pub(crate) has_named_writers: bool,
}

/// What matters about a link or a file: whose it is, and how many names it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) owner: u32,
    pub(crate) links: u64,
}

impl Item {
    pub(crate) fn of(seen: &Seen) -> Item {
        Item { owner: seen.owner, links: seen.links }
    }
}

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// What a file is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Nobody who is not trusted can have put it there.
    Ours,
    /// It may be used, though somebody else has made it.
    Shared,
    /// Somebody else may have laid it out for us.
    Foreign,
    /// Somebody else may have given this name to a file from elsewhere.
    Linked,
}

impl Folder {
    /// Can nobody put names here who is not trusted?
    ///
    /// A folder's owner is one of the others: a service that root started and that writes into its
    /// user's folder must not append to whatever that user makes a link to (CVE-2016-1247).
    /// With an access control list the group bits are its mask, so they cover it (acl(5)).
    pub(crate) fn is_closed(self, whom: Whom) -> bool {
        self.mode & (GROUP | ANYBODY) == 0 && self.owner_is_trusted(whom)
    }

    /// Does a name in here stay its file's unless somebody who is trusted wants it otherwise? In a sticky folder
    /// files are renamed and removed by their owners alone.
    pub(crate) fn keeps_names(self, whom: Whom) -> bool {
        self.is_closed(whom) || self.mode & STICKY != 0 && self.owner_is_trusted(whom)
    }

    /// May a link in this folder be followed?
    pub(crate) fn may_follow(self, link: Item, whom: Whom) -> bool {
        // With a second name it may be a link of root's that somebody has linked into this folder, which
        // he can where `protected_hardlinks` is 0.
        self.is_closed(whom) || (self.vouches_for(link.owner, whom) && link.links <= 1)
    }

    /// What is a file in this folder to us?
    pub(crate) fn judge(self, file: Item, purpose: Purpose, whom: Whom) -> Ruling {
        if self.is_closed(whom) {
            Ruling::Ours
        } else if file.links > 1 {
            // Whoever can put names here may have linked it from where its owner wants it read or
            // written by nobody: `protected_hardlinks` in proc_sys_fs(5) may be 0.
            Ruling::Linked
        } else if self.vouches_for(file.owner, whom) {
            Ruling::Ours
        } else if purpose == Purpose::Read || self.is_shared_by_a_group(whom) {
            // To read what somebody has written himself harms nobody.
            Ruling::Shared
        } else {
            Ruling::Foreign
        }
    }

    /// Is what this user makes in this folder as good as ours?
    fn vouches_for(self, owner: u32, whom: Whom) -> bool {
        // The user that stands for root where root is not mapped stands for everybody else outside as
        // well: he is trusted with a folder of his own (see `owner_is_trusted`), and not where others put
        // files too.
        whom.trusts(owner) || self.trust == Trust::FolderOwners && owner == self.owner
    }

    fn owner_is_trusted(self, whom: Whom) -> bool {
        self.vouches_for(self.owner, whom) || whom.is_outside(self.owner)
    }

    /// Whether a trusted owner has given this folder to a group for its files: then what we write there
    /// was meant for the group. A sticky folder is none, as it keeps its members' files apart; nor is one
    /// whose access control list names somebody who may write, for he is no group.
    pub(crate) fn is_shared_by_a_group(self, whom: Whom) -> bool {
        looks_shared(self.mode) && self.owner_is_trusted(whom) && !self.has_named_writers
    }
}

/// Whether a folder of this mode may be one that a group was given for its files.
pub(crate) fn looks_shared(mode: u32) -> bool {
    mode & (GROUP | ANYBODY | STICKY) == GROUP
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ruling::{Foreign, Linked, Ours, Shared};

    const ROOT: u32 = 0;
    const US: u32 = 1000;
    const OTHER: u32 = 1001;
    const THIRD: u32 = 1002;
    const WE: Whom = Whom { us: US, outside: || None };
    /// In a namespace that has a user for us only.
    const INSIDE: Whom = Whom { us: US, outside: || Some(NOBODY) };

    fn folder(owner: u32, mode: u32) -> Folder {
        Folder { owner, mode, trust: Trust::RootAndUs, has_named_writers: false }
    }

    fn one(owner: u32) -> Item {
        Item { owner, links: 1 }
    }

    #[test]
    fn names_are_kept_where_nobody_else_writes_or_each_only_to_his_own() {
        for (owner, mode, kept) in [
            (ROOT, 0o755, true),
            (US, 0o755, true),
            (OTHER, 0o755, false),
            (ROOT, 0o1777, true),
            (OTHER, 0o1777, false),
            (ROOT, 0o777, false),
            (ROOT, 0o2775, false),
            (US, 0o775, false),
            (ROOT, 0o3775, true),
        ] {
            assert_eq!(folder(owner, mode).keeps_names(WE), kept, "{owner} {mode:o}");
        }
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
            assert_eq!(folder.may_follow(one(link_owner), WE), followed, "{folder:?} {link_owner}");
        }
    }

    #[test]
    fn root_does_not_follow_the_links_of_a_user_in_that_users_folder() {
        let root = Whom { us: ROOT, outside: || None };
        assert!(!folder(US, 0o755).may_follow(one(US), root));
        assert!(folder(US, 0o755).may_follow(one(ROOT), root));
    }

    #[test]
    fn a_link_with_a_second_name_is_followed_only_where_nobody_else_puts_names() {
        let twice = Item { owner: ROOT, links: 2 };
        assert!(!folder(OTHER, 0o755).may_follow(twice, WE));
        assert!(!folder(ROOT, 0o1777).may_follow(twice, WE));
        assert!(folder(ROOT, 0o755).may_follow(twice, WE));
    }

    #[test]
    fn a_file_is_written_to_unless_somebody_else_can_have_laid_it_out() {
        let table = [
            // folder's owner, its mode, file's owner, its links, what it is to us
            (ROOT, 0o755, OTHER, 1, Ours),
            (US, 0o755, OTHER, 2, Ours),
            (OTHER, 0o755, OTHER, 1, Foreign),
            (OTHER, 0o755, THIRD, 1, Foreign),
            (OTHER, 0o755, US, 1, Ours),
            (OTHER, 0o755, US, 2, Linked),
            (OTHER, 0o755, ROOT, 1, Ours),
            (OTHER, 0o755, ROOT, 2, Linked),
            (ROOT, 0o1777, OTHER, 1, Foreign),
            (ROOT, 0o1777, US, 1, Ours),
            (ROOT, 0o1777, ROOT, 1, Ours),
            (ROOT, 0o1777, ROOT, 2, Linked),
            (US, 0o777, OTHER, 1, Foreign),
            (OTHER, 0o777, OTHER, 1, Foreign),
            // A group that shares a folder.
            (ROOT, 0o2775, OTHER, 1, Shared),
            (ROOT, 0o2775, OTHER, 2, Linked),
            (ROOT, 0o2775, US, 1, Ours),
            (US, 0o775, OTHER, 1, Shared),
            (OTHER, 0o775, THIRD, 1, Foreign),
            (ROOT, 0o3775, OTHER, 1, Foreign),
        ];
        for (owner, mode, file_owner, links, ruling) in table {
            let (folder, file) = (folder(owner, mode), Item { owner: file_owner, links });
            assert_eq!(folder.judge(file, Purpose::Write, WE), ruling, "{folder:?} {file:?}");
        }
    }

    /// The content of a file with a second name may be a secret of whoever owns it.
    #[test]
    fn what_a_stranger_has_written_is_read_and_what_he_has_linked_is_not() {
        let read = |folder: Folder, file| folder.judge(file, Purpose::Read, WE);
        assert_eq!(read(folder(ROOT, 0o1777), one(OTHER)), Shared);
        assert_eq!(read(folder(ROOT, 0o1777), Item { owner: ROOT, links: 2 }), Linked);
        assert_eq!(read(folder(OTHER, 0o755), Item { owner: THIRD, links: 2 }), Linked);
        assert_eq!(read(folder(ROOT, 0o755), Item { owner: THIRD, links: 2 }), Ours);
    }

    #[test]
    fn the_owner_of_a_folder_can_be_trusted_and_nobody_else_in_it() {
        let theirs = |mode| Folder { trust: Trust::FolderOwners, ..folder(OTHER, mode) };
        assert!(theirs(0o755).may_follow(one(OTHER), WE));
        assert_eq!(theirs(0o755).judge(one(OTHER), Purpose::Write, WE), Ours);
        assert!(theirs(0o1777).may_follow(one(OTHER), WE));
        assert!(!theirs(0o1777).may_follow(one(THIRD), WE));
        assert_eq!(theirs(0o1777).judge(one(THIRD), Purpose::Write, WE), Foreign);
        let linked = Item { owner: OTHER, links: 2 };
        assert_eq!(theirs(0o1777).judge(linked, Purpose::Write, WE), Linked);
    }

    /// Case: FLT-A8
    #[test]
    fn where_root_is_not_mapped_the_overflow_user_is_trusted_with_folders_of_his_own() {
        assert!(folder(NOBODY, 0o755).may_follow(one(NOBODY), INSIDE));
        assert!(!folder(NOBODY, 0o755).may_follow(one(NOBODY), WE), "where root is mapped");
        assert_eq!(folder(NOBODY, 0o755).judge(one(OTHER), Purpose::Write, INSIDE), Ours);
        // Anybody outside may have made it.
        assert!(!folder(NOBODY, 0o1777).may_follow(one(NOBODY), INSIDE));
        assert_eq!(folder(NOBODY, 0o1777).judge(one(NOBODY), Purpose::Write, INSIDE), Foreign);
        assert_eq!(folder(NOBODY, 0o1777).judge(one(US), Purpose::Write, INSIDE), Ours);
    }

    /// With an empty map every file there seems to belong to the overflow user.
    #[test]
    fn who_is_the_overflow_user_himself_cannot_tell_which_files_are_his() {
        let unmapped = Whom { us: NOBODY, outside: || Some(NOBODY) };
        assert_eq!(folder(NOBODY, 0o1777).judge(one(NOBODY), Purpose::Write, unmapped), Foreign);
        let nobody = Whom { us: NOBODY, outside: || None };
        assert_eq!(folder(ROOT, 0o1777).judge(one(NOBODY), Purpose::Write, nobody), Ours);
    }
}
