//! The thread that writes what waits for a file.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use exit::ErrorText;
use log_file::LogFile;
use waiter::Interest;

use super::{Segment, Sink};
use crate::lost::Lost;

/// The thread of a sink.
pub(super) struct Writer {
    pub(super) sink: Arc<Sink>,
    pub(super) file: LogFile,
    /// What is written at once, at most.
    pub(super) piece: usize,
    pub(super) complaints: Complaints,
    /// When it was told last that the file cannot be written.
    pub(super) failed_at: Option<Instant>,
}

/// What is told of a child's losses, no more often than anybody can read: the rest is added up, and told with the
/// next, or at the end.
#[derive(Default)]
pub(super) struct Complaints(BTreeMap<(usize, &'static str), Complaint>);

struct Complaint {
    /// When the last was told.
    at: Instant,
    name: String,
    /// What was lost since.
    untold: Lost,
}

/// At least so long passes between two complaints of a kind.
const SPAN: Duration = Duration::from_secs(10);

impl Complaints {
    /// What is to be told now.
    fn of(
        &mut self,
        (account, name): (usize, &str),
        (lost, why): (Lost, &'static str),
        now: Instant,
    ) -> Option<String> {
        if lost.is_nothing() {
            return None;
        }
        let known = self.0.get_mut(&(account, why));
        if let Some(known) = known.filter(|known| now.saturating_duration_since(known.at) < SPAN) {
            known.untold.merge(lost);
            return None;
        }
        let next = Complaint { at: now, name: name.to_owned(), untold: Lost::default() };
        let before = self.0.insert((account, why), next);
        let mut all = before.map(|before| before.untold).unwrap_or_default();
        all.merge(lost);
        Some(text(all, name, why))
    }

    fn take_rest(&mut self) -> Vec<String> {
        let all = std::mem::take(&mut self.0);
        let untold = all.iter().filter(|(_, complaint)| !complaint.untold.is_nothing());
        untold.map(|((_, why), complaint)| text(complaint.untold, &complaint.name, why)).collect()
    }
}

fn text(lost: Lost, name: &str, why: &str) -> String {
    format!("{lost} of the output of {name} {why}")
}

/// What came of writing a segment.
struct Written {
    /// Whether its first piece is in the file, and with it what had to be told ahead of it.
    told: bool,
    /// What of the segment is not in the file, and why.
    failed: Option<(Lost, io::Error)>,
}

impl Drop for Writer {
    /// The end of the thread, also when it panics.
    fn drop(&mut self) {
        self.sink.queue().has_ended = true;
        self.sink.done.notify_all();
    }
}

impl Writer {
    pub(super) fn run(mut self) {
        // A logger of the application may panic. The file is written all the same: a child whose output
        // may not be lost would stand still for ever.
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.write_all())) {
            // What was thrown may panic when it is dropped.
            std::mem::forget(panic);
        }
    }

    fn write_all(&mut self) {
        while let Some(segment) = self.next() {
            let written = self.write(&segment);
            self.settle(segment, written);
            for complaint in self.file.complaints() {
                log::warn!("{complaint}");
            }
        }
        let rest = self.complaints.take_rest();
        for complaint in rest.into_iter().chain(self.take_untold()) {
            log::warn!("{complaint}");
        }
    }

    /// The losses that stand in no file, since nothing was written after them.
    fn take_untold(&mut self) -> Vec<String> {
        let mut queue = self.sink.queue();
        let losses = queue.accounts.iter_mut().flat_map(|account| {
            let failed = (std::mem::take(&mut account.failed), CANNOT);
            let skipped = (std::mem::take(&mut account.skipped), FULL);
            let name = account.name.clone();
            [failed, skipped]
                .map(|(lost, why)| (!lost.is_nothing()).then(|| text(lost, &name, why)))
        });
        losses.flatten().collect()
    }

    /// Waits for something to write. `None`: there will be nothing more.
    fn next(&mut self) -> Option<Segment> {
        let mut queue = self.sink.queue();
        loop {
            if std::mem::take(&mut queue.reopen) {
                drop(queue);
                if let Err(error) = self.file.reopen() {
                    log::warn!("{}", ErrorText::new(&error).chain());
                }
                queue = self.sink.queue();
                continue;
            }
            if let Some(segment) = queue.segments.pop_front() {
                queue.writing = true;
                return Some(segment);
            }
            if queue.closing {
                return None;
            }
            queue = self.sink.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Writes a segment, behind what has to be told first.
    fn write(&mut self, segment: &Segment) -> Written {
        let (notice, lines) = self.notice(segment);
        // The notice is written in one piece with the output that follows: so it is in the file once, and
        // only if the writing works again.
        let mut first = notice.into_bytes();
        let mut rest = segment.bytes.as_slice();
        let mut told = false;
        while !rest.is_empty() {
            let (piece, after) = split(rest, self.piece, lines);
            let result = if first.is_empty() {
                self.append(piece, lines)
            } else {
                first.extend_from_slice(piece);
                self.append(&std::mem::take(&mut first), lines)
            };
            if let Err(error) = result {
                let count = match told {
                    false => segment.lines,
                    true => rest.iter().filter(|byte| **byte == b'\n').count() as u64,
                };
                let lost = Lost { lines: count, bytes: rest.len() as u64 };
                return Written { told, failed: Some((lost, error)) };
            }
            (told, rest) = (true, after);
        }
        Written { told, failed: None }
    }

    fn append(&mut self, piece: &[u8], lines: bool) -> io::Result<()> {
        if lines { self.file.append_lines(piece) } else { self.file.append_bytes(piece) }
    }

    /// What has to be told ahead of a segment, as lines for the file; and whether the file has whole
    /// lines, as it has if there is a prefix.
    fn notice(&self, segment: &Segment) -> (String, bool) {
        let queue = self.sink.queue();
        let account = &queue.accounts[segment.account];
        if account.prefix.is_empty() {
            return (String::new(), false);
        }
        let losses = [(account.failed, CANNOT), (segment.skipped, FULL)];
        let losses = losses.iter().filter(|(lost, _)| !lost.is_nothing());
        let prefix = || account.prefix.now(account.pid, "capture");
        (losses.map(|(lost, why)| format!("{}{lost} {why}\n", prefix())).collect(), true)
    }

    /// Settles the account of a segment, and lets its child go on.
    fn settle(&mut self, segment: Segment, written: Written) {
        let mut lost = Vec::new();
        let mut complaints = Vec::new();
        let mut queue = self.sink.queue();
        let account = &mut queue.accounts[segment.account];
        account.queued -= segment.cost();
        let name = account.name.clone();
        if written.told {
            lost.push((std::mem::take(&mut account.failed), CANNOT));
            lost.push((segment.skipped, FULL));
        } else {
            account.skipped.merge(segment.skipped);
        }
        let failed = written.failed.is_some();
        if let Some((lost, error)) = written.failed {
            let now = Instant::now();
            let tells = self.failed_at.is_none_or(|at| at + SPAN <= now);
            if account.failed.is_nothing() && tells {
                let path = self.sink.path.display();
                complaints.push(format!("cannot write the output of {name} to `{path}`: {error}"));
                self.failed_at = Some(now);
            }
            account.failed.merge(lost);
            account.lost.merge(lost);
        }
        if account.paused && account.queued <= account.buffer / 2 {
            account.paused = false;
            account.set_interest(Interest::Readable);
        }
        // If more output waits, or writing fails, the loss is told with the next output instead.
        if !failed && account.queued == 0 && !account.skipped.is_nothing() {
            let skipped = std::mem::take(&mut account.skipped);
            lost.push((skipped, FULL));
            let (bytes, lines) = (Vec::new(), 0);
            let last = Segment { account: segment.account, bytes, lines, skipped };
            drop(queue);
            let (notice, lines) = self.notice(&last);
            if lines {
                // A failure does not matter: the loss is told in the log, too, and in the status.
                let _ = self.append(notice.as_bytes(), lines);
            }
            queue = self.sink.queue();
        }
        queue.writing = false;
        drop(queue);
        if failed {
            self.sink.changes.tell();
        }
        let of = (segment.account, name.as_str());
        let now = Instant::now();
        complaints.extend(lost.into_iter().filter_map(|it| self.complaints.of(of, it, now)));
        for complaint in complaints {
            log::warn!("{complaint}");
        }
    }
}

const CANNOT: &str = "could not be written";
const FULL: &str = "could not be kept, since the buffer was full";

/// The first piece of `bytes`: whole lines if it can be, and more than `most` only if a line is.
pub(super) fn split(bytes: &[u8], most: usize, lines: bool) -> (&[u8], &[u8]) {
    if bytes.len() <= most {
        return (bytes, &[]);
    }
    let end = |byte: &u8| *byte == b'\n';
    let at = match bytes[..most].iter().rposition(end) {
        Some(at) => at + 1,
        None if lines => most + bytes[most..].iter().position(end).map_or(0, |at| at + 1),
        None => most,
    };
    bytes.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log got twenty lines a second, for as long as a child liked.
    ///
    /// Case: FLT-E6
    #[test]
    fn losses_are_told_now_and_then_and_all_of_them() {
        let start = Instant::now(); // An origin only.
        let mut complaints = Complaints::default();
        let one = Lost { lines: 1, bytes: 10 };
        let mut tell = |ms| {
            let now = start + Duration::from_millis(ms);
            complaints.of((0, "red"), (one, FULL), now)
        };
        let told: Vec<_> = (0..20_500).step_by(100).filter_map(&mut tell).collect();
        assert_eq!(
            told,
            [1, 100, 100].map(|n| format!("{n} lines ({n}0 bytes) of the output of red {FULL}"))
        );
        assert_eq!(
            complaints.take_rest(),
            [format!("4 lines (40 bytes) of the output of red {FULL}")]
        );
        assert_eq!(complaints.of((0, "red"), (Lost::default(), FULL), start), None);
    }
}
