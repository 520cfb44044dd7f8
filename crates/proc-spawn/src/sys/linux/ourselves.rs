//! What a child finds out about itself before anything else: rights, parent, ignored signals.

use super::descriptors;
use super::rights;
use super::status::Status;

/// This process, as it was when it was looked at.
#[derive(Debug)]
pub(crate) struct Ourselves {
    /// `None`: there is no /proc, and less is known.
    status: Option<Status>,
}

impl Ourselves {
    /// To be called before anything of the program's own could have changed what is looked at.
    pub(crate) fn look() -> Ourselves {
        Ourselves { status: Status::read() }
    }

    /// Whether we have rights that the process which executed us has not. `is_child`: we are a child, or
    /// claim to be.
    pub(crate) fn have_gained_rights(&self, is_child: bool) -> bool {
        rights::are_gained(self.status.as_ref(), is_child)
    }

    /// The user whose rights count. Our real user is our effective one: whoever has two is no child.
    pub(crate) fn user(&self) -> u32 {
        let known = self.status.as_ref().and_then(|status| status.user);
        known.unwrap_or_else(|| rustix::process::geteuid().as_raw())
    }

    /// Our parent; 0 if it is of another pid namespace, as it has no number here.
    pub(crate) fn parent(&self) -> i32 {
        match self.status.as_ref().filter(|status| status.own_numbers) {
            Some(status) => status.parent.and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0),
            None => rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get()),
        }
    }

    /// Whether our parent has this descriptor, too, and hands it on; also if that cannot be seen.
    pub(crate) fn may_have_inherited(&self, fd: i32) -> bool {
        descriptors::is_of(self.status.as_ref().and_then(|status| status.parent), fd)
    }

    /// The signals that whoever executed us had ignored; none where that cannot be told.
    pub(crate) fn ignored_signals(&self) -> Vec<i32> {
        let ignored = self.status.as_ref().map_or(0, |status| status.ignored);
        (1..=64).filter(|signal| ignored & (1 << (signal - 1)) != 0).collect()
    }
}
