//! The registry as a service, against unmodified go-micro v2.9.1 and micro v2.9.3: theirs as clients of ours, ours as a
//! client of theirs.
//!
//! Without the Go programs (in `GO_BIN`, or `~/.cache/micro-peers/bin`) the tests are skipped by name, unless
//! `MICRO_REQUIRE_PEERS=1`. A word on the command line runs the tests whose names hold it.

#[path = "service/peers.rs"]
mod peers;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mesh_registry::guard::Allowed;
use mesh_registry::{Change, Endpoint, Memory, Node, RegisterOptions, Registry, Remote, Service, Value, Watch, server};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::peers::{GREETER, Peer, micro};

/// How long anything may take; far more than it does, as machines that test are busy.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a test comes to: nothing, or why it is skipped.
type Outcome = Result<(), String>;

type Test = (&'static str, fn() -> Pin<Box<dyn Future<Output = Outcome>>>);

const TESTS: &[Test] = &[
    ("a_go_service_lives_here", || Box::pin(a_go_service_lives_here())),
    ("the_go_command_line_finds_and_changes_what_is_here", || Box::pin(the_go_command_line_is_served())),
    ("the_go_registry_is_read_written_and_watched", || Box::pin(the_go_registry_is_used())),
    ("a_lease_that_ends_at_the_go_registry_is_noticed", || Box::pin(a_lease_ends_at_the_go_registry())),
];

/// Our registry, served.
struct Served {
    address: SocketAddr,
    memory: Memory,
    _task: JoinSet<()>,
}

impl Served {
    async fn start() -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let memory = Memory::new();
        let (_, ttl) = watch::channel(server::TTL_DEFAULT);
        let mut task = JoinSet::new();
        let registry: Arc<dyn Registry> = Arc::new(memory.clone());
        let allowed = Allowed::listening(address);
        task.spawn(server::serve(listener, registry, allowed, ttl, CancellationToken::new()));
        Served { address, memory, _task: task }
    }
}

async fn a_go_service_lives_here() -> Outcome {
    let served = Served::start().await;
    let mut watch = served.memory.watch().await.expect("watches");
    let peer = Peer::greeter(served.address)?;
    let seen = next(&mut watch, |change| match change {
        Change::Upsert(service) if service.name == GREETER => Some(service),
        _ => None,
    });
    let seen = seen.await;
    assert_eq!(seen.nodes[0].metadata["registry"], "service");
    assert!(seen.endpoints.iter().any(|endpoint| endpoint.name == "Say.Hello"), "{seen:?}");
    // Another micro sees it through this one as it is.
    let remote = Remote::new([served.address.to_string()]).expect("is an address");
    assert_eq!(remote.get(GREETER).await.expect("is there"), [seen]);
    peer.terminate();
    let gone =
        next(&mut watch, |change| matches!(&change, Change::Remove { name, .. } if name == GREETER).then_some(()));
    gone.await;
    Ok(())
}

async fn the_go_command_line_is_served() -> Outcome {
    let served = Served::start().await;
    let micro = async |words: &[&str]| micro(served.address, words).await;
    let record = r#"{"name":"hand.made","version":"1.2","metadata":{"a":"b"},"endpoints":[{"name":"Foo.Bar","request":{"name":"Req","type":"Req","values":[{"name":"x","type":"string"}]},"metadata":{"stream":"true"}}],"nodes":[{"id":"hand.made-1","address":"127.0.0.1:9","metadata":{"zone":"z"}}]}"#;
    assert_eq!(micro(&["register", "service", record]).await?, "ok\n");
    let services = served.memory.get("hand.made").await.expect("is there");
    assert_eq!((services[0].version.as_str(), services[0].metadata["a"].as_str()), ("1.2", "b"));
    assert_eq!(micro(&["list", "services"]).await?, "hand.made\n");
    let shown = micro(&["get", "service", "hand.made"]).await?;
    let expected = "service  hand.made\n\nversion 1.2\n\nID\tAddress\tMetadata\nhand.made-1\t127.0.0.1:9\tzone=z\n\n\
                    Endpoint: Foo.Bar\n\nMetadata: stream=true\n\nRequest: {\n\tx string\n}\n\nResponse: {}\n\n";
    assert_eq!(shown, expected);
    assert_eq!(micro(&["get", "service", "nobody"]).await?, "service not found\n");
    for _ in 0..2 {
        assert_eq!(micro(&["deregister", "service", record]).await?, "ok\n", "also when it is gone");
    }
    served.memory.get("hand.made").await.expect_err("is gone");
    Ok(())
}

async fn the_go_registry_is_used() -> Outcome {
    let registry = Peer::registry()?;
    let remote = registry.remote().await;
    remote.get("nobody").await.expect_err("is not there");
    let mut watch = remote.watch().await.expect("watches");
    assert!(matches!(watch.next().await.expect("begins").change, Change::Resync(_)));
    let value = |name: &str| Some(Value { name: name.to_owned(), kind: name.to_owned(), values: Vec::new() });
    // The real one makes empty values of those that are not there, and forgets nodes without labels.
    let endpoint =
        Endpoint { name: "A.B".to_owned(), request: value("Q"), response: value("R"), ..Endpoint::default() };
    let service = Service { version: "1".to_owned(), endpoints: vec![endpoint], ..Service::new("ours") };
    let service = service.with_node(Node::new("ours-1", "127.0.0.1:9").with("protocol", "grpc"));
    let options = RegisterOptions { ttl: Some(Duration::from_secs(60)) };
    remote.register(service.clone(), options).await.expect("registers");
    let told = next(&mut watch, |change| match change {
        Change::Upsert(service) if service.name == "ours" => Some(service),
        _ => None,
    });
    assert_eq!(told.await, service);
    assert_eq!(remote.get("ours").await.expect("is there"), std::slice::from_ref(&service));
    remote.heartbeat("ours", "ours-1").await.expect("is renewed");
    remote.deregister(&service).await.expect("is taken away");
    next(&mut watch, |change| matches!(&change, Change::Remove { name, .. } if name == "ours").then_some(())).await;
    remote.get("ours").await.expect_err("is gone");
    Ok(())
}

/// The real one tells nobody, and keeps the service without a node.
async fn a_lease_ends_at_the_go_registry() -> Outcome {
    let registry = Peer::registry()?;
    let remote = registry.remote().await;
    let service = Service::new("brief").with_node(Node::new("brief-1", "127.0.0.1:9").with("protocol", "grpc"));
    let options = RegisterOptions { ttl: Some(Duration::from_secs(1)) };
    remote.register(service, options).await.expect("registers");
    let mut watch = remote.watch().await.expect("watches");
    next(&mut watch, |change| matches!(&change, Change::Remove { name, .. } if name == "brief").then_some(())).await;
    remote.get("brief").await.expect_err("is gone");
    Ok(())
}

/// Waits for the change that is wanted.
async fn next<T>(watch: &mut Watch, wanted: impl Fn(Change) -> Option<T>) -> T {
    let wait = async {
        loop {
            let event = watch.next().await.expect("the watch goes on");
            if let Some(found) = wanted(event.change) {
                return found;
            }
        }
    };
    timeout(DEADLINE, wait).await.expect("the change comes")
}

/// Waits until something holds.
async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    let wait = async {
        while !holds().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, wait).await.expect("it comes to hold");
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let is_wanted = |name: &str| words.iter().filter(|word| !word.starts_with('-')).all(|word| name.contains(word));
    let is_required = std::env::var_os("MICRO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut is_well = true;
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
        // A panic of one must not end the others.
        let result = match std::panic::catch_unwind(|| runtime.block_on(test())) {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) if !is_required => format!("skipped: {reason}"),
            Ok(Err(reason)) => format!("FAILED: {reason}, and MICRO_REQUIRE_PEERS=1 asks for it"),
            Err(_) => "FAILED".to_owned(),
        };
        is_well &= !result.starts_with("FAILED");
        eprintln!("test service::{name} ... {result}");
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
