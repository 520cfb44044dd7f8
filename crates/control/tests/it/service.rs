//! The client of `io.appkit.Service`: what it asks of a daemon.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use control::{ClientError, Request, service};
use serde_json::{Value, json};

use crate::bed::later;

fn ask_for_everything(connections: [UnixStream; 3]) -> Result<(), ClientError> {
    let [first, second, third] =
        connections.map(|connection| service::Client::new(connection.into(), later()));
    let mut daemon = first?;
    daemon.status()?;
    daemon.workers(&[], false)?;
    daemon.workers(&["web"], true)?;
    daemon.workers_and_sets()?;
    daemon.sets()?;
    daemon.files()?;
    daemon.worker_files(&[])?;
    daemon.worker_files(&["web"])?;
    daemon.reopen()?;
    daemon.restart()?;
    daemon.reload(true)?;
    daemon.start_worker("web")?;
    daemon.stop_worker("web")?;
    daemon.restart_worker("web")?;
    daemon.signal_worker("web", 15)?;
    daemon.scale("web", 3)?;
    daemon.roll(&service::RollAsked { set: "web".to_owned(), ..Default::default() })?;
    daemon.cancel_roll("web")?;
    daemon.stop()?;
    second?.events(7)?.next(later())?;
    assert_eq!(third?.wait(&["idle", "running"], later())?, "running");
    Ok(())
}

/// What an empty list of names means is another thing in `Workers`, where it asks for nobody: so names that are not
/// given are null.
#[test]
fn each_method_has_a_function_that_asks_for_it_as_it_is_described() {
    let mut server = service::server("jobd", "1").unwrap();
    let connections = [(); 3].map(|()| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        server.adopt(theirs.into()).unwrap();
        ours
    });
    let asking = thread::spawn(|| ask_for_everything(connections));
    let mut asked = Vec::new();
    while !asking.is_finished() {
        let soon = Instant::now() + Duration::from_millis(20);
        waiter::readable(&[server.descriptor()], Some(soon)).unwrap();
        for Request { ticket, call, .. } in server.turn(Instant::now()) {
            let method = call.method.strip_prefix("io.appkit.Service.").unwrap().to_owned();
            let reply = if method == "Wait" { json!({ "phase": "running" }) } else { json!({}) };
            server.reply(&ticket, reply);
            asked.push((method, call.more, Value::Object(call.parameters)));
        }
    }
    asking.join().unwrap().unwrap();
    let roll = json!({
        "set": "web", "surge": null, "pause_us": null, "settle_us": null, "tries": null, "stall_us": null
    });
    let name = || json!({ "name": "web" });
    let expected = [
        ("Status", json!({})),
        ("Workers", json!({ "names": null, "usage": false })),
        ("Workers", json!({ "names": ["web"], "usage": true })),
        ("Workers", json!({ "usage": true })),
        ("Workers", json!({ "names": [] })),
        ("Files", json!({})),
        ("WorkerFiles", json!({ "names": null })),
        ("WorkerFiles", json!({ "names": ["web"] })),
        ("Reopen", json!({})),
        ("Restart", json!({})),
        ("Reload", json!({ "dry_run": true })),
        ("StartWorker", name()),
        ("StopWorker", name()),
        ("RestartWorker", name()),
        ("SignalWorker", json!({ "name": "web", "signal": 15 })),
        ("Scale", json!({ "set": "web", "count": 3 })),
        ("Roll", roll),
        ("CancelRoll", json!({ "set": "web" })),
        ("Stop", json!({})),
        ("Events", json!({ "last": 7 })),
        ("Wait", json!({ "phases": ["idle", "running"] })),
    ];
    let expected = expected.map(|(method, parameters)| {
        (method.to_owned(), matches!(method, "Events" | "Wait"), parameters)
    });
    assert_eq!(asked, expected);

    let described = service::DESCRIPTION.lines().filter_map(|line| line.strip_prefix("method "));
    let described: BTreeSet<&str> = described.filter_map(|rest| rest.split('(').next()).collect();
    let mut known: BTreeSet<&str> = asked.iter().map(|(method, ..)| method.as_str()).collect();
    // Nobody asks for that yet.
    known.insert("Upgrade");
    assert_eq!(known, described);
}
