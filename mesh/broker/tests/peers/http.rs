//! The broker without a middle.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesh_broker::http::LISTEN_DEFAULT;
use mesh_broker::{Broker, Http};
use mesh_registry::etcd::{Etcd, Options};
use mesh_registry::{Mdns, Registry, mdns};

use crate::world::{self, Running};

const ETCD: [(&str, &str); 2] = [("MICRO_REGISTRY", "etcd"), ("MICRO_REGISTRY_ADDRESS", "127.0.0.1:2379")];

async fn both_ways(registry: Arc<dyn Registry>, variables: &[(&str, &str)]) {
    let broker = Http::new(registry, LISTEN_DEFAULT);
    let peer = Running::start("peer", &[], variables);
    peer.gets(&broker, "test.events", "one", "event test.events Func one Micro-Topic=test.events").await;
    peer.gets(&broker, "test.queue", "two", "event test.queue Func two Micro-Topic=test.queue").await;
    peer.gets(&broker, "test.multi", "three", "event test.multi Multi.Second three Micro-Topic=test.multi").await;
    let mut subscription = broker.subscribe("from.go", None).await.unwrap();
    let message = world::go_publishes(&mut subscription, "from.go", variables).await;
    assert_eq!(message.body, "\n\u{4}John");
    assert_eq!(message.header["Content-Type"], "application/grpc+proto");
    assert_eq!(message.header["Micro-Topic"], "from.go");
    drop(peer);
    broker.close().await;
}

pub(crate) async fn with_go_over_mdns() {
    both_ways(Arc::new(Mdns::start(mdns::Options::default())), &[]).await;
}

pub(crate) async fn with_go_over_etcd() {
    let _server = world::etcd().await;
    both_ways(Arc::new(Etcd::new(&Options::at(["127.0.0.1:2379"])).unwrap()), &ETCD).await;
}

/// Of each message of a queue one member gets it, whether it is Go's or ours; what comes after a member died goes to the
/// others.
pub(crate) async fn shares_a_queue_with_go() {
    let _server = world::etcd().await;
    let registry: Arc<dyn Registry> = Arc::new(Etcd::new(&Options::at(["127.0.0.1:2379"])).unwrap());
    let broker = Http::new(Arc::clone(&registry), LISTEN_DEFAULT);
    let peer = Running::start("peer", &[], &ETCD);
    peer.gets(&broker, "test.queue", "warm", "event test.queue Func warm Micro-Topic=test.queue").await;
    let mut ours = broker.subscribe("test.queue", Some("workers")).await.unwrap();
    let publish = async |name: &str| {
        let message = mesh_broker::Message::new(format!(r#"{{"name":"{name}"}}"#));
        broker.publish("test.queue", message.with("Content-Type", "application/json")).await
    };
    let mut sent = 0;
    let mut names = BTreeSet::new();
    let mut take = |ours: &mut mesh_broker::Subscription| {
        while let Some(Some(delivery)) = futures_util::FutureExt::now_or_never(ours.next()) {
            let body = String::from_utf8(delivery.message.body.to_vec()).unwrap();
            assert!(names.insert(body), "once");
        }
        names.len()
    };
    // By chance; each has its share sooner or later.
    loop {
        publish(&format!("n{sent}.")).await.unwrap();
        sent += 1;
        let (we, go) = (take(&mut ours), peer.log().matches("event test.queue Func n").count());
        if we >= 3 && go >= 3 {
            assert_eq!(we + go, sent);
            break;
        }
        assert!(sent < 1000, "{we} and {go}");
    }
    peer.kill();
    let before = take(&mut ours);
    for number in 0..10 {
        publish(&format!("late{number}")).await.unwrap();
    }
    assert_eq!(take(&mut ours), before + 10);
    broker.close().await;
}
