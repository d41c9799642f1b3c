//! Calls of services that speak plain HTTP, against one made of a few lines.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mesh_rpc::client::Target;
use mesh_rpc::{Codec, HttpClient, RpcError};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let line = format!("{} {}", request.method(), request.uri());
    let told = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("none");
    let told = format!("{line} {} {} {}", told("content-type"), told("x-request-id"), told("timeout"));
    let (status, body) = match request.uri().path() {
        "/missing" => (StatusCode::NOT_FOUND, Bytes::from_static(b"no such thing")),
        "/object" => (StatusCode::BAD_REQUEST, Bytes::from_static(br#"{"id":"own","code":409,"detail":"d"}"#)),
        "/large" => (StatusCode::OK, Bytes::from(vec![b'x'; 5 * 1024 * 1024])),
        "/silent" => std::future::pending().await,
        _ => {
            let body = request.into_body().collect().await.expect("is read").to_bytes();
            (StatusCode::OK, [told.as_bytes(), b" ", &body].concat().into())
        }
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

async fn serve(tasks: &mut JoinSet<()>) -> HttpClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address").to_string();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.expect("accepts");
            let serving = hyper::server::conn::http1::Builder::new();
            let connection = serving.serve_connection(TokioIo::new(stream), service_fn(answer));
            connections.spawn(async { drop(connection.await) });
        }
    });
    HttpClient::new(address)
}

fn target(endpoint: &str) -> Target<'_> {
    let mut metadata = HeaderMap::new();
    metadata.insert("x-request-id", HeaderValue::from_static("7"));
    metadata.insert("connection", HeaderValue::from_static("close"));
    Target { timeout: PATIENCE, metadata, ..Target::new("svc", endpoint) }
}

#[tokio::test]
async fn a_message_is_posted_to_its_path() {
    let mut tasks = JoinSet::new();
    let client = serve(&mut tasks).await;
    for (endpoint, path) in [("Say.Hello", "/Say.Hello"), ("/hello?name=x", "/hello?name=x")] {
        let answer = client.call_bytes(&target(endpoint), Codec::Json, b"{}").await.expect("is answered");
        assert_eq!(answer, format!("POST {path} application/json 7 30000000000 {{}}"));
    }
}

#[tokio::test]
async fn whatever_is_no_success_is_an_error() {
    let mut tasks = JoinSet::new();
    let client = serve(&mut tasks).await;
    let call = async |endpoint, timeout| {
        let target = Target { timeout, ..target(endpoint) };
        client.call_bytes(&target, Codec::Json, b"{}").await.expect_err("fails")
    };
    assert_eq!(call("missing", PATIENCE).await, RpcError::not_found("svc", "no such thing"));
    assert_eq!(call("object", PATIENCE).await.code, 409);
    assert_eq!(call("large", PATIENCE).await.code, 413);
    assert_eq!(call("a b", PATIENCE).await.code, 400);
    assert_eq!(call("silent", Duration::from_millis(50)).await, RpcError::deadline_exceeded());
    let nobody = HttpClient::new("127.0.0.1:1");
    let error = nobody.call_bytes(&target("x"), Codec::Json, b"{}").await.expect_err("fails");
    assert!(error.code == 500 && error.detail.starts_with("connection error: dial tcp 127.0.0.1:1: "), "{error}");
}
