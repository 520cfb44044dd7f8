//! Who is trusted about the names in a folder, as the caller says it.

/// Who is trusted about a file, and about the folders on the way to it.
///
/// Said for each file, and never for a process: one file in a user's folder is no reason to be led
/// elsewhere by another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trust {
    /// Root, and who we are (the effective user). This is the default.
    #[default]
    RootAndUs,
    /// Besides them, the owner of each folder: with the links and files of his own that are in it.
    ///
    /// For a privileged process whose files belong in the folder of a user, who may then choose
    /// which file it is that is written to. Others who can write to such a folder, as members of its
    /// group or since it is sticky, are not trusted.
    FolderOwners,
}

impl Trust {
    /// [`FolderOwners`](Trust::FolderOwners) if `trust_folder_owner`, for configuration that has it
    /// as yes or no.
    pub fn folder_owners_if(trust_folder_owner: bool) -> Trust {
        if trust_folder_owner { Trust::FolderOwners } else { Trust::RootAndUs }
    }
}
