//! A running command as others see it.

use std::sync::Arc;
use std::time::Duration;

use mesh::{Client, Identity, Node, Options, Request};
use mesh_registry::{Memory, Registry};
use mesh_rpc::Server;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long anything here may take.
const LONG: Duration = Duration::from_secs(10);

/// Waits until a registry knows the service, or does not know it any more.
async fn until(registry: &Memory, name: &str, is_known: bool) {
    let waiting = async {
        while registry.get(name).await.is_ok() != is_known {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, waiting).await.expect("it takes no time");
}

fn registries(of: &[&Memory]) -> Vec<Arc<dyn Registry>> {
    of.iter().map(|registry| Arc::new(Memory::clone(registry)) as Arc<dyn Registry>).collect()
}

#[tokio::test]
async fn a_node_is_found_answers_debug_and_leaves() {
    let registry = Memory::new();
    let (_sender, receiver) = watch::channel(registries(&[&registry]));
    let identities = vec![Identity::new("go.micro.api"), Identity::new("other")];
    let mut node = Node::start("127.0.0.1:0", Server::new(), identities, &receiver).await.expect("a port is free");
    until(&registry, "go.micro.api", true).await;
    until(&registry, "other", true).await;
    let client = Client::new(Arc::new(registry.clone()), Options::default());
    let request = Request::new("go.micro.api", "Debug.Health");
    let answer = client.call(&request, b"{}").await.expect("answers");
    assert_eq!(answer, r#"{"status":"ok"}"#);

    node.leave().await;
    registry.get("go.micro.api").await.expect_err("it left");
    let address = node.address().to_string();
    let direct = Request { address: Some(&address), ..request };
    client.call(&direct, b"{}").await.expect("still answers");
    node.stop().await;
    client.call(&direct, b"{}").await.expect_err("nobody listens");
}

#[tokio::test]
async fn a_node_follows_the_registries() {
    let (first, second) = (Memory::new(), Memory::new());
    let kept = registries(&[&first]);
    let (sender, receiver) = watch::channel(kept.clone());
    let node = Node::start("127.0.0.1:0", Server::new(), vec![Identity::new("n")], &receiver).await;
    let node = node.expect("a port is free");
    until(&first, "n", true).await;
    sender.send_replace(kept.into_iter().chain(registries(&[&second])).collect());
    until(&second, "n", true).await;
    first.get("n").await.expect("it stays where it was");
    sender.send_replace(Vec::new());
    until(&first, "n", false).await;
    until(&second, "n", false).await;
    node.stop().await;
}
