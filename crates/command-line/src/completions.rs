//! What makes a shell complete words, for the program as its user calls it.
//!
//! Commands and options are written into the script by clap. Names are those of now: bash, zsh and fish ask for them,
//! by the value of `completions` that is hidden, `names`.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap_complete::Shell;

use crate::code;
use crate::complaint::Complaint;
use crate::names::takes_names;
use crate::output::print;
use crate::words::Reader;

/// The command that writes a script, and is asked for names by it.
const COMMAND: &str = "completions";

/// What follows the last function of clap's script for zsh.
const END_OF_ZSH: &str = "if [ \"$funcstack[1]\"";

/// What a shell reads, for the program of this name.
pub(crate) fn script(
    mut parser: clap::Command,
    program: &str,
    shell: Shell,
) -> Result<u8, Complaint> {
    let path = path(&parser).unwrap_or_default().join(" ");
    parser = offered(parser);
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut parser, program, &mut text);
    let mut text = String::from_utf8_lossy(&text).into_owned();
    let filled = |template: &str, function: &str| {
        template
            .replace("@PROGRAM@", program)
            .replace("@FUNCTION@", function)
            .replace("@DEPTH@", &path.split_whitespace().count().to_string())
            .replace("@COMMANDS@", &takes_names().join(" "))
            .replace("@PATH@", &path)
    };
    match shell {
        // The function is called as clap calls its own.
        Shell::Bash => {
            let function = program.replace('-', "__");
            // clap_complete 4.6.11 looks for a program's commands by two names if its own has a dash.
            let wrong = program.replace('-', "__subcmd__") + "__subcmd__";
            text = text.replace(&wrong, &format!("{function}__subcmd__"));
            text.push_str(&filled(include_str!("completions/names.bash"), &function));
        }
        Shell::Zsh => {
            let names = filled(include_str!("completions/names.zsh"), program);
            let end = text.rfind(END_OF_ZSH).unwrap_or(text.len());
            text.insert_str(end, &names);
        }
        Shell::Fish => {
            let function = program.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            text.push_str(&filled(include_str!("completions/names.fish"), &function));
        }
        // Of the others nobody has asked for names.
        Shell::Elvish | Shell::PowerShell | _ => (),
    }
    print(&text).map(|_| code::OK)
}

/// The parser as a script offers it: without what is hidden, and with the words that some of our arguments can be.
fn offered(parser: clap::Command) -> clap::Command {
    let parser = without_hidden(parser).mut_subcommands(offered);
    if path(&parser).is_none_or(|path| !path.is_empty()) {
        return parser;
    }
    let shown = parser.get_subcommands().map(|command| command.get_name().to_owned());
    let shown: Vec<String> = shown.collect();
    let signals = (1..=31).filter_map(exit::signal::name);
    let shells = Reader::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let shells: Vec<PossibleValue> = shells.filter(|shell| !shell.is_hide_set()).collect();
    parser
        .mut_subcommand("signal", |signal| one_of(signal, "signal", signals.collect::<Vec<_>>()))
        .mut_subcommand("man", |man| one_of(man, "command", shown))
        .mut_subcommand(COMMAND, |completions| one_of(completions, "shell", shells))
}

/// The command, whose argument of this name is one of these.
fn one_of<T: Into<PossibleValue>>(
    command: clap::Command,
    argument: &str,
    values: Vec<T>,
) -> clap::Command {
    let values = PossibleValuesParser::new(values);
    // In its place: `mut_arg` puts it behind the others.
    command.mut_args(|one| match one.get_id() == argument {
        true => one.value_parser(values.clone()),
        false => one,
    })
}

/// The same command without those below it that are hidden: clap cannot take one away.
fn without_hidden(command: clap::Command) -> clap::Command {
    if !command.get_subcommands().any(clap::Command::is_hide_set) {
        return command;
    }
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set()).cloned();
    let mut same = clap::Command::new(command.get_name().to_owned())
        .args(command.get_arguments().cloned())
        .groups(command.get_groups().cloned())
        .subcommands(shown)
        .visible_aliases(command.get_visible_aliases().map(str::to_owned).collect::<Vec<_>>())
        .disable_help_flag(command.is_disable_help_flag_set())
        .disable_help_subcommand(command.is_disable_help_subcommand_set())
        .disable_version_flag(command.is_disable_version_flag_set());
    if let Some(about) = command.get_about() {
        same = same.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        same = same.version(version.to_owned());
    }
    same
}

/// The subcommands below which ours stand, where they are not the program's own.
fn path(parser: &clap::Command) -> Option<Vec<String>> {
    let is_ours = |command: &clap::Command| {
        command.get_name() == COMMAND
            && command.get_arguments().any(|argument| argument.get_id() == "words")
    };
    if parser.get_subcommands().any(is_ours) {
        return Some(Vec::new());
    }
    parser.get_subcommands().find_map(|command| {
        let mut below = path(command)?;
        below.insert(0, command.get_name().to_owned());
        Some(below)
    })
}

#[cfg(test)]
mod tests {
    use clap::Subcommand;

    use super::*;
    use crate::words::Words;

    /// Case: CC-58
    #[test]
    fn our_commands_are_found_below_others() {
        let ours = || Words::augment_subcommands(clap::Command::new("x"));
        assert_eq!(path(&ours()), Some(Vec::new()));
        let other = clap::Command::new(COMMAND);
        let below = clap::Command::new("y").subcommand(other.clone()).subcommand(ours());
        assert_eq!(path(&below), Some(vec!["x".to_owned()]));
        assert_eq!(path(&clap::Command::new("y").subcommand(other)), None);
    }
}
