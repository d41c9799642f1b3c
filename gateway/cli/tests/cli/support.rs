//! Running the binary: to its end, or until it is ready.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take; far more than it does, as machines that test are busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Addresses of the control plane that are free.
pub(crate) const FREE: [&str; 4] = ["--admin", "127.0.0.1:0", "--registry_listen", "127.0.0.1:0"];

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Returns the command with an environment that holds nothing of ours.
pub(crate) fn micro(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MICRO_")) {
        command.env_remove(name);
    }
    command
}

pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_micro"))
}

/// Runs the binary to its end.
pub(crate) fn run(words: &[&str]) -> Ended {
    run_with(words, &[])
}

/// Runs the binary to its end, with variables.
pub(crate) fn run_with(words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = assert_cmd::Command::from_std(micro(&program()))
        .args(words)
        .envs(variables.iter().copied())
        .timeout(DEADLINE)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder with a document in it.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn with(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write(text);
        folder
    }

    /// The document's path as text.
    pub(crate) fn document(&self) -> String {
        self.path("gateway.yaml").to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the document by rename, as careful programs do.
    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.path("gateway.yaml.new"), text).unwrap();
        std::fs::rename(self.path("gateway.yaml.new"), self.path("gateway.yaml")).unwrap();
    }
}

/// A process that serves. It is killed when this is dropped.
pub(crate) struct Serving {
    child: Child,
    lines: Receiver<String>,
    /// All that it wrote to standard error so far.
    log: String,
    listeners: HashMap<String, SocketAddr>,
    admin: Option<SocketAddr>,
    registry: Option<SocketAddr>,
}

impl Serving {
    /// Starts the binary and waits until it is ready.
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut command = micro(&program());
        command.args(words);
        Self::of(command)
    }

    /// Starts a gateway with a document.
    pub(crate) fn gateway(folder: &Folder) -> Self {
        let document = folder.document();
        Self::start(&[&["gateway", "--config", &document], &FREE[..]].concat())
    }

    /// Starts a command and waits until it is ready.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drain(child.stdout.take().unwrap());
        let lines = lines_of(child.stderr.take().unwrap());
        let mut serving =
            Self { child, lines, log: String::new(), listeners: HashMap::new(), admin: None, registry: None };
        while let Some(line) = serving.next_line() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["ready"] => return serving,
                ["listening", name, address] => {
                    serving.listeners.insert((*name).to_owned(), address.parse().unwrap());
                }
                ["registry", address] => serving.registry = address.parse().ok(),
                ["admin", address] => serving.admin = address.parse().ok(),
                _ => {}
            }
        }
        panic!("it ended before it was ready:\n{}", serving.log);
    }

    pub(crate) fn listener(&self, name: &str) -> SocketAddr {
        *self.listeners.get(name).unwrap_or_else(|| panic!("no listener {name}:\n{}", self.log))
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin.expect("it has an admin address")
    }

    pub(crate) fn registry(&self) -> SocketAddr {
        self.registry.expect("it has a registry")
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end and returns that with all it wrote to standard error.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        while self.next_line().is_some() {}
        (self.child.wait().unwrap(), std::mem::take(&mut self.log))
    }

    /// Waits until it has written a line that holds this.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.log.contains(text) {
            assert!(self.next_line().is_some(), "it never wrote {text:?}:\n{}", self.log);
        }
    }

    fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => {
                self.log.push_str(&line);
                self.log.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it was silent for too long:\n{}", self.log),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = sync_channel(10_000);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

fn drain(mut stream: impl Read + Send + 'static) {
    thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
}

/// A response with its head.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends one request on a connection of its own, as a small client does: `GET /path`, lines of the head, body.
pub(crate) fn http(address: SocketAddr, request: &str, head: &[&str], body: &str) -> Answer {
    try_http(address, request, head, body).unwrap_or_else(|error| panic!("{request} at {address}: {error}"))
}

/// As [`http`]; an error where nothing listens or the answer is cut.
pub(crate) fn try_http(address: SocketAddr, request: &str, head: &[&str], body: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    send(&mut stream, request, head, body)?;
    receive(stream)
}

pub(crate) fn send(stream: &mut TcpStream, request: &str, head: &[&str], body: &str) -> std::io::Result<()> {
    let mut lines = vec![format!("{request} HTTP/1.1")];
    if !head.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
        lines.push(format!("Host: {}", stream.peer_addr()?));
    }
    lines.extend(head.iter().map(|line| (*line).to_owned()));
    lines.push(format!("Content-Length: {}", body.len()));
    lines.push("Connection: close".to_owned());
    stream.write_all(format!("{}\r\n\r\n{body}", lines.join("\r\n")).as_bytes())
}

pub(crate) fn receive(mut stream: TcpStream) -> std::io::Result<Answer> {
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    Ok(Answer { status, head: head.to_ascii_lowercase(), body })
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(rest.get(..size).unwrap());
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// Asks until the answer is right.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Returns a JSON resource of the admin API.
pub(crate) fn json(address: SocketAddr, path: &str) -> serde_json::Value {
    let answer = http(address, &format!("GET {path}"), &[], "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}
