//! What any supervisor has to do: start programs, and wait for them.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::journal;

type Outcome = Result<(), Box<dyn Error>>;

/// Writes its line, and waits to be killed.
pub(crate) fn line(who: &str) -> Outcome {
    if std::env::var_os("BENCH_JOURNAL").is_some() {
        journal::note(who)?;
    } else {
        std::io::stdout().write_all(journal::line(who).as_bytes())?;
    }
    loop {
        rustix::event::pause();
    }
}

/// `<count> <program> <argument>…`: starts so many, whose standard output is the journal; when
/// standard input ends, sends each SIGTERM and waits for each. After a byte on standard input it
/// starts one more, in a round of its own.
pub(crate) fn spawn_and_wait(words: &[String]) -> Outcome {
    let [count, program, arguments @ ..] = words else {
        return Err("usage: workload floor <count> <program> …".into());
    };
    let path = std::env::var_os("BENCH_JOURNAL").ok_or("BENCH_JOURNAL is not set")?;
    let journal = File::options().append(true).open(path)?;
    let start = || -> std::io::Result<Child> {
        Command::new(program)
            .args(arguments)
            .env_remove("BENCH_JOURNAL")
            .stdin(Stdio::null())
            .stdout(journal.try_clone()?)
            .spawn()
    };
    journal::note("call")?;
    let mut children = Vec::new();
    for _ in 0..count.parse::<usize>()? {
        children.push(start()?);
    }
    let mut byte = [0];
    while std::io::stdin().read(&mut byte)? > 0 {
        journal::note("call")?;
        children.push(start()?);
    }
    for child in &children {
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or("a child's number is positive")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    }
    for mut child in children {
        child.wait()?;
    }
    Ok(())
}
