//! Manual pages, for the program as its user calls it.

use crate::code;
use crate::complaint::Complaint;
use crate::output::print;

/// A page of the whole, or of a command.
pub(crate) fn man(mut parser: clap::Command, command: Option<&str>) -> Result<u8, Complaint> {
    // So that a command's page has the program's name before its own.
    parser.build();
    let name = parser.get_name().to_owned();
    let version = parser.get_version().map(|version| format!(" {version}")).unwrap_or_default();
    let page = match command {
        None => parser,
        Some(name) => match parser.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return Err(Complaint::usage(format!("no command `{name}`"))),
        },
    };
    let mut text = Vec::new();
    let commands: Vec<String> =
        page.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let whole = page.get_display_name().unwrap_or(page.get_name()).to_owned();
    clap_mangen::Man::new(page)
        .source(format!("{name}{version}"))
        .render(&mut text)
        .map_err(|error| Complaint::new(code::FAILED, format!("cannot make a page: {error}")))?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    for command in commands {
        // clap_mangen 0.3.3 names a page of its own for each command, and there is none of that name.
        let of_page = format!("{whole}-{command}").replace('-', r"\-") + "(1)\n";
        let as_typed = format!("{whole} {command}").replace('-', r"\-") + "\n";
        text = text.replace(&format!("\n{of_page}"), &format!("\n{as_typed}"));
    }
    print(&text).map(|_| code::OK)
}
