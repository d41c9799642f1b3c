//! What the tests share: records, watches in words, waiting.

use std::time::Duration;

use mesh_registry::etcd::{Etcd, Options};
use mesh_registry::{Change, Event, Node, Origin, RegisterOptions, Registry, Service, Watch};
use tokio::time::timeout;

use crate::server::Server;

/// How long anything may take; far more than it does, as machines that test are busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A TTL that no test sees the end of.
pub(crate) const TTL: Option<Duration> = Some(Duration::from_secs(300));

/// How long an emptied etcd's nodes stay: shorter than for a user, longer than a busy machine takes to look.
pub(crate) const HOLD: Duration = Duration::from_secs(5);

pub(crate) fn registry(server: &Server) -> Etcd {
    registry_at(&[server.address()])
}

pub(crate) fn registry_at(addresses: &[String]) -> Etcd {
    Etcd::new(&Options { hold: HOLD, ..Options::at(addresses) }).expect("is an address")
}

/// A service with one node.
pub(crate) fn greeter(version: &str, node: &str) -> Service {
    Service { version: version.to_owned(), ..Service::new("greeter") }
        .with_endpoint("Say.Hello")
        .with_node(Node::new(node, "127.0.0.1:9000"))
}

pub(crate) async fn register(registry: &Etcd, service: Service) {
    registry.register(service, RegisterOptions { ttl: TTL }).await.expect("registers");
}

/// What is registered, as `name version: nodes`.
pub(crate) async fn shown(registry: &Etcd) -> Vec<String> {
    registry.list().await.expect("lists").iter().map(show).collect()
}

pub(crate) fn show(service: &Service) -> String {
    let nodes: Vec<&str> = service.nodes.iter().map(|node| node.id.as_str()).collect();
    format!("{} {}: {}", service.name, service.version, nodes.join(" "))
}

pub(crate) async fn watch(registry: &Etcd) -> Watch {
    registry.watch().await.expect("watches")
}

/// The next event, in words.
pub(crate) async fn told(watch: &mut Watch) -> String {
    let event = timeout(DEADLINE, watch.next()).await.expect("an event comes");
    match event {
        None => "end".to_owned(),
        Some(Event { origin, change }) => {
            assert_eq!(origin, Origin::ETCD);
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

/// Says the events up to this one, which is to come.
pub(crate) async fn until(watch: &mut Watch, expected: &str) -> Vec<String> {
    let mut events = Vec::new();
    loop {
        let event = told(watch).await;
        if event == expected {
            return events;
        }
        assert!(events.len() < 100, "{expected:?} does not come: {events:?}");
        events.push(event);
    }
}
