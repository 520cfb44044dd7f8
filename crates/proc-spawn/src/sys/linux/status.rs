//! What the kernel tells of this process in one read: `/proc/self/status` (proc_pid_status(5)).

use super::small::read_small;

/// The lines that are asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// The parent, as numbered by whoever has mounted `/proc`; `None` where it is not seen there.
    pub(super) parent: Option<u32>,
    /// Whether those numbers are also those that we know: `/proc` is of our own pid namespace.
    pub(super) own_numbers: bool,
    /// Whether real and effective user or group are two.
    pub(super) ids_differ: bool,
    /// The real user.
    pub(super) user: Option<u32>,
    /// Whether it is permitted capabilities that are not ambient, and is not root: at the start of
    /// a program only its file can have given them (capabilities(7)).
    pub(super) more_than_ambient: bool,
    /// Bit n-1 for signal n.
    pub(super) ignored: u64,
}

impl Status {
    /// `None` where there is no `/proc`.
    pub(super) fn read() -> Option<Status> {
        Some(Status::parse(&read_small("/proc/self/status").ok()?))
    }

    fn parse(text: &str) -> Status {
        let mut status = Status::default();
        let (mut permitted, mut ambient) = (0, 0);
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            let bits = || u64::from_str_radix(value, 16).unwrap_or(0);
            // Real, effective, saved, of the file system.
            let ids = || {
                let mut ids = value.split_whitespace().map(|id| id.parse::<u32>().ok());
                (ids.next().flatten(), ids.next().flatten())
            };
            match key {
                "PPid" => status.parent = value.parse().ok().filter(|pid| *pid != 0),
                // One for each namespace, from that of `/proc` down to ours.
                "NSpid" => status.own_numbers = value.split_whitespace().count() == 1,
                "Uid" => {
                    let (real, effective) = ids();
                    status.user = real;
                    status.ids_differ |= real != effective;
                }
                "Gid" => {
                    let (real, effective) = ids();
                    status.ids_differ |= real != effective;
                }
                "SigIgn" => status.ignored = bits(),
                "CapPrm" => permitted = bits(),
                "CapAmb" => ambient = bits(),
                _ => (),
            }
        }
        status.more_than_ambient = status.user != Some(0) && permitted & !ambient != 0;
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: &str, gid: &str, permitted: &str, ambient: &str) -> Status {
        Status::parse(&format!(
            "Name:\ta: b\nPPid:\t7\nNSpid:\t9\nUid:\t{uid}\t0\t0\nGid:\t{gid}\t0\t0\nSigIgn:\t0000000000001000\n\
             CapPrm:\t{permitted}\nCapAmb:\t{ambient}\n"
        ))
    }

    /// Case: FLT-B1
    #[test]
    fn a_gain_is_told_from_what_was_there_before() {
        let plain = of("1000\t1000", "1000\t1000", "0", "0");
        let expected = Status {
            parent: Some(7),
            own_numbers: true,
            user: Some(1000),
            ignored: 1 << 12,
            ..Status::default()
        };
        assert_eq!(plain, expected);
        assert!(of("1000\t0", "1000\t1000", "3fffffffff", "0").ids_differ);
        assert!(of("1000\t1000", "1000\t5", "0", "0").ids_differ);
        assert!(of("1000\t1000", "1000\t1000", "400", "0").more_than_ambient);
        // A service manager has given it, and gives it to every program alike.
        assert!(!of("1000\t1000", "1000\t1000", "400", "400").more_than_ambient);
        assert!(!of("0\t0", "0\t0", "3fffffffff", "0").more_than_ambient, "root");
    }
}
