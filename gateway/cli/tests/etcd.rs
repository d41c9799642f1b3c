//! The binary on a real etcd, with a real go-micro service beside it.
//!
//! What is missing on this machine is said, and its tests are skipped by name, unless `MICRO_REQUIRE_PEERS=1`.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "etcd/services.rs"]
mod services;
#[path = "cli/support.rs"]
#[expect(dead_code, reason = "the tests of `cli` use the rest")]
mod support;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use support::{FREE, Folder, Serving, http, json, micro, program, wait_until};

/// What a test comes to: nothing, or why it is skipped.
type Outcome = Result<(), String>;

/// A test and its name.
type Test = (&'static str, fn() -> Outcome);

const TESTS: [Test; 5] = [
    ("a_go_service_is_called_and_vanishes", a_go_service_is_called_and_vanishes),
    ("calls_go_on_while_etcd_restarts", calls_go_on_while_etcd_restarts),
    ("a_reload_moves_to_etcd_and_back", a_reload_moves_to_etcd_and_back),
    ("a_go_client_calls_wrapped_programs", services::a_go_client_calls_wrapped_programs),
    ("the_example_calls_the_greeter_of_a_demo", the_example_calls_the_greeter_of_a_demo),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let is_wanted = |name: &str| words.iter().filter(|word| !word.starts_with('-')).all(|word| name.contains(word));
    let is_required = std::env::var_os("MICRO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut is_well = true;
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let result = match catch_unwind(test) {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) if !is_required => format!("skipped: {reason}"),
            Ok(Err(reason)) => format!("FAILED: {reason}, and MICRO_REQUIRE_PEERS=1 asks for it"),
            Err(_) => "FAILED".to_owned(),
        };
        is_well &= !result.starts_with("FAILED");
        eprintln!("test etcd::{name} ... {result}");
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn a_go_service_is_called_and_vanishes() -> Outcome {
    let etcd = Etcd::start()?;
    let peer = etcd.peer()?;
    let serving = api(&etcd);
    wait_until("the greeter", || (greet(serving.listener("api")) == 200).then_some(()));
    assert_eq!(endpoints(&serving)[0]["protocol"], "grpc");
    peer.end();
    wait_until("its end", || (greet(serving.listener("api")) == 404).then_some(()));
    Ok(())
}

fn calls_go_on_while_etcd_restarts() -> Outcome {
    let mut etcd = Etcd::start()?;
    let _first = etcd.peer()?;
    let serving = api(&etcd);
    let address = serving.listener("api");
    wait_until("the greeter", || (greet(address) == 200).then_some(()));

    let is_over = Arc::new(AtomicBool::new(false));
    let caller = {
        let is_over = Arc::clone(&is_over);
        thread::spawn(move || {
            let mut statuses = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                statuses.push(greet(address));
                thread::sleep(Duration::from_millis(2)); // about 500 a second
            }
            statuses
        })
    };
    etcd.kill();
    wait_until("it to be stale", || is_stale(&serving).then_some(()));
    etcd.start_again();
    wait_until("it to be fresh", || (!is_stale(&serving)).then_some(()));
    let _second = etcd.peer()?;
    wait_until("a second node", || (endpoints(&serving).len() == 2).then_some(()));
    is_over.store(true, Ordering::Relaxed);
    let statuses = caller.join().unwrap();
    let failed = statuses.iter().filter(|status| **status != 200).count();
    assert!(statuses.len() > 10 && failed == 0, "{failed} of {} failed", statuses.len());
    Ok(())
}

fn a_reload_moves_to_etcd_and_back() -> Outcome {
    let etcd = Etcd::start()?;
    let _peer = etcd.peer()?;
    let document = |registry: &str| {
        format!(
            "version: micro/v1\nregistry: {registry}\nlisteners: {{ api: {{ address: \"127.0.0.1:0\", routes: api }} }}\n\
             routes: {{ api: [{{ match: {{ path: /** }}, handler: rpc, namespace: go.micro.srv }}] }}\n"
        )
    };
    let memory = document("{ kind: memory, listen: \"127.0.0.1:0\" }");
    let folder = Folder::with(&memory);
    let mut serving = Serving::start(&["gateway", "--admin", "127.0.0.1:0", "--config", &folder.document()]);
    assert_eq!(greet(serving.listener("api")), 404);
    folder.write(&document(&format!("{{ kind: etcd, addresses: [\"{}\"] }}", etcd.address())));
    wait_until("the greeter", || (greet(serving.listener("api")) == 200).then_some(()));

    folder.write(&document("{ kind: etcd, addresses: [\"https://etcd\"], ca: none.pem }"));
    serving.wait_for("none.pem cannot be used");
    assert_eq!(greet(serving.listener("api")), 200, "the old one stays");
    folder.write(&memory);
    wait_until("an empty registry", || (greet(serving.listener("api")) == 404).then_some(()));
    Ok(())
}

fn the_example_calls_the_greeter_of_a_demo() -> Outcome {
    let etcd = Etcd::start()?;
    let registry = etcd.address();
    let flags = ["demo", "--address", "127.0.0.1:0", "--registry=etcd", "--registry_address", &registry];
    let demo = Serving::start(&[&flags[..], &FREE[..]].concat());

    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/etcd/gateway.yaml");
    let mut command = micro(&program());
    command.args(["gateway", "--config", document.to_str().unwrap(), "--admin", "127.0.0.1:0"]);
    command.env("LISTEN", "127.0.0.1:0").env("ETCD", registry);
    let serving = Serving::of(command);
    wait_until("the greeter", || (greet(serving.listener("api")) == 200).then_some(()));
    demo.signal("TERM");
    assert!(demo.wait().0.success());
    wait_until("its end", || (greet(serving.listener("api")) == 404).then_some(()));
    Ok(())
}

/// The gateway of the manual, with its two flags for etcd.
fn api(etcd: &Etcd) -> Serving {
    let address = etcd.address();
    let registry = ["--registry=etcd", "--registry_address", &address];
    let api = ["api", "--address", "127.0.0.1:0", "--type", "srv", "--handler", "rpc"];
    Serving::start(&[&registry[..], &api[..], &FREE[..]].concat())
}

/// Calls the greeter and returns the status.
fn greet(api: SocketAddr) -> u16 {
    let kind = ["Content-Type: application/json"];
    let answer = http(api, "POST /greeter/say/hello", &kind, r#"{"name": "John"}"#);
    assert!(answer.status != 200 || answer.body == r#"{"msg":"Hello John"}"#, "{}", answer.body);
    answer.status
}

/// Returns the nodes of the greeter as the gateway knows them.
fn endpoints(serving: &Serving) -> Vec<Value> {
    let clusters = json(serving.admin(), "/clusters")["clusters"].as_array().cloned().unwrap_or_default();
    let greeter = clusters.into_iter().find(|cluster| cluster["name"] == "go.micro.srv.greeter");
    greeter.and_then(|greeter| greeter["endpoints"].as_array().cloned()).unwrap_or_default()
}

fn is_stale(serving: &Serving) -> bool {
    http(serving.admin(), "GET /metrics", &[], "").body.lines().any(|line| line == "micro_registry_stale 1")
}

/// An etcd on free ports, in a folder of its own. Dropping it ends it.
struct Etcd {
    process: Process,
    folder: tempfile::TempDir,
    clients: u16,
    peers: u16,
}

impl Etcd {
    fn start() -> Result<Self, String> {
        let (folder, clients, peers) = (tempfile::tempdir().unwrap(), free_port(), free_port());
        let process =
            etcd(folder.path(), clients, peers).map_err(|error| format!("etcd cannot be started ({error})"))?;
        let etcd = Self { process, folder, clients, peers };
        etcd.wait();
        Ok(etcd)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.clients)
    }

    fn kill(&mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.process = etcd(self.folder.path(), self.clients, self.peers).unwrap();
        self.wait();
    }

    /// Starts a go-micro service that registers here.
    fn peer(&self) -> Result<Process, String> {
        let program = peers().join("peer");
        let mut command = Command::new(&program);
        command.args(["--registry", "etcd", "--registry_address", &self.address()]);
        command.args(["--server_name", "go.micro.srv.greeter", "--server_address"]);
        command.arg(format!("127.0.0.1:{}", free_port())).env("PEER_SUBSCRIBE", "no");
        Process::start(&mut command).map_err(|error| format!("{} cannot be started ({error})", program.display()))
    }

    fn wait(&self) {
        wait_until("etcd", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.clients)).ok());
    }
}

fn etcd(folder: &Path, clients: u16, peers: u16) -> std::io::Result<Process> {
    let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
    let mut command = Command::new("etcd");
    command.args(["--data-dir", folder.join("data").to_str().unwrap(), "--log-level", "error"]);
    command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
    command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
    command.args(["--initial-cluster", &format!("default={peers}")]);
    Process::start(&mut command)
}

/// Where the programs of go-micro are.
fn peers() -> PathBuf {
    let folder = std::env::var_os("GO_BIN").map(PathBuf::from);
    folder.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".cache/micro-peers/bin"))
}

/// A process that is killed when this is dropped.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> std::io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }

    /// Ends it in order.
    fn end(mut self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.local_addr().unwrap().port()
}
