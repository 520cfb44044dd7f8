//! Where words go: standard output, which may be closed early, and standard error; and how they look there.

use std::env;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::time::Instant;

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::termios::tcgetwinsize;
use serde_json::json;

use crate::code;
use crate::complaint::Complaint;
use crate::render::{Look, json as json_text, text::safe};

/// Width of a terminal that does not say how wide it is.
const USUAL: usize = 80;

/// Writes to standard output, now. That nobody reads any more is no error: `| head -1` has had its line.
///
/// False: nobody reads any more.
pub(crate) fn print(text: &str) -> Result<bool, Complaint> {
    print_bytes(text.as_bytes())
}

/// The same for what need not be text.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<bool, Complaint> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            Err(Complaint::new(code::FAILED, format!("cannot write to standard output: {error}")))
        }
    }
}

/// Who reads standard output. If it is a pipe, he is seen to have gone although nothing is written.
#[derive(Debug)]
pub(crate) struct Reader(Option<OwnedFd>);

impl Reader {
    pub(crate) fn of_stdout() -> Reader {
        let open = || -> io::Result<OwnedFd> {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            let is_pipe = file.metadata()?.file_type().is_fifo();
            // Who has it open for both reads himself, so that nobody is ever gone, and what is readable is our own text.
            let is_for_both = fcntl_getfl(&file)?.contains(OFlags::RDWR);
            if is_pipe && !is_for_both {
                Ok(file.into())
            } else {
                Err(ErrorKind::Unsupported.into())
            }
        };
        Reader(open().ok())
    }

    /// Readable when he has gone: nobody can read from this end of a pipe (poll(2), POLLERR).
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    pub(crate) fn has_gone(&self) -> bool {
        let is_gone = |pipe| waiter::readable(&[pipe], Some(Instant::now())).unwrap_or_default();
        self.descriptor().is_some_and(is_gone)
    }
}

/// Tells people of a failure. If nobody hears it, the exit code is left.
pub(crate) fn complain(name: &str, text: &str) {
    let mut stderr = io::stderr().lock();
    let lines: Vec<String> = text.lines().map(safe).collect();
    let _ = writeln!(stderr, "{}: {}", safe(name), lines.join("\n"));
}

/// Tells of a failure as the command's form has it: in JSON it is the one text on standard output.
pub(crate) fn fail(name: &str, json: bool, complaint: &Complaint) -> u8 {
    let name = complaint.whose.as_deref().unwrap_or(name);
    let object =
        json!({ "error": { "name": name, "code": complaint.code, "text": complaint.text } });
    if json && let Err(other) = print(&json_text::text(&object)) {
        complain(name, &other.text);
    }
    if !json {
        complain(name, &complaint.text);
    }
    complaint.code
}

/// How standard output wants it.
pub(crate) fn look(wide: bool) -> Look {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return Look::default();
    }
    let fancy = is_fancy(|name| env::var(name).ok());
    Look { fancy, columns: (!wide).then(|| columns(&stdout)) }
}

/// How wide a terminal is.
pub(crate) fn columns(terminal: &impl AsFd) -> usize {
    match tcgetwinsize(terminal) {
        Ok(size) if 0 < size.ws_col => usize::from(size.ws_col),
        Ok(_) | Err(_) => USUAL,
    }
}

/// Whether a terminal in this environment has colours and more letters than ASCII: see https://no-color.org,
/// locale(7).
fn is_fancy(variable: impl Fn(&str) -> Option<String>) -> bool {
    let given = |name: &str| variable(name).filter(|value| !value.is_empty());
    let locale = given("LC_ALL").or_else(|| given("LC_CTYPE")).or_else(|| given("LANG"));
    let letters = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let terminal = given("TERM").is_some_and(|terminal| terminal != "dumb");
    letters && terminal && given("NO_COLOR").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case: CC-53
    #[test]
    fn colours_and_lines_are_for_terminals_that_have_them() {
        let fancy = |variables: &[(&str, &str)]| {
            is_fancy(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let usual = [("TERM", "xterm"), ("LANG", "en_GB.UTF-8"), ("NO_COLOR", "")];
        assert!(fancy(&usual));
        assert!(!fancy(&[]));
        for plain in [("TERM", "dumb"), ("LANG", "C"), ("NO_COLOR", "1"), ("LC_ALL", "POSIX")] {
            assert!(!fancy(&[&[plain], &usual[..]].concat()), "{plain:?}");
        }
        assert!(fancy(&[("TERM", "xterm"), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
    }
}
