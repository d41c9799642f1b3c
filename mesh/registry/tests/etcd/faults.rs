//! Outages: of etcd, of the connection, of what it knew.

use std::time::{Duration, Instant};

use mesh_registry::{RegisterOptions, Registry};
use tokio::time::{sleep, timeout};

use crate::Outcome;
use crate::proxy::Proxy;
use crate::server::Server;
use crate::support::{DEADLINE, HOLD, greeter, register, registry, registry_at, shown, told, until, watch};

pub(crate) async fn a_restart_is_survived_and_what_comes_after_is_seen() -> Outcome {
    let mut server = Server::start()?;
    let registry = registry(&server);
    register(&registry, greeter("1", "a")).await;
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]");
    server.kill();
    assert_eq!(told(&mut watch).await, "stale");
    let error = registry.register(greeter("1", "b"), RegisterOptions::default()).await.expect_err("is down");
    let expected = format!("registry etcd is not available: reading keys at {}: not reached", server.address());
    let without_ttl = expected.replace("reading keys", "writing a key");
    assert!(error.to_string().starts_with(&without_ttl), "{error}");
    assert!(registry.list().await.expect_err("is down").to_string().starts_with(&expected));
    registry.watch().await.expect_err("is down");
    server.start_again();
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]", "the data is the same");
    let put = Instant::now();
    register(&registry, greeter("1", "b")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a b");
    assert!(put.elapsed() < Duration::from_secs(2), "{:?}", put.elapsed());
    Ok(())
}

pub(crate) async fn a_broken_connection_is_nobodys_business() -> Outcome {
    let server = Server::start()?;
    let mut proxy = Proxy::to(server.port()).await;
    let (direct, registry) = (registry(&server), registry_at(&[proxy.address()]));
    register(&direct, greeter("1", "a")).await;
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]");
    // Such a stream has lived long enough to be begun again at once.
    assert!(timeout(Duration::from_millis(1100), watch.next()).await.is_err());
    proxy.cut().await;
    proxy.mend().await;
    register(&direct, greeter("1", "b")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a b", "it goes on where it was");
    Ok(())
}

pub(crate) async fn changes_that_were_compacted_away_are_not_missed() -> Outcome {
    let server = Server::start()?;
    let mut proxy = Proxy::to(server.port()).await;
    let (direct, registry) = (registry(&server), registry_at(&[proxy.address()]));
    register(&direct, greeter("1", "a")).await;
    register(&direct, greeter("1", "b")).await;
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a b]");
    proxy.cut().await;
    assert_eq!(told(&mut watch).await, "stale");
    direct.deregister(&greeter("1", "a")).await.expect("is there");
    register(&direct, greeter("2", "c")).await;
    server.compact();
    proxy.mend().await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: b, greeter 2: c]", "what was deleted is gone at once");
    register(&direct, greeter("2", "d")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 2: c d");
    Ok(())
}

pub(crate) async fn what_an_emptied_etcd_lost_stays_for_a_while() -> Outcome {
    let mut server = Server::start()?;
    let registry = registry(&server);
    for node in ["a", "b", "c"] {
        register(&registry, greeter("1", node)).await;
    }
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a b c]");
    server.kill();
    assert_eq!(told(&mut watch).await, "stale");
    server.start_empty();
    let emptied = Instant::now();
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a b c]", "nodes get the time to register again");
    assert_eq!(told(&mut watch).await, "stale", "and what is known may be old");
    register(&registry, greeter("1", "b")).await;
    register(&registry, greeter("1", "d")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: a b c d", "b was known");
    assert_eq!(told(&mut watch).await, "resync [greeter 1: b d]", "a and c did not come back");
    assert!(emptied.elapsed() + Duration::from_secs(1) >= HOLD, "{:?}", emptied.elapsed());
    register(&registry, greeter("1", "e")).await;
    assert_eq!(told(&mut watch).await, "upsert greeter 1: b d e");
    Ok(())
}

pub(crate) async fn an_emptied_etcd_that_is_ahead_is_recognised() -> Outcome {
    let mut server = Server::start()?;
    let mut proxy = Proxy::to(server.port()).await;
    let (direct, registry) = (registry(&server), registry_at(&[proxy.address()]));
    register(&direct, greeter("1", "a")).await;
    register(&direct, greeter("1", "b")).await;
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a b]");
    proxy.cut().await;
    assert_eq!(told(&mut watch).await, "stale");
    server.kill();
    server.start_empty();
    // The same cluster id, and a revision that the watch could begin at: only what was written tells.
    let revision = async {
        while direct.register(greeter("1", "b"), RegisterOptions::default()).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
        for _ in 0..20 {
            direct.register(greeter("1", "b"), RegisterOptions::default()).await.expect("registers");
        }
    };
    timeout(DEADLINE, revision).await.expect("it answers");
    proxy.mend().await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a b]");
    assert_eq!(told(&mut watch).await, "stale");
    assert_eq!(told(&mut watch).await, "resync [greeter 1: b]");
    Ok(())
}

pub(crate) async fn another_member_takes_over() -> Outcome {
    let server = Server::start()?;
    let (mut first, mut second) = (Proxy::to(server.port()).await, Proxy::to(server.port()).await);
    let members = ["127.0.0.1:1".to_owned(), first.address(), second.address()];
    let (direct, registry) = (registry(&server), registry_at(&members));
    register(&registry, greeter("1", "a")).await;
    assert!(first.is_used(DEADLINE).await && !second.is_used(Duration::ZERO).await, "the first that answers");
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync [greeter 1: a]");
    first.cut().await;
    register(&direct, greeter("1", "b")).await;
    until(&mut watch, "upsert greeter 1: a b").await;
    assert!(second.is_used(DEADLINE).await);
    assert_eq!(shown(&registry).await, ["greeter 1: a b"]);
    second.cut().await;
    first.mend().await;
    register(&direct, greeter("1", "c")).await;
    until(&mut watch, "upsert greeter 1: a b c").await;
    Ok(())
}

pub(crate) async fn a_member_that_hangs_is_given_up() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    register(&registry, greeter("1", "a")).await;
    server.signal("STOP");
    let asked = Instant::now();
    let error = registry.register(greeter("1", "b"), RegisterOptions::default()).await.expect_err("it hangs");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(error.to_string().ends_with(": no answer within 2s"), "{error}");
    server.signal("CONT");
    let mended = async {
        while registry.register(greeter("1", "b"), RegisterOptions::default()).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, mended).await.expect("it answers again");
    Ok(())
}
