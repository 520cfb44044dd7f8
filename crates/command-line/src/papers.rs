//! Completions and manual pages, for the program as its user calls it.

use clap_complete::Shell;

use crate::code;
use crate::complaint::Complaint;
use crate::output::print;

/// What a shell reads, for the program of this name.
pub(crate) fn completions(
    mut parser: clap::Command,
    program: &str,
    shell: Shell,
) -> Result<u8, Complaint> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut parser, program, &mut text);
    print(&String::from_utf8_lossy(&text)).map(|_| code::OK)
}

/// A page of the whole, or of a command.
pub(crate) fn man(mut parser: clap::Command, command: Option<&str>) -> Result<u8, Complaint> {
    // So that a command's page has the program's name before its own.
    parser.build();
    let page = match command {
        None => parser,
        Some(name) => match parser.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return Err(Complaint::usage(format!("no command `{name}`"))),
        },
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| Complaint::new(code::FAILED, format!("cannot make a page: {error}")))?;
    print(&String::from_utf8_lossy(&text)).map(|_| code::OK)
}
