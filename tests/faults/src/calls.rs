//! Which system calls a process makes, from what strace has written.

use std::collections::BTreeMap;

use super::errors::errors;

/// One thing to try: a call, which time it is made, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    pub(crate) call: String,
    /// Counted in each thread, from 1.
    pub(crate) nth: usize,
    /// The error's name, or [`KILL`].
    pub(crate) what: String,
}

/// Instead of an error: the process is killed at the call.
pub(crate) const KILL: &str = "KILL";

impl Fault {
    /// For `strace -e`.
    pub(crate) fn expression(&self) -> String {
        let Fault { call, nth, what } = self;
        match what.as_str() {
            KILL => format!("inject={call}:signal=SIGKILL:when={nth}"),
            error => format!("inject={call}:error={error}:when={nth}"),
        }
    }

    pub(crate) fn kills(&self) -> bool {
        self.what == KILL
    }

    /// Whether it says nothing of a file, which somebody may have to put right, but of the moment: no reason to
    /// end a daemon for good.
    pub(crate) fn may_pass(&self) -> bool {
        !self.kills() && !["EACCES", "EPERM"].contains(&self.what.as_str())
    }

    /// Whether what strace has written shows it at a call that no system lets fail so.
    ///
    /// Which thread takes a signal is up to the kernel: the first write of another thread than in the
    /// recording may be that of a handler, to its pipe, which no disk can be too full for.
    pub(crate) fn went_astray(&self, log: &str) -> bool {
        let injected = log.lines().filter(|line| line.ends_with("(INJECTED)"));
        let call = format!(" {}(", self.call);
        injected
            .filter(|line| line.contains(&call))
            .any(|line| !self.kills() && !errors(&self.call, line).contains(&self.what.as_str()))
    }
}

/// What a process did while it was traced.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// By name, one line for each occurrence, of the thread that made most.
    by_name: BTreeMap<String, Vec<String>>,
}

impl Calls {
    pub(crate) fn parse(log: &str) -> Calls {
        let mut by_thread: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for line in log.lines() {
            let Some((thread, text)) = line.trim_start().split_once(' ') else { continue };
            let text = text.trim_start();
            let Some((name, _)) = text.split_once('(') else { continue };
            if !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                by_thread.entry((name, thread)).or_default().push(text.to_owned());
            }
        }
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((name, _), lines) in by_thread {
            let longest = by_name.entry(name.to_owned()).or_default();
            if lines.len() > longest.len() {
                *longest = lines;
            }
        }
        Calls { by_name }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.by_name.values().map(Vec::len).sum()
    }

    /// Everything that can be tried.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (call, lines) in &self.by_name {
            for (number, line) in lines.iter().enumerate() {
                for what in errors(call, line).into_iter().chain([KILL]) {
                    let (call, what) = (call.clone(), what.to_owned());
                    faults.push(Fault { call, nth: number + 1, what });
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::{Calls, Fault};

    #[test]
    fn an_error_goes_astray_where_it_cannot_happen() {
        let full = Fault { call: "write".into(), nth: 1, what: "ENOSPC".into() };
        let injected = "= -1 ENOSPC (No space left on device) (INJECTED)";
        let log =
            |what: &str| format!("12    write({what}, \"X\", 1) {injected}\n12    close(3) = 0\n");
        assert!(full.went_astray(&log("6<pipe:[7]>")));
        assert!(!full.went_astray(&log("6</tmp/x>")));
        assert!(!full.went_astray("12    write(6<pipe:[7]>, \"X\", 1) = 1\n"));
        // Whose arguments are not there to be looked at.
        assert!(!full.went_astray(&format!("12  <... write resumed>) {injected}\n")));
        assert!(!Fault { what: super::KILL.into(), ..full }.went_astray(&log("6<pipe:[7]>")));
    }

    #[test]
    fn calls_are_counted_by_thread_and_resumed_ones_once() {
        let log = "12  close(3) = 0\n12  read(4 <unfinished ...>\n13  close(5) = 0\n\
                   12  <... read resumed>, \"x\", 1) = 1\n12  close(6) = 0\n12  +++ exited with 0 +++\n";
        let calls = Calls::parse(log);
        assert_eq!(calls.count(), 3);
        let faults = calls.faults();
        assert!(faults.contains(&Fault { call: "close".into(), nth: 2, what: "KILL".into() }));
        assert!(faults.contains(&Fault { call: "read".into(), nth: 1, what: "EIO".into() }));
        assert_eq!(faults.len(), 5);
    }
}
