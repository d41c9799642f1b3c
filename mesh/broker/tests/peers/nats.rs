//! NATS.

use std::collections::BTreeSet;
use std::time::Duration;

use mesh_broker::{Broker, Message, Nats, PublishError};
use tokio::time::{sleep, timeout};

use crate::world::{self, DEADLINE, Running, next};

const GO: [(&str, &str); 3] =
    [("MICRO_REGISTRY", "memory"), ("MICRO_BROKER", "nats"), ("MICRO_BROKER_ADDRESS", "127.0.0.1:4222")];

fn broker() -> Nats {
    Nats::new(&["127.0.0.1:4222".to_owned()]).unwrap()
}

pub(crate) async fn with_go_both_ways() {
    let _server = world::nats().await;
    let broker = broker();
    let peer = Running::start("peer", &[], &GO);
    peer.gets(&broker, "test.events", "one", "event test.events Func one Micro-Topic=test.events").await;
    peer.gets(&broker, "test.queue", "two", "event test.queue Func two Micro-Topic=test.queue").await;
    peer.gets(&broker, "test.multi", "three", "event test.multi Multi.Second three Micro-Topic=test.multi").await;

    let mut all = broker.subscribe("from.*", None).await.unwrap();
    let message = world::go_publishes(&mut all, "from.go", &GO).await;
    assert_eq!(message.body, "\n\u{4}John");
    assert_eq!(message.header["Content-Type"], "application/grpc+proto");
    assert_eq!(message.header["Micro-Topic"], "from.go");

    // A queue is shared.
    let mut one = broker.subscribe("shared", Some("q")).await.unwrap();
    let mut other = broker.subscribe("shared", Some("q")).await.unwrap();
    for number in 0..20 {
        broker.publish("shared", Message::new(number.to_string())).await.unwrap();
    }
    let mut got = BTreeSet::new();
    while got.len() < 20 {
        let delivery = tokio::select! {
            delivery = next(&mut one) => delivery,
            delivery = next(&mut other) => delivery,
        };
        assert!(got.insert(delivery.message.body), "once");
    }
    broker.close().await;
}

pub(crate) async fn goes_on_after_a_restart() {
    let server = world::nats().await;
    let broker = broker();
    let mut subscription = broker.subscribe("t", None).await.unwrap();
    broker.publish("t", Message::new("before")).await.unwrap();
    assert_eq!(next(&mut subscription).await.message.body, "before");
    server.kill();
    let error = broker.publish("t", Message::new("while")).await.unwrap_err();
    assert!(matches!(error, PublishError::Unavailable(_)), "{error}");
    let (_server, ()) = tokio::join!(world::nats(), async {
        // A publication waits for the server, within its deadline.
        world::wait("a publication", || async {
            broker.publish("t", Message::new("after")).await.map_err(|error| error.to_string())
        })
        .await;
    });
    // The subscription is made anew on the same connection, before the publication.
    assert_eq!(next(&mut subscription).await.message.body, "after");

    // What is no envelope is dropped, and what is too large is told.
    let raw = async_nats::connect("127.0.0.1:4222").await.unwrap();
    raw.publish("t", "garbage".into()).await.unwrap();
    raw.flush().await.unwrap();
    let error = broker.publish("t", Message::new(vec![b'x'; 1024 * 1024])).await.unwrap_err();
    assert!(matches!(error, PublishError::Invalid(_)), "{error}");
    broker.publish("t", Message::new("good")).await.unwrap();
    assert_eq!(next(&mut subscription).await.message.body, "good");
}

/// Publishes through two deaths of the server. Another process, which is connected all the time that the server is, takes
/// what it had taken: here the subscriber is on the same connection, so that each message that was taken while it was
/// connected is either delivered or died with the server after it was confirmed.
pub(crate) async fn loses_nothing_that_it_took() {
    let mut server = world::nats().await;
    let broker = broker();
    let mut subscription = broker.subscribe("t", None).await.unwrap();
    let mut taken = 0;
    let mut delivered = 0;
    for round in 0..3 {
        for number in 0..100 {
            if broker.publish("t", Message::new(format!("{round}.{number}"))).await.is_ok() {
                taken += 1;
            }
        }
        while let Ok(Some(_)) = timeout(Duration::from_millis(500), subscription.next()).await {
            delivered += 1;
        }
        server.kill();
        sleep(Duration::from_millis(50)).await;
        server = world::nats().await;
    }
    assert!(taken == 300, "each waits for the server: {taken}");
    assert!(delivered >= taken, "{delivered} of {taken}");
    assert!(timeout(DEADLINE, broker.close()).await.is_ok());
}
