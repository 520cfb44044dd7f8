//! Which process of the application this is.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// The program as somebody started it.
    Application,
    /// Starts a process that is to be nobody's child, and goes.
    Launcher,
    /// Holds the pid file and keeps the executor alive.
    Guardian,
    /// Runs the daemon's entry.
    Executor,
    /// One process of a pool.
    Worker,
    /// A child spawned directly.
    Child,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Application => "application",
            Role::Launcher => "launcher",
            Role::Guardian => "guardian",
            Role::Executor => "executor",
            Role::Worker => "worker",
            Role::Child => "child",
        })
    }
}

/// Who this process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// What it is for.
    pub role: Role,
    /// The name that it was given; empty for the application itself.
    pub name: String,
    /// 1 for the first process in this place, 2 after its first restart, and so on; 0 for the
    /// application itself.
    pub incarnation: u64,
    /// Which of a set of processes that are alike it is; `None`: of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Which of a set of processes that are alike one is, as it was when it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its own number, from 1 on, for life: no other process of the set has it meanwhile.
    pub index: u32,
    /// How many there were to be when this process was started.
    pub count: u32,
}

impl Current {
    /// One of this role and name, which is the first in its place and of no set.
    pub fn new(role: Role, name: impl Into<String>) -> Current {
        Current { role, name: name.into(), incarnation: 1, place: None }
    }

    /// Its number in its set, from 1 on; `None`: it is of none.
    pub fn index(&self) -> Option<u32> {
        self.place.map(|place| place.index)
    }

    /// How many its set was to have when this process was started; `None`: it is of none.
    pub fn count(&self) -> Option<u32> {
        self.place.map(|place| place.count)
    }
}

static CURRENT: OnceLock<Current> = OnceLock::new();
static APPLICATION: Current =
    Current { role: Role::Application, name: String::new(), incarnation: 0, place: None };

/// Role, name and incarnation of this process. The application itself until [`init`](crate::init)
/// finds that this is a child.
pub fn current() -> &'static Current {
    CURRENT.get().unwrap_or(&APPLICATION)
}

pub(crate) fn set(current: Current) {
    // Set once, by the bootstrap, before anything could have asked.
    let _ = CURRENT.set(current);
}
