//! Signals by name, as in `SIGTERM`.

use std::fmt;

macro_rules! names {
    ($($name:ident)+) => { &[$((libc::$name, stringify!($name))),+] };
}

/// Those of POSIX (signal.h(0p)), SIGWINCH and SIGIO: all that every system has.
const NAMES: &[(i32, &str)] = names![
    SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE
    SIGALRM SIGTERM SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM
    SIGPROF SIGWINCH SIGIO SIGSYS
];

/// The name of a signal: `SIGTERM`; `None` for a number that has none here.
pub fn name(number: i32) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// The number of a signal called so, with or without the `SIG`.
pub fn number(name: &str) -> Option<i32> {
    let bare = name.strip_prefix("SIG").unwrap_or(name);
    let found = NAMES.iter().find(|(_, known)| known.strip_prefix("SIG") == Some(bare));
    found.map(|(number, _)| *number)
}

/// A signal for people: `SIGTERM (15)`, or `signal 999` where there is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named(pub i32);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(self.0) {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_its_name_both_ways() {
        for (number_of, full) in NAMES {
            assert_eq!(name(*number_of), Some(*full));
            assert_eq!(number(full), Some(*number_of));
            assert_eq!(number(&full[3..]), Some(*number_of));
        }
        assert_eq!((name(0), name(99), number("SIGNONE"), number("")), (None, None, None, None));
        assert_eq!(Named(15).to_string(), "SIGTERM (15)");
        assert_eq!(Named(999).to_string(), "signal 999");
    }
}
