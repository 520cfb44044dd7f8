//! What makes a shell complete words, for the program as its user calls it.
//!
//! Commands and options are written into the script by clap. Names are those of now: bash, zsh and fish ask for them,
//! by the value of `completions` that is hidden, `names`.

use clap_complete::Shell;

use crate::code;
use crate::complaint::Complaint;
use crate::names::takes_names;
use crate::output::print;

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
