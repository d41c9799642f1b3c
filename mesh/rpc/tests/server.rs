//! The server and the client over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use mesh_rpc::client::{ConnectError, Target};
use mesh_rpc::server::Limits;
use mesh_rpc::{Call, Client, Code, Codec, Handler, RpcError, Server, Status};
use proto::debug::{HealthRequest, HealthResponse, StatsRequest, StatsResponse};
use proto::greeter::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Say {
    /// Told when a call that was waiting is dropped.
    dropped: Arc<Notify>,
    /// Told when such a call began.
    began: Arc<Notify>,
}

/// Tells that it is dropped.
struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        match call.method() {
            "Hello" => {
                let request: Request = call.request().await?;
                call.send(&Response { msg: format!("Hello {}", request.name) }).await
            }
            "From" => {
                call.request::<Request>().await?;
                let told = |key| call.metadata().get(key).unwrap_or("nothing").to_owned();
                let msg = format!("{}, {}", told("micro-from-service"), told("content-length"));
                call.send(&Response { msg }).await
            }
            "Wait" => {
                let _tell = Tell(Arc::clone(&self.dropped));
                self.began.notify_one();
                std::future::pending().await
            }
            "Large" => call.send_bytes(Bytes::from(vec![b'x'; 5 * 1024 * 1024])).await,
            "LongError" => Err(RpcError::internal("say", "ž<".repeat(20_000)).to_grpc()),
            "Twice" => {
                call.send(&Response::default()).await?;
                call.send(&Response::default()).await
            }
            "Panic" => panic!("at the disco"),
            "Nothing" => Ok(()),
            _ => Err(call.unknown_method()),
        }
    }
}

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinSet<()>,
    dropped: Arc<Notify>,
    began: Arc<Notify>,
}

impl Running {
    async fn start(limits: Limits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("has an address");
        let shutdown = CancellationToken::new();
        let say = Say::default();
        let (dropped, began) = (Arc::clone(&say.dropped), Arc::clone(&say.began));
        let server = Server::new().with("Say", say).with_limits(limits);
        let mut task = JoinSet::new();
        task.spawn(server.serve(listener, shutdown.clone()));
        Running { address, shutdown, task, dropped, began }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.address.to_string(), PATIENCE).await.expect("connects")
    }
}

fn target(endpoint: &str) -> Target<'_> {
    Target { timeout: PATIENCE, ..Target::new("go.micro.srv.greeter", endpoint) }
}

async fn hello(client: &Client, codec: Codec, endpoint: &str) -> Result<String, RpcError> {
    let request = Request { name: "John".to_owned() };
    client.call::<_, Response>(target(endpoint), codec, &request).await.map(|response| response.msg)
}

#[tokio::test]
async fn json_and_protobuf_are_answered_alike() {
    let running = Running::start(Limits::default()).await;
    let client = running.client().await;
    for codec in [Codec::Json, Codec::Proto] {
        assert_eq!(hello(&client, codec, "Say.Hello").await.as_deref(), Ok("Hello John"));
    }
    let answer = client.call_bytes(target("/x.y.Say/Hello"), Codec::Json, b"{\"name\":5}").await;
    assert_eq!(answer.as_deref(), Ok(br#"{"msg":"Hello 5"}"#.as_slice()));
    let answer = client.call_bytes(target("Say.Hello"), Codec::Json, b"null").await;
    assert_eq!(answer.as_deref(), Ok(br#"{"msg":"Hello "}"#.as_slice()));
}

#[tokio::test]
async fn every_server_tells_its_health_and_counts_its_calls() {
    let running = Running::start(Limits::default()).await;
    let client = running.client().await;
    let answer = client.call_bytes(target("Debug.Health"), Codec::Json, b"{}").await;
    assert_eq!(answer.as_deref(), Ok(br#"{"status":"ok"}"#.as_slice()));
    let health: HealthResponse =
        client.call(target("Debug.Health"), Codec::Proto, &HealthRequest::default()).await.expect("is well");
    assert_eq!(health.status, "ok");
    hello(&client, Codec::Json, "Say.Nope").await.expect_err("is unknown");
    let stats: StatsResponse =
        client.call(target("Debug.Stats"), Codec::Proto, &StatsRequest::default()).await.expect("counts");
    assert_eq!((stats.requests, stats.errors), (4, 1));
    assert!(stats.timestamp >= stats.started && stats.started > 0);
}

#[tokio::test]
async fn errors_arrive_as_error_objects() {
    let running = Running::start(Limits::default()).await;
    let client = running.client().await;
    for (endpoint, id, code, detail) in [
        ("Say.Nope", "go.micro.client", 404, "unknown service Say.Nope"),
        ("Nope.Hello", "go.micro.client", 404, "unknown service Nope"),
        ("/a/b/c", "go.micro.client", 400, "malformed method name: \"/a/b/c\""),
        ("Hello", "go.micro.client", 400, "\"Hello\" is not an endpoint of the form A.B"),
        ("Say.Panic", "go.micro.server", 500, "panic recovered: at the disco"),
        ("Say.Nothing", "go.micro.client", 500, "EOF"),
        ("Say.Twice", "go.micro.client", 500, "the service sent more than one message to a unary call"),
        ("Say.Large", "go.micro.client", 413, "trying to send message larger than max (5242880 vs. 4194304)"),
    ] {
        assert_eq!(hello(&client, Codec::Json, endpoint).await, Err(RpcError::new(id, code, detail)), "{endpoint}");
    }
    assert_eq!(hello(&client, Codec::Json, "Say.Hello").await.as_deref(), Ok("Hello John"), "the connection lives");
}

#[tokio::test]
async fn a_long_error_fits_in_its_trailers() {
    let running = Running::start(Limits::default()).await;
    let error = hello(&running.client().await, Codec::Proto, "Say.LongError").await.expect_err("fails");
    assert_eq!((error.id.as_ref(), error.detail), ("say", "ž<".repeat(20_000)));
}

#[tokio::test]
async fn messages_are_bounded_in_both_directions() {
    let running = Running::start(Limits { message_bytes: 64, ..Limits::default() }).await;
    let client = running.client().await;
    let error = client.call_bytes(target("Say.Hello"), Codec::Json, &[b' '; 65]).await.expect_err("is too large");
    assert_eq!((error.code, error.detail.as_str()), (413, "grpc: received message larger than max (65 vs. 64)"));
    let error =
        client.call_bytes(target("Say.Hello"), Codec::Json, &vec![0; 5_000_000]).await.expect_err("is too large");
    assert_eq!(
        (error.code, error.detail.as_str()),
        (413, "trying to send message larger than max (5000000 vs. 4194304)")
    );
}

#[tokio::test]
async fn metadata_travels_with_the_call() {
    let running = Running::start(Limits::default()).await;
    let client = running.client().await;
    let mut metadata = HeaderMap::new();
    metadata.insert("micro-from-service", HeaderValue::from_static("go.micro.api"));
    metadata.insert("connection", HeaderValue::from_static("keep-alive"));
    metadata.insert("content-length", HeaderValue::from_static("17"));
    let target = Target { metadata, ..target("Say.From") };
    let response: Response = client.call(target, Codec::Json, &Request::default()).await.expect("is answered");
    assert_eq!(response.msg, "go.micro.api, nothing", "a length would be passed on with further calls");
}

#[tokio::test]
async fn a_deadline_ends_the_call_on_both_sides() {
    let running = Running::start(Limits::default()).await;
    let client = running.client().await;
    let target = Target { timeout: Duration::from_millis(50), ..target("Say.Wait") };
    let error = client.call_bytes(target, Codec::Json, b"{}").await.expect_err("takes too long");
    assert_eq!(error, RpcError::deadline_exceeded());
    timeout(PATIENCE, running.dropped.notified()).await.expect("the handler is dropped");
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_call() {
    let running = Running::start(Limits::default()).await;
    let client = running.client().await;
    let call = client.call_bytes(target("Say.Wait"), Codec::Json, b"{}");
    tokio::select! {
        answer = call => panic!("{answer:?}"),
        began = timeout(PATIENCE, running.began.notified()) => began.expect("the handler begins"),
    }
    timeout(PATIENCE, running.dropped.notified()).await.expect("the handler is dropped");
    assert_eq!(hello(&client, Codec::Json, "Say.Hello").await.as_deref(), Ok("Hello John"));
}

#[tokio::test]
async fn a_shutdown_lets_calls_end_and_then_cuts() {
    let limits = Limits { drain_timeout: Duration::from_millis(200), ..Limits::default() };
    let mut running = Running::start(limits).await;
    let (client, idle) = (running.client().await, running.client().await);
    hello(&idle, Codec::Json, "Say.Hello").await.expect("is answered");
    let call = client.call_bytes(target("Say.Wait"), Codec::Json, b"{}");
    let stop = async {
        timeout(PATIENCE, running.began.notified()).await.expect("the handler begins");
        running.shutdown.cancel();
        timeout(PATIENCE, running.task.join_next()).await.expect("ends").expect("one task").expect("no panic");
    };
    let (answer, ()) = tokio::join!(call, stop);
    assert_eq!(answer.expect_err("is cut").code, 502);
    assert!(Client::connect(&running.address.to_string(), PATIENCE).await.is_err());
}

#[tokio::test]
async fn what_does_not_speak_http2_is_closed() {
    let running = Running::start(Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.expect("connects");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("is sent");
    let mut answer = Vec::new();
    // Bytes that were not read make the close a reset.
    drop(timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("is closed"));
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn a_preface_in_parts_is_taken() {
    let running = Running::start(Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.expect("connects");
    stream.set_nodelay(true).expect("is set");
    for part in [&b"PRI * HTTP/2.0\r\n"[..], b"\r\nSM\r\n\r\n", b"\0\0\0\x04\0\0\0\0\0"] {
        stream.write_all(part).await.expect("is sent");
        tokio::task::yield_now().await;
    }
    let mut settings = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut settings)).await.expect("is answered").expect("is read");
    assert_eq!(settings[3], 4, "SETTINGS");
}

#[tokio::test]
async fn connecting_says_what_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address").to_string();
    drop(listener);
    let error = Client::connect(&address, PATIENCE).await.expect_err("nobody listens");
    assert!(matches!(&error, ConnectError::Unreachable { .. }), "{error:?}");
    for address in ["127.0.0.1", "http://x:1", "", "a b:1"] {
        let error = Client::connect(address, PATIENCE).await.expect_err("is no address");
        assert_eq!(error.to_string(), format!("{address:?} is not an address of the form host:port"));
    }
}

#[test]
fn an_error_object_becomes_a_status() {
    let status: Status = RpcError::not_found("i", "d").into();
    assert_eq!(status.code, Code::NotFound);
}
