//! A server that takes what no name takes: calls of any path, and HTTP of any kind on the same port.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mesh_rpc::client::Target;
use mesh_rpc::server::{HttpBody, HttpHandler};
use mesh_rpc::{Call, Client, Codec, Handler, Server, Status};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says what was asked for.
#[derive(Debug)]
struct Echo;

#[async_trait]
impl Handler for Echo {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        while let Some(message) = call.receive_bytes().await? {
            let told = format!("{} {}.{} {message:?}", call.path(), call.service(), call.method());
            call.send_bytes(told.into()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl HttpHandler for Echo {
    async fn answer(&self, remote: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        assert!(remote.ip().is_loopback());
        let told = format!("{:?} {} {}", request.version(), request.method(), request.uri().path());
        Response::new(Full::from(told).map_err(Into::into).boxed_unsync())
    }
}

async fn start(tasks: &mut JoinSet<()>, server: Server) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    tasks.spawn(server.serve(listener, CancellationToken::new()));
    address
}

async fn call(client: &Client, service: &str, endpoint: &str) -> Result<Bytes, String> {
    let target = Target { timeout: PATIENCE, ..Target::new(service, endpoint) };
    client.call_bytes(target, Codec::Json, b"{}").await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_fallback_takes_every_path_but_those_of_a_name() {
    let mut tasks = JoinSet::new();
    let address = start(&mut tasks, Server::new().with_fallback(Echo)).await;
    let client = Client::connect(&address.to_string(), PATIENCE).await.expect("connects");
    let check = async |endpoint: &str, expected: &str| {
        assert_eq!(call(&client, "greeter", endpoint).await.expect("is answered"), expected);
    };
    check("Say.Hello", r#"/greeter.Say/Hello greeter.Hello b"{}""#).await;
    check("/", r#"/ . b"{}""#).await;
    check(".", r#"/greeter./ . b"{}""#).await;
    check("/a/b/c?d=e&f", r#"/a/b/c?d=e&f . b"{}""#).await;
    check("Debug.Health", r#"{"status":"ok"}"#).await;
}

#[tokio::test]
async fn without_a_fallback_http_takes_the_calls_too() {
    let mut tasks = JoinSet::new();
    let address = start(&mut tasks, Server::bare().with_http(Echo)).await;
    let client = Client::connect(&address.to_string(), PATIENCE).await.expect("connects");
    let error = call(&client, "greeter", "Debug.Health").await.expect_err("the answer is not gRPC");
    assert!(error.contains("the answer is not gRPC but HTTP 200 OK"), "{error}");
}

#[tokio::test]
async fn http_of_both_versions_is_answered_on_the_port_of_the_calls() {
    let mut tasks = JoinSet::new();
    let address = start(&mut tasks, Server::new().with_fallback(Echo).with_http(Echo)).await;
    let request = || {
        let uri = format!("http://{address}/x");
        Request::builder().uri(uri).header("host", "h").body(Full::<Bytes>::default()).expect("is a request")
    };
    let stream = async || TokioIo::new(TcpStream::connect(address).await.expect("connects"));

    let (mut sender, connection) = http1::handshake(stream().await).await.expect("shakes hands");
    tasks.spawn(async move { drop(connection.await) });
    let answer = sender.send_request(request()).await.expect("is answered").collect().await.expect("is read");
    assert_eq!(answer.to_bytes(), "HTTP/1.1 GET /x");

    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream().await).await.expect("shakes hands");
    tasks.spawn(async move { drop(connection.await) });
    let answer = sender.send_request(request()).await.expect("is answered").collect().await.expect("is read");
    assert_eq!(answer.to_bytes(), "HTTP/2.0 GET /x");
    assert!(call(&Client::connect(&address.to_string(), PATIENCE).await.expect("connects"), "s", "A.B").await.is_ok());
}
