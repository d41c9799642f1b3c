//! What becomes of registered services, and of registries that take the place of others.

use std::sync::Arc;
use std::time::Duration;

use gateway_upstream::Protocol;
use mesh_registry::{Change, Etcd, Memory, Node, RegisterOptions, Registry, Service, Source as Origin, etcd};
use tokio::time::timeout;

use super::feeds::FeedId;
use super::*;

/// A version of a service with nodes at these addresses.
pub(super) fn service(name: &str, version: &str, nodes: &[&str]) -> Service {
    let service = Service { version: version.to_owned(), ..Service::new(name) };
    nodes.iter().fold(service, |service, address| {
        service.with_node(Node::new(format!("{name}-{address}"), *address).with("protocol", "grpc"))
    })
}

fn addresses(discovered: &Discovered) -> Vec<String> {
    match discovered {
        Discovered::Upsert(cluster) => cluster.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect(),
        other => panic!("{other:?} is no upsert"),
    }
}

const FEED: FeedId = FeedId(1);

/// A discovery of one registry, which the test speaks for.
fn following(source: Origin) -> Discovery {
    let mut discovery = Discovery::of(watch::channel(Vec::new()).1);
    discovery.known.follow([(FEED, source)]);
    discovery
}

/// What is told of one change.
fn take(discovery: &mut Discovery, change: Change) -> Discovered {
    let concerned = discovery.known.take(FEED, change);
    discovery.tell(concerned);
    discovery.next.pop_front().expect("something is told")
}

#[test]
fn versions_of_a_name_are_one_cluster() {
    let mut discovery = following(Origin::Own);
    take(&mut discovery, Change::Upsert(service("a", "1", &["10.0.0.1:80"])));
    let both = take(&mut discovery, Change::Upsert(service("a", "2", &["10.0.0.2:80", "10.0.0.3:80"])));
    assert_eq!(addresses(&both), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    let one = take(&mut discovery, Change::Remove { name: "a".to_owned(), version: "1".to_owned() });
    assert_eq!(addresses(&one), ["10.0.0.2:80", "10.0.0.3:80"]);
    let none = take(&mut discovery, Change::Remove { name: "a".to_owned(), version: "2".to_owned() });
    assert_eq!(none, Discovered::Remove("a".to_owned()));
}

#[test]
fn a_resync_forgets_what_it_does_not_name() {
    let mut discovery = following(Origin::Own);
    take(&mut discovery, Change::Upsert(service("a", "1", &["10.0.0.1:80"])));
    let Discovered::Resync(clusters) = take(&mut discovery, Change::Resync(vec![service("b", "1", &[])])) else {
        panic!()
    };
    assert_eq!(clusters.iter().map(|cluster| &*cluster.id.name).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn what_names_no_host_is_dialled_where_it_is_known_to_be_or_left_out() {
    let nodes = ["[::]:80", "10.0.0.1", "[::1]:x", "queue", "10.0.0.2:80"];
    let check = |source: Origin, expected: &[&str]| {
        let found = take(&mut following(source), Change::Upsert(service("a", "1", &nodes)));
        assert_eq!(addresses(&found), expected, "{source:?}");
    };
    check(Origin::Own, &["127.0.0.1:80", "10.0.0.2:80"]);
    check(Origin::Shared, &["10.0.0.2:80"]);
}

#[test]
fn protocol_and_version_belong_to_the_endpoint() {
    let found = take(&mut following(Origin::Own), Change::Upsert(service("a", "2", &["10.0.0.1:80"])));
    let Discovered::Upsert(cluster) = found else { panic!() };
    let endpoint = &cluster.endpoints[0];
    assert_eq!(endpoint.protocol, Some(Protocol::Grpc));
    assert_eq!((&*endpoint.labels["version"], &*endpoint.labels["id"]), ("2", "a-10.0.0.1:80"));
}

fn in_use(registries: &[&Memory]) -> Vec<InUse> {
    registries.iter().map(|registry| InUse::of_test(Arc::new((*registry).clone()), Origin::Own)).collect()
}

async fn register(registry: &Memory, name: &str, address: &str) {
    let service = service(name, "1", &[address]);
    registry.register(service, RegisterOptions::default()).await.unwrap();
}

/// The next change, in words.
async fn told(discovery: &mut Discovery) -> String {
    let names = |clusters: &[Cluster]| clusters.iter().map(|cluster| cluster.id.name.to_string()).collect::<Vec<_>>();
    match timeout(Duration::from_secs(30), discovery.next_change()).await.expect("something changes") {
        Discovered::Resync(clusters) => format!("resync {}", names(&clusters).join(" ")).trim_end().to_owned(),
        Discovered::Upsert(cluster) => format!("upsert {} {}", cluster.id.name, cluster.endpoints.len()),
        Discovered::Remove(name) => format!("remove {name}"),
        Discovered::Stale => "stale".to_owned(),
    }
}

/// Says that the next changes are these.
async fn check(discovery: &mut Discovery, expected: &[&str]) {
    for expected in expected {
        assert_eq!(told(discovery).await, *expected);
    }
}

#[tokio::test]
async fn names_are_resolved_and_told_once_they_are() {
    let memory = Memory::new();
    let (_sender, receiver) = watch::channel(in_use(&[&memory]));
    let mut discovery = Discovery::of(receiver);
    check(&mut discovery, &["resync", "resync"]).await;
    register(&memory, "a", "localhost:80").await;
    assert_eq!(told(&mut discovery).await, "upsert a 0", "its name is asked for");
    let resolved = discovery.next_change().await;
    assert_eq!(addresses(&resolved), ["127.0.0.1:80", "[::1]:80"]);
    let Discovered::Upsert(cluster) = resolved else { panic!() };
    assert_eq!(&*cluster.endpoints[0].authority, "localhost:80");
}

#[tokio::test]
async fn registries_are_merged_and_take_each_others_place() {
    let (first, second) = (Memory::new(), Memory::new());
    register(&first, "a", "10.0.0.1:80").await;
    register(&second, "a", "10.0.0.2:80").await;
    register(&second, "b", "10.0.0.3:80").await;
    let (sender, receiver) = watch::channel(in_use(&[&first]));
    let mut discovery = Discovery::of(receiver);
    check(&mut discovery, &["resync", "resync a"]).await;
    let mut both = sender.borrow().clone();
    both.extend(in_use(&[&second]));
    sender.send_replace(both.clone());
    check(&mut discovery, &["resync a", "resync a b"]).await;
    register(&first, "a", "10.0.0.4:80").await;
    check(&mut discovery, &["upsert a 3"]).await;
    sender.send_replace(both.split_off(1));
    check(&mut discovery, &["resync a b"]).await;
    register(&first, "c", "10.0.0.5:80").await;
    register(&second, "a", "10.0.0.6:80").await;
    check(&mut discovery, &["upsert a 2"]).await;
}

#[tokio::test]
async fn what_was_known_serves_until_another_registry_answers() {
    let memory = Memory::new();
    register(&memory, "a", "10.0.0.1:80").await;
    let (sender, receiver) = watch::channel(in_use(&[&memory]));
    let mut discovery = Discovery::of(receiver);
    check(&mut discovery, &["resync", "resync a"]).await;
    sender.send_replace(unreachable_etcd());
    check(&mut discovery, &["resync a", "stale"]).await;
    sender.send_replace(in_use(&[&Memory::new()]));
    check(&mut discovery, &["resync a", "resync"]).await;
}

/// An etcd at an address where nothing listens.
fn unreachable_etcd() -> Vec<InUse> {
    let etcd = Etcd::new(&etcd::Options::at(["127.0.0.1:1"])).unwrap();
    vec![InUse::of_test(Arc::new(etcd), Origin::Shared)]
}
