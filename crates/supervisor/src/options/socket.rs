//! Whether a daemon can be asked by a socket, and by whom.

use std::path::PathBuf;

use control::May;
use nix::unistd::Group;
use serde::{Deserialize, Serialize};

use policy::Problems;
use surroundings::{Base, Files, Owner, Purpose};

/// Whether a daemon can be asked by its control socket, `<pid_filename>.sock`, and by whom: root and the user of
/// the guardian may do everything; others nothing, unless a group is given.
///
/// The default: there is a socket, with mode 0600.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping like `{socket: false}` or `{group: adm, group_may: act}`"
)]
pub struct ControlOptions {
    #[serde(skip_serializing_if = "is_true")]
    socket: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_may: Option<GroupMay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_filename: Option<PathBuf>,
}

fn is_true(value: &bool) -> bool {
    *value
}

/// What the group of the control socket may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupMay {
    /// Ask how the daemon is, and watch what happens.
    #[default]
    Look,
    /// All that the owner may.
    Act,
}

impl Default for ControlOptions {
    fn default() -> ControlOptions {
        ControlOptions { socket: true, group: None, group_may: None, events_filename: None }
    }
}

impl ControlOptions {
    /// The default.
    pub fn new() -> ControlOptions {
        ControlOptions::default()
    }

    /// Whether there is a socket. Default: there is.
    #[must_use]
    pub fn socket(mut self, socket: bool) -> ControlOptions {
        self.socket = socket;
        self
    }

    /// A group, by name or number, whose members may look: the socket gets this group and mode 0660. Default: none.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> ControlOptions {
        self.group = Some(group.into());
        self
    }

    /// What that group may. Default: [`GroupMay::Look`].
    #[must_use]
    pub fn group_may(mut self, may: GroupMay) -> ControlOptions {
        self.group_may = Some(may);
        self
    }

    /// A file in which everything is written that happens to the daemon's processes, a JSON object on each line: the
    /// events that a client gets, with their epoch. Rotated as a log is by default. Default: none.
    #[must_use]
    pub fn events_filename(mut self, path: impl Into<PathBuf>) -> ControlOptions {
        self.events_filename = Some(path.into());
        self
    }

    /// Checks it.
    pub(crate) fn plan(
        self,
        problems: &mut Problems,
        files: &mut Files,
        base: &Base,
    ) -> ControlPlan {
        if let (None, Some(_)) = (&self.group, self.group_may) {
            let reason = "there is no `group` that it is about; give one";
            problems.add("control.group_may", "", reason);
        }
        let group = self.group.as_deref().and_then(|name| group_number(problems, name));
        let acts = self.group_may.unwrap_or_default() == GroupMay::Act;
        let events = self.events_filename.map(|path| {
            let path = base.file(problems, files, "control.events_filename", path);
            files.note(Owner::Options, "control.events_filename", Purpose::Events, &path);
            path
        });
        ControlPlan { socket: self.socket, group, acts, events }
    }
}

/// The number of a group that is there, as the system's database has it (getgrnam(3)), or as it was given.
fn group_number(problems: &mut Problems, name: &str) -> Option<u32> {
    let reason = match name.parse::<u32>() {
        Ok(u32::MAX) => "4294967295 stands for no group (chown(2))".to_owned(),
        Ok(number) => return Some(number),
        Err(_) if name.contains('\0') => "contains a NUL byte; give a group's name".to_owned(),
        Err(_) => match Group::from_name(name) {
            Ok(Some(group)) => return Some(group.gid.as_raw()),
            Ok(None) => "no such group; `getent group` shows which there are".to_owned(),
            Err(error) => format!("the groups cannot be looked up: {error}; give its number"),
        },
    };
    problems.add("control.group", name, reason);
    None
}

/// How a daemon can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlPlan {
    /// Whether there is one.
    pub(crate) socket: bool,
    pub(crate) group: Option<u32>,
    /// Whether that group may do what the owner may.
    pub(crate) acts: bool,
    /// Where events are written, if they are.
    pub(crate) events: Option<PathBuf>,
}

impl ControlPlan {
    /// The group of the socket, and what it may do; `None`: it has no group.
    pub(crate) fn group_may(&self) -> Option<(u32, May)> {
        let may = if self.acts { May::Act } else { May::Look };
        self.group.map(|group| (group, may))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(options: ControlOptions) -> (ControlPlan, String) {
        let (mut problems, mut files) = (Problems::new(), Files::new());
        let plan = options.plan(&mut problems, &mut files, &Base::find());
        (plan, problems.to_string())
    }

    #[test]
    fn a_group_is_found_by_name_and_number_and_what_is_none_is_told() {
        let plan =
            |group, acts| (ControlPlan { socket: true, group, acts, events: None }, String::new());
        let options = ControlOptions::new;
        assert_eq!(planned(options()), plan(None, false));
        assert!(!planned(options().socket(false)).0.socket);
        assert_eq!(planned(options().group("4711")), plan(Some(4711), false));
        assert_eq!(planned(options().group("root")), plan(Some(0), false));
        let acting = options().group("0").group_may(GroupMay::Act);
        assert_eq!(planned(acting), plan(Some(0), true));
        for (wrong, text) in [
            (options().group("no-such-group"), "control.group `no-such-group`: no such group"),
            (options().group(""), "control.group ``: no such group"),
            (options().group("4294967295"), "stands for no group"),
            (options().group("a\0b"), "contains a NUL byte"),
            (options().group_may(GroupMay::Look), "there is no `group` that it is about"),
        ] {
            let (_, told) = planned(wrong);
            assert!(told.contains(text), "{told}");
        }
    }
}
