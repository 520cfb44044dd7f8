//! Records to standard output and error.

use std::process::Stdio;

use crate::support::bed::Player;

pub(crate) fn records_go_to_the_stream_that_was_chosen() {
    for yaml in ["stream: stderr", "file: /dev/stderr", "{}"] {
        let yaml = format!("{yaml}\n").replace("{}", "");
        let mut command =
            Player::command("script", &format!("{yaml}format: '{{name}} {{message}}'"), "me", &[]);
        let mut program = Player::spawn(command.stderr(Stdio::piped()));
        assert_eq!(program.reply(), "ready");
        assert_eq!(program.ask("log hello"), "dropped 0");
        assert_eq!(program.errors(), "me hello\n");
    }
    for yaml in ["stream: stdout", "file: /dev/stdout"] {
        let yaml = format!("{yaml}\nformat: '{{name}} {{message}}'");
        let mut program = Player::start("script", &yaml, "me", &[]);
        assert_eq!(program.ask("log hello"), "me hello");
        assert_eq!(program.reply(), "dropped 0");
    }
}

/// Case: LOG-08
pub(crate) fn a_reader_that_has_gone_ends_nobody() {
    let mut command = Player::command("script", "stream: stderr", "me", &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut program = Player::spawn(command.stderr(writer));
    // The command keeps a copy of the writing end only; nobody reads.
    drop(reader);
    assert_eq!(program.reply(), "ready");
    assert_eq!(program.ask("log one"), "dropped 1");
    assert_eq!(program.ask("log two"), "dropped 2");
}
