//! The service that an application is: its daemons, and what its program does when it is called.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{FromArgMatches, Subcommand};
use clap_complete::Shell;
use supervisor::{DaemonEnd, DaemonOptions, run_daemon};

use crate::act::{Action, act};
use crate::code;
use crate::command::Command;
use crate::complaint::Complaint;
use crate::daemon::Daemon;
use crate::into_options::{AnyError, IntoOptions};
use crate::output::{complain, fail, print};
use crate::render::text::safe;
use crate::set::{self, Asked};
use crate::target::{self, Target, Unnamed};
use crate::words::{self, Reader, Reload, Words};
use crate::{completions, logs, names as typed, papers, show, wait};

type Read = Box<dyn Fn() -> Result<Vec<(String, DaemonOptions)>, AnyError>>;

/// One daemon or several, with the commands that start, stop and show them.
///
/// Options are read when a command needs them, so that help and completions work without.
pub struct Service {
    /// Before what is said of no daemon in particular.
    name: String,
    read: Read,
    parser: Option<clap::Command>,
    version: String,
}

impl Service {
    /// A service of one daemon. What it is called in commands and in what they say is `name`; its log and its
    /// titles say what the options have. `|| DaemonOptions::new(…)` gives them, and so does
    /// `|| DaemonOptions::from_yaml_file(…)`.
    pub fn new<O: IntoOptions<DaemonOptions>>(
        name: impl Into<String>,
        options: impl Fn() -> O + 'static,
    ) -> Service {
        let name = name.into();
        let called = name.clone();
        let read: Read = Box::new(move || Ok(vec![(called.clone(), options().into_options()?)]));
        Service::of(name, read)
    }

    /// A service of several daemons, by their names.
    ///
    /// What they are called must not be `all`, nor begin with `-`, nor contain `/`.
    pub fn several<O: IntoOptions<Vec<(String, DaemonOptions)>>>(
        daemons: impl Fn() -> O + 'static,
    ) -> Service {
        let read: Read = Box::new(move || daemons().into_options());
        Service::of(program(), read)
    }

    /// A service of the daemons in a YAML file: see
    /// [`several_from_yaml_file`](DaemonOptions::several_from_yaml_file).
    pub fn from_file(path: impl Into<PathBuf>) -> Service {
        let path = path.into();
        Service::several(move || -> Result<_, AnyError> {
            let daemons = DaemonOptions::several_from_yaml_file(&path)?;
            if daemons.is_empty() {
                let text = "has no daemons; each is its name, a colon, and its options";
                return Err(format!("`{}` {text}", path.display()).into());
            }
            Ok(daemons)
        })
    }

    /// The application's own parser, in which [`Command`] stands beside others: completions and manual pages are
    /// those of the whole program. Default: the one of [`main`](Self::main).
    #[must_use]
    pub fn parser(mut self, parser: clap::Command) -> Service {
        self.parser = Some(parser);
        self
    }

    /// What `--version` of [`main`](Self::main) says, as `env!("CARGO_PKG_VERSION")`. Default: the version of appkit.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Service {
        self.version = version.into();
        self
    }

    fn of(name: String, read: Read) -> Service {
        let version = concat!("(appkit ", env!("CARGO_PKG_VERSION"), ")").to_owned();
        Service { name, read, parser: None, version }
    }

    /// Does what the words of this process' command line say, and says how it went: the whole of a `main` after
    /// `init`.
    pub fn main(self) -> ExitCode {
        let words: Vec<OsString> = env::args_os().collect();
        let read = self.own_parser().try_get_matches_from(&words);
        match read.and_then(|matches| Words::from_arg_matches(&matches)) {
            Ok(read) => self.execute(Command(read)),
            Err(error) => ExitCode::from(self.refuse(error, &words)),
        }
    }

    /// Does what was asked, and says how it went, on standard output and standard error.
    ///
    /// It blocks, in `events`, `logs`, `top`, `wait` and `run` for as long as there is something to see, to wait for, to
    /// run. The exit codes stand in the crate's documentation.
    pub fn execute(&self, command: Command) -> ExitCode {
        let Command(words) = command;
        let (in_json, of_status) = match &words {
            Words::Start(act) | Words::Stop(act) | Words::Restart(act) => (act.form.json, false),
            Words::Reload(reload) => (reload.whole.form.json, false),
            Words::Reopen(whole) => (whole.form.json, false),
            Words::Status(show) => (show.form.json, true),
            Words::List(list) => (list.form.json, false),
            Words::Events(events) => (events.json, false),
            Words::Logs(logs) => (logs.json, false),
            Words::Signal(signal) => (signal.form.json, false),
            Words::Wait(wait) => (wait.form.json, false),
            Words::Scale(scale) => (scale.form.json, false),
            Words::Roll(roll) => (roll.form.json, false),
            #[cfg(feature = "top")]
            Words::Top(_) => (false, false),
            Words::Run(_) | Words::Metrics(_) | Words::Completions(_) | Words::Man(_) => {
                (false, false)
            }
        };
        match self.carry_out(words) {
            Ok(code) => ExitCode::from(code),
            Err(complaint) => {
                let complaint = if of_status { complaint.of_status() } else { complaint };
                ExitCode::from(fail(&self.name, in_json, &complaint))
            }
        }
    }

    fn carry_out(&self, words: Words) -> Result<u8, Complaint> {
        match words {
            Words::Start(words) => self.act(Action::Start, &words.names, words.form.json),
            Words::Stop(words) => self.act(Action::Stop, &words.names, words.form.json),
            Words::Restart(words) => self.act(Action::Restart, &words.names, words.form.json),
            Words::Reopen(words) => self.act(Action::Reopen, &words.names, words.form.json),
            Words::Reload(Reload { whole, dry_run }) => {
                self.act(Action::Reload(dry_run), &whole.names, whole.form.json)
            }
            Words::Signal(words) => {
                self.act(Action::Signal(words.signal), &words.names, words.form.json)
            }
            Words::Status(words) => {
                let (daemons, targets) = self.targets(&words.names, Unnamed::All)?;
                show::status(&daemons, &targets, &words)
            }
            Words::List(words) => {
                self.with(&words.names, Unnamed::All, |daemons| show::list(daemons, &words))
            }
            Words::Metrics(words) => self.with(&words.names, Unnamed::All, |daemons| {
                show::metrics(daemons, words.output.as_deref())
            }),
            Words::Wait(words) => {
                let (daemons, targets) = self.targets(&words.names, Unnamed::Only)?;
                wait::wait(&daemons, &targets, &words)
            }
            Words::Scale(words) => {
                let (daemon, name) = self.set(&words.set)?;
                set::act(&daemon, &name, &Asked::Scale(&words))
            }
            Words::Roll(words) => {
                let (daemon, name) = self.set(&words.set)?;
                set::act(&daemon, &name, &Asked::Roll(&words))
            }
            Words::Events(words) => {
                let (daemons, targets) = self.processes(&words.names, Unnamed::One)?;
                let (daemon, names) = target::of_one(&names(&daemons), &targets)?;
                show::events(&daemons[daemon], names, &words)
            }
            Words::Logs(words) => {
                let (daemons, targets) = self.processes(&words.names, Unnamed::All)?;
                logs::logs(&daemons, &targets, &words)
            }
            #[cfg(feature = "top")]
            Words::Top(words) => crate::top::top(self.one(words.name)?),
            Words::Run(words) => run(self.one(words.name)?),
            Words::Completions(words) => self.completions(&words),
            Words::Man(words) => papers::man(self.whole_parser(), words.command.as_deref()),
        }
    }

    fn completions(&self, words: &words::Completions) -> Result<u8, Complaint> {
        let script = |shell| match words.words.first() {
            None => completions::script(self.whole_parser(), &program(), shell),
            Some(word) => Err(Complaint::usage(format!("unexpected word `{word}`"))),
        };
        match words.shell {
            Reader::Bash => script(Shell::Bash),
            Reader::Elvish => script(Shell::Elvish),
            Reader::Fish => script(Shell::Fish),
            Reader::Powershell => script(Shell::PowerShell),
            Reader::Zsh => script(Shell::Zsh),
            Reader::Names => {
                // Where there are no options there are no names.
                let daemons = || self.daemons().map_or_else(|_| Vec::new(), |(daemons, _)| daemons);
                let names = typed::fitting(&words.words, daemons);
                // The scripts offer files only where no name is wanted.
                let Some(names) = names else { return Ok(code::FAILED) };
                let lines: String = names.into_iter().map(|name| name + "\n").collect();
                print(&lines).map(|_| code::OK)
            }
        }
    }

    /// The daemon that has a set of this name, and the name in it.
    fn set(&self, word: &str) -> Result<(Daemon, String), Complaint> {
        let (mut daemons, names) = self.daemons()?;
        let of = |index: usize| daemons[index].set_names();
        let found = target::find(&names, &[word.to_owned()], Unnamed::Only, of)?;
        match found.into_iter().next() {
            Some(Target { daemon, worker: Some(set) }) => Ok((daemons.swap_remove(daemon), set)),
            _ => Err(Complaint::usage(format!("`{}` is a daemon; name a set", safe(word)))),
        }
    }

    /// The daemons, and what they are called.
    fn daemons(&self) -> Result<(Vec<Daemon>, Vec<String>), Complaint> {
        let read = (self.read)().map_err(|error| Complaint::options(&*error))?;
        let daemons: Vec<Daemon> =
            read.into_iter().map(|(name, options)| Daemon::new(name, options)).collect();
        let names = names(&daemons);
        target::check(&names)?;
        target::check_files(
            daemons.iter().map(|daemon| (daemon.name.as_str(), daemon.options.pid_filename())),
        )?;
        Ok((daemons, names))
    }

    fn act(&self, action: Action, words: &[String], in_json: bool) -> Result<u8, Complaint> {
        let (daemons, targets) = self.targets(words, Unnamed::Only)?;
        act(action, &daemons, &targets, in_json)
    }

    /// The daemons, and who of them and of their workers is meant.
    fn targets(
        &self,
        words: &[String],
        unnamed: Unnamed,
    ) -> Result<(Vec<Daemon>, Vec<Target>), Complaint> {
        let (daemons, names) = self.daemons()?;
        let targets = target::find(&names, words, unnamed, |index| daemons[index].worker_names())?;
        Ok((daemons, targets))
    }

    /// The same, where guardian and executor can be named like workers.
    fn processes(
        &self,
        words: &[String],
        unnamed: Unnamed,
    ) -> Result<(Vec<Daemon>, Vec<Target>), Complaint> {
        let (daemons, names) = self.daemons()?;
        let of = |index: usize| {
            let roles = logs::ROLES.into_iter().map(str::to_owned);
            roles.chain(daemons[index].worker_names()).collect()
        };
        let targets = target::find(&names, words, unnamed, of)?;
        Ok((daemons, targets))
    }

    fn with(
        &self,
        words: &[String],
        unnamed: Unnamed,
        action: impl FnOnce(&[&Daemon]) -> Result<u8, Complaint>,
    ) -> Result<u8, Complaint> {
        let (daemons, names) = self.daemons()?;
        let found = target::find_daemons(&names, words, unnamed)?;
        let found: Vec<&Daemon> = found.into_iter().map(|index| &daemons[index]).collect();
        action(&found)
    }

    /// The only daemon that is meant.
    fn one(&self, name: Option<String>) -> Result<Daemon, Complaint> {
        let (mut daemons, names) = self.daemons()?;
        let words: Vec<String> = name.into_iter().collect();
        match target::find_daemons(&names, &words, Unnamed::One)?.as_slice() {
            [one] => Ok(daemons.swap_remove(*one)),
            _ => Err(target::one_at_a_time(&names)),
        }
    }

    fn own_parser(&self) -> clap::Command {
        let about = format!("starts, stops and shows {}", self.name);
        let parser = clap::Command::new(program())
            .version(self.version.clone())
            .about(about)
            .long_about(words::DESCRIPTION)
            .after_long_help(words::CODES);
        Words::augment_subcommands(parser).subcommand_required(true).arg_required_else_help(true)
    }

    fn whole_parser(&self) -> clap::Command {
        self.parser.clone().unwrap_or_else(|| self.own_parser())
    }

    /// Help was asked for, or the words are wrong.
    fn refuse(&self, mut error: clap::Error, words: &[OsString]) -> u8 {
        // Of a wrong option a name would be made by that tip, and no name begins so.
        if let Some(ContextValue::StyledStrs(mut tips)) = error.remove(ContextKind::Suggested) {
            tips.retain(|tip| !tip.to_string().contains("as a value, use"));
            if !tips.is_empty() {
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
            }
        }
        let text = error.render().to_string();
        if !error.use_stderr() {
            return match print(&text) {
                Ok(_) => code::OK,
                Err(complaint) => fail(&self.name, false, &complaint),
            };
        }
        let mut complaint = Complaint::usage(text.trim_end().trim_start_matches("error: "));
        // Nobody can say how a daemon is whose name cannot be read.
        let is_option = |word: &OsString| word.as_encoded_bytes().starts_with(b"-");
        if words.iter().skip(1).find(|word| !is_option(word)).is_some_and(|word| word == "status") {
            complaint = complaint.of_status();
        }
        fail(&self.name, words.iter().any(|word| word == "--json"), &complaint)
    }
}

/// What they are called.
fn names(daemons: &[Daemon]) -> Vec<String> {
    daemons.iter().map(|daemon| daemon.name.clone()).collect()
}

/// In the foreground; the code is that of the daemon's end.
fn run(daemon: Daemon) -> Result<u8, Complaint> {
    let end = run_daemon(daemon.options)?;
    if let DaemonEnd::AlreadyRunning { pid } = end {
        // Who runs it here waits for its end: 0 would say that it has been run, and has ended well.
        let text = format!("it runs already, pid {pid}: nothing was run here");
        return Err(Complaint::new(code::FAILED, text).of(daemon.name));
    }
    complain(&daemon.name, &end.to_string());
    // An exit code has eight bits (wait(2)), and none of ours is larger.
    Ok(u8::try_from(end.exit_code()).unwrap_or(u8::MAX))
}

/// The program as it was called.
fn program() -> String {
    let called = env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name();
    name.map_or_else(|| "service".to_owned(), |name| name.to_string_lossy().into_owned())
}
