//! Calls by name, against services of our own on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mesh::{CallError, Client, Options, Request, Via};
use mesh_registry::{Memory, Node, RegisterOptions, Registry, Service};
use mesh_rpc::{Call, Handler, RpcError, Server, Status};
use proto::greeter::{Request as Hello, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A greeter whose first calls fail with a code.
#[derive(Debug, Clone, Default)]
struct Say {
    code: i32,
    failures: Arc<AtomicU32>,
    calls: Arc<AtomicU32>,
}

#[async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let left = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match (call.method(), left) {
            ("Wait", _) => std::future::pending().await,
            (_, Ok(_)) => Err(RpcError::new("greeter", self.code, "not now").into()),
            ("Count", _) => {
                for name in ["one", "two"] {
                    call.send(&Response { msg: name.to_owned() }).await?;
                }
                Ok(())
            }
            _ => {
                let request: Hello = call.request().await?;
                let tenant = call.metadata().get("tenant").unwrap_or_default().to_owned();
                call.send(&Response { msg: format!("Hello {}{tenant}", request.name) }).await
            }
        }
    }
}

struct World {
    registry: Memory,
    servers: JoinSet<()>,
}

impl World {
    fn new() -> World {
        World { registry: Memory::new(), servers: JoinSet::new() }
    }

    /// Starts a node and returns its address.
    async fn serve(&mut self, say: &Say) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("is bound").to_string();
        self.servers.spawn(Server::new().with("Say", say.clone()).serve(listener, CancellationToken::new()));
        address
    }

    async fn register(&self, id: &str, address: &str) {
        let service = Service::new("greeter").with_node(Node::new(id, address).with("protocol", "grpc"));
        self.registry.register(service, RegisterOptions::default()).await.expect("is valid");
    }

    fn client(&self, options: Options) -> Client {
        Client::new(Arc::new(self.registry.clone()), options)
    }
}

async fn say(client: &Client, request: &Request<'_>) -> Result<String, CallError> {
    client.call(request, br#"{"name":"John"}"#).await.map(|answer| String::from_utf8_lossy(&answer).into_owned())
}

fn failing(code: i32, failures: u32) -> Say {
    Say { code, failures: Arc::new(AtomicU32::new(failures)), calls: Arc::default() }
}

#[tokio::test]
async fn a_service_is_called_by_its_name_and_with_metadata() {
    let mut world = World::new();
    let address = world.serve(&Say::default()).await;
    world.register("1", &address).await;
    let mut request = Request::new("greeter", "Say.Hello");
    request.metadata.insert("tenant", " of acme".parse().expect("is a value"));
    let answer = say(&world.client(Options::default()), &request).await;
    assert_eq!(answer.expect("is called"), r#"{"msg":"Hello John of acme"}"#);
}

#[tokio::test]
async fn only_408_and_500_are_tried_again_and_only_as_often_as_allowed() {
    for (code, failures, retries, calls, succeeds) in [
        (500, 1, 1, 2, true),
        (408, 1, 1, 2, true),
        (404, 1, 1, 1, false),
        (500, 2, 1, 2, false),
        (500, 1, 0, 1, false),
    ] {
        let mut world = World::new();
        let handler = failing(code, failures);
        let address = world.serve(&handler).await;
        world.register("1", &address).await;
        let client = world.client(Options { retries, ..Options::default() });
        let answer = say(&client, &Request::new("greeter", "Say.Hello")).await;
        assert_eq!(answer.is_ok(), succeeds, "{code}");
        assert_eq!(handler.calls.load(Ordering::Relaxed), calls, "{code}");
    }
}

#[tokio::test]
async fn a_dead_node_costs_no_call_while_another_one_lives() {
    let mut world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port is free").local_addr().expect("is bound");
    let address = world.serve(&Say::default()).await;
    world.register("dead", &closed.to_string()).await;
    world.register("alive", &address).await;
    for _ in 0..8 {
        let client = world.client(Options::default());
        say(&client, &Request::new("greeter", "Say.Hello")).await.expect("the other node is tried");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_as_go_tells_it() {
    let world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port is free").local_addr().expect("is bound");
    let address = closed.to_string();
    let request = Request { address: Some(&address), ..Request::new("greeter", "Say.Hello") };
    let error = say(&world.client(Options::default()), &request).await.expect_err("nobody listens").to_rpc();
    let expected = format!(
        "connection error: desc = \"transport: Error while dialing dial tcp {address}: connect: connection refused\""
    );
    assert_eq!((error.code, error.detail), (500, expected));
}

#[tokio::test]
async fn the_deadline_covers_all_attempts() {
    let mut world = World::new();
    let address = world.serve(&Say::default()).await;
    world.register("1", &address).await;
    let request = Request { timeout: Some(Duration::from_millis(50)), ..Request::new("greeter", "Say.Wait") };
    let error = say(&world.client(Options::default()), &request).await.expect_err("never answers").to_rpc();
    assert_eq!((error.code, error.detail.as_str()), (408, "context deadline exceeded"));
}

#[tokio::test]
async fn a_proxy_takes_the_call_for_the_service() {
    let mut world = World::new();
    let address = world.serve(&Say::default()).await;
    let via = Via { proxy: Some(address), ..Via::default() };
    let client = world.client(Options { via, ..Options::default() });
    say(&client, &Request::new("somebody", "Say.Hello")).await.expect("the proxy answers");
}

#[tokio::test]
async fn a_stream_is_opened_and_ends() {
    let mut world = World::new();
    let address = world.serve(&Say::default()).await;
    world.register("1", &address).await;
    let client = world.client(Options::default());
    let mut stream = client.stream(&Request::new("greeter", "Say.Count")).await.expect("is opened");
    stream.send(b"{}").await.expect("is sent");
    let mut messages = Vec::new();
    while let Some(message) = stream.receive().await.expect("is no error") {
        messages.push(String::from_utf8_lossy(&message).into_owned());
    }
    assert_eq!(messages, [r#"{"msg":"one"}"#, r#"{"msg":"two"}"#]);
}
