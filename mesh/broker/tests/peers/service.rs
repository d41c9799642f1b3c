//! Go services that use our broker: `MICRO_BROKER=service`, which is always at 127.0.0.1:8001.

use std::sync::Arc;

use mesh_broker::{Broker, Memory, Remote, server};
use mesh_rpc::guard::Allowed;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::world::{self, Running};

const GO: [(&str, &str); 2] = [("MICRO_REGISTRY", "memory"), ("MICRO_BROKER", "service")];

pub(crate) async fn with_go_both_ways() {
    let (memory, shutdown, mut tasks) = (Memory::new(), CancellationToken::new(), JoinSet::new());
    let listener = TcpListener::bind("127.0.0.1:8001").await.unwrap();
    let served: Arc<dyn Broker> = Arc::new(memory.clone());
    tasks.spawn(server::serve(listener, served, Allowed::loopback(), shutdown.clone()));
    let broker = Remote::new(&[]).unwrap();
    let peer = Running::start("peer", &[], &GO);
    peer.gets(&broker, "test.events", "one", "event test.events Func one Micro-Topic=test.events").await;
    peer.gets(&broker, "test.queue", "two", "event test.queue Func two Micro-Topic=test.queue").await;
    assert_eq!(memory.subscribers(), 3, "test.events, test.queue, test.multi");
    let mut subscription = broker.subscribe("from.go", None).await.unwrap();
    let message = world::go_publishes(&mut subscription, "from.go", &GO).await;
    assert_eq!(message.body, "\n\u{4}John");
    assert_eq!(message.header["Micro-Topic"], "from.go");

    // Go services subscribe again to a broker that was restarted.
    shutdown.cancel();
    while tasks.join_next().await.is_some() {}
    let listener = TcpListener::bind("127.0.0.1:8001").await.unwrap();
    tasks.spawn(server::serve(listener, Arc::new(Memory::new()), Allowed::loopback(), CancellationToken::new()));
    peer.gets(&broker, "test.events", "again", "event test.events Func again Micro-Topic=test.events").await;
}
