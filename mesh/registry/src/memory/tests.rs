use std::time::Duration;

use tokio::time::{advance, timeout};

use super::Memory;
use crate::model::{Endpoint, Node, Service};
use crate::registry::{Change, Event, Origin, RegisterOptions, Registry, Watch};

const TTL: Duration = Duration::from_mins(1);

fn greeter(version: &str, node: &str) -> Service {
    Service { version: version.to_owned(), ..Service::new("greeter") }
        .with_endpoint("Say.Hello")
        .with_node(Node::new(node, format!("127.0.0.1:{}", 9000 + node.len())))
}

async fn register(registry: &Memory, service: Service, ttl: Option<Duration>) {
    registry.register(service, RegisterOptions { ttl }).await.expect("registers");
}

/// What is registered, as `name version: nodes`.
async fn shown(registry: &Memory) -> Vec<String> {
    registry.list().await.expect("lists").iter().map(show).collect()
}

fn show(service: &Service) -> String {
    let nodes: Vec<&str> = service.nodes.iter().map(|node| node.id.as_str()).collect();
    format!("{} {}: {}", service.name, service.version, nodes.join(" "))
}

/// The next event, in words.
async fn told(watch: &mut Watch) -> String {
    let event = timeout(Duration::from_hours(1), watch.next()).await.expect("an event comes");
    match event {
        None => "end".to_owned(),
        Some(Event { origin, change }) => {
            assert_eq!(origin, Origin::MEMORY);
            match change {
                Change::Resync(services) => {
                    format!("resync [{}]", services.iter().map(show).collect::<Vec<_>>().join(", "))
                }
                Change::Upsert(service) => format!("upsert {}", show(&service)),
                Change::Remove { name, version } => format!("remove {name} {version}"),
                Change::Stale => "stale".to_owned(),
            }
        }
    }
}

/// Says that a watcher has nothing to read.
async fn quiet(watch: &mut Watch) -> bool {
    timeout(Duration::from_millis(1), watch.next()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn nodes_are_grouped_by_version() {
    let registry = Memory::new();
    register(&registry, greeter("2", "c"), None).await;
    register(&registry, greeter("1", "a"), None).await;
    register(&registry, greeter("1", "b"), None).await;
    register(&registry, Service::new("alone").with_node(Node::new("n", "x:1")), None).await;
    assert_eq!(shown(&registry).await, ["alone latest: n", "greeter 1: a b", "greeter 2: c"]);
    assert_eq!(registry.get("greeter").await.expect("is there").len(), 2);
    let error = registry.get("greet").await.expect_err("is unknown").to_string();
    assert_eq!(error, r#"service "greet" is not registered"#);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_again_replaces_itself() {
    let registry = Memory::new();
    register(&registry, greeter("1", "a"), None).await;
    register(&registry, greeter("1", "b"), None).await;
    register(&registry, greeter("", "a"), None).await;
    assert_eq!(shown(&registry).await, ["greeter 1: b", "greeter latest: a"]);
    let mut moved = greeter("1", "b");
    moved.nodes[0].address = "10.0.0.1:1".to_owned();
    moved.endpoints = vec![Endpoint { name: "Say.Bye".to_owned(), ..Endpoint::default() }];
    register(&registry, moved.clone(), None).await;
    assert!(registry.get("greeter").await.expect("is there").contains(&moved));
}

#[tokio::test(start_paused = true)]
async fn invalid_records_and_a_full_table_are_refused() {
    let registry = Memory::with_limits(2, 16);
    let error = registry.register(Service::new("x"), RegisterOptions::default()).await.expect_err("is refused");
    assert_eq!(error.to_string(), "the list of nodes is empty");
    register(&registry, greeter("1", "a").with_node(Node::new("b", "x:1")), None).await;
    let error = registry.register(greeter("1", "c"), RegisterOptions::default()).await.expect_err("is full");
    assert_eq!(error.to_string(), "the registry is full: it holds 2 nodes");
    register(&registry, greeter("2", "a"), None).await;
    registry.deregister(&greeter("1", "b")).await.expect("is there");
    register(&registry, greeter("1", "c"), None).await;
    assert_eq!(shown(&registry).await, ["greeter 1: c", "greeter 2: a"]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_ends_unless_it_is_extended() {
    let registry = Memory::new();
    register(&registry, greeter("1", "a"), Some(TTL)).await;
    register(&registry, greeter("1", "b"), Some(TTL)).await;
    register(&registry, greeter("1", "c"), None).await;
    advance(TTL / 2).await;
    registry.heartbeat("greeter", "a").await.expect("is there");
    registry.heartbeat("greeter", "c").await.expect("needs no lease");
    advance(TTL / 2).await;
    assert_eq!(shown(&registry).await, ["greeter 1: a c"]);
    let error = registry.heartbeat("greeter", "b").await.expect_err("is gone").to_string();
    assert_eq!(error, r#"no node "b" of service "greeter" is registered: register it again"#);
    advance(TTL / 2).await;
    assert_eq!(shown(&registry).await, ["greeter 1: c"]);
    assert!(registry.heartbeat("greet", "a").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn registering_again_changes_the_lease() {
    let registry = Memory::new();
    register(&registry, greeter("1", "a"), Some(TTL)).await;
    register(&registry, greeter("1", "a"), None).await;
    register(&registry, greeter("1", "b"), None).await;
    register(&registry, greeter("1", "b"), Some(TTL)).await;
    register(&registry, greeter("1", "c"), Some(TTL)).await;
    register(&registry, greeter("1", "c"), Some(TTL)).await;
    advance(TTL + Duration::from_secs(1)).await;
    assert_eq!(shown(&registry).await, ["greeter 1: a"]);
    register(&registry, greeter("1", "forever"), Some(Duration::MAX)).await;
    advance(Duration::from_secs(1 << 32)).await;
    assert_eq!(shown(&registry).await, ["greeter 1: a forever"]);
}

#[tokio::test(start_paused = true)]
async fn the_longest_lease_can_be_extended() {
    let registry = Memory::new();
    for ttl in [Duration::MAX, Duration::from_secs(i64::MAX.unsigned_abs() - 10_000_000), super::TTL_MAX] {
        register(&registry, greeter("1", "a"), Some(ttl)).await;
        advance(Duration::from_secs(20_000_000)).await;
        registry.heartbeat("greeter", "a").await.expect("is there");
    }
    assert_eq!(shown(&registry).await, ["greeter 1: a"]);
}

#[tokio::test(start_paused = true)]
async fn watchers_are_told_what_changed_and_nothing_else() {
    let registry = Memory::new();
    register(&registry, greeter("1", "a"), None).await;
    let mut watch = registry.watch().await.expect("watches");
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]");
    register(&registry, greeter("1", "b"), Some(TTL)).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a b");
    register(&registry, greeter("1", "b"), Some(TTL)).await;
    registry.heartbeat("greeter", "b").await.expect("is there");
    assert!(quiet(&mut watch).await, "a refresh changes nothing");
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a", "a lease ended");
    register(&registry, greeter("2", "a"), None).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 2: a");
    assert_eq!(told(&mut watch).await, "remove greeter 1");
    registry.deregister(&greeter("2", "a")).await.expect("is there");
    assert_eq!(told(&mut watch).await, "remove greeter 2");
    assert!(registry.deregister(&greeter("2", "a")).await.is_err());
    assert!(quiet(&mut watch).await);
    drop(registry);
    assert_eq!(told(&mut watch).await, "end");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_lease_is_not_missed() {
    let registry = Memory::new();
    let mut watch = registry.watch().await.expect("watches");
    assert_eq!(told(&mut watch).await, "resync []");
    register(&registry, greeter("1", "a"), Some(TTL * 2)).await;
    register(&registry, greeter("1", "b"), Some(TTL)).await;
    for expected in ["upsert greeter 1: a", "upsert greeter 1: a b", "upsert greeter 1: a", "remove greeter 1"] {
        assert_eq!(told(&mut watch).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_falls_behind_gets_everything_anew() {
    let registry = Memory::with_limits(100, 4);
    let mut watch = registry.watch().await.expect("watches");
    assert_eq!(told(&mut watch).await, "resync []");
    for node in ["a", "b", "c", "d", "e"] {
        register(&registry, greeter("1", node), None).await;
    }
    registry.deregister(&greeter("1", "a")).await.expect("is there");
    assert_eq!(told(&mut watch).await, "resync [greeter 1: b c d e]");
    register(&registry, greeter("1", "f"), None).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: b c d e f");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_registry_ends_its_task() {
    let registry = Memory::new();
    register(&registry, greeter("1", "a"), Some(TTL)).await;
    let shared = std::sync::Arc::downgrade(&registry.shared);
    let clone = registry.clone();
    drop(registry);
    assert_eq!(shown(&clone).await, ["greeter 1: a"]);
    drop(clone);
    tokio::task::yield_now().await;
    assert!(shared.upgrade().is_none());
}
