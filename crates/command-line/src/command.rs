//! The subcommands as one opaque value, for applications that have others beside them.

use clap::{ArgMatches, Error, FromArgMatches, Subcommand};

use crate::words::Words;

/// What a person asks of a service: `start`, `stop`, `restart`, `reopen`, `status`, `list`, `events`, `logs`, `signal`,
/// `scale`, `roll`, `wait`, `run`, `metrics`, `completions`, `man`, and with the feature `top` that one, each with its words.
///
/// It is a [`Subcommand`] of clap: the whole of a parser's (`#[command(subcommand)]`), or flattened beside others
/// (`#[command(flatten)]`). Which words there are is no promise to code, and so not public.
#[derive(Clone, Debug)]
pub struct Command(pub(crate) Words);

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Command, Error> {
        Words::from_arg_matches(matches).map(Command)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Subcommand for Command {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        Words::augment_subcommands(command)
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Words::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Words::has_subcommand(name)
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "my_job-d")]
    struct Cli {
        #[command(subcommand)]
        command: Commands,
    }

    #[derive(Debug, Subcommand)]
    enum Commands {
        /// Something else
        Import { file: String },
        #[command(flatten)]
        Service(Command),
    }

    /// Case: CC-58
    #[test]
    fn it_stands_beside_commands_of_the_application() {
        Cli::command().debug_assert();
        let read =
            |words: &[&str]| Cli::try_parse_from([&["x"], words].concat()).map(|cli| cli.command);
        assert!(matches!(read(&["import", "f"]), Ok(Commands::Import { file }) if file == "f"));
        let Ok(Commands::Service(Command(Words::Stop(stop)))) = read(&["stop", "all", "--json"])
        else {
            unreachable!("`stop` is one of ours");
        };
        assert_eq!((stop.names, stop.form.json), (vec!["all".to_owned()], true));
        assert!(read(&["strat"]).unwrap_err().to_string().contains("start"));
    }

    /// Case: CC-57
    #[test]
    #[should_panic(expected = "status")]
    fn a_command_of_the_application_with_our_name_is_found_by_its_test() {
        #[derive(Debug, Subcommand)]
        enum Commands {
            Status,
            #[command(flatten)]
            Service(Command),
        }
        // Both are read nowhere: clap asserts that names are unique.
        let _ = |commands: Commands| match commands {
            Commands::Status => None,
            Commands::Service(command) => Some(command),
        };
        Commands::augment_subcommands(clap::Command::new("x")).debug_assert();
    }
}
