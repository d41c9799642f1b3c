//! The registry of the network beside real go-micro peers, over real sockets.
//!
//! Each test runs itself again in a network namespace, which has a loopback of its own and nothing else: no packet of it
//! leaves, and port 5353 is nobody's. Where such a namespace or a Go peer cannot be had a test is skipped by name, unless
//! `MICRO_REQUIRE_PEERS=1`. The peers are looked for in `$GO_BIN`, else where `conformance/peers/go/build.sh` puts them. A
//! word on the command line runs the tests whose names hold it.

use std::env;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mesh_registry::mdns::{Interfaces, Mdns, Options};
use mesh_registry::{Change, Node, RegisterOptions, Registry, Service, Watch};
use mesh_rpc::{Call, Handler, Server, Status};
use proto::greeter::{Request, Response};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Set in the namespace, to the name of the test.
const INSIDE: &str = "MICRO_TEST_NAMESPACE";
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const GREETER: &str = "go.micro.srv.greeter";

/// What a test comes to: nothing, or why it is skipped.
type Outcome = Result<(), String>;

/// A test in its namespace, given the path of the Go program that it asks for.
type Body = fn(String) -> Pin<Box<dyn Future<Output = ()>>>;

/// One test.
struct Test {
    name: &'static str,
    link: Link,
    /// The Go program that it needs.
    program: Option<&'static str>,
    body: Body,
}

/// What is done to the loopback of a new namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// It is up, as in a container without a network.
    Bare,
    /// It takes packets for groups, has a route for them, and an address that go-micro registers.
    Multicast,
}

macro_rules! tests {
    ($($name:ident: $link:expr, $program:expr;)*) => {
        const TESTS: &[Test] = &[
            $(Test { name: stringify!($name), link: $link, program: $program, body: |path| Box::pin($name(path)) }),*
        ];
    };
}

tests! {
    a_go_service_is_found_and_its_end_is_noticed: Link::Multicast, Some("peer");
    a_go_client_calls_a_service_of_ours: Link::Multicast, Some("peer");
    the_go_command_line_lists_a_service_of_ours: Link::Multicast, Some("micro");
    two_of_ours_find_each_other_on_a_bare_loopback: Link::Bare, None;
    what_is_asked_first_is_answered_at_once: Link::Multicast, None;
    a_host_without_any_network_says_so: Link::Bare, None;
}

fn main() -> ExitCode {
    if let Ok(name) = env::var(INSIDE) {
        inside(&name);
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let wanted: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |test: &&Test| wanted.is_empty() || wanted.iter().any(|word| test.name.contains(*word));
    let required = env::var_os("MICRO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut is_well = true;
    for test in TESTS.iter().filter(is_wanted) {
        // A panic of one must not end the others.
        let (is_good, text) = match std::panic::catch_unwind(|| in_namespace(test)) {
            Ok(Ok(())) => (true, "ok".to_owned()),
            Ok(Err(reason)) if !required => (true, format!("skipped: {reason}")),
            Ok(Err(reason)) => (false, format!("FAILED: {reason}, and MICRO_REQUIRE_PEERS=1 asks for it")),
            Err(_) => (false, "FAILED".to_owned()),
        };
        eprintln!("test mdns::{} ... {text}", test.name);
        is_well &= is_good;
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn a_go_service_is_found_and_its_end_is_noticed(peer: String) {
    let registry = Mdns::start(Options::default());
    let mut watch = registry.watch().await.expect("begins");
    let service = Running::start(&peer);
    until(&mut watch, |change| matches!(change, Change::Upsert(service) if service.name == GREETER)).await;

    // One that knows nothing yet.
    let other = Mdns::start(Options::default());
    let found = other.get(GREETER).await.expect("is found");
    let [Service { version, endpoints, nodes, .. }] = &*found else { panic!("one version: {found:?}") };
    let [node] = &**nodes else { panic!("one node: {nodes:?}") };
    assert_eq!((version.as_str(), node.protocol()), ("latest", Some("grpc")));
    assert!(node.id.starts_with("go.micro.srv.greeter-"), "{}", node.id);
    assert!(endpoints.iter().any(|endpoint| endpoint.name == "Say.Hello"));
    let names: Vec<String> = other.list().await.expect("is listed").into_iter().map(|one| one.name).collect();
    assert!(names.contains(&GREETER.to_owned()), "{names:?}");

    service.end("KILL");
    let killed = Instant::now();
    registry.suspect(GREETER);
    until(&mut watch, |change| matches!(change, Change::Remove { name, .. } if name == GREETER)).await;
    assert!(killed.elapsed() < Duration::from_secs(6), "{:?} after it was suspected", killed.elapsed());

    let service = Running::start(&peer);
    until(&mut watch, |change| matches!(change, Change::Upsert(service) if service.name == GREETER)).await;
    service.end("TERM");
    until(&mut watch, |change| matches!(change, Change::Remove { name, .. } if name == GREETER)).await;
}

async fn a_go_client_calls_a_service_of_ours(peer: String) {
    let registry = Mdns::start(Options::default());
    let ours = Ours::start(&registry, "go.micro.srv.ours").await;
    let call = [peer.as_str(), "call", "go.micro.srv.ours", "Say.Hello", r#"{"name":"John"}"#];
    assert_eq!(printed(run(&call).await), r#"{"msg":"Hello John"}"#);

    ours.stop(&registry).await;
    let output = run(&call).await;
    assert!(!output.status.success(), "{output:?}");
}

async fn the_go_command_line_lists_a_service_of_ours(micro: String) {
    let registry = Mdns::start(Options::default());
    let ours = Ours::start(&registry, "go.micro.srv.ours").await;
    let listed = printed(run(&[&*micro, "list", "services"]).await);
    assert!(listed.lines().any(|line| line == "go.micro.srv.ours"), "{listed}");
    let shown = printed(run(&[&*micro, "get", "service", "go.micro.srv.ours"]).await);
    for part in ["service  go.micro.srv.ours", "version latest", "ours-1", "protocol=grpc", "Endpoint: Say.Hello"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    ours.stop(&registry).await;
}

async fn two_of_ours_find_each_other_on_a_bare_loopback(_: String) {
    let options = || Options { interfaces: Interfaces::Loopback, ..Options::default() };
    let (here, there) = (Mdns::start(options()), Mdns::start(options()));
    let mut watch = there.watch().await.expect("begins");
    let service = Service::new("go.micro.srv.ours").with_node(Node::new("ours-1", "[::]:9090"));
    here.register(service.clone(), RegisterOptions::default()).await.expect("is published");
    let found = there.get("go.micro.srv.ours").await.expect("is found");
    assert_eq!(found[0].nodes[0].address, "127.0.0.1:9090");
    until(&mut watch, |change| matches!(change, Change::Upsert(_))).await;
    here.heartbeat("go.micro.srv.ours", "ours-1").await.expect("is there");
    here.deregister(&service).await.expect("is there");
    until(&mut watch, |change| matches!(change, Change::Remove { .. })).await;
    there.get("go.micro.srv.ours").await.expect_err("is gone");
}

async fn what_is_asked_first_is_answered_at_once(_: String) {
    let here = Mdns::start(Options::default());
    let service = Service::new("go.micro.srv.ours").with_node(Node::new("ours-1", "10.9.0.1:9090"));
    here.register(service, RegisterOptions::default()).await.expect("is published");
    let start = Instant::now();
    let found = Mdns::start(Options::default()).get("go.micro.srv.ours").await.expect("is found");
    assert_eq!(found[0].nodes[0].address, "10.9.0.1:9090");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

async fn a_host_without_any_network_says_so(_: String) {
    let none = Options { interfaces: Interfaces::Named(vec!["absent0".to_owned()]), ..Options::default() };
    let registry = Mdns::start(none);
    let error = registry.list().await.expect_err("nobody can be asked");
    assert_eq!(error.to_string(), "registry mdns is not available: no interface takes packets for its group");
    let mut watch = registry.watch().await.expect("begins");
    let first = timeout(PATIENCE, watch.next()).await.expect("in time").expect("an event");
    assert_eq!(first.change, Change::Resync(Vec::new()));
    let second = timeout(PATIENCE, watch.next()).await.expect("in time").expect("an event");
    assert_eq!(second.change, Change::Stale);
    drop(registry);
    assert_eq!(timeout(PATIENCE, watch.next()).await.expect("in time"), None, "ends with the registry");
}

/// A service of ours: served, and registered.
struct Ours {
    service: Service,
    serving: JoinSet<()>,
    end: CancellationToken,
}

#[derive(Debug)]
struct Say;

#[async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        let request: Request = call.request().await?;
        call.send(&Response { msg: format!("Hello {}", request.name) }).await
    }
}

impl Ours {
    async fn start(registry: &Mdns, name: &str) -> Ours {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port is free");
        let address = listener.local_addr().expect("is bound").to_string();
        let node = Node::new("ours-1", address).with("protocol", "grpc");
        let service = Service::new(name).with_endpoint("Say.Hello").with_node(node);
        let (mut serving, end) = (JoinSet::new(), CancellationToken::new());
        serving.spawn(Server::new().with("Say", Say).serve(listener, end.clone()));
        registry.register(service.clone(), RegisterOptions::default()).await.expect("is published");
        Ours { service, serving, end }
    }

    async fn stop(mut self, registry: &Mdns) {
        registry.deregister(&self.service).await.expect("was there");
        self.end.cancel();
        while self.serving.join_next().await.is_some() {}
    }
}

/// A Go service that runs. Dropping it ends it.
struct Running(Child);

impl Running {
    fn start(peer: &str) -> Running {
        let mut command = Command::new(peer);
        command.args(["--registry", "mdns", "--server_name", GREETER]).env("PEER_SUBSCRIBE", "no");
        let command = quiet(&mut command).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().expect("the peer starts"))
    }

    fn end(mut self, signal: &str) {
        let kill = Command::new("kill").args(["-s", signal, &self.0.id().to_string()]).status();
        assert!(kill.expect("kill is installed").success());
        self.0.wait().expect("it ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits for a change.
async fn until(watch: &mut Watch, wanted: impl Fn(&Change) -> bool) {
    let waiting = async {
        while let Some(event) = watch.next().await {
            let found = match &event.change {
                // What is there at the start counts as if it came.
                Change::Resync(services) => services.iter().any(|one| wanted(&Change::Upsert(one.clone()))),
                change => wanted(change),
            };
            if found {
                return;
            }
        }
        panic!("the watch ended");
    };
    timeout(PATIENCE, waiting).await.expect("the change comes in time");
}

async fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(arguments[0]);
    command.args(&arguments[1..]);
    quiet(&mut command);
    spawn_blocking(move || command.output()).await.expect("no panic").expect("the program starts")
}

fn printed(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("is UTF-8").trim_end().to_owned()
}

/// A Go program that sees nothing of this machine but the namespace.
fn quiet(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MICRO_")) {
        command.env_remove(name);
    }
    command.env("MICRO_REPORT_USAGE", "false").env("HOME", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null())
}

/// Runs a test in a namespace of its own.
fn in_namespace(test: &Test) -> Outcome {
    if test.program.is_some_and(|program| go_program(program).is_none()) {
        return Err("the Go peers are not built: conformance/peers/go/build.sh".to_owned());
    }
    let possible = Command::new("unshare").args(["-rnm", "ip", "link", "set", "lo", "up"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return Err("`unshare -rnm` or `ip` does not work here".to_owned());
    }
    let this = env::current_exe().expect("has a path");
    let output = Command::new("unshare").arg("-rnm").arg(this).env(INSIDE, test.name).output().expect("it starts");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "in the namespace:\n{text}");
    Ok(())
}

/// Runs the body of a test, in its namespace.
fn inside(name: &str) {
    let test = TESTS.iter().find(|test| test.name == name).expect("is a test");
    let path = test.program.and_then(go_program).unwrap_or_default().to_string_lossy().into_owned();
    prepare(test.link);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("is built");
    runtime.block_on((test.body)(path));
}

fn go_program(name: &str) -> Option<PathBuf> {
    let folder = match env::var_os("GO_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(&env::var_os("HOME")?).join(".cache/micro-peers/bin"),
    };
    Some(folder.join(name)).filter(|path| path.is_file())
}

fn prepare(link: Link) {
    let ip = |arguments: &str| {
        let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip is installed");
        assert!(status.success(), "ip {arguments}");
    };
    ip("link set lo up");
    if link == Link::Multicast {
        ip("link set lo multicast on");
        ip("addr add 10.9.0.1/24 dev lo");
        ip("route add 224.0.0.0/4 dev lo");
    }
}
