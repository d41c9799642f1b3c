//! Registering, finding, leases, watching.

use std::time::Duration;

use mesh_registry::{HeartbeatError, Node, RegisterOptions, Registry, Service};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::Outcome;
use crate::server::Server;
use crate::support::{greeter, register, registry, shown, told, until, watch};

/// The shortest lease that the server makes.
const SHORT: Duration = Duration::from_secs(1);

pub(crate) async fn nodes_are_registered_found_and_taken_away() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    assert!(shown(&registry).await.is_empty());
    register(&registry, greeter("1", "a").with_node(Node::new("b", "127.0.0.1:9001"))).await;
    register(&registry, greeter("2", "c")).await;
    register(&registry, Service::new("ns/greeter").with_node(Node::new("x/y", "127.0.0.1:1"))).await;
    assert_eq!(shown(&registry).await, ["greeter 1: a b", "greeter 2: c", "ns/greeter latest: x/y"]);
    assert_eq!(registry.get("greeter").await.expect("is there").len(), 2);
    assert_eq!(registry.get("ns/greeter").await.expect("is there")[0].nodes[0].id, "x/y");
    let error = registry.get("ns-greeter").await.expect_err("is another service").to_string();
    assert_eq!(error, r#"service "ns-greeter" is not registered"#);

    let expected = r#"{"name":"greeter","version":"1","metadata":null,"endpoints":[{"name":"Say.Hello","request":null,"response":null,"metadata":null}],"nodes":[{"id":"b","address":"127.0.0.1:9001","metadata":null}]}"#;
    assert_eq!(server.value("/micro/registry/greeter/b"), expected, "one node a key, as Go has it");
    assert!(server.get("/micro/registry/ns-greeter/x-y")["lease"].is_string());

    register(&registry, greeter("2", "a")).await;
    assert_eq!(shown(&registry).await[..2], ["greeter 1: b", "greeter 2: a c"], "a node has one version");
    registry.deregister(&greeter("", "c")).await.expect("was there");
    registry.deregister(&greeter("", "c")).await.expect_err("is gone");
    assert_eq!(shown(&registry).await[..2], ["greeter 1: b", "greeter 2: a"]);
    let leases = server.ask("/v3/lease/leases", &json!({}))["leases"].as_array().map(Vec::len);
    assert_eq!(leases, Some(3), "none is left behind");
    Ok(())
}

pub(crate) async fn a_node_is_written_once_and_its_lease_renewed() -> Outcome {
    let server = Server::start()?;
    let key = "/micro/registry/greeter/a";
    let first = registry(&server);
    register(&first, greeter("1", "a")).await;
    let before = server.get(key);
    register(&first, greeter("1", "a")).await;
    first.heartbeat("greeter", "a").await.expect("is there");
    register(&registry(&server), greeter("1", "a")).await;
    assert_eq!(server.get(key), before, "a process that starts anew takes the lease over");
    register(&first, greeter("2", "a")).await;
    let after = server.get(key);
    assert_eq!((&after["lease"], &after["version"]), (&before["lease"], &"2".into()), "another record, the same lease");
    first.register(greeter("2", "a"), RegisterOptions::default()).await.expect("registers");
    assert!(server.get(key)["lease"].is_null(), "no TTL, no lease");
    first.heartbeat("greeter", "a").await.expect("needs no lease");
    Ok(())
}

pub(crate) async fn a_lease_that_is_not_renewed_ends() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    let mut watch = watch(&registry).await;
    registry.register(greeter("1", "a"), RegisterOptions { ttl: Some(SHORT) }).await.expect("registers");
    register(&registry, greeter("1", "b")).await;
    until(&mut watch, "upsert greeter 1: a b").await;
    // Twice the TTL, had it not been renewed.
    for _ in 0..8 {
        sleep(SHORT / 4).await;
        registry.heartbeat("greeter", "a").await.expect("is renewed");
    }
    assert_eq!(told(&mut watch).await, "upsert greeter 1: b", "the lease of a has ended");
    let error = registry.heartbeat("greeter", "a").await.expect_err("is gone");
    assert!(matches!(error, HeartbeatError::UnknownNode { .. }), "{error}");
    Ok(())
}

pub(crate) async fn a_lost_lease_is_made_anew() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    register(&registry, greeter("1", "a")).await;
    let lease = server.get("/micro/registry/greeter/a")["lease"].clone();
    server.ask("/v3/lease/revoke", &json!({ "ID": lease }));
    assert!(shown(&registry).await.is_empty());
    registry.heartbeat("greeter", "a").await.expect_err("register it again, it says");
    register(&registry, greeter("1", "a")).await;
    assert_eq!(shown(&registry).await, ["greeter 1: a"]);
    server.delete("/micro/registry/greeter/a");
    register(&registry, greeter("1", "a")).await;
    assert_eq!(shown(&registry).await, ["greeter 1: a"], "whoever deletes a key does not end the node");
    Ok(())
}

pub(crate) async fn two_watchers_are_told_the_same() -> Outcome {
    let server = Server::start()?;
    let (here, there) = (registry(&server), registry(&server));
    register(&here, greeter("1", "a")).await;
    let (mut one, mut other) = (watch(&here).await, watch(&there).await);
    for watch in [&mut one, &mut other] {
        assert_eq!(told(watch).await, "resync [greeter 1: a]");
    }
    register(&here, greeter("1", "b")).await;
    register(&there, greeter("2", "a")).await;
    here.deregister(&greeter("1", "b")).await.expect("is there");
    for watch in [&mut one, &mut other] {
        // What comes in one answer is told as one change, so what counts is what is known at the end.
        let events = until(watch, "remove greeter 1").await;
        assert_eq!(events.first().map(String::as_str), Some("upsert greeter 1: a b"), "{events:?}");
        assert!(events.iter().any(|event| event == "upsert greeter 2: a"), "{events:?}");
    }
    drop(here);
    assert_eq!(told(&mut one).await, "end", "the registry is gone");
    register(&there, greeter("2", "c")).await;
    assert_eq!(told(&mut other).await, "upsert greeter 2: a c");
    Ok(())
}

pub(crate) async fn what_is_no_node_is_left_out() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    register(&registry, greeter("1", "a")).await;
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]");
    server.put("/micro/registry/greeter", b"x");
    server.put("/micro/registry/greeter/b", b"{");
    server.put("/micro/registry/greeter/c", br#"{"name":"other","nodes":[{"id":"c","address":"x:1"}]}"#);
    server.put("/micro/registry/greeter/../../d", br#"{"name":"greeter","nodes":[{"id":"d","address":"x:1"}]}"#);
    server.put("/micro/registry/greeter/e", &vec![b'x'; 1_000_000]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    server.put("/micro/registry/greeter/f", deep.as_bytes());
    let node = br#"{"name":"greeter","version":"1","nodes":[{"id":"g","address":"x:1"}]}"#;
    server.put("/micro/registry/greeter/g", node);
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a g", "nothing is said of the others");
    assert_eq!(shown(&registry).await, ["greeter 1: a g"]);
    server.put("/micro/registry/greeter/g", b"overwritten");
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a");
    assert!(timeout(Duration::from_millis(50), watch.next()).await.is_err());
    Ok(())
}
