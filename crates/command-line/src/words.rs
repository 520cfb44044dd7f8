//! The subcommands, as clap reads them.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::ValueParser;
use clap::{Args, Subcommand};
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Words {
    /// Starts the daemon, and waits until it runs; one that runs already is left alone
    Start(Act),
    /// Stops the daemon, and waits until everything of it is gone; one that is stopped already is no error
    Stop(Act),
    /// Stops the daemon if it runs, and starts it
    Restart(Act),
    /// Has the daemon open its log files anew, after others have renamed them
    Reopen(Whole),
    /// Has the daemon read its list of workers anew, and tell those who listen; a wrong list changes nothing
    Reload(Reload),
    /// How the daemon is, with its workers, or a worker alone; the exit code tells, too
    #[command(after_help = STATUS_CODES)]
    Status(Show),
    /// A line for each daemon
    List(List),
    /// What has happened to the daemon and its workers, and what happens until it ends
    Events(Events),
    /// The last lines of the daemon's log and output, and of its workers', and those that follow
    Logs(Logs),
    /// Sends a signal to a worker
    Signal(Signal),
    /// Has a set have another number of workers, and waits until they are ready and the others gone
    #[command(after_help = SET_CODES)]
    Scale(Scale),
    /// Replaces the workers of a set one after another, while enough of them stay
    #[command(after_help = SET_CODES)]
    Roll(Roll),
    /// Waits until the daemon, or a worker, is ready or stopped
    #[command(after_help = WAIT_CODES)]
    Wait(Wait),
    /// Runs the daemon here, without detaching: for a terminal, a container, systemd
    Run(Run),
    /// Shows the daemon and its workers as they are now, and acts on them by keys
    #[cfg(feature = "top")]
    Top(Top),
    /// Numbers for Prometheus, in its text format 0.0.4
    Metrics(Metrics),
    /// Prints what makes a shell complete these commands
    Completions(Completions),
    /// Prints a manual page, of the whole or of a command, to be read with `man -l -`
    Man(Man),
}

/// What the whole is for, on its page.
pub(crate) const DESCRIPTION: &str = "\
This program runs as a service, and has the commands for it. A daemon is kept alive by its guardian, which starts it \
again when it fails; workers are processes that the daemon keeps. Names are those of daemons, or of workers: by \
themselves where one daemon has them, as DAEMON/WORKER anywhere. Looking starts nothing.";

/// Those of all commands but `status` and `wait`, which have pages of their own.
pub(crate) const CODES: &str = "\
Exit codes: 0 done, or there was nothing to do; 1 it failed; 2 the words are wrong; 3 this cannot be done yet; 4 not \
allowed; 6 the options are wrong, or cannot be read; 7 it does not run; 130 Ctrl-C while a start was waited for. \
`status` and `wait` have others, which their help tells.";

const STATUS_CODES: &str = "\
Exit codes: 0 it runs; 1 it does not, and a crash has left the pid file; 2 its guardian was killed, and not all is gone \
yet; 3 it does not run, or has failed, which the text tells; 4 nobody can say, or the words are wrong; 150 starting, or not ready; 151 \
stopping; 152 back-off: it has failed, and will be started again; 153 it runs, but a worker has failed for good. Of \
several daemons the worst counts.";

const WAIT_CODES: &str = "\
A worker of a daemon that keeps none yet is waited for, too, so give a limit where it may never have one.
Exit codes: 0 it is so; 7 it does not run; 99 the time is over; 102 the daemon ended meanwhile.";

const SET_CODES: &str = "\
What was asked for goes on when the waiting is over, by its time or by Ctrl-C.
Exit codes: 0 it is so; 1 it failed, or something else was asked for meanwhile; 2 there is no such set, or it cannot have \
so many; 7 the daemon does not run; 99 the time is over; 102 the daemon ended meanwhile.";

/// What is done to daemons or workers.
#[derive(Clone, Debug, Args)]
pub(crate) struct Act {
    /// Daemons, or `all`; workers by name, or as DAEMON/WORKER
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// What is read anew.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reload {
    #[command(flatten)]
    pub(crate) whole: Whole,
    /// Only says what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is done to daemons alone.
#[derive(Clone, Debug, Args)]
pub(crate) struct Whole {
    /// Daemons, or `all`
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Form {
    /// One JSON text on standard output, errors too
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Show {
    /// Daemons, or `all`, which is the default; workers by name, or as DAEMON/WORKER
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Everything, however narrow the terminal is
    #[arg(long)]
    pub(crate) wide: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct List {
    /// Daemons, or `all`, which is the default
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
    /// Everything, however narrow the terminal is
    #[arg(long)]
    pub(crate) wide: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Events {
    /// The daemon, where there are several; guardian, executor, workers and sets by name, or as DAEMON/NAME
    pub(crate) names: Vec<String>,
    /// How many of the last ones to begin with: of guardian and of executor so many each, unless names are given
    #[arg(short = 'n', long, alias = "lines", default_value = "10")]
    #[arg(allow_negative_numbers = true, value_parser = ValueParser::new(last))]
    pub(crate) last: u64,
    /// Shows the last ones, by time, and ends
    #[arg(long)]
    pub(crate) no_follow: bool,
    /// What it does anyway
    #[arg(short, long, hide = true, conflicts_with = "no_follow")]
    pub(crate) follow: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Whole lines, however narrow the terminal is
    #[arg(long)]
    pub(crate) wide: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Logs {
    /// Daemons, or `all`, which is the default; guardian, executor and workers by name, or as DAEMON/NAME
    pub(crate) names: Vec<String>,
    /// Goes on with what is written from now on, until the daemons have ended
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last ones, of all together, to begin with, or `all`: of 100 files of one name at most, the youngest
    #[arg(short = 'n', long, alias = "last", default_value = "20")]
    #[arg(allow_negative_numbers = true, value_parser = ValueParser::new(last))]
    pub(crate) lines: u64,
    /// Lines as they are, also what could command the terminal
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Signal {
    /// By its name, as SIGUSR1 or USR1, or by its number
    #[arg(value_parser = ValueParser::new(signal))]
    pub(crate) signal: i32,
    /// Workers by name, or as DAEMON/WORKER
    #[arg(required = true)]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Scale {
    /// A set by its name, or as DAEMON/SET
    pub(crate) set: String,
    /// How many: a number, or so many more or fewer as +2 or -1
    #[arg(allow_hyphen_values = true, value_parser = ValueParser::new(count))]
    pub(crate) count: Count,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Roll {
    /// A set by its name, or as DAEMON/SET
    pub(crate) set: String,
    /// Begins no other: those that are being replaced are brought to their end
    #[arg(long, conflicts_with_all = ["surge", "pause", "settle", "tries", "stall", "timeout", "no_wait"])]
    pub(crate) cancel: bool,
    /// So many more than there are to be are started first, and stopped last
    #[arg(long)]
    pub(crate) surge: Option<u32>,
    /// What passes after each before the next one
    #[arg(long, allow_hyphen_values = true, value_parser = ValueParser::new(span))]
    pub(crate) pause: Option<Duration>,
    /// How long a new one must have been ready until it counts as there
    #[arg(long, allow_hyphen_values = true, value_parser = ValueParser::new(span))]
    pub(crate) settle: Option<Duration>,
    /// How often a new one is started until it counts as bad
    #[arg(long)]
    pub(crate) tries: Option<u32>,
    /// Given up when nothing has come further for so long
    #[arg(long, allow_hyphen_values = true, value_parser = ValueParser::new(span))]
    pub(crate) stall: Option<Duration>,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Waiting {
    /// Waits for so long at most, as 10, 500ms, 2min; without it, for ever
    #[arg(long, allow_hyphen_values = true, value_parser = ValueParser::new(span))]
    pub(crate) timeout: Option<Duration>,
    /// Only asks for it
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// How many a set is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    To(u32),
    By(i32),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Wait {
    /// Daemons, or `all`; workers by name, or as DAEMON/WORKER
    pub(crate) names: Vec<String>,
    /// For what
    #[arg(long, value_enum, default_value_t = Until::Ready)]
    pub(crate) until: Until,
    /// How long at most, as 10, 500ms, 2min; without it, for ever
    #[arg(long, allow_hyphen_values = true, value_parser = ValueParser::new(span))]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Until {
    /// It runs, and has said that it is ready if it has to
    Ready,
    /// Everything of it is gone
    Stopped,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// The daemon, where there are several
    pub(crate) name: Option<String>,
}

#[cfg(feature = "top")]
#[derive(Clone, Debug, Args)]
pub(crate) struct Top {
    /// The daemon, where there are several
    pub(crate) name: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Metrics {
    /// Daemons, or `all`, which is the default
    pub(crate) names: Vec<String>,
    /// Replaces this file instead, all at once; if a daemon gives no answer the old one stays
    #[arg(short, long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: Reader,
    /// What was typed: the command, its words, and the one that is to be completed
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}

/// Who reads completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Reader {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    /// A script of ours, which wants to know what names there are.
    #[value(hide = true)]
    Names,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Man {
    /// Of a command instead of the whole
    pub(crate) command: Option<String>,
}

/// A signal as configuration files have it.
fn signal(text: &str) -> Result<i32, String> {
    let number = text.parse().ok().filter(|number| (1..=64).contains(number));
    let named = || exit::signal::number(text);
    number.or_else(named).ok_or_else(|| {
        "is no signal; give its name, like `SIGTERM`, or its number, from 1 to 64".to_owned()
    })
}

/// How many of the last ones.
fn last(text: &str) -> Result<u64, String> {
    let all = (text == "all").then_some(u64::MAX);
    let number = || text.parse().ok();
    all.or_else(number)
        .ok_or_else(|| "is no number of the last ones; give one like 20, or `all`".to_owned())
}

fn count(text: &str) -> Result<Count, String> {
    let read = match text.starts_with(['+', '-']) {
        true => text.parse().map(Count::By),
        false => text.parse().map(Count::To),
    };
    read.map_err(|_| "is no number; give one like 4, +2 or -1".to_owned())
}

/// A span as configuration files have it.
fn span(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    policy::duration::deserialize(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_signals_are_read_as_in_options() {
        assert_eq!(span("10"), Ok(Duration::from_secs(10)));
        assert_eq!(span("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(span("forever"), Ok(Duration::MAX));
        assert!(span("-1s").is_err() && span("soon").is_err());
        assert_eq!(signal("SIGUSR1"), Ok(10));
        assert_eq!(signal("USR1"), Ok(10));
        assert_eq!(signal("10"), Ok(10));
        assert!(signal("SIGX").is_err() && signal("0").is_err() && signal("65").is_err());
    }

    #[test]
    fn a_count_is_a_number_or_a_difference() {
        for (text, read) in [("4", Count::To(4)), ("+2", Count::By(2)), ("-1", Count::By(-1))] {
            assert_eq!(count(text), Ok(read));
        }
        for wrong in ["", "+", "--1", "x", "1.5", "4294967296"] {
            count(wrong).unwrap_err();
        }
    }

    #[test]
    fn the_last_ones_are_a_number_or_all() {
        assert_eq!((last("0"), last("20"), last("all")), (Ok(0), Ok(20), Ok(u64::MAX)));
        for wrong in ["", "-5", "+", "many", "1.5"] {
            last(wrong).unwrap_err();
        }
    }

    #[test]
    fn clap_finds_nothing_wrong() {
        Words::augment_subcommands(clap::Command::new("x")).debug_assert();
    }
}
