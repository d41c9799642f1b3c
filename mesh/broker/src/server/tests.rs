use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mesh_rpc::guard::Allowed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, PublishError, Subscription};
use crate::memory::Memory;
use crate::message::Message;
use crate::queue::Bounds;
use crate::remote::Remote;

const DEADLINE: Duration = Duration::from_secs(30);

/// A broker that is served, and what ends it.
struct Served {
    memory: Memory,
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Served {
    async fn start() -> Served {
        Self::at("127.0.0.1:0".parse().expect("is an address"), Memory::new()).await
    }

    async fn at(address: SocketAddr, memory: Memory) -> Served {
        let listener = TcpListener::bind(address).await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let broker = Arc::new(memory.clone());
        tasks.spawn(super::serve(listener, broker, Allowed::loopback(), shutdown.clone()));
        Served { memory, address, shutdown, tasks }
    }

    fn remote(&self) -> Remote {
        Remote::new(&[self.address.to_string()]).expect("is an address")
    }

    /// Waits until somebody subscribes.
    async fn subscribed(&self, count: usize) {
        timeout(DEADLINE, async {
            while self.memory.subscribers() != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .expect("they subscribe");
    }

    /// Sends bytes and returns what is answered until the end.
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("ends").expect("reads");
        answer
    }

    async fn end(mut self) {
        self.shutdown.cancel();
        timeout(DEADLINE, self.tasks.join_next()).await.expect("ends");
    }
}

async fn body(subscription: &mut Subscription) -> String {
    let delivery = timeout(DEADLINE, subscription.next()).await.expect("comes").expect("goes on");
    String::from_utf8(delivery.message.body.to_vec()).expect("is text")
}

#[tokio::test]
async fn a_remote_publishes_and_subscribes() {
    let served = Served::start().await;
    let remote = served.remote();
    let mut alone = remote.subscribe("t", None).await.expect("begins");
    let mut shared = remote.subscribe("t", Some("q")).await.expect("begins");
    served.subscribed(2).await;
    remote.publish("t", Message::new("hi").with("Foo", "bar")).await.expect("is taken");
    let delivery = alone.next().await.expect("goes on");
    assert_eq!(delivery.message, Message::new("hi").with("Foo", "bar").with("Micro-Topic", "t"));
    assert_eq!(body(&mut shared).await, "hi");
    drop((alone, shared));
    served.subscribed(0).await;
    served.end().await;
}

#[tokio::test]
async fn a_subscription_goes_on_after_a_restart() {
    let served = Served::start().await;
    let (remote, address) = (served.remote(), served.address);
    let mut subscription = remote.subscribe("t", None).await.expect("begins");
    served.subscribed(1).await;
    served.end().await;
    let error = remote.publish("t", Message::new("lost")).await.expect_err("nobody is there");
    assert!(matches!(error, PublishError::Unavailable(_)), "{error}");
    let served = Served::at(address, Memory::new()).await;
    let publish = async {
        served.subscribed(1).await;
        remote.publish("t", Message::new("again")).await.expect("is taken");
    };
    let (body, ()) = tokio::join!(body(&mut subscription), publish);
    assert_eq!(body, "again");
    remote.close().await;
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn full_is_503_over_both() {
    let memory = Memory::with_bounds(Bounds { messages: 1, bytes: 1024 }, 16);
    let served = Served::at("127.0.0.1:0".parse().expect("is an address"), memory.clone()).await;
    let _slow = memory.subscribe("t", None).await.expect("begins");
    let remote = served.remote();
    remote.publish("t", Message::new("1")).await.expect("is taken");
    let error = remote.publish("t", Message::new("2")).await.expect_err("is full");
    assert!(matches!(error, PublishError::Full { .. }), "{error}");
    let answer = served
        .ask("POST /v1/topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\n2")
        .await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn http_publishes_and_subscribes() {
    let served = Served::start().await;
    let mut stream = TcpStream::connect(served.address).await.expect("connects");
    stream.write_all(b"GET /v1/topics/a%2Fb?queue=q HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("writes");
    served.subscribed(1).await;
    let request = "POST /v1/topics/a%2Fb HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain\r\n\
                   Micro-Id: 7\r\nAccept: */*\r\nContent-Length: 5\r\n\r\nhello";
    let answer = served.ask(request).await;
    assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n"), "{answer}");
    served.memory.publish("a/b", Message::new(&b"\xff"[..])).await.expect("is taken");
    let mut events = String::new();
    let read = async {
        let mut buffer = [0; 1024];
        while !events.contains("body_base64") {
            let length = stream.read(&mut buffer).await.expect("reads");
            events.push_str(std::str::from_utf8(&buffer[..length]).expect("is text"));
        }
    };
    timeout(DEADLINE, read).await.expect("they come");
    assert!(events.contains("\r\ncontent-type: text/event-stream\r\n"), "{events}");
    assert!(events.contains(": subscribed\n\n"), "{events}");
    let expected = "id: 7\ndata: {\"topic\":\"a/b\",\"header\":{\"Content-Type\":\"text/plain\",\"Micro-Id\":\"7\",\
                    \"Micro-Topic\":\"a/b\"},\"body\":\"hello\"}\n\n";
    assert!(events.contains(expected), "{events}");
    assert!(events.contains("\"body_base64\":\"/w==\"}\n\n"), "{events}");
    drop(stream);
    // That a listener is gone is seen when something is sent to it.
    let gone = async {
        while served.memory.subscribers() > 0 {
            served.memory.publish("a/b", Message::new("x")).await.expect("there is room");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, gone).await.expect("is found out");
    served.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let served = Served::start().await;
    let check = async |request: &str, expected: &str| {
        let answer = served.ask(&format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        let status = answer.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        assert_eq!(format!("{status} {body}"), expected, "{request}");
    };
    let error = |code: u16, detail: &str, status: &str| {
        format!("{code} {{\"id\":\"go.micro.broker\",\"code\":{code},\"detail\":\"{detail}\",\"status\":\"{status}\"}}")
    };
    let path = "there is nothing at /v1: the path is /v1/topics/{topic}";
    check("GET /v1", &error(404, path, "Not Found")).await;
    let methods = "PUT is not possible here, but GET, POST";
    check("PUT /v1/topics/t", &error(405, methods, "Method Not Allowed")).await;
    let character = "the name of the topic holds ' '; neither white space nor control characters are accepted";
    check("POST /v1/topics/a%20b", &error(400, character, "Bad Request")).await;
    let parameter = r#"subscribing takes the parameter `queue`, it has \"x=1\""#;
    check("GET /v1/topics/t?x=1", &error(400, parameter, "Bad Request")).await;
    let answer = served.ask("GET /v1/topics/t HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let large =
        "POST /v1/topics/t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n";
    assert!(served.ask(large).await.starts_with("HTTP/1.1 413 "), "is refused by its length");
    served.end().await;
}
