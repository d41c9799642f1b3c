//! Which node is called (K113).

use std::path::Path;

use anyhow::Result;
use conformance::case::{NodeKind, Setup};
use conformance::client::http1::{Request, send};
use conformance::control::endpoints;
use conformance::node::Node;
use conformance::process::Gateway;
use conformance::wait::until;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");

async fn call(gateway: &Gateway, target: &str, json: &str) -> Result<u16> {
    let request =
        Request::new(&format!("POST {target}"), "h", &[("Content-Type", "application/json")], json.to_owned());
    Ok(send(gateway.address()?, &request).await?.status)
}

/// A node dies while it is called: requests go on to the other, and none fails, neither before nor after it is noticed.
#[tokio::test]
async fn a_dead_node_costs_no_request() -> Result<()> {
    let gateway = Gateway::start(Path::new(PROGRAM), &Setup::default()).await?;
    let (mortal, live) = (Node::of(NodeKind::Grpc).await?, Node::of(NodeKind::Grpc).await?);
    let service = "go.micro.api.foo".to_owned();
    for (id, node) in [("mortal", &mortal), ("live", &live)] {
        gateway.register(&service, id, node.address(), Value::Null).await?;
    }
    gateway.knows(&[(service.clone(), vec![mortal.address(), live.address()])]).await?;
    for _ in 0..20 {
        assert_eq!(call(&gateway, "/foo/bar", "{}").await?, 200);
    }
    assert!(!mortal.calls().all().is_empty(), "both are called");
    let dead = mortal.address().to_string();
    drop(mortal);
    live.calls().clear();
    let failures = async || -> Result<u64> {
        let clusters = gateway.ask("/clusters").await?;
        let known = endpoints(&clusters, &service);
        let of_dead = known.iter().find(|endpoint| endpoint["address"] == dead.as_str());
        Ok(of_dead.and_then(|endpoint| endpoint["failures"].as_u64()).unwrap_or(0))
    };
    // One that was slow at first is left alone for a while: the balancer comes back to it as that fades.
    let mut answered = 0;
    let tried = async || {
        answered += usize::from(call(&gateway, "/foo/bar", "{}").await.is_ok_and(|status| status == 200));
        failures().await.is_ok_and(|failures| failures > 0).then_some(())
    };
    until("the dead node to be tried", tried).await?;
    for _ in 0..60 {
        assert_eq!(call(&gateway, "/foo/bar", "{}").await?, 200);
        answered += 1;
    }
    assert_eq!(live.calls().all().len(), answered, "each request is answered, by the other node");
    let failures = failures().await?;
    assert!((1..30).contains(&failures), "ejected, then tried rarely: {failures}");
    Ok(())
}
