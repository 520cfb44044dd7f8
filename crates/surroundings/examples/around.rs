//! A child with a folder, a mask and an output of its own, and what it sees of them.

#![expect(clippy::print_stdout, reason = "a program that people start")]

use std::error::Error;
use std::path::PathBuf;

use proc_spawn::{App, Call, Current, Role, Spawn, entries};
use stdio_redirect::{Redirect, Target};
use surroundings::Setup;

fn look_around(_: ()) -> std::io::Result<()> {
    let made = PathBuf::from("made.txt");
    std::fs::write(&made, "")?;
    println!("in {}: {:?}", std::env::current_dir()?.display(), made.metadata()?.permissions());
    std::fs::remove_file(made)
}

fn main() -> Result<(), Box<dyn Error>> {
    surroundings::roles(App::new(entries![look_around])).init();

    let folder = std::env::temp_dir();
    let output = folder.join("around.txt");
    let setup = Setup {
        directory: Some(folder),
        umask: Some(0o077),
        redirect: Redirect::new().stdout(Target::File(output.clone())),
        ..Setup::default()
    };
    let current = Current::new(Role::Worker, "around");
    let spawn = Spawn::new(Call::new(look_around, ()))?.current(current).setup(&setup)?;
    let mut child = spawn.spawn()?;
    println!("{}", child.wait()?);
    print!("{}", std::fs::read_to_string(&output)?);
    Ok(std::fs::remove_file(output)?)
}
