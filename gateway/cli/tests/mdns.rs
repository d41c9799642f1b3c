//! The binary on a network with real go-micro peers that nobody configured.
//!
//! Each test runs itself again in a network namespace with a loopback of its own. Where such a namespace or a Go peer
//! cannot be had, tests are skipped by name, unless `MICRO_REQUIRE_PEERS=1`.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "cli/support.rs"]
#[expect(dead_code, reason = "the tests of `cli` use the rest")]
mod support;

use std::env;
use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};

use support::{FREE, Folder, Serving, http, wait_until};

/// Set in the namespace, to the name of the test.
const INSIDE: &str = "MICRO_TEST_NAMESPACE";

/// What a test comes to: nothing, or why it is skipped.
type Outcome = Result<(), String>;

const TESTS: [(&str, fn()); 3] = [
    ("a_go_service_is_called_and_vanishes", a_go_service_is_called_and_vanishes),
    ("a_go_client_calls_the_greeter_of_the_demo", a_go_client_calls_the_greeter_of_the_demo),
    ("a_reload_moves_to_mdns_and_back", a_reload_moves_to_mdns_and_back),
];

fn main() -> ExitCode {
    if let Ok(name) = env::var(INSIDE) {
        let (_, test) = TESTS.iter().find(|(test, _)| *test == name).unwrap();
        prepare();
        test();
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let is_wanted = |name: &str| words.iter().filter(|word| !word.starts_with('-')).all(|word| name.contains(word));
    let is_required = env::var_os("MICRO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut is_well = true;
    for (name, _) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let result = match catch_unwind(|| in_namespace(name)) {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) if !is_required => format!("skipped: {reason}"),
            Ok(Err(reason)) => format!("FAILED: {reason}, and MICRO_REQUIRE_PEERS=1 asks for it"),
            Err(_) => "FAILED".to_owned(),
        };
        is_well &= !result.starts_with("FAILED");
        eprintln!("test mdns::{name} ... {result}");
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn a_go_service_is_called_and_vanishes() {
    let service = Service::start("go.micro.srv.greeter");
    let api = ["api", "--registry=mdns", "--address", "127.0.0.1:0", "--type", "srv", "--handler", "rpc"];
    let serving = Serving::start(&[&api[..], &["--admin", "127.0.0.1:0"]].concat());
    wait_until("the greeter", || (greet(serving.listener("api")) == 200).then_some(()));
    service.end();
    wait_until("its end", || (greet(serving.listener("api")) == 404).then_some(()));
}

fn a_go_client_calls_the_greeter_of_the_demo() {
    let flags = ["demo", "--registry=mdns", "--address", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let demo = Serving::start(&flags);
    let call = || {
        let output = peer().args(["call", "go.micro.srv.greeter", "Say.Hello", r#"{"name":"John"}"#]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(call(), "{\"msg\":\"Hello John\"}\n");
    demo.signal("TERM");
    assert!(demo.wait().0.success());
    let after = call();
    assert!(!after.contains("Hello"), "{after}: it said goodbye");
}

fn a_reload_moves_to_mdns_and_back() {
    let _service = Service::start("go.micro.srv.greeter");
    let document = |registry: &str| {
        format!(
            "version: micro/v1\nregistry: {registry}\nlisteners: {{ api: {{ address: \"127.0.0.1:0\", routes: api }} }}\n\
             routes: {{ api: [{{ match: {{ path: /** }}, handler: rpc, namespace: go.micro.srv }}] }}\n"
        )
    };
    let memory = document("{ kind: memory, listen: \"127.0.0.1:0\" }");
    let folder = Folder::with(&memory);
    let serving = Serving::start(&[&["gateway", "--config", &folder.document()], &FREE[..2]].concat());
    assert_eq!(greet(serving.listener("api")), 404);
    folder.write(&document("{ kind: mdns, interfaces: [lo] }"));
    wait_until("the greeter", || (greet(serving.listener("api")) == 200).then_some(()));
    folder.write(&memory);
    wait_until("an empty registry", || (greet(serving.listener("api")) == 404).then_some(()));
}

/// Calls the greeter and returns the status.
fn greet(api: SocketAddr) -> u16 {
    let kind = ["Content-Type: application/json"];
    let answer = http(api, "POST /greeter/say/hello", &kind, r#"{"name": "John"}"#);
    assert!(answer.status != 200 || answer.body == r#"{"msg":"Hello John"}"#, "{}", answer.body);
    answer.status
}

/// A go-micro service that registers where nobody told it to. Dropping it ends it.
struct Service(Child);

impl Service {
    fn start(name: &str) -> Self {
        let mut command = peer();
        command.args(["--server_name", name]).env("PEER_SUBSCRIBE", "no");
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Ends it in order.
    fn end(mut self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn peer() -> Command {
    let mut command = support::micro(&peer_program());
    command.env("HOME", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

fn peer_program() -> PathBuf {
    let folder = env::var_os("GO_BIN").map(PathBuf::from);
    folder.unwrap_or_else(|| env::home_dir().unwrap_or_default().join(".cache/micro-peers/bin")).join("peer")
}

/// Runs a test in a namespace of its own.
fn in_namespace(name: &str) -> Outcome {
    let program = peer_program();
    if !program.is_file() {
        return Err(format!("there is no {}", program.display()));
    }
    let possible = Command::new("unshare").args(["-rnm", "ip", "link", "set", "lo", "up"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return Err("`unshare -rnm` or `ip` does not work here".to_owned());
    }
    let output = Command::new("unshare").arg("-rnm").arg(env::current_exe().unwrap()).env(INSIDE, name).output();
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "in the namespace:\n{text}");
    Ok(())
}

/// Makes the loopback one on which go-micro finds and registers services.
fn prepare() {
    let steps =
        ["link set lo up", "link set lo multicast on", "addr add 10.9.0.1/24 dev lo", "route add 224.0.0.0/4 dev lo"];
    for step in steps {
        assert!(Command::new("ip").args(step.split(' ')).status().unwrap().success(), "ip {step}");
    }
}
