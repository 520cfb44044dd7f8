//! The adversaries of a round at work. They go with the value.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::fs::{FileType, Mode, OFlags, mknodat, open};
use testbed::{Failure, Outcome, Process};

use super::adversary::{Adversary, Deaf};
use super::world::World;

/// What a round has beside its daemon.
pub(super) struct Siege {
    /// Full, and open, so that whoever writes waits.
    fifos: Vec<OwnedFd>,
    /// The pipe of who runs in the foreground: its reader, which does not read, and its writer.
    foreground: Option<(OwnedFd, OwnedFd)>,
    strangers: Vec<Child>,
    tracer: Option<Tracer>,
}

impl Siege {
    /// Those that are there before the daemon is; its files will be in `work`.
    pub(super) fn lay(adversaries: &[Adversary], world: &World, work: &Path) -> Outcome<Siege> {
        let mut siege =
            Siege { fifos: Vec::new(), foreground: None, strangers: Vec::new(), tracer: None };
        for adversary in adversaries {
            match adversary {
                Adversary::Deaf(Deaf::Foreground) => {
                    let pipe = std::io::pipe().map_err(Failure::step("make a pipe"))?;
                    let (reader, writer): (OwnedFd, OwnedFd) = (pipe.0.into(), pipe.1.into());
                    fill(&writer)?;
                    siege.foreground = Some((reader, writer));
                }
                Adversary::Deaf(deaf) => siege.fifos.push(full_fifo(&work.join(file(*deaf)))?),
                Adversary::Locks { keep } => {
                    let how = if *keep { "keep" } else { "pass" };
                    let mut command = Command::new(&world.adversary);
                    command.arg("locks").arg(work).arg(how);
                    siege.invite(command)?;
                }
                Adversary::Asker => {
                    let mut command = Command::new(&world.adversary);
                    command.arg("asks").arg(work);
                    siege.invite(command)?;
                }
                Adversary::Operator => {
                    let mut command = Command::new(&world.adversary);
                    command.arg("operates").arg(work);
                    siege.invite(command)?;
                }
                Adversary::Tracer { .. }
                | Adversary::Leaver(_)
                | Adversary::Bomb
                | Adversary::Talker { .. } => (),
            }
        }
        Ok(siege)
    }

    fn invite(&mut self, mut stranger: Command) -> Outcome {
        stranger.stdin(Stdio::null()).stderr(Stdio::null());
        self.strangers.push(stranger.spawn().map_err(Failure::step("start a stranger"))?);
        Ok(())
    }

    /// Where who runs in the foreground writes its errors, if nobody reads them.
    pub(super) fn foreground(&self) -> Option<&OwnedFd> {
        self.foreground.as_ref().map(|(_, writer)| writer)
    }

    /// Seizes these; says how many of them. Where no process can be started there is no tracer.
    pub(super) fn seize(&mut self, world: &World, whom: &[&Process]) -> usize {
        let Ok(mut tracer) = Tracer::start(&world.adversary) else { return 0 };
        let seized = whom.iter().filter(|process| tracer.seize(process)).count();
        self.tracer = Some(tracer);
        seized
    }

    pub(super) fn has_tracer(&self) -> bool {
        self.tracer.is_some()
    }

    /// Ends the tracer, which lets everybody go.
    pub(super) fn release(&mut self) {
        self.tracer = None;
    }
}

impl Drop for Siege {
    fn drop(&mut self) {
        self.strangers.iter_mut().for_each(end);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

struct Tracer {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Tracer {
    fn start(program: &Path) -> std::io::Result<Tracer> {
        let mut command = Command::new(program);
        command.arg("trace");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let answers = child.stdout.take().expect("it is piped");
        Ok(Tracer { child, answers: BufReader::new(answers) })
    }

    /// Fails where the process is gone, or another traces it.
    fn seize(&mut self, process: &Process) -> bool {
        let input = self.child.stdin.as_mut().expect("it is piped, and closed by nobody");
        let mut answer = String::new();
        writeln!(input, "{}", process.pid()).is_ok()
            && self.answers.read_line(&mut answer).is_ok()
            && answer == "seized\n"
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn file(deaf: Deaf) -> &'static str {
    match deaf {
        Deaf::Log => "d.log",
        Deaf::WorkersLog => "w.log",
        Deaf::Captured => "captured.txt",
        Deaf::Errors | Deaf::Foreground => "err.txt",
    }
}

/// A fifo that has a reader, and no room.
fn full_fifo(path: &Path) -> Outcome<OwnedFd> {
    let mode = Mode::from_raw_mode(0o644);
    mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0).map_err(Failure::at("make", path))?;
    // Both ends at once (fifo(7)): it is open for reading as long as this is.
    let both = OFlags::RDWR | OFlags::CLOEXEC;
    let fifo = open(path, both, Mode::empty()).map_err(Failure::at("open", path))?;
    fill(&fifo)?;
    Ok(fifo)
}

/// Writes until there is no room; whoever writes next waits.
fn fill(pipe: impl AsFd) -> Outcome {
    let failed = "fill a pipe";
    let flags = rustix::fs::fcntl_getfl(&pipe).map_err(Failure::step(failed))?;
    rustix::fs::fcntl_setfl(&pipe, flags | OFlags::NONBLOCK).map_err(Failure::step(failed))?;
    for size in [4096, 1] {
        while rustix::io::write(&pipe, &vec![b'x'; size]).is_ok() {}
    }
    rustix::fs::fcntl_setfl(&pipe, flags).map_err(Failure::step(failed))
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::full_fifo;

    #[test]
    fn a_full_fifo_has_a_reader_and_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let _full = full_fifo(&path).unwrap();
        // Would wait for a reader, and fail without one if it must not.
        let writer = std::fs::File::options().write(true).open(&path).unwrap();
        let mut waiting = [PollFd::new(&writer, PollFlags::OUT)];
        assert_eq!(poll(&mut waiting, Some(&Timespec::default())).unwrap(), 0);
    }
}
