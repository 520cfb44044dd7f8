//! Manual pages, for the program as its user calls it.

use crate::code;
use crate::complaint::Complaint;
use crate::output::print;

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
