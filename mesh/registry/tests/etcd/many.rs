//! More than fits into one answer.

use std::time::Instant;

use futures_util::{StreamExt, stream};
use mesh_registry::{Change, Endpoint, Event, Node, RegisterOptions, Registry, Service, Value};

use crate::Outcome;
use crate::server::Server;
use crate::support::{registry, told, watch};

const SERVICES: usize = 1000;
const NODES: usize = 10;

pub(crate) async fn ten_thousand_nodes_are_one_table_and_one_change_is_one_event() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    let nodes = (0..SERVICES).flat_map(|service| (0..NODES).map(move |node| record(service, node)));
    let registering = stream::iter(nodes).for_each_concurrent(200, |service| async {
        registry.register(service, RegisterOptions::default()).await.expect("registers");
    });
    let started = Instant::now();
    registering.await;
    let registered = started.elapsed();

    let started = Instant::now();
    let mut watch = watch(&registry).await;
    let Some(Event { change: Change::Resync(services), .. }) = watch.next().await else { panic!("no resync") };
    eprintln!("10,000 nodes: registered in {registered:?}, read in {:?}", started.elapsed());
    let bytes: usize = services.iter().map(|service| service.to_json().len()).sum();
    assert!(bytes > 4 * 1024 * 1024, "{bytes} bytes, each version once, are more than an answer may have by default");
    assert_eq!(services.len(), SERVICES);
    assert!(services.iter().all(|service| service.nodes.len() == NODES));
    assert_eq!(registry.list().await.expect("lists"), services);

    let mut changed = record(500, 5);
    changed.nodes[0] = Node::new("node-5", "10.0.0.1:1");
    registry.register(changed, RegisterOptions::default()).await.expect("registers");
    registry.deregister(&record(501, 5)).await.expect("is there");
    let Some(Event { change: Change::Upsert(service), .. }) = watch.next().await else { panic!("no upsert") };
    assert_eq!((service.name.as_str(), service.nodes.len()), ("service-0500", NODES));
    assert_eq!(service.nodes[5].address, "10.0.0.1:1");
    let expected = "upsert service-0501 latest: node-0 node-1 node-2 node-3 node-4 node-6 node-7 node-8 node-9";
    assert_eq!(told(&mut watch).await, expected, "one change, one event");
    Ok(())
}

/// A node with as much to say of its service as those of go-micro have.
fn record(service: usize, node: usize) -> Service {
    let field = |at: usize| Value {
        name: format!("a field of the request, number {at}"),
        kind: "string".into(),
        values: Vec::new(),
    };
    let request = Value { name: "Request".into(), kind: "Request".into(), values: (0..20).map(field).collect() };
    let endpoint = |at: usize| Endpoint {
        name: format!("Handler.Method{at}"),
        request: Some(request.clone()),
        response: Some(request.clone()),
        ..Endpoint::default()
    };
    let mut record = Service::new(format!("service-{service:04}"))
        .with_node(Node::new(format!("node-{node}"), format!("10.0.{}.{node}:9000", service % 256)));
    record.endpoints = (0..2).map(endpoint).collect();
    record
}
