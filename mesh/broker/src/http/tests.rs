use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use mesh_registry::{Memory, Node, RegisterOptions, Registry, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{BROADCAST, Http, LISTEN_DEFAULT, Limits, SERVICE};
use crate::broker::{Broker, PublishError, Subscription};
use crate::message::{Message, TOPIC};
use crate::queue::Bounds;

const DEADLINE: Duration = Duration::from_secs(30);

fn broker(registry: &Memory) -> Http {
    Http::new(Arc::new(registry.clone()), LISTEN_DEFAULT)
}

/// One that is soon full and soon gives up.
fn impatient(registry: &Memory) -> Http {
    let limits = Limits {
        publish_timeout: Duration::from_secs(1),
        patience: Duration::from_millis(50),
        queue: Bounds { messages: 1, bytes: 1024 * 1024 },
        ..Limits::default()
    };
    Http::with_limits(Arc::new(registry.clone()), LISTEN_DEFAULT, limits)
}

async fn body(subscription: &mut Subscription) -> String {
    let delivery = timeout(DEADLINE, subscription.next()).await.expect("comes").expect("goes on");
    assert_eq!(delivery.message.header[TOPIC], *delivery.topic);
    String::from_utf8(delivery.message.body.to_vec()).expect("is text")
}

async fn register(registry: &Memory, version: &str, id: &str, address: &str) {
    let node = Node::new(id, address).with("broker", "http").with("secure", "false").with("topic", "t");
    let service = Service { version: version.to_owned(), ..Service::new(SERVICE) }.with_node(node);
    registry.register(service, RegisterOptions::default()).await.expect("registers");
}

/// Answers the requests of a member with these texts, one connection each.
async fn member(answers: Vec<&'static str>) -> (String, JoinSet<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("is bound").to_string();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut heads = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("accepts");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("reads");
            heads.push(String::from_utf8_lossy(&request[..length]).into_owned());
            stream.write_all(answer.as_bytes()).await.expect("writes");
        }
        heads
    });
    (address, task)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn all_get_it_and_of_a_queue_one() {
    let registry = Memory::new();
    let (publisher, first, second) = (broker(&registry), broker(&registry), broker(&registry));
    let error = publisher.publish("t", Message::new("x")).await.expect_err("there is no member at all");
    assert_eq!(error.to_string(), "service not found");
    let mut alone = first.subscribe("t", None).await.expect("begins");
    let mut also = second.subscribe("t", None).await.expect("begins");
    let mut one = first.subscribe("t", Some("q")).await.expect("begins");
    let mut other = second.subscribe("t", Some("q")).await.expect("begins");
    let publisher = broker(&registry);
    publisher.publish("nobody", Message::new("x")).await.expect("nobody listens, which is no error");
    for number in 0..20 {
        publisher.publish("t", Message::new(number.to_string())).await.expect("is taken");
    }
    let mut shared = Vec::new();
    for number in 0..20 {
        assert_eq!(body(&mut alone).await, number.to_string());
        assert_eq!(body(&mut also).await, number.to_string());
        tokio::select! {
            body = body(&mut one) => shared.push(body),
            body = body(&mut other) => shared.push(body),
        }
    }
    shared.sort_by_key(|number| number.parse::<u32>().expect("is a number"));
    assert_eq!(shared, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_subscription_leaves_the_registry() {
    let registry = Memory::new();
    let broker = broker(&registry);
    let first = broker.subscribe("t", None).await.expect("begins");
    let mut second = broker.subscribe("t", Some("q")).await.expect("begins");
    assert_eq!(registry.get(SERVICE).await.expect("is there").len(), 2);
    drop(first);
    timeout(DEADLINE, async {
        while registry.get(SERVICE).await.expect("is there").len() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("leaves");
    broker.close().await;
    assert!(second.next().await.is_none(), "it ended");
    registry.get(SERVICE).await.expect_err("nobody is left");
}

#[tokio::test]
async fn a_full_queue_is_told_to_the_publisher() {
    let registry = Memory::new();
    let broker = impatient(&registry);
    let mut subscription = broker.subscribe("t", None).await.expect("begins");
    broker.publish("t", Message::new("1")).await.expect("is taken");
    let error = broker.publish("t", Message::new("2")).await.expect_err("is full");
    assert_eq!(error.to_string(), "topic \"t\" is full: 1 of 1 members without a queue take nothing");
    assert_eq!(body(&mut subscription).await, "1");
    broker.publish("t", Message::new("3")).await.expect("is taken");
    assert_eq!(body(&mut subscription).await, "3");
}

#[tokio::test]
async fn what_is_under_way_is_bounded() {
    let registry = Memory::new();
    let limits = Limits { under_way_bytes: 64 * 1024, ..Limits::default() };
    let broker = Http::with_limits(Arc::new(registry.clone()), LISTEN_DEFAULT, limits);
    // A member that takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    register(&registry, BROADCAST, "t-1", &silent.local_addr().expect("is bound").to_string()).await;
    let results = tokio::join!(broker.publish("t", Message::new("1")), broker.publish("t", Message::new("2")));
    let unavailable = "broker http is not available: none of 1 members without a queue takes the message";
    assert_eq!(results.0.expect_err("nobody takes it").to_string(), unavailable);
    assert!(matches!(results.1, Err(PublishError::Full { .. })), "{:?}", results.1);
}

#[tokio::test]
async fn another_member_of_a_queue_gets_what_one_does_not_take() {
    let registry = Memory::new();
    let (address, mut served) = member(vec![OK]).await;
    register(&registry, "q", "t-gone", "127.0.0.1:1").await;
    register(&registry, "q", "t-here", &address).await;
    register(&registry, "q", "t-tls", "127.0.0.1:1").await;
    broker(&registry).publish("t", Message::new("x")).await.expect("one takes it");
    let head = served.join_next().await.expect("served").expect("no panic").remove(0);
    assert!(head.starts_with("POST /?id=t-here HTTP/1.1\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n{\"Header\":{\"Micro-Topic\":\"t\"},\"Body\":\"eA==\"}"), "{head}");
}

#[tokio::test]
async fn a_member_that_is_busy_is_tried_again() {
    let registry = Memory::new();
    let (address, mut served) = member(vec![BUSY, BUSY, OK]).await;
    register(&registry, BROADCAST, "t-1", &address).await;
    broker(&registry).publish("t", Message::new("x")).await.expect("is taken at last");
    assert_eq!(served.join_next().await.expect("served").expect("no panic").len(), 3);
}

#[tokio::test]
async fn those_who_are_gone_do_not_keep_it_from_the_others() {
    let registry = Memory::new();
    let (address, mut served) = member(vec![OK]).await;
    register(&registry, BROADCAST, "t-gone", "127.0.0.1:1").await;
    register(&registry, BROADCAST, "t-here", &address).await;
    broker(&registry).publish("t", Message::new("x")).await.expect("one takes it");
    assert_eq!(served.join_next().await.expect("served").expect("no panic").len(), 1);
}

/// What a member answers to these bytes, without the date.
async fn ask(registry: &Memory, request: &str) -> String {
    let nodes = registry.get(SERVICE).await.expect("is there").remove(0).nodes;
    let (address, request) = (nodes[0].address.clone(), request.replace("ID", &nodes[0].id));
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.write_all(request.as_bytes()).expect("writes");
        stream.shutdown(std::net::Shutdown::Write).expect("ends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("reads");
        answer
    });
    let answer = asked.await.expect("no panic");
    let lines: Vec<&str> = answer.lines().filter(|line| !line.starts_with("date: ")).chain([""]).collect();
    lines.join("|")
}

#[tokio::test]
async fn a_member_answers_as_go_does() {
    let registry = Memory::new();
    let broker = broker(&registry);
    let mut subscription = broker.subscribe("t", None).await.expect("begins");
    let check = async |request: &str, expected: &str| {
        assert_eq!(ask(&registry, request).await, expected, "{request}");
    };
    check(
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "HTTP/1.1 405 Method Not Allowed|content-type: text/plain; charset=utf-8|x-content-type-options: nosniff|content-length: 89||{\"id\":\"go.micro.broker\",\"code\":400,\"detail\":\"Method not allowed\",\"status\":\"Bad Request\"}|",
    )
    .await;
    let no_topic = "HTTP/1.1 500 Internal Server Error|content-type: text/plain; charset=utf-8|content-length: 95||{\"id\":\"go.micro.broker\",\"code\":500,\"detail\":\"Topic not found\",\"status\":\"Internal Server Error\"}|";
    check("POST /?id=ID HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", no_topic).await;
    let page = "POST /?id=ID HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nContent-Length: 2\r\n\r\n{}";
    assert!(ask(&registry, page).await.starts_with("HTTP/1.1 403 "));
    let empty = "HTTP/1.1 200 OK|content-length: 0||";
    let text = "{\"Header\":{\"Micro-Topic\":\"t\"},\"Body\":\"eA==\"}";
    let length = text.len();
    check(&format!("POST /?id=nobody HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{text}"), empty).await;
    check(&format!("POST /p?id=ID HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{text}"), empty).await;
    assert_eq!(body(&mut subscription).await, "x");
    let large = "POST /?id=ID HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n";
    assert!(ask(&registry, large).await.starts_with("HTTP/1.1 500 "), "what does not come is not waited for");
}
