//! Messages on their way through: trailers, `Expect`, bodies that stream, clients that leave (design 11.8, K120).

use std::path::Path;

use anyhow::{Context, Result};
use bytes::Bytes;
use conformance::case::{NodeKind, NodeSpec, Reply, Setup};
use conformance::client::http1::{Connection, Request, send};
use conformance::client::{http2, values};
use conformance::node::Node;
use conformance::process::Gateway;
use conformance::wait::{PATIENCE, until};
use http_body_util::{BodyExt, Full};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");
const DOCUMENT: &str = r#"
version: micro/v1
listeners: { web: { address: "127.0.0.1:0", routes: public } }
services:
  app: { protocol: http, endpoints: ["${APP}"] }
  grpc: { protocol: grpc, endpoints: ["${GRPC}"] }
routes:
  public:
    - { match: { path: /fixed }, handler: { respond: { body: fixed } } }
    - { match: { path: /grpc.Service/** }, handler: proxy, service: grpc }
    - { match: { path: /** }, handler: proxy, service: app }
"#;

/// A gateway in front of one node that speaks HTTP/1.1 and one that speaks gRPC.
struct Scene {
    app: Node,
    grpc: Node,
    gateway: Gateway,
}

impl Scene {
    async fn open(app: NodeSpec, grpc: Reply) -> Result<Self> {
        let app = Node::start(&app).await?;
        let grpc = Node::start(&NodeSpec { kind: NodeKind::Grpc, reply: grpc }).await?;
        let env = [("APP".to_owned(), app.address().to_string()), ("GRPC".to_owned(), grpc.address().to_string())];
        let setup = Setup { document: Some(DOCUMENT.to_owned()), env: env.into_iter().collect(), ..Setup::default() };
        let gateway = Gateway::start(Path::new(PROGRAM), &setup).await?;
        Ok(Self { app, grpc, gateway })
    }

    async fn http() -> Result<Self> {
        Self::open(NodeSpec { kind: NodeKind::Http, reply: Reply::default() }, Reply::default()).await
    }
}

#[tokio::test]
async fn trailers_go_both_ways() -> Result<()> {
    let scene = Scene::http().await?;
    let head = "POST /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    let request = Request { head: head.to_owned(), body: Bytes::from_static(b"3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n") };
    let answer = send(scene.gateway.address()?, &request).await?;
    let calls = scene.app.calls().all();
    let call = calls.first().context("the node was not asked")?;
    assert_eq!((call.body.as_slice(), values(&call.trailers, "x-sum")), (&b"abc"[..], vec!["6"]), "{call:?}");
    assert_eq!(values(&answer.trailers, "x-sum"), ["6"], "{answer}");
    Ok(())
}

#[tokio::test]
async fn trailers_stay_with_us_where_the_client_takes_none() -> Result<()> {
    let scene = Scene::http().await?;
    let head = "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
    let request = Request { head: head.to_owned(), body: Bytes::from_static(b"3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n") };
    let answer = send(scene.gateway.address()?, &request).await?;
    assert_eq!((answer.status, answer.trailers.len()), (200, 0), "{answer}");
    Ok(())
}

/// gRPC as it is passed on: HTTP/2 on both sides, the status in the trailers.
#[tokio::test]
async fn grpc_is_passed_on_with_its_trailers() -> Result<()> {
    let scene = Scene::http().await?;
    let body = Full::new(Bytes::from_static(b"\0\0\0\0\x02{}")).with_trailers(async {
        Some(Ok(http::HeaderMap::from_iter([(
            http::HeaderName::from_static("x-end"),
            http::HeaderValue::from_static("1"),
        )])))
    });
    let request = http::Request::builder()
        .method("POST")
        .uri("http://h/grpc.Service/Method")
        .header("content-type", "application/grpc+json")
        .header("te", "trailers")
        .body(Box::pin(body))?;
    let answer = http2::exchange(scene.gateway.address()?, request).await?;
    assert_eq!((answer.status, values(&answer.trailers, "grpc-status")), (200, vec!["0"]), "{answer}");
    let calls = scene.grpc.calls().all();
    let call = calls.first().context("the node was not asked")?;
    assert_eq!((call.target.as_str(), values(&call.headers, "te")), ("/grpc.Service/Method", vec!["trailers"]));
    assert_eq!(values(&call.trailers, "x-end"), ["1"], "{call:?}");
    Ok(())
}

#[tokio::test]
async fn expect_is_answered_when_the_body_is_wanted() -> Result<()> {
    let scene = Scene::http().await?;
    let mut connection = Connection::open(scene.gateway.address()?).await?;
    connection.write(b"POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await?;
    // Only a client that heard 100 sends its body; this one waits for it.
    let interim = connection.interim().await?;
    assert_eq!(interim, 100);
    connection.write(b"body").await?;
    let answer = connection.answer(false).await?;
    let calls = scene.app.calls().all();
    assert_eq!((answer.status, calls[0].body.as_slice()), (200, &b"body"[..]));
    assert!(values(&calls[0].headers, "expect").is_empty(), "it is answered here, not passed on");

    let mut unread = Connection::open(scene.gateway.address()?).await?;
    unread.write(b"POST /fixed HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await?;
    let answer = unread.answer(false).await?;
    assert_eq!((answer.status, answer.interim.len()), (200, 0), "nobody wants this body: {answer}");
    Ok(())
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() -> Result<()> {
    const MIB: usize = 1024 * 1024;
    let scene = Scene::http().await?;
    let address = scene.gateway.address()?;
    let announced = send(address, &Request::new("POST /x", "h", &[], vec![b'x'; 101 * MIB])).await?;
    assert_eq!(announced.status, 413, "{announced}");
    assert_eq!(scene.app.calls().all().len(), 0);

    let mut chunked = Connection::open(address).await?;
    chunked.write(b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
    let mut written = Ok(());
    for _ in 0..101 {
        written = chunked.write(&chunk(&vec![b'x'; MIB])).await;
        if written.is_err() {
            break;
        }
    }
    let answer = chunked.answer(false).await.with_context(|| format!("{written:?}"))?;
    assert_eq!(answer.status, 413, "{answer}");
    Ok(())
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// Leaves in the middle of a request, and returns when its node knows.
async fn leave(scene: &Scene, line: &str, headers: &[(&str, &str)], node: &Node) -> Result<()> {
    let mut connection = Connection::open(scene.gateway.address()?).await?;
    let request = Request::new(line, "h", headers, "");
    connection.write(request.head.as_bytes()).await?;
    until("the node to be asked", async || (node.calls().all().len() == 1).then_some(())).await?;
    drop(connection);
    until("the node to see its caller gone", async || node.calls().all()[0].abandoned.then_some(())).await
}

#[tokio::test]
async fn a_client_that_leaves_ends_what_was_asked_for_it() -> Result<()> {
    let slow = || Reply { delay: 120.0, ..Reply::default() };
    let scene = Scene::open(NodeSpec { kind: NodeKind::Http, reply: slow() }, slow()).await?;
    leave(&scene, "GET /slow", &[], &scene.app).await?;
    scene.gateway.register("go.micro.api.slow", "1", scene.grpc.address(), Value::Null).await?;
    leave(&scene, "POST /grpc.Service/Slow", &[("Content-Type", "application/grpc")], &scene.grpc).await
}

/// What arrives goes on at once: nobody waits for the end of a body.
#[tokio::test]
async fn bodies_stream() -> Result<()> {
    let raw = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst";
    let node = NodeSpec { kind: NodeKind::Raw, reply: Reply { raw: Some(raw.to_owned()), ..Reply::default() } };
    let scene = Scene::open(node, Reply::default()).await?;
    let mut connection = Connection::open(scene.gateway.address()?).await?;
    connection.write(Request::new("GET /x", "h", &[], "").head.as_bytes()).await?;
    // The node breaks off after five of ten bytes: they came through, and then the connection ends.
    let error = connection.answer(false).await.expect_err("the body is not whole").to_string();
    assert!(error.contains("first"), "{error}");
    connection.ended(PATIENCE).await
}
