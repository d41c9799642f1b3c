//! gRPC on the same port, as our own client of it sees it. Go's client: `tests/service.rs`.

use mesh_rpc::client::Target;
use mesh_rpc::{Client, Codec, RpcError};
use proto::registry as wire;

use super::*;
use crate::model::{Node, Service};
use crate::registry::{Change, GetError, RegisterOptions};
use crate::remote::Remote;

fn greeter(node: &str) -> Service {
    let node = Node::new(node, "127.0.0.1:9090").with("protocol", "grpc");
    Service { version: "1".to_owned(), ..Service::new("greeter").with_endpoint("Say.Hello").with_node(node) }
}

fn remote(server: &Server) -> Remote {
    Remote::new([server.address.to_string()]).expect("is an address")
}

#[tokio::test]
async fn a_service_is_registered_found_and_taken_away() {
    let server = Server::start().await;
    let remote = remote(&server);
    let options = RegisterOptions { ttl: Some(Duration::from_secs(30)) };
    remote.register(greeter("g-1"), options).await.expect("registers");
    assert_eq!(remote.get("greeter").await.expect("is there"), [greeter("g-1")]);
    assert_eq!(remote.list().await.expect("lists"), server.registry.list().await.expect("lists"));
    remote.heartbeat("greeter", "g-1").await.expect("is renewed");
    remote.heartbeat("greeter", "other").await.expect_err("is not one of ours");
    remote.deregister(&greeter("g-1")).await.expect("is taken away");
    remote.deregister(&greeter("g-1")).await.expect("that it was not there is not told");
    let error = remote.get("greeter").await.expect_err("is gone");
    assert!(matches!(error, GetError::UnknownService { .. }), "{error}");
    let refused = remote.register(Service { nodes: vec![], ..greeter("") }, options).await.expect_err("has no node");
    assert_eq!(refused.to_string(), "the list of nodes is empty");
}

#[tokio::test]
async fn a_namespace_is_a_prefix_that_nobody_sees() {
    let server = Server::start().await;
    let client = Client::connect(&server.address.to_string(), PATIENCE).await.expect("connects");
    let target = |namespace: &'static str, endpoint| {
        let mut target = Target { timeout: PATIENCE, ..Target::new("go.micro.registry", endpoint) };
        target.metadata.insert("micro-namespace", namespace.parse().expect("is a value"));
        target
    };
    for namespace in ["go.micro", "foo"] {
        let service = wire::Service { options: None, ..crate::protocol::to_wire(&greeter(namespace)) };
        let call = client.call::<_, wire::EmptyResponse>(target(namespace, "Registry.Register"), Codec::Json, &service);
        call.await.expect("registers");
    }
    let names: Vec<_> = server.registry.list().await.expect("lists").into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["foo/greeter", "greeter"]);
    for (namespace, nodes) in [("go.micro", &["go.micro"][..]), ("foo", &["foo", "go.micro"]), ("bar", &["go.micro"])] {
        let call = client.call(target(namespace, "Registry.ListServices"), Codec::Proto, &wire::ListRequest {});
        let answer: wire::ListResponse = call.await.expect("lists");
        assert!(answer.services.iter().all(|service| service.name == "greeter"), "{answer:?}");
        let ids: Vec<_> = answer.services.iter().map(|service| service.nodes[0].id.as_str()).collect();
        assert_eq!(ids, nodes, "{namespace}");
    }
    let get = wire::GetRequest { service: "nobody".to_owned() };
    let call = client.call::<_, wire::GetResponse>(target("foo", "Registry.GetService"), Codec::Proto, &get);
    assert_eq!(call.await, Err(RpcError::not_found("go.micro.registry", "service not found")));
}

#[tokio::test]
async fn a_watch_tells_what_changes_through_restarts_of_the_other_side() {
    let mut server = Server::start().await;
    let remote = remote(&server);
    let mut watch = remote.watch().await.expect("watches");
    assert_eq!(watch.next().await.expect("begins").change, Change::Resync(vec![]));
    let memory = server.registry.clone();
    memory.register(greeter("g-1"), RegisterOptions::default()).await.expect("registers");
    let mut next = async || timeout(PATIENCE, watch.next()).await.expect("comes").expect("goes on").change;
    assert_eq!(next().await, Change::Upsert(greeter("g-1")));
    memory.register(greeter("g-2"), RegisterOptions::default()).await.expect("registers");
    assert_eq!(next().await, Change::Upsert(Service { ..greeter("g-1").with_node(greeter("g-2").nodes.remove(0)) }));
    server.shutdown.cancel();
    timeout(PATIENCE, server.task.join_next()).await.expect("ends").expect("one task").expect("without a panic");
    assert_eq!(next().await, Change::Stale);
    memory.deregister(&greeter("g-1")).await.expect("is there");
    let _server = Server::start_at(server.address, memory).await;
    assert_eq!(next().await, Change::Resync(vec![greeter("g-2")]));
}
