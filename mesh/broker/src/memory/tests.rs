use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep;

use super::Memory;
use crate::broker::{Broker, PublishError, SubscribeError, Subscription};
use crate::message::Message;
use crate::queue::Bounds;

const TINY: Bounds = Bounds { messages: 2, bytes: 1024 };

/// What waits in a subscription, and whether it has ended.
fn taken(subscription: &mut Subscription) -> (Vec<String>, bool) {
    let mut bodies = Vec::new();
    loop {
        match subscription.next().now_or_never() {
            Some(Some(delivery)) => bodies.push(String::from_utf8_lossy(&delivery.message.body).into_owned()),
            Some(None) => return (bodies, true),
            None => return (bodies, false),
        }
    }
}

async fn publish(broker: &Memory, bodies: &[&'static str]) {
    for body in bodies {
        broker.publish("t", Message::new(*body)).await.expect("is taken");
    }
}

async fn refused(broker: &Memory) -> String {
    match broker.publish("t", Message::new("late")).await {
        Err(error @ PublishError::Full { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_subscriber_gets_all_and_each_queue_shares() {
    let broker = Memory::new();
    broker.publish("t", Message::new("early")).await.expect("nobody listens, which is no error");
    let mut alone = broker.subscribe("t", None).await.expect("begins");
    let mut first = broker.subscribe("t", Some("q")).await.expect("begins");
    let mut second = broker.subscribe("t", Some("q")).await.expect("begins");
    let mut other = broker.subscribe("t", Some("r")).await.expect("begins");
    let mut elsewhere = broker.subscribe("u", None).await.expect("begins");
    publish(&broker, &["1", "2", "3", "4"]).await;
    let all = vec!["1".to_owned(), "2".to_owned(), "3".to_owned(), "4".to_owned()];
    assert_eq!(taken(&mut alone), (all.clone(), false));
    assert_eq!(taken(&mut other), (all, false));
    assert_eq!(taken(&mut first), (vec!["1".to_owned(), "3".to_owned()], false));
    assert_eq!(taken(&mut second), (vec!["2".to_owned(), "4".to_owned()], false));
    assert_eq!(taken(&mut elsewhere), (vec![], false));
    drop(first);
    publish(&broker, &["5"]).await;
    assert_eq!(taken(&mut second), (vec!["5".to_owned()], false));
}

#[tokio::test]
async fn a_full_queue_refuses_and_nobody_has_it() {
    let broker = Memory::with_bounds(TINY, 16);
    let mut fast = broker.subscribe("t", None).await.expect("begins");
    let mut slow = broker.subscribe("t", None).await.expect("begins");
    publish(&broker, &["1", "2"]).await;
    assert_eq!(taken(&mut fast).0.len(), 2);
    let error = refused(&broker).await;
    assert_eq!(error, "topic \"t\" is full: 1 of 2 subscribers without a queue take nothing");
    assert_eq!(taken(&mut fast), (vec![], false), "all or nothing");
    assert_eq!(taken(&mut slow).0, ["1", "2"]);
    publish(&broker, &["3"]).await;
    assert_eq!((taken(&mut fast).0, taken(&mut slow).0), (vec!["3".to_owned()], vec!["3".to_owned()]));
}

#[tokio::test]
async fn bytes_are_bounded_too_but_one_message_always_fits() {
    let broker = Memory::with_bounds(Bounds { messages: 100, bytes: 1000 }, 16);
    let mut subscription = broker.subscribe("t", None).await.expect("begins");
    broker.publish("t", Message::new(vec![b'x'; 5000])).await.expect("the queue is empty");
    refused(&broker).await;
    assert_eq!(taken(&mut subscription).0.len(), 1);
    publish(&broker, &["small", "small"]).await;
}

#[tokio::test]
async fn a_queue_passes_over_members_that_are_full() {
    let broker = Memory::with_bounds(TINY, 16);
    let slow = broker.subscribe("t", Some("q")).await.expect("begins");
    let mut fast = broker.subscribe("t", Some("q")).await.expect("begins");
    publish(&broker, &["1", "2", "3", "4"]).await;
    assert_eq!(taken(&mut fast).0, ["2", "4"]);
    publish(&broker, &["5", "6"]).await;
    assert_eq!(refused(&broker).await, "topic \"t\" is full: none of the 2 subscribers of queue \"q\" takes anything");
    assert_eq!(taken(&mut fast).0, ["5", "6"]);
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_takes_nothing_is_given_up() {
    let broker = Memory::with_bounds(TINY, 16);
    let mut stuck = broker.subscribe("t", None).await.expect("begins");
    let mut fast = broker.subscribe("t", None).await.expect("begins");
    publish(&broker, &["1", "2"]).await;
    assert_eq!(taken(&mut fast).0.len(), 2);
    refused(&broker).await;
    sleep(Duration::from_secs(9)).await;
    refused(&broker).await;
    sleep(Duration::from_secs(1)).await;
    publish(&broker, &["3"]).await;
    assert_eq!(taken(&mut fast).0, ["3"]);
    assert_eq!(taken(&mut stuck), (vec!["1".to_owned(), "2".to_owned()], true), "what it had, then the end");
    assert_eq!(broker.subscribers(), 1);
    drop(stuck);
    assert_eq!(broker.subscribers(), 1);
}

#[tokio::test]
async fn subscribers_are_bounded_and_leave_when_dropped() {
    let broker = Memory::with_bounds(TINY, 1);
    let first = broker.subscribe("t", None).await.expect("begins");
    let error = broker.subscribe("t", Some("q")).await.expect_err("there is no room");
    assert!(matches!(error, SubscribeError::Full { max: 1 }), "{error}");
    drop(first);
    let mut second = broker.subscribe("t", Some("q")).await.expect("begins");
    publish(&broker, &["1"]).await;
    broker.close().await;
    assert_eq!(taken(&mut second), (vec!["1".to_owned()], true));
    assert_eq!(broker.subscribers(), 0);
}

#[tokio::test]
async fn what_breaks_a_limit_is_refused() {
    let broker = Memory::new();
    let error = broker.publish("a b", Message::default()).await.expect_err("is refused");
    assert!(matches!(error, PublishError::Invalid(_)), "{error}");
    let error = broker.subscribe("t", Some("")).await.expect_err("is refused");
    assert_eq!(error.to_string(), "the name of the queue is empty");
}
