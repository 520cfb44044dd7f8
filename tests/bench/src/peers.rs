//! What a user would take instead, with the same work: programs that write their line and wait.
//!
//! Each is run in a folder of its own and ends with it. None is asked for that is not installed; it
//! is named as missing.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use testbed::interrupt::pause;
use testbed::{Failure, Outcome};

use super::ground::{Ground, now};
use super::look;
use super::sessions::{Sessions, all_gone, step};

/// One of another make.
struct Peer {
    name: &'static str,
    /// Ends well if it is installed.
    probe: &'static [&'static str],
    /// Puts into the ground what it wants to find there.
    prepare: fn(ground: &Path, workload: &Path, services: usize) -> std::io::Result<()>,
    /// Starts everything, and stays.
    run: &'static [&'static str],
    /// Tells of all services how they are; empty if there is no such command.
    status: &'static [&'static str],
    /// Ends everything: a command, or the signal that it takes.
    stop: Stop,
    /// More takes it minutes.
    most: usize,
}

enum Stop {
    Command(&'static [&'static str]),
    Signal(Signal),
}

const PEERS: [Peer; 5] = [
    Peer {
        name: "s6",
        probe: &["s6-svscan", "-h"],
        prepare: service_folders,
        run: &["s6-svscan", "-c", "4000", "services"],
        status: &[],
        stop: Stop::Command(&["s6-svscanctl", "-t", "services"]),
        most: 1000,
    },
    Peer {
        name: "runit",
        probe: &["runsvdir"],
        prepare: service_folders,
        run: &["runsvdir", "services"],
        status: &["sh", "-c", "sv status services/*"],
        stop: Stop::Signal(Signal::HUP),
        most: 1000,
    },
    Peer {
        name: "supervisor",
        probe: &["supervisord", "--version"],
        prepare: supervisor_file,
        run: &["supervisord", "-n", "-c", "supervisord.conf"],
        status: &["supervisorctl", "-c", "supervisord.conf", "status"],
        stop: Stop::Signal(Signal::TERM),
        most: 1000,
    },
    Peer {
        name: "pm2",
        probe: &["sh", "-c", "command -v pm2"],
        prepare: pm2_file,
        run: &["sh", "-c", "PM2_HOME=$PWD/pm2 exec pm2 start --no-daemon pm2.config.js"],
        status: &["sh", "-c", "PM2_HOME=$PWD/pm2 exec pm2 jlist"],
        stop: Stop::Command(&["sh", "-c", "PM2_HOME=$PWD/pm2 exec pm2 kill"]),
        most: 1000,
    },
    Peer {
        name: "pyappkit",
        probe: &["python3", "-c", "import os; os.environ['ENV_HOME'] = '.'; import pyappkit"],
        prepare: python_program,
        run: &["python3", "program.py"],
        status: &[],
        stop: Stop::Signal(Signal::TERM),
        most: 100,
    },
];

/// How often each is asked for a status.
pub(crate) const ASKED: usize = 5;

/// Those that are installed, and those that are not.
pub(crate) struct Found {
    pub(crate) names: Vec<&'static str>,
    pub(crate) missing: Vec<&'static str>,
}

impl Sessions<'_> {
    pub(crate) fn peers(&mut self) -> Outcome<Found> {
        let (there, missing): (Vec<_>, Vec<_>) =
            PEERS.iter().partition(|peer| installed(peer.probe));
        for round in 0..2 {
            for workers in [1, self.sizes.some, self.sizes.many] {
                // Large ones take long, and differ little.
                let few = there.iter().filter(|peer| workers <= peer.most);
                let again = workers < 1000 && (workers == 1 || self.sizes.many >= 1000);
                for peer in few.filter(|_| round == 0 || again) {
                    step(&format!("{}, {workers} services", peer.name));
                    // What another make does wrong is no failure of ours.
                    if let Err(failure) = self.peer(peer, workers) {
                        if testbed::interrupt::asked() {
                            return Err(failure);
                        }
                        println!("  {} with {workers} services: {failure}", peer.name);
                    }
                }
            }
        }
        let names = |peers: Vec<&Peer>| peers.iter().map(|peer| peer.name).collect();
        Ok(Found { names: names(there), missing: names(missing) })
    }

    fn peer(&mut self, peer: &Peer, services: usize) -> Outcome {
        let ground = Ground::new()?;
        (peer.prepare)(ground.path(), &self.programs.workload, services)
            .map_err(Failure::step(&format!("prepare {}", peer.name)))?;
        let called = now();
        let mut child = quiet(&ground, peer.run)?;
        let lines =
            ground.lines_while(services, || child.try_wait().is_ok_and(|end| end.is_none()))?;
        let last = lines.iter().map(|line| line.at).max().unwrap_or(called);
        let sample = |what: &str| format!("{}.{what}.{services}", peer.name);
        self.samples.add_span(sample("start"), called, last);
        // Its own idea of "started", after which it restarts what dies.
        pause(Duration::from_millis(1500))?;

        let all = ground.processes();
        let above = all.iter().filter(|it| !lines.iter().any(|line| line.pid == it.pid()));
        let memory: u64 = above.map(|process| look::memory(process.pid()).pss).sum();
        self.samples.add(sample("memory"), memory as f64);

        if !peer.status.is_empty() {
            for _ in 0..ASKED {
                let asked = now();
                let mut status = quiet(&ground, peer.status)?;
                let ended = status.wait().map_err(Failure::step("wait for its status"))?;
                if !ended.success() {
                    return Err(Failure::new(format!("its status ended with {ended}")));
                }
                self.samples.add_span(sample("told"), asked, now());
            }
        }

        let victim = ground.process(lines[services / 2].pid)?;
        let killed = now();
        victim.try_signal(Signal::KILL).map_err(Failure::step("kill a service"))?;
        let successor = &ground.lines(services + 1)?[services];
        self.samples.add_span(sample("restart"), killed, successor.at);
        pause(Duration::from_millis(500))?;

        let all = ground.processes();
        let asked = now();
        match &peer.stop {
            Stop::Command(words) => {
                quiet(&ground, words)?.wait().map_err(Failure::step("wait for its command"))?;
            }
            Stop::Signal(signal) => {
                let root = ground.process(child.id())?;
                root.try_signal(*signal).map_err(Failure::step("signal it"))?;
            }
        }
        if !all_gone(&all) {
            return Err(Failure::new("its processes do not go"));
        }
        self.samples.add_span(sample("stop"), asked, now());
        // What it says of its end is its own business.
        let _ = child.wait();
        Ok(())
    }
}

fn installed(probe: &[&str]) -> bool {
    let mut command = Command::new(probe[0]);
    command.args(&probe[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Who only complains about how it was called is there.
    let found_by_others = ["python3", "sh"].contains(&probe[0]);
    command.status().is_ok_and(|status| !found_by_others || status.success())
}

fn quiet(ground: &Ground, words: &[&str]) -> Outcome<Child> {
    let output = fs::File::create(ground.path().join("err.txt"));
    let output = output.map_err(Failure::step("create a file for its words"))?;
    let errors = output.try_clone().map_err(Failure::step("open it"))?;
    let mut command = ground.command(words[0]);
    command.args(&words[1..]).stdout(output).stderr(errors);
    command.spawn().map_err(Failure::step(&format!("run {}", words[0])))
}

/// s6 and runit: a folder for each service, in which `run` is the program.
fn service_folders(ground: &Path, workload: &Path, services: usize) -> std::io::Result<()> {
    for number in 1..=services {
        let folder = ground.join(format!("services/w{number}"));
        fs::create_dir_all(&folder)?;
        symlink(workload, folder.join("run"))?;
    }
    Ok(())
}

fn supervisor_file(ground: &Path, workload: &Path, services: usize) -> std::io::Result<()> {
    let text = format!(
        "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n\
         pidfile={0}/s.pid\nminfds=20000\n\
         [unix_http_server]\nfile={0}/s.sock\n\
         [supervisorctl]\nserverurl=unix://{0}/s.sock\n\
         [rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
         [program:w]\ncommand={1} line\nnumprocs={services}\nprocess_name=w%(process_num)d\n\
         autorestart=true\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
        ground.display(),
        workload.display(),
    );
    fs::write(ground.join("supervisord.conf"), text)
}

/// A file that is a program: an array of programs, of which this one is there so often.
fn pm2_file(ground: &Path, workload: &Path, services: usize) -> std::io::Result<()> {
    let text = format!(
        r#"module.exports = {{ apps: [{{
  name: "w", script: "{}", args: "line", interpreter: "none", exec_mode: "fork",
  instances: {services}, out_file: "/dev/null", error_file: "/dev/null", vizion: false,
}}] }};
"#,
        workload.display(),
    );
    fs::write(ground.join("pm2.config.js"), text)
}

/// A library: the program is a function.
fn python_program(ground: &Path, _workload: &Path, services: usize) -> std::io::Result<()> {
    let text = format!(
        r#"import datetime, os, signal, time
os.environ["ENV_HOME"] = os.getcwd()
import pyappkit

def worker(*_args, **_kwargs):
    line = "%-12s %10d %20d\n" % ("line", os.getpid(), time.monotonic_ns())
    journal = os.open(os.environ["BENCH_JOURNAL"], os.O_WRONLY | os.O_APPEND)
    os.write(journal, line.encode())
    while not pyappkit.quit_requested():
        pyappkit.sleep(3600)

def daemon():
    workers = [
        pyappkit.WorkerStartInfo(
            name="w%d" % number, pid_filename="w%d.pid" % number, entry="program:worker", args={{}},
            logging_config={{"version": 1}},
            stdout_filename="w%d.txt" % number, stderr_filename="w%d.txt" % number,
        )
        for number in range({services})
    ]
    at_once = datetime.timedelta(0)
    often = datetime.timedelta(seconds=1)
    pyappkit.start_workers(
        workers, debug_filename=None, restart_interval=at_once, check_interval=often,
    )

if __name__ == "__main__":
    status, guardian = pyappkit.start_daemon(
        pid_filename="d.pid", daemon_entry="program:daemon", daemon_args={{}},
        stdout_filename="out.txt", stderr_filename="d.log",
    )
    # Its own child, which knows what to do with it.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(guardian, signal.SIGTERM))
    os.waitpid(guardian, 0)
"#
    );
    fs::write(ground.join("program.py"), text)
}
