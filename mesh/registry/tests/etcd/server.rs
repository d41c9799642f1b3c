//! An etcd of one test: on free ports of loopback, in a folder of its own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::DEADLINE;

/// A running etcd. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    clients: u16,
    peers: u16,
}

impl Server {
    /// Starts an empty one.
    ///
    /// # Errors
    /// Where there is no etcd on this machine.
    pub(crate) fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (clients, peers) = (free_port(), free_port());
        let child = spawn(&folder, clients, peers).map_err(|error| format!("etcd cannot be started ({error})"))?;
        let server = Self { child, folder, clients, peers };
        server.wait();
        Ok(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.clients
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.clients)
    }

    /// Kills it, as a machine does that loses its power.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Starts it again with the data it had.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(&self.folder, self.clients, self.peers).expect("it was there before");
        self.wait();
    }

    /// Starts it again with nothing.
    pub(crate) fn start_empty(&mut self) {
        std::fs::remove_dir_all(self.folder.path().join("data")).expect("it had data");
        self.start_again();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(kill.expect("there is kill").success());
    }

    /// Asks its JSON API; what our client has no use for is asked there.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_ask(path, body).expect("it answers");
        assert!(status == 200, "{path}: {status} {answer}");
        answer
    }

    /// Writes a key.
    pub(crate) fn put(&self, key: &str, value: &[u8]) {
        self.ask("/v3/kv/put", &json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value) }));
    }

    /// Deletes a key.
    pub(crate) fn delete(&self, key: &str) {
        self.ask("/v3/kv/deleterange", &json!({ "key": STANDARD.encode(key) }));
    }

    /// Returns a key with its value, as the JSON API has it.
    pub(crate) fn get(&self, key: &str) -> Value {
        self.ask("/v3/kv/range", &json!({ "key": STANDARD.encode(key) }))["kvs"][0].clone()
    }

    /// Returns the value of a key.
    pub(crate) fn value(&self, key: &str) -> String {
        let stored = self.get(key);
        let value = stored["value"].as_str().unwrap_or_else(|| panic!("no key {key}: {stored}"));
        String::from_utf8(STANDARD.decode(value).expect("is base64")).expect("is text")
    }

    /// Forgets all that was.
    pub(crate) fn compact(&self) {
        let revision = self.ask("/v3/kv/range", &json!({ "key": "AA==" }))["header"]["revision"].clone();
        self.ask("/v3/kv/compaction", &json!({ "revision": revision }));
    }

    fn wait(&self) {
        let end = Instant::now() + DEADLINE;
        // Linearizable, so it has a leader.
        while !self.try_ask("/v3/kv/range", &json!({ "key": "AA==" })).is_ok_and(|(status, _)| status != 503) {
            assert!(Instant::now() < end, "etcd does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_ask(&self, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.clients))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let body = body.to_string();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        // Answers of any length are in chunks; JSON begins at its brace and ends at the last one.
        let json = body.find('{').zip(body.rfind('}')).and_then(|(from, to)| body.get(from..=to)).unwrap_or("{}");
        Ok((status, serde_json::from_str(json).unwrap_or_default()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The file of the tests' own certificates with this name.
pub(crate) fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

/// An etcd that speaks TLS, and wants a certificate of who asks. Dropping it ends it.
pub(crate) struct Secured {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Secured {
    /// Starts an empty one.
    ///
    /// # Errors
    /// Where there is no etcd on this machine.
    pub(crate) fn start() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (port, peers) = (free_port(), free_port());
        let mut command = command(&folder, &format!("https://127.0.0.1:{port}"), peers).expect("there is a log");
        command.arg("--client-cert-auth");
        for (flag, name) in
            [("--cert-file", "server.pem"), ("--key-file", "server.key"), ("--trusted-ca-file", "ca.pem")]
        {
            command.arg(flag).arg(tls_file(name));
        }
        let child = command.spawn().map_err(|error| format!("etcd cannot be started ({error})"))?;
        Ok(Self { child, port, _folder: folder })
    }

    pub(crate) fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn spawn(folder: &TempDir, clients: u16, peers: u16) -> std::io::Result<Child> {
    command(folder, &format!("http://127.0.0.1:{clients}"), peers)?.spawn()
}

fn command(folder: &TempDir, clients: &str, peers: u16) -> std::io::Result<Command> {
    let peers = format!("http://127.0.0.1:{peers}");
    let cluster = format!("default={peers}");
    let log = std::fs::File::create(folder.path().join("log"))?;
    let mut command = Command::new("etcd");
    command
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .args(["--listen-client-urls", clients, "--advertise-client-urls", clients])
        .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
        .args(["--initial-cluster", &cluster])
        // The smallest lease is 1.5 times the election timeout.
        .args(["--heartbeat-interval", "50", "--election-timeout", "500", "--log-level", "error"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    Ok(command)
}

fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    socket.local_addr().expect("is bound").port()
}
