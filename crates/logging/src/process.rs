//! Who logs.

/// The role of a process that has none.
pub(crate) const NO_ROLE: &str = "-";

/// Who logs, for the placeholders `{name}`, `{role}` and `{process}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub(crate) name: String,
    pub(crate) role: String,
}

impl Process {
    /// A process with this name and the role `-`.
    pub fn new(name: impl Into<String>) -> Process {
        Process { name: name.into(), role: NO_ROLE.to_owned() }
    }

    /// What the process is for, where several share a name.
    pub fn role(mut self, role: impl Into<String>) -> Process {
        self.role = role.into();
        self
    }
}
