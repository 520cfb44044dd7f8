//! A service that tells how long it has run, and ends when it is told to: in one terminal
//! `cargo run -p control --example clock_server -- serve ./clock.sock`, in another the same with `ask` or `stop`.
#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use control::{Access, Client, Info, Refusal, Server};
use serde::{Deserialize, Serialize};

const DESCRIPTION: &str = "
# A clock that counts from its start.
interface org.example.clock
method Elapsed() -> (seconds: int)
method Stop() -> ()
";

#[derive(Serialize, Deserialize)]
struct Elapsed {
    seconds: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let soon = Instant::now() + Duration::from_secs(5);
    match words.as_slice() {
        ["serve", path] => serve(Path::new(path)),
        ["ask", path] => {
            let mut client = Client::connect(Path::new(path), soon)?;
            let told: Elapsed = client.call("org.example.clock.Elapsed", &(), soon)?;
            println!("{} s", told.seconds);
            Ok(())
        }
        ["stop", path] => {
            Ok(Client::connect(Path::new(path), soon)?.call("org.example.clock.Stop", &(), soon)?)
        }
        _ => Err("say `serve`, `ask` or `stop`, and a path".into()),
    }
}

fn serve(path: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let interfaces = vec![DESCRIPTION.to_owned()];
    let mut server = Server::new(Info { product: "clock".into(), interfaces, ..Info::default() })?;
    let (listener, file) = control::bind(path, 0o600, None)?;
    server.listen(listener, Access::default())?;
    let mut stopped = false;
    while !stopped {
        waiter::wait_once(&[server.descriptor()], server.deadline())?;
        for request in server.turn(Instant::now()) {
            match request.call.method.as_str() {
                "org.example.clock.Elapsed" => {
                    let seconds = started.elapsed().as_secs();
                    server.reply(&request.ticket, Elapsed { seconds });
                }
                "org.example.clock.Stop" if request.peer.may_act() => {
                    server.reply(&request.ticket, ());
                    stopped = true;
                }
                _ => server.refuse(&request.ticket, &Refusal::PermissionDenied),
            }
        }
    }
    file.unbind()?;
    Ok(())
}
