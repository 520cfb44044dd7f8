//! Clients that others have written, unmodified: the package `varlink` of PyPI, and the crate `varlink`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::{Duration, Instant};

use control::{Access, Info, Refusal, Server, service};
use serde_json::{Value, json};
use tempfile::TempDir;

mod certification;
use certification::Certification;

fn info() -> Info {
    Info {
        vendor: "appkit".into(),
        product: "a trial".into(),
        version: "1".into(),
        url: "https://example.org".into(),
        interfaces: vec![service::DESCRIPTION.into(), certification::DESCRIPTION.into()],
    }
}

/// Serves until the client is done, and tells how many have passed the certification.
fn serve<T: Send>(client: impl FnOnce(&Path) -> T + Send) -> (T, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let (listener, _file) = control::bind(&path, 0o600, None).unwrap();
    let mut server = Server::new(info()).unwrap();
    server.listen(listener, Access::default()).unwrap();
    let mut certification = Certification::default();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| client(&path));
        while !client.is_finished() {
            let soon = Instant::now() + Duration::from_millis(20);
            waiter::readable(&[server.descriptor()], Some(soon)).unwrap();
            for request in server.turn(Instant::now()) {
                match request.call.method.as_str() {
                    "io.appkit.Service.Workers" => server.reply(&request.ticket, workers()),
                    "io.appkit.Service.Stop" => {
                        server.refuse(
                            &request.ticket,
                            &Refusal::new("io.appkit.Service.Stopping", ()),
                        );
                    }
                    "io.appkit.Service.Wait" if request.call.more => {
                        server.reply_continues(&request.ticket, json!({"phase": "starting"}));
                        server.reply(&request.ticket, json!({"phase": "running"}));
                    }
                    "io.appkit.Service.Wait" => {
                        server.refuse(&request.ticket, &Refusal::ExpectedMore);
                    }
                    _ => certification.answer(&mut server, &request),
                }
            }
        }
        (client.join().unwrap(), certification.passed)
    })
}

fn workers() -> service::Workers {
    let end = service::RunEnd { run: 1, cause: "code".into(), code: Some(3), ..Default::default() };
    let worker = service::Process { name: "web-1".into(), ends: vec![end], ..Default::default() };
    service::Workers { workers: vec![worker], ..service::Workers::default() }
}

/// Where Python finds the package; `None`: nowhere.
fn python() -> Option<Command> {
    static FOUND: OnceLock<Option<Option<TempDir>>> = OnceLock::new();
    let has = |folder: Option<&Path>| {
        let mut python = Command::new("python3");
        if let Some(folder) = folder {
            python.env("PYTHONPATH", folder);
        }
        python.args(["-c", "import varlink"]).output().is_ok_and(|output| output.status.success())
    };
    let found = FOUND.get_or_init(|| {
        if has(None) {
            return Some(None);
        }
        let folder = tempfile::tempdir().ok()?;
        let pip =
            ["-m", "pip", "install", "--quiet", "--timeout", "5", "--retries", "0", "--target"];
        let mut install = Command::new("python3");
        install.args(pip).arg(folder.path()).arg("varlink==31.0.0");
        install.output().ok()?;
        has(Some(folder.path())).then_some(Some(folder))
    });
    let Some(folder) = found else {
        println!("skipped: Python has no package varlink, and pip cannot get it");
        return None;
    };
    let mut python = Command::new("python3");
    if let Some(folder) = folder {
        python.env("PYTHONPATH", folder.path());
    }
    Some(python)
}

fn run(mut python: Command) -> String {
    let output = python.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Case: CC-22
#[test]
fn the_certification_of_the_python_package_passes() {
    let Some(mut python) = python() else { return };
    let (text, passed) = serve(|path| {
        python.args(["-m", "varlink.tests.test_certification", "--client"]);
        python.arg(format!("--varlink=unix:{}", path.display()));
        run(python)
    });
    assert!(text.contains("Certification passed"), "{text}");
    assert_eq!(passed, 1);
}

/// Case: CC-21
#[test]
fn the_python_package_reads_our_description_and_calls() {
    let Some(mut python) = python() else { return };
    let (text, _) = serve(|path| {
        python.args(["-c", include_str!("calls.py")]).arg(format!("unix:{}", path.display()));
        run(python)
    });
    assert!(text.ends_with("all is well\n"), "{text}");
}

type RustConnection = Arc<RwLock<varlink::Connection>>;

/// What the crate wants of an error type that is generated otherwise: it can be told from its own and from a reply.
#[derive(Debug)]
struct Failed(String);

impl From<varlink::Error> for Failed {
    fn from(error: varlink::Error) -> Failed {
        Failed(format!("{error:?}"))
    }
}

impl From<varlink::Reply> for Failed {
    fn from(reply: varlink::Reply) -> Failed {
        Failed(format!("{reply:?}"))
    }
}

type Method = varlink::MethodCall<Value, Value, Failed>;

fn connect(path: &Path) -> RustConnection {
    varlink::Connection::with_address(&format!("unix:{}", path.display())).unwrap()
}

/// Case: CC-21
#[test]
fn the_rust_crate_reads_our_description_and_calls() {
    use varlink::OrgVarlinkServiceInterface;
    serve(|path| {
        let connection = connect(path);
        let mut client = varlink::OrgVarlinkServiceClient::new(Arc::clone(&connection));
        let told = client.get_info().unwrap();
        assert_eq!(told.vendor, "appkit");
        let names = ["io.appkit.Service", "org.varlink.certification", "org.varlink.service"];
        assert_eq!(told.interfaces, names);
        let told = client.get_interface_description("io.appkit.Service").unwrap();
        assert_eq!(told.description.as_deref(), Some(service::DESCRIPTION));
        client.get_interface_description("io.appkit.Other").unwrap_err();
        let call = |method: &'static str| Method::new(Arc::clone(&connection), method, json!({}));
        let reply = call("io.appkit.Service.Workers").call().unwrap();
        assert_eq!(serde_json::from_value::<service::Workers>(reply).unwrap(), workers());
        for (method, error) in [
            ("io.appkit.Service.Stop", "Some(\"io.appkit.Service.Stopping\")"),
            ("io.appkit.Service.Wait", "Some(\"org.varlink.service.ExpectedMore\")"),
            ("io.appkit.Service.Not", "MethodNotFound(\"io.appkit.Service.Not\")"),
        ] {
            let Failed(text) = call(method).call().unwrap_err();
            assert!(text.contains(error), "{text}");
        }
        let mut waits = call("io.appkit.Service.Wait");
        let phases: Vec<_> =
            waits.more().unwrap().map(|reply| reply.unwrap()["phase"].clone()).collect();
        assert_eq!(phases, ["starting", "running"]);
    });
}

/// The steps of the certification, by the crate: its own program for them is not published.
/// Case: CC-22
#[test]
fn the_certification_by_the_rust_crate_passes() {
    let ((), passed) = serve(|path| {
        let connection = connect(path);
        let call = |method: &str, mut parameters: Value| {
            parameters["client_id"] = "the client".into();
            let method = format!("org.varlink.certification.{method}");
            Method::new(Arc::clone(&connection), method, parameters)
        };
        let method = "org.varlink.certification.Start";
        let mut reply = Method::new(Arc::clone(&connection), method, json!({})).call().unwrap();
        for number in 1..10 {
            reply = call(&format!("Test0{number}"), reply).call().unwrap();
        }
        let mut ten = call("Test10", reply);
        let texts: Vec<_> =
            ten.more().unwrap().map(|reply| reply.unwrap()["string"].clone()).collect();
        call("Test11", json!({ "last_more_replies": texts })).oneway().unwrap();
        assert_eq!(call("End", json!({})).call().unwrap(), json!({"all_ok": true}));
    });
    assert_eq!(passed, 1);
}
