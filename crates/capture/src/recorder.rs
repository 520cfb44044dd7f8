//! What captures the output of children: one for a guardian, or for a pool.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exit::ErrorText;

use proc_spawn::{Child, Spawn, Stdio};

use crate::last_lines::LastLines;
use crate::lost::{Changes, Lost};
use crate::options::{Capture, STDERR, STDOUT};
use crate::prefix::{Pattern, Prefix};
use crate::reader::{Pipes, Reader};
use crate::sink::{AccountId, PATIENCE, Sink};
use crate::source::Source;

/// Reads the output of children, and keeps it. A thread that reads, and one for each file.
///
/// Dropping it ends them: the reading at once, the writing when all that was read is written, which
/// nobody waits for. [`finish`](Recorder::finish) waits.
#[derive(Debug)]
pub struct Recorder {
    reader: Arc<Reader>,
    changes: Arc<Changes>,
    sinks: Arc<Mutex<Vec<Arc<Sink>>>>,
}

impl Recorder {
    /// One without children.
    ///
    /// # Errors
    ///
    /// The system refuses a descriptor or a thread.
    pub fn start() -> io::Result<Recorder> {
        let changes = Arc::new(Changes::new()?);
        let reader = Arc::new(Pipes::start()?);
        Ok(Recorder { reader, changes, sinks: Arc::default() })
    }

    /// Prepares for a child of this name: opens the file, unless another child has it already.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or the system refuses a thread.
    pub fn record(&self, capture: &Capture, name: &str) -> Result<Recording, ErrorText> {
        let mut sinks = self.sinks();
        let known = sinks.iter().find(|sink| sink.path() == capture.file_path());
        let sink = match known {
            Some(sink) => Arc::clone(sink),
            None => {
                let changes = Arc::clone(&self.changes);
                let sink = Sink::open(capture, changes)?;
                sinks.push(Arc::clone(&sink));
                sink
            }
        };
        let pattern = Pattern::parse(&capture.prefix)
            .map_err(|reason| ErrorText::new(&io::Error::other(reason)))?;
        let prefix = Arc::new(Prefix::new(pattern, capture.time, capture.precision, name));
        let account = sink.account(capture, name, Arc::clone(&prefix));
        Ok(Recording {
            reader: Arc::clone(&self.reader),
            sink,
            account,
            prefix,
            capture: capture.clone(),
            current: Vec::new(),
            previous: Vec::new(),
        })
    }

    /// Readable when something has been lost, once until it is [heard](Recorder::hear); and not again
    /// before it is [looked](Recorder::look) at what.
    pub fn changed(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }

    /// Takes note that something has been lost.
    pub fn hear(&self) {
        self.changes.hear();
    }

    /// To be called before it is looked at what was lost: what is lost from now on is told anew.
    pub fn look(&self) {
        self.changes.look();
    }

    /// Opens all files anew, as after a rename by somebody else; that is noticed anyway.
    pub fn reopen(&self) {
        for sink in self.sinks().iter() {
            sink.reopen();
        }
    }

    /// Takes what the pipes hold, also those of runs that are over, and waits until all is written: for
    /// at most two seconds, or what `limit` says if that is less. What a disk that stands still has not
    /// taken by then is written when it does, if this process is still there. Nothing is recorded any more then.
    pub fn finish(&self, limit: Option<Duration>) {
        let patience = limit.map_or(PATIENCE, |limit| limit.min(PATIENCE));
        let sources = self.reader.all();
        self.reader.drain(&sources, 0);
        sources.into_iter().for_each(|source| self.reader.remove(source));
        let until = Instant::now() + patience;
        let sinks = self.sinks();
        sinks.iter().for_each(|sink| sink.close());
        for sink in sinks.iter() {
            sink.wait(until);
            let (path, bytes) = (sink.path().display(), sink.waiting());
            if bytes > 0 {
                log::error!(
                    "{bytes} bytes of output still wait for `{path}`, and are lost with this process"
                );
            }
        }
    }

    fn sinks(&self) -> MutexGuard<'_, Vec<Arc<Sink>>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.reader.all().into_iter().for_each(|source| self.reader.remove(source));
        for sink in self.sinks().iter() {
            sink.close();
        }
    }
}

/// The output of one child, run by run. Dropping it stops reading.
#[derive(Debug)]
pub struct Recording {
    reader: Arc<Reader>,
    sink: Arc<Sink>,
    account: AccountId,
    prefix: Arc<Prefix>,
    capture: Capture,
    /// The sources of the present run, or of the last.
    current: Vec<Arc<Source>>,
    /// The sources of the run before, for what a process that it has left behind still writes.
    previous: Vec<Arc<Source>>,
}

impl Recording {
    /// What is kept, and where.
    pub fn capture(&self) -> &Capture {
        &self.capture
    }

    /// Starts a child whose captured streams are read from here on; a stream that is not captured goes
    /// where `spawn` says. What a process writes that the run before the last one has left behind is not
    /// read any more.
    ///
    /// # Errors
    ///
    /// There are no pipes, or no child: then nothing is read.
    pub fn spawn(&mut self, spawn: &mut Spawn) -> Result<Child, ErrorText> {
        let begun = self.begin(spawn).map_err(|error| ErrorText::new(&error));
        let child = begun.and_then(|()| spawn.spawn().map_err(|error| ErrorText::new(&error)));
        match &child {
            Ok(child) => self.started(child.id()),
            Err(_) => self.abandon(),
        }
        self.let_go(spawn);
        child
    }

    /// Makes new pipes for a run: a process that still has an old one has nothing to do with this run.
    fn begin(&mut self, spawn: &mut Spawn) -> io::Result<()> {
        self.leave(|recording| &mut recording.previous);
        self.previous = std::mem::take(&mut self.current);
        // Checked to be small enough.
        let longest = usize::try_from(self.capture.buffer).unwrap_or(usize::MAX);
        for stream in [STDOUT, STDERR].into_iter().filter(|stream| self.capture.has(*stream)) {
            let (read, write) = io::pipe()?;
            rustix::io::ioctl_fionbio(&read, true)?;
            let to = (&self.sink, self.account);
            self.current.push(self.reader.add(read.into(), stream, to, &self.prefix, longest)?);
            let write = Stdio::Descriptor(Arc::new(write.into()));
            match stream == STDOUT {
                true => spawn.set_stdout(write),
                false => spawn.set_stderr(write),
            }
        }
        Ok(())
    }

    /// The child is there, so what comes is its output.
    fn started(&mut self, pid: u32) {
        for source in &self.current {
            source.set_pid(pid);
        }
        let pipes = self.current.iter().map(|source| Arc::clone(source.pipe()));
        self.sink.attach(self.account, pid, pipes);
    }

    /// Lets go of the ends that are the child's.
    fn let_go(&self, spawn: &mut Spawn) {
        if self.capture.has(STDOUT) {
            spawn.set_stdout(Stdio::Null);
        }
        if self.capture.has(STDERR) {
            spawn.set_stderr(Stdio::Null);
        }
    }

    /// There will be no child in this run.
    fn abandon(&mut self) {
        self.leave(|recording| &mut recording.current);
    }

    /// The child has ended: all that it wrote is on its way, and the last of it is given back. What others write
    /// is still read. Waits for no more than a second or two, should somebody hold up who reads; then the last
    /// lines are not known.
    pub fn end(&mut self) -> LastLines {
        let mut lines = LastLines::default();
        let drained = self.reader.drain(&self.current, self.capture.last_lines);
        for (source, last) in std::iter::zip(&self.current, drained) {
            match source.stream() == STDOUT {
                true => lines.stdout = last.unwrap_or_default(),
                false => lines.stderr = last.unwrap_or_default(),
            }
        }
        lines
    }

    /// What the child has lost, in all its runs.
    pub fn lost(&self) -> Lost {
        self.sink.lost(self.account)
    }

    fn leave(&mut self, which: impl Fn(&mut Recording) -> &mut Vec<Arc<Source>>) {
        for source in std::mem::take(which(self)) {
            self.reader.remove(source);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.leave(|recording| &mut recording.previous);
        self.leave(|recording| &mut recording.current);
    }
}
