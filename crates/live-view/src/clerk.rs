//! Who asks, so that nobody else has to wait: a thread that answers one question after the other.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// As much as the standard library gives a thread.
const STACK: usize = 2 << 20;

/// A thread with one question at a time. Dropping it lets the thread end after the question that it has.
pub(crate) struct Clerk<Q, A> {
    questions: SyncSender<Q>,
    answers: Receiver<A>,
}

impl<Q: Send + 'static, A: Send + 'static> Clerk<Q, A> {
    /// Each answer rings the bell.
    pub(crate) fn start(
        name: &str,
        bell: UnixStream,
        mut answer: impl FnMut(Q) -> A + Send + 'static,
    ) -> io::Result<Clerk<Q, A>> {
        let (questions, asked) = sync_channel(1);
        let (answered, answers) = channel();
        helper_thread::spawn(name, STACK, move || {
            while let Ok(question) = asked.recv() {
                if answered.send(answer(question)).is_err() {
                    break;
                }
                // A bell that is full rings already.
                let _ = (&bell).write(b"a");
            }
        })?;
        Ok(Clerk { questions, answers })
    }

    /// False: it has two questions already, or its thread has ended.
    pub(crate) fn ask(&self, question: Q) -> bool {
        self.questions.try_send(question).is_ok()
    }

    pub(crate) fn answer(&self) -> Option<A> {
        self.answers.try_recv().ok()
    }
}
