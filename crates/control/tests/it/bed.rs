//! A server in the test's own thread, whose clients are sockets of the same thread: what they write is there at once.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use control::{Access, Info, Request, Server, SocketFile};
use serde_json::{Value, json};
use tempfile::TempDir;

/// More than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// What the service here says of itself.
pub(crate) const DESCRIPTION: &str = "
# For trials.
interface org.example.trial # method NotThis()
type method (method: string)
method Echo(text: ?string) -> (text: string)
method Hold() -> ()
method Many() -> (number: int)
";

pub(crate) fn info() -> Info {
    Info {
        vendor: "the vendor".into(),
        product: "the product".into(),
        version: "1".into(),
        url: "https://example.org".into(),
        interfaces: vec![DESCRIPTION.into()],
    }
}

pub(crate) fn later() -> Instant {
    Instant::now() + LONG
}

/// A server that listens in a folder of its own.
pub(crate) struct Bed {
    pub(crate) server: Server,
    pub(crate) file: SocketFile,
    _folder: TempDir,
    /// What has been asked, and not [taken](Bed::request).
    pub(crate) requests: Vec<Request>,
    /// Added to the time, so that spans pass without waiting.
    pub(crate) ahead: Duration,
}

impl Bed {
    pub(crate) fn new() -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let (listener, file) = control::bind(&folder.path().join("s"), 0o600, None).unwrap();
        let mut server = Server::new(info()).unwrap();
        server.listen(listener, Access::default()).unwrap();
        Bed { server, file, _folder: folder, requests: Vec::new(), ahead: Duration::ZERO }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.file.path()).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Turns until nothing is to be done. A server that always finds something to do fails here.
    pub(crate) fn run(&mut self) {
        for _ in 0..20_000 {
            let now = Instant::now();
            if !waiter::readable(&[self.server.descriptor()], Some(now)).unwrap() {
                return;
            }
            let asked = self.server.turn(now + self.ahead);
            self.requests.extend(asked);
        }
        panic!("it never comes to rest");
    }

    /// Runs, and takes the only call that was made.
    pub(crate) fn request(&mut self) -> Request {
        self.run();
        assert_eq!(self.requests.len(), 1, "{:?}", self.requests);
        self.requests.pop().unwrap()
    }
}

/// One message of a client, with its end.
pub(crate) fn message(value: &Value) -> Vec<u8> {
    let mut bytes = value.to_string().into_bytes();
    bytes.push(0);
    bytes
}

pub(crate) fn echo(text: &str) -> Vec<u8> {
    message(&json!({ "method": "org.example.trial.Echo", "parameters": { "text": text } }))
}

pub(crate) fn hold() -> Vec<u8> {
    message(&json!({ "method": "org.example.trial.Hold" }))
}

pub(crate) fn many() -> Vec<u8> {
    message(&json!({ "method": "org.example.trial.Many", "more": true }))
}

pub(crate) fn say(mut stream: &UnixStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
}

/// The next message that has come.
pub(crate) fn hear(mut stream: &UnixStream) -> Value {
    let mut bytes = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte).unwrap();
        match byte {
            [0] => break,
            [byte] => bytes.push(byte),
        }
    }
    serde_json::from_slice(&bytes).unwrap()
}

/// Nothing has come that was not heard.
pub(crate) fn hears_nothing(mut stream: &UnixStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The service has closed it. (What it had not read then is told once, as a reset.)
pub(crate) fn is_closed(mut stream: &UnixStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let closed = (0..2).any(|_| matches!(stream.read(&mut [0]), Ok(0)));
    stream.set_nonblocking(false).unwrap();
    closed
}
